# End of life. First of all steps: a node that fails to mount bills like one that works.
# The group is launched with shutdown behaviour `terminate`, so powering off ends the bill (EC2API: RunInstances).

# When the node ends, in seconds since 1970: what `provision extend` has put in the tag, else the ttl after the launch.
deadline() {
  local told rc=0
  # Answered with 404 (curl: 22) where there is no such tag, or the user's own tags cannot be shown in the metadata.
  told=$(imds tags/instance/provision:until 2>/dev/null) || rc=$?
  if ((rc != 0 && rc != 22)); then log 'the metadata service does not answer: no extension is known' >&2; fi
  if [[ $told =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]] && date -u -d "$told" +%s; then return 0; fi
  printf '%s\n' $(($(<"$STATE/launched") + TTL_S))
}

arm_ttl() {
  local end
  if ((TTL_S == 0)); then return 0; fi
  if [[ ! -e $STATE/launched ]]; then
    # The metadata service does not tell the launch time; this boot's start is some seconds after it.
    put "$STATE/launched" $(($(now) - $(cut -d. -f1 "$ROOT/proc/uptime")))
  fi
  end=$(deadline)
  if (($(now) >= end)); then
    log 'the end of this node has come: powering off'
    systemctl poweroff
    DONE=1
    exit 0
  fi
  # Not stopped by the shutdown that it starts: it is there to see that it comes to its end.
  unit provision-ttl.service <<UNIT
[Unit]
Description=End of the ttl of this provision node
DefaultDependencies=no
[Service]
Type=oneshot
TimeoutStartSec=infinity
StandardOutput=journal+console
StandardError=journal+console
ExecStart=$SELF end
UNIT
  arm_timer "$end"
}

arm_timer() {
  # A calendar time, not a span since boot: it must hold over reboots.
  unit provision-ttl.timer <<UNIT
[Unit]
Description=Ttl of this provision node
[Timer]
OnCalendar=$(date -u -d "@$1" '+%Y-%m-%d %H:%M:%S UTC')
AccuracySec=1s
Persistent=true
[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload
  systemctl enable provision-ttl.timer
  # It may run already, armed for an earlier end.
  systemctl restart provision-ttl.timer
}

# bounded SECONDS COMMAND…: waits no longer. Not `timeout`, which waits for the end of what it kills, and nothing kills a process
# that waits for a Lustre server.
bounded() {
  local left=$1 child
  shift
  "$@" &
  child=$!
  while kill -0 "$child" 2>/dev/null; do
    if ((left <= 0)); then
      log "gave up waiting: $*"
      return 0
    fi
    left=$((left - 5))
    sleep 5
  done
}

# What the timer runs. Whatever fails or hangs on the way, the last line but one ends the node: some 25 minutes at most.
end_of_life() {
  local end
  end=$(deadline) || end=0
  if (($(now) < end)); then
    log "extended until $(date -u -d "@$end" '+%Y-%m-%d %H:%M:%S UTC')"
    arm_timer "$end"
    return 0
  fi
  set +e
  log 'the end of this node has come: its files are synced, then it powers off'
  # While jobs still run: what they have written is then on its way, and little is left for the unmount in the shutdown.
  bounded 300 sync -f "$MOUNT"
  # Jobs and sessions get SIGTERM, then SIGKILL; then the file system, which itself stays as it is, is unmounted.
  bounded 60 systemctl poweroff
  sleep 900
  log 'the shutdown hangs: powering off by force'
  bounded 60 systemctl poweroff --force
  sleep 60
  bounded 30 systemctl poweroff --force --force
  # That one syncs first, which a hung file system keeps from ending; the kernel asks nobody.
  printf 'o\n' >"$ROOT/proc/sysrq-trigger"
}

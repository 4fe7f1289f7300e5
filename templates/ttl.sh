# End of life. First of all steps: a node that fails to mount bills like one that works.
# The group is launched with shutdown behaviour `terminate`, so powering off ends the bill (EC2API: RunInstances).
arm_ttl() {
  local deadline
  if ((TTL_S == 0)); then return 0; fi
  if [[ ! -e $STATE/launched ]]; then
    # The metadata service does not tell the launch time; this boot's start is some seconds after it.
    put "$STATE/launched" $(($(now) - $(cut -d. -f1 "$ROOT/proc/uptime")))
  fi
  deadline=$(($(cat "$STATE/launched") + TTL_S))
  if (($(now) >= deadline)); then
    log "ttl of $TTL_S s is over: powering off"
    systemctl poweroff
    DONE=1
    exit 0
  fi
  unit provision-ttl.service <<UNIT
[Unit]
Description=End of the ttl of this provision node
[Service]
Type=oneshot
ExecStart=/bin/systemctl poweroff
UNIT
  # A calendar time, not a span since boot: it must hold over reboots.
  unit provision-ttl.timer <<UNIT
[Unit]
Description=Ttl of this provision node
[Timer]
OnCalendar=$(date -u -d "@$deadline" '+%Y-%m-%d %H:%M:%S UTC')
AccuracySec=1s
Persistent=true
[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload
  systemctl enable --now provision-ttl.timer
}

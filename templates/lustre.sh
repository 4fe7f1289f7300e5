# FSx for Lustre: how it is mounted, and what a boot does beside that.
MOUNT_TYPE=lustre
# FSx: up to 15 s after a mount over EFA; a target that is not there after minutes does not come by waiting.
TARGET_PATIENCE_S=300

before_mount() {
  step client install_client
  step modules write_module_options
  step efa configure_efa
  step modules load_modules
}

after_mount() { step targets await_targets; }

after_fstab() {
  step tuning tune_client
  step efa count_efa
}

after_share() { step layout set_layouts; }

after_setup() {
  step preload preload_data
  step layout await_layouts
}

# With x-systemd.automount something is mounted there at once, so the type has to be looked at.
mounted() { findmnt -n -t lustre --mountpoint "$MOUNT" >/dev/null; }

mount_once() {
  if findmnt -n -t autofs --mountpoint "$MOUNT" >/dev/null; then
    # The automount of fstab is there: a touch makes systemd mount.
    timeout -k 10 300 stat "$MOUNT/." >/dev/null
  else
    timeout -k 10 300 mount -t lustre -o relatime,flock "$(mount_source)" "$MOUNT"
  fi
}

mount_source() { printf '%s@tcp:/%s' "$FS_DNS" "$FS_MOUNT_NAME"; }

# `relatime`, not `noatime`: release rules and intelligent tiering go by the time of the last access. `flock`: locks that hold over
# all nodes.
fstab_options() {
  local efa
  printf 'defaults,relatime,flock,_netdev,nofail,x-systemd.automount,x-systemd.requires=%s' "$(network_unit)"
  efa=$(efa_unit)
  # After a reboot the automount would fire before LNet has its EFA interfaces, and stay on TCP (awsome-distributed-ai#1208). Not
  # `requires`, as the page has it: where EFA fails, the node is to mount over TCP and to say that it is degraded.
  if wants_efa && [[ -n $efa ]]; then printf ',x-systemd.after=%s' "$efa"; fi
}

# A mount does not wait for its targets, and what lies on one that is never reached hangs for ever: a security group that only
# some of the file system's interfaces have, mostly (bottlerocket#3459).
await_targets() {
  local deadline targets missing
  deadline=$(($(now) + TARGET_PATIENCE_S))
  while :; do
    targets=$(list_targets)
    missing=$(grep -v ' FULL$\| IDLE$' <<<"$targets" || :)
    if [[ -z $missing ]]; then return 0; fi
    if (($(now) >= deadline)); then
      fail "mount: $(wc -l <<<"$missing") of $(wc -l <<<"$targets") targets not connected: ${missing//$'\n'/, }"
    fi
    sleep 5
  done
}

# `OST0003 FULL`, one a line; without targets that were taken out of service. Nothing at all from a client that tells it otherwise.
list_targets() {
  (lctl get_param -n "mdc.$FS_MOUNT_NAME-*.import" "osc.$FS_MOUNT_NAME-*.import" 2>/dev/null || :) | awk '
    $1 == "target:" { name = $2; sub(/^.*-/, "", name); sub(/_UUID$/, "", name) }
    $1 == "state:" { state = $2 }
    $1 == "import_flags:" { if ($0 !~ /deactive/) print name, state }'
}

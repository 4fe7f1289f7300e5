# The order of a boot. cloud-init runs the script once, without an argument: it then only installs itself as a service, so that
# first and later boots go the same way, and so that the node is off the hostfile when it shuts down or failed (ExecStopPost).
install_self() {
  local mount_unit
  mount_unit=$(systemd-escape -p --suffix=mount "$MOUNT")
  mkdir -p "$ROOT${SELF%/*}"
  install -m 0700 "$0" "$ROOT$SELF"
  # After the mount only to be stopped before it; after the unit by which DLAMIs mount their instance store.
  unit provision-node.service <<UNIT
[Unit]
Description=provision: mounts the file system and readies the node
Wants=network-online.target
After=network-online.target dlami-nvme.service $mount_unit
[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=infinity
StandardOutput=journal+console
StandardError=journal+console
ExecStart=$SELF boot
ExecStopPost=$SELF leave
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable provision-node.service
  systemctl start --no-block provision-node.service
}

boot() {
  # The log is for everyone on the node; no secret passes through it.
  exec > >(tee -a "$LOG") 2>&1
  log "boot of $OS with kernel $(uname -r), SELinux $(getenforce 2>/dev/null || printf 'none')"
  step ttl arm_ttl
  step metadata find_self
  before_mount
  step mount mount_storage
  after_mount
  step fstab write_fstab
  after_fstab
  step proof prove_mount
  step shared share
  after_share
  step scratch make_scratch
  step hostfile join_group
  step setup run_setup
  after_setup
  DONE=1
  if [[ -n $DEGRADED ]]; then report "degraded: $DEGRADED"; else report ready; fi
}

find_self() {
  INSTANCE_ID=$(imds instance-id)
  put "$STATE/instance-id" "$INSTANCE_ID"
}

main() {
  local command=${1:-install}
  mkdir -p "$STATE"
  case $command in
    install | boot)
      trap 'on_exit $?' EXIT
      trap 'LINE=$LINENO' ERR
      detect_os
      if [[ $command == install ]]; then install_self; else boot; fi
      ;;
    leave) leave_group ;;
    end) end_of_life ;;
    tune) set_parameters ;;
    lnet) configure_lnet ;;
    preload) restore_data ;;
    count-unlinked)
      shift
      count_unlinked "$@"
      ;;
    *)
      printf 'provision-node: no command %q\n' "$command" >&2
      exit 2
      ;;
  esac
  DONE=1
}

main "$@"

# Client tuning by this node's own size (UG: performance-tips). Values are lost with the mount, so a unit sets them each time that
# systemd mounts; the first mount is not systemd's, so this boot sets them by hand.
tune_client() {
  set_parameters
  local mount_unit
  mount_unit=$(systemd-escape -p --suffix=mount "$MOUNT")
  unit provision-tune.service <<UNIT
[Unit]
Description=Client tuning of FSx for Lustre
After=$mount_unit
[Service]
Type=oneshot
ExecStart=$SELF tune
[Install]
WantedBy=$mount_unit
UNIT
  systemctl daemon-reload
  systemctl enable provision-tune.service
}

set_parameters() {
  local cpus memory_kib
  cpus=$(nproc --all)
  memory_kib=$(($(getconf _PHYS_PAGES) * ($(getconf PAGE_SIZE) / 1024)))
  if ((memory_kib > 64 * 1024 * 1024)); then
    parameter "ldlm.namespaces.*.lru_max_age=600000"
    parameter "ldlm.namespaces.*.lru_size=$((100 * cpus))"
  fi
  if ((cpus > 64)); then
    parameter "osc.*OST*.max_rpcs_in_flight=32"
    parameter "mdc.*.max_rpcs_in_flight=64"
    parameter "mdc.*.max_mod_rpcs_in_flight=50"
  fi
  # Listings of large directories; clients before 2.15 do not have all three.
  parameter "llite.*.statahead_max=512"
  parameter "llite.*.statahead_agl=1"
  parameter "llite.*.statahead_xattr=1"
}

parameter() { lctl set_param "$1" || log "this client has no ${1%%=*}"; }

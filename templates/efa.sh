# Lustre over EFA (UG: configure-efa-clients). Nothing in here fails a node: without EFA the mount works over TCP, only slower,
# and nothing would say so (aws-parallelcluster-cookbook#3251). So the node is `degraded` then.
EFA_PACKAGE=https://docs.aws.amazon.com/fsx/latest/LustreGuide/samples/configure-efa-fsx-lustre-client.zip
EFA_INSTALLER=https://efa-installer.amazonaws.com/aws-efa-installer-latest.tar.gz
# Either AWS's or ours makes LNet at each boot; the mount is ordered after it.
EFA_UNITS='configure-efa-fsx-lustre-client.service provision-efa.service'
TCP_ONLY='lustre over tcp'

wants_efa() { ((STORAGE_EFA == 1 && EFA_INTERFACES > 0)); }

efa_unit() {
  local name
  for name in $EFA_UNITS; do
    if [[ -e $UNITS/$name ]]; then
      printf '%s\n' "$name"
      return 0
    fi
  done
}

efa_devices() {
  local device
  for device in "$ROOT"/sys/class/infiniband/*; do
    if [[ $(readlink -f "$device/device/driver") == */efa ]]; then basename "$device"; fi
  done
}

configure_efa() {
  if wants_efa; then soft "$TCP_ONLY" configure_efa_client; fi
}

configure_efa_client() {
  local unit
  if [[ -z $(efa_devices) ]]; then install_efa_driver; fi
  unit=$(efa_unit)
  if [[ -n $unit ]]; then
    # Already ordered before the mount at boot; this only waits for it.
    systemctl start "$unit"
    return 0
  fi
  # AWS's script sets the CPU partitions that EFA interfaces are bound to, which only libcfs's first load reads: with
  # modules loaded before, 2 of 8 interfaces attach and nothing complains.
  unload_modules
  if fetch_efa_package; then
    (cd "$STATE/efa/configure-efa-fsx-lustre-client" && ./setup.sh)
    systemctl daemon-reload
  else
    # No way to the documentation site, as in a private subnet: the page's manual commands, at each boot.
    unit provision-efa.service <<UNIT
[Unit]
Description=LNet over EFA for FSx for Lustre
Wants=network-online.target
After=network-online.target
Before=remote-fs-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$SELF lnet
[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable --now provision-efa.service
  fi
}

fetch_efa_package() {
  mkdir -p "$STATE/efa" &&
    ensure unzip unzip &&
    curl -sSf --retry 3 --connect-timeout 10 --max-time 120 -o "$STATE/efa/client.zip" "$EFA_PACKAGE" &&
    unzip -qo "$STATE/efa/client.zip" -d "$STATE/efa"
}

# EC2UG: efa-start. `--minimal` leaves out MPI and libfabric, which are the user's to choose.
install_efa_driver() {
  if modprobe efa && [[ -n $(efa_devices) ]]; then return 0; fi
  curl -sSf --retry 3 --connect-timeout 10 -o "$STATE/efa-installer.tar.gz" "$EFA_INSTALLER"
  tar -xzf "$STATE/efa-installer.tar.gz" -C "$STATE"
  (cd "$STATE/aws-efa-installer" && ./efa_installer.sh -y --minimal)
  modprobe efa
  [[ -n $(efa_devices) ]]
}

# What provision-efa.service runs. As many interfaces as AWS's script would take, and no more: a file system has 1,024 EFA
# connections for all its clients.
configure_lnet() {
  local device
  modprobe lnet
  modprobe kefalnd
  lnetctl lnet configure
  if [[ $(lnetctl net show --net tcp) != *@tcp* ]]; then
    lnetctl net add --net tcp --if "$(ip -o route get 169.254.169.254 | sed -n 's/.* dev \([^ ]*\).*/\1/p')"
  fi
  efa_devices | head -n "$EFA_INTERFACES" | while read -r device; do
    if [[ $(lnetctl net show --net efa) != *" $device"$'\n'* ]]; then
      lnetctl net add --net efa --if "$device" --peer-credits 32 </dev/null
    fi
  done
  lnetctl set discovery 1
  lnetctl udsp add --src efa --priority 0 || log "LNet keeps its order of networks"
}

# Whatever configured LNet attaches what it can, and complains of nothing: 2 of 8 interfaces carry a quarter of what was paid for
# (aws-parallelcluster-cookbook#3251).
count_efa() {
  local up
  if ! wants_efa; then return 0; fi
  up=$( (lnetctl net show --net efa 2>/dev/null || :) | grep -c 'status: up' || :)
  if ((up == 0)); then
    degrade "$TCP_ONLY"
  elif ((up < EFA_INTERFACES)); then
    degrade "$up of $EFA_INTERFACES efa interfaces"
  fi
}

# Messages sent on LNet's EFA interfaces so far.
efa_sent() {
  lnetctl net show --net efa -v 4 2>/dev/null | awk '/send_count:/ { sum += $2 } END { print sum + 0 }'
}

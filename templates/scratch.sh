# RAID0 of the instance store at /scratch. Its data is gone when the instance stops, so nothing in fstab names it.
make_scratch() { soft 'no local scratch' assemble_scratch; }

assemble_scratch() {
  local scratch=$ROOT/scratch device target
  local devices=() raw=()
  if findmnt -n --mountpoint "$scratch" >/dev/null; then return 0; fi
  # DLAMIs assemble (LVM) and mount the instance store by themselves: dlami-nvme.service.
  if findmnt -n --mountpoint /opt/dlami/nvme >/dev/null; then
    if [[ ! -e $scratch ]]; then ln -s /opt/dlami/nvme "$scratch"; fi
    return 0
  fi
  # EBS volumes are NVMe devices too; only the name tells (EC2UG: nvme-ebs-volumes). Names come twice, with and without namespace.
  for device in "$ROOT"/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_*; do
    if [[ ! -e $device || $device == *-part* ]]; then continue; fi
    device=$(readlink -f "$device")
    if [[ " ${devices[*]} " != *" $device "* ]]; then devices+=("$device"); fi
  done
  if ((${#devices[@]} == 0)); then return 0; fi
  ensure mdadm mdadm
  ensure mkfs.xfs xfsprogs
  # A reboot keeps the data: assemble what an earlier boot made.
  mdadm --assemble --scan || log 'no array to assemble'
  target=$(blkid -L scratch || :)
  if [[ -z $target ]]; then
    for device in "${devices[@]}"; do
      # Never over something that is not ours.
      if [[ -z $(lsblk -no FSTYPE,MOUNTPOINTS "$device" | tr -d '[:space:]') ]]; then raw+=("$device"); fi
    done
    if ((${#raw[@]} == 0)); then
      log 'instance store is in use: no /scratch'
      return 0
    fi
    target=${raw[0]}
    if ((${#raw[@]} > 1)); then
      target=/dev/md/scratch
      mdadm --create "$target" --run --level=0 --chunk=512 --raid-devices="${#raw[@]}" "${raw[@]}"
    fi
    mkfs.xfs -q -L scratch "$target"
  fi
  mkdir -p "$scratch"
  mount -o noatime "$target" "$scratch"
  chmod 1777 "$scratch"
}

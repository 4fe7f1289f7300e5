# Mount, prove, and make it come back at each boot (UG: mounting-ec2-instance, mount-fs-auto-mount-onreboot). With which client, its
# own part says: `mounted`, `mount_once`, `mount_source`, `fstab_options`.
# Long enough for a file system that is still being made when nodes were launched beside it (`launch = "with-storage"`).
MOUNT_PATIENCE_S=5400
# Answers that waiting does not mend: no such device (19), client and server versions that do not fit (22).
HOPELESS_TRIES=20

mount_storage() {
  local deadline hopeless=0 try=0 rc last='no DNS answer'
  mkdir -p "$MOUNT"
  deadline=$(($(now) + MOUNT_PATIENCE_S))
  until mounted; do
    if getent hosts "$FS_DNS" >/dev/null; then
      rc=0
      last=$(mount_once 2>&1) || rc=$?
      if mounted; then break; fi
      log "mount exited $rc: $last"
      case $rc in
        19 | 22) hopeless=$((hopeless + 1)) ;;
        *) hopeless=0 ;; # 17: another mount at the same time (aws-fsx-csi-driver#180); 2, 5, 110: not there yet
      esac
      if ((hopeless >= HOPELESS_TRIES)); then fail "mount: exited $rc: $last"; fi
    fi
    if (($(now) >= deadline)); then fail "mount: gave up after $((MOUNT_PATIENCE_S / 60)) min: $last"; fi
    # Jitter, or hundreds of nodes knock at the same time (awsome-distributed-ai#782).
    try=$((try + 1))
    sleep $(((try < 5 ? 3 : 15) + RANDOM % 15))
  done
}

# The network's own unit for x-systemd.requires. A unit that is not there would fail the mount at boot.
network_unit() {
  case $OS in
    el*) printf 'NetworkManager-wait-online.service' ;;
    *) printf 'systemd-networkd-wait-online.service' ;;
  esac
}

# fstab(5): white space and backslashes in a field are written in octal. Nothing else: systemd reads it by glibc's getmntent, which
# takes `\043` for what it says. A `#` is a comment at the start of a line only.
fstab_field() {
  local field=${1//\\/\\134}
  field=${field// /\\040}
  field=${field//$'\t'/\\011}
  printf '%s' "${field//$'\n'/\\012}"
}

# `nofail`: a node must boot, and say what is wrong, without its storage. What else stands there is the client's.
write_fstab() {
  local fstab=$ROOT/etc/fstab target
  target=$(fstab_field "$MOUNT")
  touch "$fstab"
  TARGET=$target awk '!/^[[:space:]]*#/ && $2 == ENVIRON["TARGET"] { next } { print }' "$fstab" >"$fstab.provision"
  printf '%s %s %s %s 0 0\n' "$(fstab_field "$(mount_source)")" "$target" "$MOUNT_TYPE" "$(fstab_options)" >>"$fstab.provision"
  if cmp -s "$fstab" "$fstab.provision"; then
    rm "$fstab.provision"
  else
    chmod 0644 "$fstab.provision"
    mv "$fstab.provision" "$fstab"
    systemctl daemon-reload
  fi
}

# Mounted is not yet usable (awsome-distributed-ai#632): write, read back, delete.
prove_mount() {
  if ! retry 10 write_and_read; then fail "mount: cannot write to $MOUNT"; fi
}

# The file loses its name while it is empty, so no crash leaves it behind and no export takes it to S3.
write_and_read() {
  local file=$MOUNT/.provision-$INSTANCE_ID word before=0 back=
  word=$INSTANCE_ID-$RANDOM-$(now)
  # Each line with its own check: errexit does not hold in here, as the caller tests the result.
  exec 8>"$file" || return 1
  exec 9<"$file" || return 1
  rm "$file" || return 1
  dd conv=fsync status=none <<<"$word" >&8 || return 1
  read -r back <&9 || return 1
  [[ $back == "$word" ]] || return 1
  if wants_efa; then
    before=$(efa_sent)
    dd if=/dev/zero bs=4M count=16 conv=fsync status=none >&8 || return 1
    # LNet's counters of its EFA interfaces are the proof: the mount itself looks the same over TCP.
    if (($(efa_sent) <= before)); then degrade "$TCP_ONLY"; fi
  fi
  exec 8>&- 9<&-
}

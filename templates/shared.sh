# What the nodes share on the mount: elections, the default layout, the hostfile, the background preload. All of it stands below
# `.provision` in the mount's root, outside every dataset, so none of it is exported to S3.

# elect NAME: true on exactly one node, and on that node again after a reboot. `mkdir` is atomic over all clients.
elect() {
  local claim=$SHARE/elect/$1
  if ((SHARED == 0)); then
    # Nothing of ours may be stored: the first instance of each launch it is. Two groups may then both win, which is harmless.
    [[ $(imds ami-launch-index) == 0 ]]
    return
  fi
  if mkdir "$claim" 2>/dev/null; then
    put "$claim/owner" "$INSTANCE_ID"
    return 0
  fi
  [[ -e $claim/owner && $(<"$claim/owner") == "$INSTANCE_ID" ]]
}

share() {
  if ((SHARED == 0)); then return 0; fi
  mkdir -p "$SHARE/elect" "$SHARE/$GROUP/hosts"
}

# FSx's own default since August 2023 (UG: performance, striping data): small video clips whole on one target, large files and
# checkpoints over many. Set here for file systems and servers that come with another. Files that are there already, imported
# ones too, keep theirs.
LAYOUT=(-E 100M -c 1 -E 10G -c 8 -E 100G -c 16 -E -1 -c 32)

set_layout() {
  local done_file=$SHARE/layout claim=$SHARE/elect/layout
  if ((SHARED == 0)); then done_file=$STATE/layout; fi
  if ((OWN_STORAGE == 0)); then return 0; fi
  # Once for the life of the file system: what the user sets later stays.
  if [[ -e $done_file ]]; then return 0; fi
  # A winner that died in between is replaced; the rename lets only one node do it.
  if [[ -n $(find "$claim" -maxdepth 0 -mmin +15 2>/dev/null) ]]; then
    mv -T "$claim" "$claim.stale.$INSTANCE_ID" || log "another node takes the election over"
  fi
  if elect layout; then soft 'no default layout' apply_layout "$done_file"; fi
}

apply_layout() {
  lfs setstripe "${LAYOUT[@]}" "$MOUNT"
  put "$1" "${LAYOUT[*]}"
}

# One line a node, as Open MPI and DeepSpeed read it. Others join and leave at the same time, so whoever writes looks again
# afterwards: the last to write has seen everyone.
write_hostfile() {
  local directory=$SHARE/$GROUP hosts
  hosts=$(list_hosts "$directory")
  while :; do
    put "$directory/hostfile" "$hosts"
    if [[ $(list_hosts "$directory") == "$hosts" ]]; then return 0; fi
    hosts=$(list_hosts "$directory")
  done
}

list_hosts() { (cat "$1"/hosts/* 2>/dev/null || :) | sort -uV; }

join_group() {
  local directory=$SHARE/$GROUP address slots
  address=$(imds local-ipv4)
  slots=$(accelerators)
  if ((SHARED == 1)); then
    put "$directory/hosts/$INSTANCE_ID" "$address slots=$slots"
    # A node that was killed never signed off. A new one is there in its place, so the oldest beyond the group's count is dead.
    # Only a first boot knows the count of today: the group may have grown since an older node was rendered.
    if [[ ! -e $STATE/joined ]]; then
      (cd "$directory/hosts" && find . -maxdepth 1 -name 'i-*' -printf '%T@ %P\n') | sort -rn | tail -n "+$((COUNT + 1))" |
        while read -r _ name; do rm -f "$directory/hosts/$name"; done
      touch "$STATE/joined"
    fi
    write_hostfile
  fi
  write_env "$address" "$slots"
}

# Runs when the node shuts down (provision-node.service, ExecStop), which spot interruptions do too.
leave_group() {
  INSTANCE_ID=$(<"$STATE/instance-id")
  if ((SHARED == 0)) || ! mounted; then return 0; fi
  rm -f "$SHARE/$GROUP/hosts/$INSTANCE_ID"
  write_hostfile
}

# GPUs or Neuron devices, 1 on a node without.
accelerators() {
  local count=0
  if command -v nvidia-smi >/dev/null; then count=$(nvidia-smi -L | grep -c '^GPU' || :); fi
  if ((count == 0)); then count=$(find "$ROOT/dev" -maxdepth 1 -name 'neuron[0-9]*' | wc -l); fi
  printf '%s' $((count > 0 ? count : 1))
}

# For setup, jobs and people: `. /etc/provision/env`. What depends on the other nodes is looked up when it is read, because they
# may come later.
write_env() {
  local file=$ROOT/etc/provision/env
  mkdir -p "${file%/*}"
  {
    printf 'export PROVISION_CLUSTER=%q PROVISION_GROUP=%q PROVISION_REGION=%q\n' "$CLUSTER" "$GROUP" "$REGION"
    printf 'export PROVISION_MOUNT=%q PROVISION_FILE_SYSTEM=%q\n' "$MOUNT" "$FS_ID"
    printf 'export PROVISION_NODE_IP=%q PROVISION_SLOTS=%q\n' "$1" "$2"
    if ((SHARED == 1)); then
      printf 'export PROVISION_HOSTFILE=%q\n' "$SHARE/$GROUP/hostfile"
      cat <<'ENV'
MASTER_ADDR=$(awk 'NR == 1 { print $1 }' "$PROVISION_HOSTFILE")
NNODES=$(awk 'END { print NR }' "$PROVISION_HOSTFILE")
NODE_RANK=$(awk -v ip="$PROVISION_NODE_IP" '$1 == ip { print NR - 1; exit }' "$PROVISION_HOSTFILE")
WORLD_SIZE=$(awk '{ sub("slots=", "", $2); sum += $2 } END { print sum + 0 }' "$PROVISION_HOSTFILE")
export MASTER_ADDR NNODES NODE_RANK WORLD_SIZE MASTER_PORT=29500
ENV
    fi
  } >"$file.new"
  mv "$file.new" "$file"
}

# `preload = "data"`: restores what S3 holds, in the background, by one node (UG: preload-file-contents-hsm-dra).
# Never part of readiness: it took forever on a newer client (aws-parallelcluster#6799).
preload_data() {
  local path key
  for path in "${PRELOAD[@]}"; do
    key=$(printf '%s' "$path" | sha256sum | cut -c1-12)
    if [[ -e $STATE/preload-$key || $(systemctl is-active "provision-preload-$key.service") == active ]]; then continue; fi
    if elect "preload-$key"; then
      soft "no preload of $path" systemd-run --unit "provision-preload-$key" --collect -p Nice=10 "$SELF" preload "$key" "$MOUNT$path"
    fi
  done
}

# What that unit runs.
restore_data() {
  local key=$1 directory=$2
  # The association may still be on its way.
  retry 360 test -d "$directory"
  lfs find "$directory" --type f --print0 | xargs -0 -r -n 32 -P 8 lfs hsm_restore
  touch "$STATE/preload-$key"
}

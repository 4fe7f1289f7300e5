# What the nodes share on the mount: elections, the hostfile. All of it stands below `.provision` in the mount's root, outside every
# dataset, so none of it is exported to S3.

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
  mkdir -p "$SHARE/elect" "$SHARE/$GROUP/hosts" "$SHARE/$GROUP/launches"
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

# forget_dead DIRECTORY: a group that can do with fewer nodes (`min_count`) may never have COUNT of them, so there a node is told at
# its launch whom it joins: the last four digits of each id. Whoever is of an earlier launch and not among them is dead.
forget_dead() {
  local directory=$1 peers launch file name theirs
  # Answered with 404 where tags cannot be shown in the metadata; and where nobody is named: of a group that is launched whole, or
  # of very many nodes.
  launch=$(imds tags/instance/provision:epoch 2>/dev/null) || return 0
  put "$directory/launches/$INSTANCE_ID" "$launch"
  peers=$(imds tags/instance/provision:peers 2>/dev/null) || return 0
  for file in "$directory"/hosts/i-*; do
    name=${file##*/}
    theirs=$(cat "$directory/launches/$name" 2>/dev/null || printf '%s' -1)
    if ((theirs < launch)) && [[ " $peers " != *" ${name: -4} "* ]]; then
      rm -f "$file" "$directory/launches/$name"
    fi
  done
}

join_group() {
  local directory=$SHARE/$GROUP address slots
  address=$(imds local-ipv4)
  slots=$(accelerators)
  if ((SHARED == 1)); then
    if [[ ! -e $STATE/joined ]]; then forget_dead "$directory"; fi
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
  rm -f "$SHARE/$GROUP/hosts/$INSTANCE_ID" "$SHARE/$GROUP/launches/$INSTANCE_ID"
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
# may come later. PET_*: where torchrun takes its options from (torch/distributed/argparse_util.py); its default, the static
# rendezvous, gives ranks in the hostfile's order. *_default_hostfile: Open MPI up to 4, and from 5 on (PRRTE).
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
export PET_NNODES="$NNODES" PET_NPROC_PER_NODE="$PROVISION_SLOTS" PET_MASTER_ADDR="$MASTER_ADDR" PET_MASTER_PORT="$MASTER_PORT"
if [ -n "$NODE_RANK" ]; then export PET_NODE_RANK="$NODE_RANK"; fi
export OMPI_MCA_orte_default_hostfile="$PROVISION_HOSTFILE" PRTE_MCA_prte_default_hostfile="$PROVISION_HOSTFILE"
ENV
    fi
  } >"$file.new"
  mv "$file.new" "$file"
}

# How new files are spread over the storage targets: the default of the mount's root, and `layout` of the datasets. One node sets each
# once for the life of the file system: what the user sets later stays. Files that are there already, imported ones too, keep theirs.

# FSx's own default since August 2023 (UG: performance, striping data): small video clips whole on one target, large files and
# checkpoints over many. Set here for file systems and servers that come with another.
DEFAULT_LAYOUT='-E 100M -c 1 -E 10G -c 8 -E 100G -c 16 -E -1 -c 32'
# FSx makes the directory of a link while it makes the link, and it makes one link at a time.
LAYOUT_PATIENCE_S=1800

# What can be set now, before anything is written.
set_layouts() {
  local at layout=$DEFAULT_LAYOUT
  for at in "${!LAYOUTS[@]}"; do
    if [[ ${LAYOUT_PATHS[at]} == / ]]; then layout=; fi
  done
  # The root of a file system that is not ours keeps its own.
  if [[ -n $layout ]] && ((OWN_STORAGE == 1)); then set_layout layout "$MOUNT" "$layout" 0; fi
  dataset_layouts 0
}

# The others. Nodes and links are made at the same time, so a directory may come after the node that waits for it.
await_layouts() { dataset_layouts "$LAYOUT_PATIENCE_S"; }

dataset_layouts() {
  local at directory deadline
  deadline=$(($(now) + $1))
  for at in "${!LAYOUTS[@]}"; do
    directory=$MOUNT${LAYOUT_PATHS[at]%/}
    # A directory of ours might be in the way of the link: FSx documents nothing of one that is there before.
    if [[ $1 != 0 || -d $directory ]]; then
      # Another layout has another name: it is set too, and a node that still has the old one does not set that again.
      set_layout "layout-$(printf '%s\n' "${LAYOUT_PATHS[at]}" "${LAYOUTS[at]}" | sha256sum | cut -c1-12)" \
        "$directory" "${LAYOUTS[at]}" "$deadline"
    fi
  done
}

# set_layout NAME DIRECTORY ARGUMENTS DEADLINE
set_layout() {
  local done_file=$SHARE/$1 claim=$SHARE/elect/$1
  if ((SHARED == 0)); then done_file=$STATE/$1; fi
  if [[ -e $done_file ]]; then return 0; fi
  # A winner that died in between is replaced; the rename lets only one node do it.
  if [[ -n $(find "$claim" -maxdepth 0 -mmin +15 2>/dev/null) ]]; then
    mv -T "$claim" "$claim.stale.$INSTANCE_ID" || log "another node takes the election over"
  fi
  if elect "$1"; then soft "no layout on $2" apply_layout "$2" "$3" "$4"; fi
}

# In a subshell of set_layout.
apply_layout() {
  local words
  until [[ -d $1 ]]; do
    if (($(now) >= $3)); then return 1; fi
    # Alive, and not to be replaced.
    if [[ -d $claim ]]; then touch "$claim"; fi
    sleep 15
  done
  read -ra words <<<"$2"
  lfs setstripe "${words[@]}" "$1"
  put "$done_file" "$2"
}

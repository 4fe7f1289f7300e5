# `preload = "data"`: restores what S3 holds, in the background, by all nodes (UG: preload-file-contents-hsm-dra). Never a part of
# the boot: with a newer client it once did not end, and took the cluster along (aws-parallelcluster#6799).
#
# The queue of a dataset is a directory that all nodes see. One node lists the files into chunks; each node takes a chunk by a
# rename, asks FSx for its files, waits until they are there, and takes the next. What a node had in hand when it died goes back by
# a rename. All is done once more until a pass finds nothing to restore: metadata may come in later than a listing.
#   KEY/todo/PASS-NUMBER-FILES-BYTES             file names, each ended by a NUL
#   KEY/doing/….INSTANCE                         in the hands of that node
#   KEY/done/…-FAILED-RESTORED
#   KEY/failed, KEY/complete, ../alive/INSTANCE  names in shell quotes; FILES:FAILED; touched by its node again and again
CHUNK_FILES=512
CHUNK_BYTES=$((8 * 1024 * 1024 * 1024))
# Without a sign for so many minutes, a node is dead.
DEAD_MIN=10
# So long nothing of a chunk came: ask again, three times in all. Sooner where FSx works on none of it.
STUCK_S=300
IDLE_S=60
CHUNK_TRIES=3
# Passes begin no sooner after one another; a dataset without a file is believed to be empty after 45 min, since links queue.
PASS_S=120
EMPTY_S=2700

preload_data() {
  if ((${#PRELOAD[@]} == 0)); then return 0; fi
  # Without a place to share, one node of each launch does it all.
  if ((SHARED == 0)) && [[ $(imds ami-launch-index) != 0 ]]; then return 0; fi
  soft 'no preload' start_preload
}

# Each boot starts it; what is complete stays so.
start_preload() {
  unit provision-preload.service <<UNIT
[Unit]
Description=provision: restores data from S3 in the background
[Service]
ExecStart=$SELF preload
Nice=10
Restart=on-failure
RestartSec=60
UNIT
  systemctl daemon-reload
  systemctl start --no-block provision-preload.service
}

# What that unit runs. One dataset after the other, by all nodes: the first of the spec is there first.
restore_data() {
  local path
  INSTANCE_ID=$(<"$STATE/instance-id")
  QUEUES=$SHARE/preload
  if ((SHARED == 0)); then QUEUES=$STATE/preload; fi
  REPORTED=0
  mkdir -p "$QUEUES/alive"
  for path in "${PRELOAD[@]}"; do restore_dataset "$path"; done
  # Every node says it, so that it is known for as long as one of them lives.
  sleep $((RANDOM % 30))
  tag_preload
}

restore_dataset() {
  local chunk
  QUEUE=$QUEUES/$(preload_key "$1")
  mkdir -p "$QUEUE/todo" "$QUEUE/doing" "$QUEUE/done"
  if [[ ! -e $QUEUE/since ]]; then put "$QUEUE/since" "$(now)"; fi
  # From before a reboot.
  for chunk in "$QUEUE"/doing/*."$INSTANCE_ID"; do give_back "$chunk" || :; done
  while [[ ! -e $QUEUE/complete ]]; do
    beat
    if claim_chunk; then
      restore_chunk
    elif ! take_back; then
      next_pass "$MOUNT$1"
    fi
  done
}

preload_key() { printf '%s' "$1" | sha256sum | cut -c1-6; }

claim_chunk() {
  local todo
  for todo in "$QUEUE"/todo/*; do
    CHUNK=${todo##*/}
    if mv -T "$todo" "$QUEUE/doing/$CHUNK.$INSTANCE_ID" 2>/dev/null; then return 0; fi
  done
  return 1
}

# give_back DOING: of several nodes that try, one does it.
give_back() {
  local name=${1##*/}
  mv -T "$1" "$QUEUE/todo/${name%.*}" 2>/dev/null
}

take_back() {
  local doing found=1
  for doing in "$QUEUE"/doing/*; do
    if alive "${doing##*.}"; then continue; fi
    if give_back "$doing"; then found=0; fi
  done
  return $found
}

restore_chunk() {
  local file=$QUEUE/doing/$CHUNK.$INSTANCE_ID try first left before since pause failed=0 name
  first=$(count_released "$file")
  left=$first
  for ((try = 0; try < CHUNK_TRIES && left > 0; try++)); do
    # It only asks; what is there already is skipped. One name that is gone spoils its whole request, hence the second form.
    xargs -0 -r -n 32 lfs hsm_restore <"$file" || xargs -0 -r -n 1 lfs hsm_restore <"$file" || log "not all of $CHUNK can be asked for"
    before=$left since=$(now) pause=0
    while :; do
      pause=$((pause < 15 ? pause + 1 : 15))
      sleep "$pause"
      beat
      left=$(count_released "$file")
      if ((left < before)); then before=$left since=$(now); fi
      if ((left == 0 || $(now) - since >= STUCK_S)); then break; fi
      if (($(now) - since >= IDLE_S)) && idle "$file"; then break; fi
    done
  done
  if ((left > 0)); then
    while IFS= read -r -d '' name; do
      printf '%q\n' "$name" >>"$QUEUE/failed"
      failed=$((failed + 1))
    done < <(list_released <"$file")
  fi
  # What is counted in excess is so in both.
  mv -T "$file" "$QUEUE/done/$CHUNK-$failed-$((first - left))" || log "another node has taken $CHUNK over"
}

# How many files of a chunk are in S3 alone. A name with a line break can be counted in excess, which list_released mends.
count_released() {
  local states
  if states=$(xargs -0 -r lfs hsm_state <"$1" 2>/dev/null); then
    grep -acE ': \(0x[0-9a-f]+\).* released' <<<"$states" || :
  else
    # One name that is gone ends the command.
    list_released <"$1" | tr -cd '\0' | wc -c
    mounted
  fi
}

# Reads and prints names. Files that are gone need nothing.
list_released() {
  local name state
  while IFS= read -r -d '' name; do
    if state=$(lfs hsm_state "$name" 2>/dev/null); then
      if [[ ${state##*': (0x'} == *' released'* ]]; then printf '%s\0' "$name"; fi
    elif [[ -e $name ]]; then
      printf '%s\0' "$name"
    fi
  done
}

# FSx works on no file of this chunk.
idle() {
  local actions
  actions=$(xargs -0 -r lfs hsm_action <"$1" 2>/dev/null) || return 1
  ! grep -qav ': NOOP$' <<<"$actions"
}

alive() { [[ -n $(find "$QUEUES/alive/$1" -maxdepth 0 -mmin "-$DEAD_MIN" 2>/dev/null) ]]; }

# own CLAIM: true on one node, for as long as it lives; from a dead one another takes over, at its next try.
own() {
  local owner
  if mkdir "$1" 2>/dev/null; then
    put "$1/owner" "$INSTANCE_ID"
    return 0
  fi
  owner=$(cat "$1/owner" 2>/dev/null || :)
  if [[ $owner == "$INSTANCE_ID" ]]; then return 0; fi
  if [[ -n $owner ]]; then
    if alive "$owner"; then return 1; fi
  elif [[ -z $(find "$1" -maxdepth 0 -mmin "+$DEAD_MIN" 2>/dev/null) ]]; then
    return 1
  fi
  if mv -T "$1" "$1.$INSTANCE_ID" 2>/dev/null; then rm -rf "$1.$INSTANCE_ID"; fi
  return 1
}

# Nothing is left to take. The lister ends the dataset or lists its files again.
next_pass() {
  local number=0 began=0 since
  sleep 15
  if [[ -n $(find "$QUEUE/doing" -type f -print -quit) ]] || ! own "$QUEUE/lister"; then return 0; fi
  if [[ -e $QUEUE/staged ]]; then publish; fi
  # Chunks move both ways between the two: one look at each could miss one.
  if [[ -n $(find "$QUEUE/doing" "$QUEUE/todo" "$QUEUE/doing" -type f -print -quit) || -e $QUEUE/complete ]]; then return 0; fi
  if [[ -e $QUEUE/pass ]]; then read -r number began <"$QUEUE/pass"; fi
  read -r since <"$QUEUE/since"
  count_files "$QUEUE"
  if ((TOTAL_FILES == 0 ? $(now) - since >= EMPTY_S : number > 1 && RESTORED == 0)); then
    put "$QUEUE/complete" "$TOTAL_FILES:$FAILED"
  elif (($(now) - began >= PASS_S)) && [[ -d $1 ]]; then
    list_files "$1" $((number + 1))
    publish
  fi
}

# list_files DIRECTORY PASS: into chunks that show up all at once.
list_files() {
  local staged=$QUEUE/staged.$INSTANCE_ID began record size number=0 files=0 bytes=0
  began=$(now)
  rm -rf "$staged"
  mkdir "$staged"
  # The size comes behind the last slash, where no name can have one.
  while IFS= read -r -d '' record; do
    size=${record##*/}
    if ((files > 0 && (files == CHUNK_FILES || bytes + size > CHUNK_BYTES))); then end_chunk; fi
    if ((files == 0)); then exec 7>"$staged/open"; fi
    printf '%s\0' "${record%/*}" >&7
    files=$((files + 1)) bytes=$((bytes + size))
  done < <(find "$1" -ignore_readdir_race -type f -printf '%p/%s\0')
  wait $!
  if ((files > 0)); then end_chunk; fi
  put "$staged/.pass" "$2 $began"
  mv -T "$staged" "$QUEUE/staged"
}

# By the variables of list_files.
end_chunk() {
  exec 7>&-
  printf -v number '%06d' $((10#$number + 1))
  mv "$staged/open" "$staged/$began-$number-$files-$bytes"
  files=0 bytes=0
  beat
}

# Again is no harm: a lister may die in here, and another one goes on.
publish() {
  local began chunk
  read -r _ began <"$QUEUE/staged/.pass"
  find "$QUEUE/done" -type f ! -name "$began-*" -delete
  if [[ ! $QUEUE/pass -ef $QUEUE/staged/.pass ]]; then rm -f "$QUEUE/failed"; fi
  ln -f "$QUEUE/staged/.pass" "$QUEUE/pass"
  for chunk in "$QUEUE"/staged/*; do
    if [[ -e $chunk ]]; then mv "$chunk" "$QUEUE/todo/"; fi
  done
  rm -r "$QUEUE/staged"
}

# Sums up the names of a queue's chunks. MiB, as both sums of a dataset have to fit into a tag with those of others.
count_files() {
  read -r DONE_FILES TOTAL_FILES DONE_MIB TOTAL_MIB FAILED RESTORED < <(
    (cd "$1" && find todo doing 'done' -type f -printf '%p\n') | awk -F '[-/]' '
      { files += $4; bytes += $5 }
      $1 == "done" { done += $4; came += $5; failed += $6; restored += $7 }
      END { printf "%.0f %.0f %.0f %.0f %.0f %.0f\n", done, files, came / 1048576, bytes / 1048576, failed, restored }'
  )
}

# A sign of life; the reporter also says how it gets on, once a minute.
beat() {
  touch "$QUEUES/alive/$INSTANCE_ID"
  if (($(now) - REPORTED < 60)); then return 0; fi
  REPORTED=$(now)
  if own "$QUEUES/reporter"; then tag_preload || log 'could not report the preload'; fi
}

# The tag `provision:preload`; src/observed/preload.rs reads it.
tag_preload() {
  local path key queue text number began moved
  text="1 at=$(now)"
  for path in "${PRELOAD[@]}"; do
    key=$(preload_key "$path")
    queue=$QUEUES/$key
    if [[ -e $queue/complete ]]; then
      text+=" $key=done:$(<"$queue/complete")"
    elif [[ -e $queue/pass ]]; then
      read -r number began <"$queue/pass"
      count_files "$queue"
      # A rename into a directory is what changes its time.
      moved=$(find "$queue/done" -maxdepth 0 -printf '%Ts')
      if ((DONE_FILES == 0)); then moved=$began; fi
      text+=" $key=$( ((number > 1)) && printf check || printf load):$DONE_FILES/$TOTAL_FILES:$DONE_MIB/$TOTAL_MIB:$FAILED:$began:$moved"
    elif [[ -e $queue/since ]]; then
      text+=" $key=list:$(<"$queue/since")"
    fi
  done
  tag "$text" provision:preload
}

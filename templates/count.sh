# Files that no link covers, and so no export: `down` asks for them before it lets the file system go.
COUNT_PATIENCE_S=90

# count_unlinked PATH…: the paths of all links below the mount. Prints `FILES BYTES complete|partial`, then up to ten paths.
count_unlinked() {
  local path prune=() state=complete list
  if ! mounted; then
    log "$MOUNT is not mounted" >&2
    exit 1
  fi
  # The root of the file system is linked: nothing is outside.
  for path in "$@"; do
    if [[ $path == / ]]; then
      printf '0 0 complete\n'
      return 0
    fi
    prune+=(-o -path "$(literal "$MOUNT$path")")
  done
  list=$(mktemp)
  timeout "$COUNT_PATIENCE_S" nice -n 19 find "$MOUNT" -xdev \
    \( -path "$(literal "$MOUNT/.provision")" "${prune[@]}" \) -prune -o -type f -printf '%s /%P\0' >"$list" || state=partial
  # Names may hold line breaks; they end here as question marks.
  tr '\n\0' '?\n' <"$list" | awk -v state="$state" '
    { files++; bytes += $1; if (files <= 10) names[files] = substr($0, index($0, " ") + 1) }
    END {
      printf "%.0f %.0f %s\n", files, bytes, state
      for (n = 1; n <= files && n <= 10; n++) { gsub(/[^ -~]/, "?", names[n]); print names[n] }
    }'
  rm -f "$list"
}

# A path is no pattern: what find would take for one stands for itself.
literal() { printf '%s' "$1" | sed 's/[][*?\\]/\\&/g'; }

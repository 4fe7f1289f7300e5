# What no link covers goes with the file system for good, so `down` has it counted before it asks.
# count_unlinked PATH…: paths of links, below the mount. Prints `<files> <bytes> <complete|partial>`, then up to ten paths,
# one a line: newlines and the like are written as escapes. What the nodes share in `.provision` is no data of the user's.
# By Python, which takes any name as bytes and stops by itself; it is wherever cloud-init is.
COUNT_LIMIT_S=120

count_unlinked() {
  if ! mounted; then
    printf '%s is not mounted\n' "$MOUNT" >&2
    exit 1
  fi
  # After the limit it prints what it has; killed only if the file system does not answer at all.
  timeout -k 10 $((COUNT_LIMIT_S + 30)) nice -n 19 python3 - "$COUNT_LIMIT_S" "$MOUNT" "$@" <<'PY'
import os, sys, time
end, mount = time.monotonic() + float(sys.argv[1]), os.fsencode(sys.argv[2])
def plain(path):
    return [name for name in path.split(b"/") if name not in (b"", b".")]
skip = {tuple(plain(os.fsencode(path))) for path in sys.argv[3:]} | {(b".provision",)}
device, files, size, paths, how, todo = os.lstat(mount).st_dev, 0, 0, [], "complete", [()]
def shown(path):
    text = "/" + b"/".join(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)
if () in skip:
    todo = []
while todo and how == "complete":
    folder = todo.pop()
    try:
        entries = os.scandir(os.path.join(mount, *folder))
    except FileNotFoundError:
        continue
    with entries:
        for entry in entries:
            if time.monotonic() > end:
                how = "partial"
                break
            path = folder + (entry.name,)
            if path in skip:
                continue
            try:
                facts = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    if facts.st_dev == device:
                        todo.append(path)
                    continue
            except FileNotFoundError:
                continue
            files, size = files + 1, size + facts.st_size
            if len(paths) < 10:
                paths.append(shown(path))
sys.stdout.buffer.write("\n".join(["%d %d %s" % (files, size, how)] + sorted(paths) + [""]).encode())
PY
}

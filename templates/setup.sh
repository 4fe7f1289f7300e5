# The user's own script: as root, after the mount, with /etc/provision/env, once an instance. Its output goes to a file of its own
# that only root reads, never to the console: it may hold secrets.
run_setup() {
  local script=$STATE/setup rc
  if [[ -z $SETUP || -e $STATE/setup.done ]]; then return 0; fi
  printf '%s' "$SETUP" | base64 -d | gzip -d >"$script"
  chmod 0700 "$script"
  set +e
  (
    umask 077
    exec >>"$ROOT/var/log/provision-setup.log" 2>&1
    umask 022
    set +Eeuo pipefail
    # shellcheck disable=SC1091
    . "$ROOT/etc/provision/env"
    cd /
    if [[ $(head -c 2 "$script" | tr -d '\0') == '#!' ]]; then exec "$script"; fi
    exec /bin/bash "$script"
  )
  rc=$?
  set -e
  if ((rc != 0)); then fail "setup exited $rc"; fi
  touch "$STATE/setup.done"
}

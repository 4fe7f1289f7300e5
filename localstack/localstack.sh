#!/usr/bin/env bash
# Starts, stops and looks at LocalStack with this package in it, without Docker.
#
#   localstack.sh install|start|stop|status [--venv DIR] [--state DIR] [--port N]
#
# `install` makes the virtual environment if it is missing or out of date. `start` does that too, waits until
# LocalStack answers, and prints its endpoint, alone, on stdout. `stop` ends it and removes all it left. See README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

venv=${LOCALSTACK_VENV:-$root/.venv}
state=${LOCALSTACK_STATE:-$root/.localstack}
port=${PORT:-4566}
services=${SERVICES:-s3,ec2,iam,sts,ssm,kms,logs,cloudwatch,fsx,efs,service-quotas}
python=${PYTHON:-python3}
sandbox=$here/sandbox/node-sandbox

start_timeout_s=90
stop_timeout_s=10

say() { printf 'localstack.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

usage() {
  sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p;}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

# One digest of everything that decides what is installed.
digest() {
  (cd "$here" && "$python" - <<'PY'
import hashlib, pathlib
files = [pathlib.Path("requirements.txt"), pathlib.Path("pyproject.toml"), *sorted(pathlib.Path("src").rglob("*.py"))]
sums = (f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files)
print(hashlib.sha256("\n".join(sums).encode()).hexdigest())
PY
  )
}

install_package() {
  local wanted build
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than Python 3.11"
  wanted=$(digest)
  [[ -f $venv/provision.stamp && $(<"$venv/provision.stamp") == "$wanted" ]] && return
  mkdir -p "$(dirname "$venv")"
  until mkdir "$venv.lock" 2>/dev/null; do
    [[ -n $(find "$venv.lock" -maxdepth 0 -mmin +15) ]] && fail "$venv.lock is old: remove it"
    sleep 0.2
  done
  build=$(mktemp -d)
  # shellcheck disable=SC2064 # the values of now are meant
  trap "rm -rf '$build'; rmdir '$venv.lock'" EXIT
  if [[ ! -f $venv/provision.stamp || $(<"$venv/provision.stamp") != "$wanted" ]]; then
    say "installing into $venv"
    [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
    # The file is the whole closure: there is nothing to resolve. Most of it is never imported: nothing to compile.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
      -r "$here/requirements.txt" >&2
    # A build leaves files beside the sources: so it gets a copy.
    cp -R "$here/pyproject.toml" "$here/src" "$build"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
      --force-reinstall "$build" >&2
    printf '%s\n' "$wanted" >"$venv/provision.stamp"
  fi
  rm -rf "$build"
  rmdir "$venv.lock"
  trap - EXIT
}

running() {
  [[ -f $state/pid ]] && kill -0 "$(<"$state/pid")" 2>/dev/null
}

# Waits for the health page; ends with 1 if the process dies or the time is over.
wait_until_ready() {
  "$venv/bin/python" - "$1" "$2" "$start_timeout_s" <<'PY'
import os, signal, sys, time, urllib.request
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a trace of calls
pid, url, limit = int(sys.argv[1]), sys.argv[2], time.monotonic() + float(sys.argv[3])
while time.monotonic() < limit:
    try:
        os.kill(pid, 0)
        with urllib.request.urlopen(f"{url}/_localstack/health", timeout=2) as answer:
            if answer.status == 200:
                sys.exit(0)
    except ProcessLookupError:
        break
    except OSError:
        time.sleep(0.1)
sys.exit(1)
PY
}

start() {
  local pid endpoint
  if running; then
    printf '%s\n' "$(<"$state/endpoint")"
    return
  fi
  install_package
  mkdir -p "$state/root" "$state/tmp"
  if [[ $port == 0 ]]; then
    port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  fi
  endpoint=http://127.0.0.1:$port
  # Job control gives the process a group of its own: `stop` ends the group, so all its children.
  set -m
  SERVICES=$services PROVIDER_OVERRIDE_EC2=provision PROVIDER_OVERRIDE_SSM=provision \
    PROVIDER_OVERRIDE_CLOUDWATCH=provision PROVISION_BOOT_SANDBOX=${PROVISION_BOOT_SANDBOX:-\"$sandbox\"} GATEWAY_LISTEN=127.0.0.1:$port \
    LOCALSTACK_HOST=127.0.0.1:$port DNS_ADDRESS=0 SKIP_SSL_CERT_DOWNLOAD=1 DISABLE_EVENTS=1 \
    FILESYSTEM_ROOT=$state/root TMPDIR=$state/tmp XDG_CACHE_HOME=$state/tmp \
    "$venv/bin/python" -m localstack.runtime.main </dev/null >"$state/log" 2>&1 &
  pid=$!
  set +m
  printf '%s\n' "$pid" >"$state/pid"
  printf '%s\n' "$endpoint" >"$state/endpoint"
  if ! wait_until_ready "$pid" "$endpoint"; then
    tail -n 40 "$state/log" >&2
    stop
    fail "LocalStack did not start on port $port"
  fi
  printf '%s\n' "$endpoint"
}

stop() {
  local pid
  if [[ -f $state/pid ]]; then
    pid=$(<"$state/pid")
    kill -TERM -- "-$pid" 2>/dev/null || true
    for ((tenths = 0; tenths < stop_timeout_s * 10; tenths++)); do
      kill -0 -- "-$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -rf "$state/root" "$state/tmp"
  rm -f "$state/pid" "$state/endpoint" "$state/log"
  rmdir "$state" 2>/dev/null || true
}

status() {
  running || { say "not running"; return 1; }
  printf '%s\n' "$(<"$state/endpoint")"
}

command=${1:-}
shift || true
while (($#)); do
  case $1 in
    --venv) venv=$2 ;;
    --state) state=$2 ;;
    --port) port=$2 ;;
    *) usage ;;
  esac
  shift 2
done

case $command in
  install) install_package ;;
  start | stop | status) "$command" ;;
  *) usage ;;
esac

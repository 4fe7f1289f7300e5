#!/usr/bin/env bash
# What a user sees: the example cluster is planned, made, looked at and removed, on LocalStack instead of AWS.
#
#   make demo        or, with a program that is built already: tools/demo.sh
#
# Environment: PROVISION_BIN (the program), LOCALSTACK_VENV (where LocalStack is installed, or will be). Needs no AWS account and
# leaves nothing running and no file behind, also after an error or Ctrl-C.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
program=${PROVISION_BIN:-$root/target/debug/provision}
venv=${LOCALSTACK_VENV:-$root/.venv}
spec=examples/video-pretrain.toml
work=$(mktemp -d)

cleanup() {
  local rc=$?
  trap '' INT TERM HUP
  "$root/localstack/localstack.sh" stop --venv "$venv" --state "$work/localstack" || rc=1
  rm -rf "$work"
  exit "$rc"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

# What the demo itself has to say, apart from what the program says: a line an argument.
tell() {
  printf '\n'
  printf "$dim# %s$plain\n" "$@"
}

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# Shows a command as a user types it.
show() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; }

provision() {
  show "provision $*"
  "$program" "$@"
}

aws() {
  show "aws $*"
  "$venv/bin/aws" "$@"
}

# control PATH [JSON]: LocalStack's own endpoints beside those of AWS.
control() {
  "$venv/bin/python" - "$AWS_ENDPOINT_URL/_provision/$1" "${2:-}" <<'PY'
import sys, urllib.request
url, body = sys.argv[1:]
with urllib.request.urlopen(urllib.request.Request(url, body.encode() or None), timeout=30) as answer:
    sys.stdout.write(answer.read().decode())
PY
}

# Says what the simulated cloud has counted; fails if anything was lost or is left.
tally() {
  "$venv/bin/python" -c '
import json, sys
ledger = json.load(sys.stdin)
lines = (
    ("file systems", ledger["file_systems_created"], ledger["file_systems_deleted"]),
    ("links", ledger["associations_created"], ledger["associations_deleted"]),
    ("nodes", ledger["instances_launched"], ledger["instances_terminated"]),
)
for what, made, gone in lines:
    print("  %-14s%d made, %d removed" % (what, made, gone))
lost = ledger["files_lost"] + ledger["unlinked_lost"]
print("  %-14s%d written, %d exported, %d lost" % ("files", ledger["files_written"], ledger["files_exported"], lost))
print("  %-14s%d deleted" % ("S3 objects", ledger["objects_deleted"]))
sys.exit(lost + ledger["objects_deleted"] + sum(made != gone for _, made, gone in lines) != 0)
'
}

[[ -x $program ]] || fail "there is no program at $program: run \`make demo\`, or \`cargo build\` first"

# Nothing of the user's own AWS settings counts here, and no request leaves this machine.
for name in $(compgen -e AWS_ || true); do unset "$name"; done
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true AWS_PAGER=''
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

tell "LocalStack stands in for AWS: FSx and EC2 with AWS's life cycles, where minutes last seconds."
AWS_ENDPOINT_URL=$("$root/localstack/localstack.sh" start --venv "$venv" --state "$work/localstack" --port 0)
export AWS_ENDPOINT_URL
printf 'AWS_ENDPOINT_URL=%s\n' "$AWS_ENDPOINT_URL"

tell "The bucket that $spec links, with something in it to train on."
mkdir -p "$work/bucket/train" "$work/bucket/checkpoints"
for shard in 000 001 002; do head -c 4096 /dev/urandom >"$work/bucket/train/shard-$shard.tar"; done
printf 'from an earlier run\n' >"$work/bucket/checkpoints/step-0000.pt"
aws s3 mb s3://acme-video
show 'aws s3 sync bucket s3://acme-video'
"$venv/bin/aws" s3 sync --quiet "$work/bucket" s3://acme-video
aws s3 ls --recursive s3://acme-video

tell "A dry run: nothing is changed."
provision plan "$spec"

provision up --yes "$spec"

provision status "$spec"

tell "Training writes three files. LocalStack's nodes run nothing, so its control endpoint writes them, as a node" \
  "would: two checkpoints, and an index below /train, which is never exported while nodes run (\`export = []\`)."
file_system=$("$venv/bin/aws" fsx describe-file-systems --query 'FileSystems[0].FileSystemId' --output text)
control files "{\"file_system_id\": \"$file_system\", \"files\": [
  {\"path\": \"/checkpoints/step-1000.pt\", \"content\": \"weights after 1000 steps\"},
  {\"path\": \"/checkpoints/step-2000.pt\", \"content\": \"weights after 2000 steps\"},
  {\"path\": \"/train/index.json\", \"content\": \"[0, 1, 2]\"}]}" >/dev/null
printf '  /fsx/checkpoints/step-1000.pt\n  /fsx/checkpoints/step-2000.pt\n  /fsx/train/index.json\n'

provision down --yes "$spec"

provision list

tell "What was written is in S3:"
aws s3 ls --recursive s3://acme-video
for key in checkpoints/step-1000.pt checkpoints/step-2000.pt train/index.json; do
  "$venv/bin/aws" s3api head-object --bucket acme-video --key "$key" >/dev/null || fail "$key is not in S3"
done

tell "What LocalStack has counted:"
control ledger | tally || fail "something was lost, or is left"

#!/usr/bin/env bash
# Applies main.tf to a LocalStack of its own, plans again (nothing may be left to do), and destroys it.
#
#   TF_PLUGIN_DIR=/path/to/mirror tests/terraform/run.sh [--keep]
#
# TF_PLUGIN_DIR: a local mirror of the AWS provider 5.x; without it terraform downloads the provider. `--keep`
# stops after the second plan: the provider's destroy of a data repository association sleeps for 10 minutes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=$here/../../localstack.sh

if ! command -v terraform >/dev/null; then
  echo "skipped: terraform is not on PATH" >&2
  exit 0
fi

work=$(mktemp -d)
state=$work/localstack
cleanup() {
  "$script" stop --state "$state"
  rm -rf "$work"
}
trap cleanup EXIT

cp "$here/main.tf" "$work"
cd "$work"
TF_VAR_endpoint=$("$script" start --state "$state" --port 0)
export TF_VAR_endpoint TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1

terraform init -input=false ${TF_PLUGIN_DIR:+-plugin-dir="$TF_PLUGIN_DIR"}
terraform apply -input=false -auto-approve
terraform plan -input=false -detailed-exitcode
echo "applied, and nothing is left to do"
if [[ ${1:-} != --keep ]]; then
  terraform destroy -input=false -auto-approve
  echo "destroyed"
fi

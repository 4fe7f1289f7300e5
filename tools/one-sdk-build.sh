#!/usr/bin/env bash
# A dev-dependency that switches on a feature below the SDK would build aws-sdk-ec2 (7.4 GB, 4 minutes) a second time.
set -euo pipefail
cd "$(dirname "$0")/.."
builds=$(find target/debug/deps -name 'libaws_sdk_ec2-*.rlib' | wc -l)
if [[ $builds -gt 1 ]]; then
  echo "aws-sdk-ec2 was built $builds times: compare \`cargo tree -e features\` of the last change of dependencies" >&2
  exit 1
fi
if cargo tree --locked -i hyper@0.14 >/dev/null 2>&1; then
  echo "hyper 0.14, with known holes, is among the dependencies: a default feature of an SDK crate is on" >&2
  exit 1
fi

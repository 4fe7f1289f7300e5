#!/usr/bin/env bash
# Plans a spec in any CI: plan.sh [SPEC [FOLDER]]
#
# Leaves plan.json (the saved plan), plan.md and plan.html in FOLDER, the text on stdout, and ends as the plan does:
# 0 done, 1 an error or refused, 3 as bad as FAIL_ON or worse.
# Environment: FAIL_ON=disruptive|destroys-compute|destroys-data; OFFLINE=true needs no credentials.
set -euo pipefail

spec=${1:-cluster.toml}
folder=${2:-plan}

flags=()
if [[ -n ${FAIL_ON:-} ]]; then flags+=(--fail-on "$FAIL_ON"); fi
if [[ ${OFFLINE:-false} == true ]]; then flags+=(--offline); fi

mkdir -p -- "$folder"
# A plan of an earlier run is none of this one.
rm -f -- "$folder"/plan.{json,md,html}
# Without flags, bash before 4.4 takes the list for unset.
exec provision plan --out "$folder/plan.json" --out "$folder/plan.md" --out "$folder/plan.html" \
  ${flags[@]+"${flags[@]}"} -- "$spec"

# Strict mode, the log, steps, and how a node says how it fares: the tag `provision:node` on itself.
set -Eeuo pipefail
export LC_ALL=C
# cloud-init and systemd start us with a short PATH; /snap/bin is where Ubuntu's aws cli lives.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
# Empty on a node. Tests run the script over a scratch tree.
ROOT=${PROVISION_ROOT:-}
SELF=/usr/local/sbin/provision-node
STATE=$ROOT/var/lib/provision
LOG=$ROOT/var/log/provision.log
UNITS=$ROOT/etc/systemd/system
IMDS=${PROVISION_IMDS:-http://169.254.169.254}
INSTANCE_ID=
STEP=start
WHY=
DEGRADED=
DONE=
LINE='?'

log() { printf 'provision: %s\n' "$*"; }
now() { date +%s; }

# Runs a step by its name, which is what a failure is reported under.
step() {
  STEP=$1
  log "$STEP"
  "$2"
}

fail() {
  WHY=$1
  exit 1
}

# For what a node can work without. Not `cmd || degrade`: bash ignores errexit inside such a command.
soft() {
  local why=$1 rc
  shift
  set +e
  (
    set -e
    "$@"
  )
  rc=$?
  set -e
  if ((rc != 0)); then degrade "$why"; fi
}

degrade() {
  log "degraded: $1"
  # A reason is named once, however many checks find it.
  case "; $DEGRADED; " in
    *"; $1; "*) ;;
    *) DEGRADED=${DEGRADED:+$DEGRADED; }$1 ;;
  esac
}

# retry TRIES COMMAND…: for package mirrors, which fail now and then. Waits 5 to 14 seconds between tries.
retry() {
  local tries=$1 try=1
  shift
  until "$@"; do
    if ((try >= tries)); then return 1; fi
    try=$((try + 1))
    sleep $((5 + RANDOM % 10))
  done
}

# imds PATH: instance metadata. Only version 2 is on: a token first (EC2UG: configuring-instance-metadata-service).
imds() {
  local token
  token=$(curl -sSf --retry 8 --retry-connrefused --max-time 5 -X PUT \
    -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$IMDS/latest/api/token")
  curl -sSf --retry 8 --retry-connrefused --max-time 5 \
    -H "X-aws-ec2-metadata-token: $token" "$IMDS/latest/meta-data/$1"
}

# Amazon Linux 2023 and the DLAMIs ship the aws cli, stock Ubuntu does not: 24.04 has no package of it but a snap, 22.04 has
# version 1 in universe. Python 3 is wherever cloud-init runs, since that is written in it: so no install, but a signed call.
# tag VALUE [KEY]
tag() {
  local key=${2:-provision:node}
  if command -v aws >/dev/null && aws ec2 create-tags --region "$REGION" --resources "$INSTANCE_ID" \
    --tags "[{\"Key\":\"$key\",\"Value\":\"$1\"}]"; then
    return 0
  fi
  tag_signed "$1" "$key"
}

# EC2's CreateTags with Signature Version 4 by hand (IAM User Guide: create-signed-request). Prints nothing but errors.
tag_signed() {
  python3 - "$IMDS" "$REGION" "$INSTANCE_ID" "$1" "$2" <<'PY'
import datetime, hashlib, hmac, json, os, sys, urllib.parse, urllib.request
imds, region, instance, value, name = sys.argv[1:]
def meta(path, method="GET", headers={}):
    request = urllib.request.Request(imds + "/latest/" + path, method=method, headers=headers)
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).read().decode()
token = meta("api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
def get(path):
    return meta("meta-data/" + path, headers={"X-aws-ec2-metadata-token": token})
role = get("iam/security-credentials/").split()[0]
key = json.loads(get("iam/security-credentials/" + role))
url = os.environ.get("AWS_ENDPOINT_URL") or "https://ec2.%s.%s" % (region, get("services/domain").strip())
host = urllib.parse.urlsplit(url).netloc
body = urllib.parse.urlencode({"Action": "CreateTags", "Version": "2016-11-15", "ResourceId.1": instance,
                               "Tag.1.Key": name, "Tag.1.Value": value})
stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
mac = lambda secret, text: hmac.new(secret, text.encode(), hashlib.sha256).digest()
headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": host, "x-amz-date": stamp,
           "x-amz-security-token": key["Token"]}
names = ";".join(sorted(headers))
canonical = "\n".join(["POST", "/", "", *("%s:%s" % (n, headers[n]) for n in sorted(headers)), "", names, sha(body)])
scope = "/".join([stamp[:8], region, "ec2", "aws4_request"])
signing = ("AWS4" + key["SecretAccessKey"]).encode()
for part in scope.split("/"):
    signing = mac(signing, part)
signature = mac(signing, "\n".join(["AWS4-HMAC-SHA256", stamp, scope, sha(canonical)])).hex()
headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
    key["AccessKeyId"], scope, names, signature)
try:
    urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers), timeout=20).read()
except urllib.error.HTTPError as error:
    sys.exit("CreateTags: %s %s" % (error.code, error.read(600).decode(errors="replace")))
except OSError as error:
    sys.exit("CreateTags: %s" % error)
PY
}

# report STATUS: tries for about six minutes, since the role of a fresh instance profile may take a while to get there.
report() {
  local value try
  # What every AWS service takes in a tag value, and no more than 256 of it (EC2UG: Using_Tags).
  value=$(printf '%s' "$1" | tr -c 'A-Za-z0-9 +=._:/@-' ' ' | tr -s ' ' | cut -c1-256)
  log "$value"
  printf '%s\n' "$value" >"$STATE/status"
  if [[ -z $INSTANCE_ID ]]; then INSTANCE_ID=$(imds instance-id) || return 1; fi
  for try in 1 2 3 4 5 6 7 8 9 10; do
    if tag "$value"; then return 0; fi
    sleep $((try * 6 + RANDOM % 5))
  done
  log "could not tag $INSTANCE_ID"
  return 1
}

# Whatever ends the script before its last line is a failed node, and says in which step.
on_exit() {
  local rc=$1 end tail
  trap - EXIT
  if [[ -n $DONE ]]; then exit "$rc"; fi
  set +e
  # The time tells this boot's from those of earlier ones.
  end="$STEP broke off with $rc at $LINE, $(now)"
  log "$end"
  tail=$(tail_of_step "provision: $end")
  report "failed: ${WHY:-$STEP exited $rc at $LINE}"
  # Once more at the very end, where the console is read from: tagging may have taken minutes and had its own errors.
  if [[ -n $tail ]]; then printf 'provision: the end of %s:\n%s\n' "$STEP" "$tail"; fi
  log "$(<"$STATE/status")"
  exit 1
}

# The last lines that the step wrote. The log is written by a process of its own, so its last line is waited for.
tail_of_step() {
  local try
  if [[ ! -e $LOG ]]; then return 0; fi
  for try in 1 2 3 4 5; do
    if grep -qxF "$1" "$LOG"; then break; fi
    sleep "$try"
  done
  awk -v first="provision: $STEP" -v last="$1" '
    $0 == first { count = 0; next }
    $0 == last { exit }
    { lines[count++ % 20] = $0 }
    END { for (at = count > 20 ? count - 20 : 0; at < count; at++) print "  " lines[at % 20] }' "$LOG"
}

# put FILE TEXT: readers, also those on other nodes, see the old text or the new one, never half of it.
put() {
  local temporary=${1%/*}/.${1##*/}.$INSTANCE_ID
  printf '%s\n' "$2" >"$temporary"
  mv -f "$temporary" "$1"
}

# unit NAME: writes a systemd unit from standard input.
unit() {
  mkdir -p "$UNITS"
  cat >"$UNITS/$1"
  chmod 0644 "$UNITS/$1"
}

#!/bin/bash
# Every program that a boot script calls and a test machine does not have, in one file: linked under each name.
# `$SANDBOX` holds what they remember: `calls`, `tags`, `clock`, `mounted`, and what a test sets beforehand.
name=${0##*/}
cd "$SANDBOX" || exit 99
line="$name $*"
printf '%s\n' "${line//$'\n'/ }" >>calls
setting() { cat "set/$1" 2>/dev/null || printf '%s' "$2"; }
# Answers in turn, the last one for ever.
turn() {
  head -n 1 "set/$1" 2>/dev/null || printf '%s' "$2"
  if [[ $(wc -l 2>/dev/null <"set/$1" || echo 0) -gt 1 ]]; then sed -i 1d "set/$1"; fi
}
case $name in
  sleep) echo $(($(cat clock) + $1 * $(setting hurry 1))) >clock ;;
  date) if [[ $1 == +%s ]]; then cat clock; else exec /usr/bin/date "$@"; fi ;;
  curl)
    case "${*: -1}" in
      */api/token) echo token ;;
      */instance-id) setting instance i-1 ;;
      */local-ipv4) setting address 10.0.0.1 ;;
      */ami-launch-index) setting index 0 ;;
      *.repo) echo "baseurl=https://fsx-lustre-client-repo.s3.amazonaws.com/el/9/x86_64/" >"$2" ;;
      */tags/instance/provision:peers) if [[ -e set/peers ]]; then cat set/peers; else exit 22; fi ;;
      */tags/instance/provision:epoch) setting epoch 0 ;;
      */tags/instance/provision:until) if [[ -e set/until ]]; then cat set/until; else exit 22; fi ;;
    esac
    ;;
  aws)
    value=$(sed 's/.*"Value":"\([^"]*\)".*/\1/' <<<"$*")
    if [[ $* == *provision:preload* ]]; then printf '%s\n' "$value" >>preload-tags; else printf '%s\n' "$value" >>tags; fi
    ;;
  lfs)
    # A file that holds `s3` is in S3 alone; one with `never` in its name stays there.
    [[ $1 == hsm_* ]] || exit "$(setting lfs 0)"
    verb=$1
    shift
    for file in "$@"; do
      if [[ ! -e $file ]]; then echo "$file: No such file" >&2; exit 2; fi
      case $verb in
        hsm_state) if [[ $(<"$file") == s3 ]]; then printf '%s: (0x0000000d) released exists archived, archive_id:1\n' "$file"; else printf '%s: (0x00000009) exists archived, archive_id:1\n' "$file"; fi ;;
        hsm_restore)
          if [[ $file != *never* && $(<"$file") == s3 ]]; then echo here >"$file"; printf '%q\n' "$file" >>restored; fi
          ;;
        hsm_action) printf '%s: NOOP\n' "$file" ;;
      esac
    done
    ;;
  getent) exit "$(setting dns 0)" ;;
  findmnt)
    case " $* " in
      *" lustre "* | *" nfs4 "*) test -e mounted ;;
      *" autofs "*) test -e automount ;;
      *) exit 1 ;;
    esac
    ;;
  mount)
    rc=$(turn mount 0)
    if [[ ${rc:-0} == 0 ]]; then touch mounted; else echo "mount.lustre: error $rc" >&2; fi
    exit "${rc:-0}"
    ;;
  stat) if [[ -e automount ]]; then touch mounted; fi ;;
  modinfo) if [[ $1 == lustre ]]; then test ! -e set/no-client || test -e installed; fi ;;
  modprobe) if [[ $1 == lustre ]]; then cat "$PROVISION_ROOT/etc/modprobe.d/provision-lustre.conf" >options-at-load 2>/dev/null || :; fi ;;
  dnf)
    if [[ $* == *amazon-efs-utils* && ! -e set/dnf ]]; then ln -sf "$0" "${0%/*}/mount.efs"; fi
    if [[ $* == *lustre-client* ]]; then touch installed; fi
    exit "$(setting dnf 0)"
    ;;
  apt-get)
    case "$*" in
      *lustre-client-modules-aws*) touch installed ;;
      *lustre-client-modules-*) exit 100 ;;
    esac
    ;;
  # A server that does not answer for longer than any test runs.
  sync) if [[ -e set/sync-hangs ]]; then exec /usr/bin/sleep 60 >/dev/null 2>&1; fi ;;
  systemctl) if [[ $1 == is-active ]]; then echo inactive; exit 3; fi ;;
  systemd-escape) echo fsx.mount ;;
  nproc) setting cpus 8 ;;
  getconf) if [[ $1 == PAGE_SIZE ]]; then echo 4096; else setting pages 4194304; fi ;;
  uname) setting kernel 6.1.170-210.320.amzn2023.x86_64 ;;
  getenforce) setting selinux Disabled ;;
  lctl)
    if [[ $1 == get_param ]]; then
      for each in $(turn targets "MDT0000=FULL OST0000=FULL OST0001=IDLE"); do
        printf 'import:\n    name: abcdefgh-%s-osc-ffff8e0b\n    target: abcdefgh-%s_UUID\n' "${each%%=*}" "${each%%=*}"
        state=${each#*=}
        printf '    state: %s\n    import_flags: [ replayable, %s ]\n' "${state%,*}" "${state#*,}"
      done
    fi
    ;;
  lnetctl)
    if [[ $* == "net show --net efa" ]]; then for ((at = 0; at < $(setting up 8); at++)); do echo "          status: up"; done; fi
    if [[ $* == *"-v 4"* ]]; then
      sent=$(setting sent 0)
      echo "  send_count: $sent"
      echo $((sent + $(setting carries 0))) >set/sent
    fi
    ;;
esac

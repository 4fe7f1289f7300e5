#!/bin/bash
# Every program that a boot script calls and a test machine does not have, in one file: linked under each name.
# `$SANDBOX` holds what they remember: `calls`, `tags`, `clock`, `mounted`, and what a test sets beforehand.
name=${0##*/}
cd "$SANDBOX" || exit 99
line="$name $*"
printf '%s\n' "${line//$'\n'/ }" >>calls
setting() { cat "set/$1" 2>/dev/null || printf '%s' "$2"; }
case $name in
  sleep) echo $(($(cat clock) + $1 * $(setting hurry 1))) >clock ;;
  date) if [[ $1 == +%s ]]; then cat clock; else exec /usr/bin/date "$@"; fi ;;
  curl)
    case "${*: -1}" in
      */api/token) echo token ;;
      */instance-id) setting instance i-1 ;;
      */local-ipv4) setting address 10.0.0.1 ;;
      */ami-launch-index) setting index 0 ;;
      */tags/instance/provision:until) if [[ -e set/until ]]; then cat set/until; else exit 22; fi ;;
    esac
    ;;
  aws) printf '%s\n' "$*" | sed 's/.*"Value":"\([^"]*\)".*/\1/' >>tags ;;
  getent) exit "$(setting dns 0)" ;;
  findmnt)
    case " $* " in
      *" lustre "*) test -e mounted ;;
      *" autofs "*) test -e automount ;;
      *) exit 1 ;;
    esac
    ;;
  mount)
    # Answers in turn, the last one for ever.
    rc=$(head -n 1 set/mount 2>/dev/null || echo 0)
    if [[ $(wc -l 2>/dev/null <set/mount || echo 0) -gt 1 ]]; then sed -i 1d set/mount; fi
    if [[ ${rc:-0} == 0 ]]; then touch mounted; else echo "mount.lustre: error $rc" >&2; fi
    exit "${rc:-0}"
    ;;
  stat) if [[ -e automount ]]; then touch mounted; fi ;;
  modinfo) if [[ $1 == lustre ]]; then test ! -e set/no-client || test -e installed; fi ;;
  modprobe) if [[ $1 == lustre ]]; then cat "$PROVISION_ROOT/etc/modprobe.d/provision-lustre.conf" >options-at-load 2>/dev/null || :; fi ;;
  dnf) if [[ $* == *lustre-client* ]]; then touch installed; fi ;;
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
  lnetctl)
    if [[ $* == *"-v 4"* ]]; then
      sent=$(setting sent 0)
      echo "  send_count: $sent"
      echo $((sent + $(setting carries 0))) >set/sent
    fi
    ;;
esac

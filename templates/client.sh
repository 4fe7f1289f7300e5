# The Lustre client: what the image ships, else what FSx publishes for the OS (UG: install-lustre-client).
FSX_REPO=https://fsx-lustre-client-repo.s3.amazonaws.com
FSX_KEYS=https://fsx-lustre-client-repo-public-keys.s3.amazonaws.com

have_client() {
  command -v lfs >/dev/null && command -v mount.lustre >/dev/null && modinfo lustre >/dev/null 2>&1
}

install_client() {
  # DLAMIs ship client, EFA and GDS drivers (DLAMI release notes).
  if have_client; then return 0; fi
  case $OS in
    amzn2023) retry 5 dnf install -y lustre-client || no_client ;;
    ubuntu22.04 | ubuntu24.04) install_client_ubuntu ;;
    el9*) install_client_el9 ;;
    *) fail "client: no Lustre client for $OS, take Amazon Linux 2023 or Ubuntu 22.04 or 24.04" ;;
  esac
  # Never change a kernel silently: a GPU driver is built for the one that runs.
  if ! have_client; then fail "client: no Lustre module for kernel $(uname -r), take another image"; fi
}

no_client() { fail "client: cannot install the Lustre client for $OS and kernel $(uname -r)"; }

install_client_ubuntu() {
  local key=$ROOT/usr/share/keyrings/fsx-ubuntu-public-key.asc kernel
  kernel=$(uname -r)
  mkdir -p "${key%/*}" "$ROOT/etc/apt/sources.list.d"
  retry 5 curl -sSfo "$key" "$FSX_KEYS/fsx-ubuntu-public-key.asc"
  printf 'deb [signed-by=%s] %s/ubuntu %s main\n' "$key" "$FSX_REPO" "$CODENAME" \
    >"$ROOT/etc/apt/sources.list.d/fsxlustreclientrepo.list"
  retry 5 packages_ubuntu update
  if packages_ubuntu install -y "lustre-client-modules-$kernel"; then
    hold_kernel
    return 0
  fi
  # Each new Ubuntu kernel is without a client until FSx publishes one (aws-parallelcluster-cookbook#515).
  if [[ -e $STATE/rebooted || -e /proc/driver/nvidia/version ]]; then
    fail "client: FSx has no Lustre module for kernel $kernel, take another image"
  fi
  # The newest pair of kernel and client, with one reboot: the page's own way.
  retry 3 packages_ubuntu install -y linux-aws lustre-client-modules-aws
  hold_kernel
  log "rebooting once into the kernel that FSx has a client for"
  touch "$STATE/rebooted"
  DONE=1
  systemctl reboot
  exit 0
}

# A kernel that upgrades itself would leave the client behind at the next reboot.
hold_kernel() {
  apt-mark hold linux-aws linux-image-aws linux-headers-aws lustre-client-modules-aws >/dev/null 2>&1 ||
    log "kernel packages could not be held"
}

install_client_el9() {
  local repo=$ROOT/etc/yum.repos.d/aws-fsx.repo key=$STATE/fsx-rpm-public-key.asc release=${OS#el}
  retry 5 curl -sSfo "$key" "$FSX_KEYS/fsx-rpm-public-key.asc"
  rpm --import "$key"
  retry 5 curl -sSfo "$repo" "$FSX_REPO/el/9/fsx-lustre-client.repo"
  # The repository follows the newest minor release; an older kernel needs its own (same page). The kernel that runs tells which:
  # packages may be of a newer release than that, until the next reboot. 5.14.0-427.13.1.el9_4.x86_64
  if [[ $(uname -r) =~ \.el9_([0-9]+)[._] ]]; then release=9.${BASH_REMATCH[1]}; fi
  sed -i "s#/el/9/#/el/$release/#" "$repo"
  retry 5 dnf install -y kmod-lustre-client lustre-client || no_client
}

# Read when the modules load, so they have to be there before the first `modprobe` (UG: performance-tips, more than 64 vCPU).
write_module_options() {
  local file=$ROOT/etc/modprobe.d/provision-lustre.conf
  if (($(nproc --all) <= 64)); then return 0; fi
  if [[ -e $file ]]; then return 0; fi
  mkdir -p "${file%/*}"
  printf 'options ptlrpc ptlrpcd_per_cpt_max=32\noptions ksocklnd credits=2560\n' >"$file"
  unload_modules
}

# An image that loads LNet by itself has read its options already: out with it, as long as nothing is mounted.
unload_modules() {
  if ! grep -q '^libcfs ' /proc/modules || findmnt -t lustre >/dev/null; then return 0; fi
  lnetctl lnet unconfigure || log "LNet was not configured"
  lustre_rmmod || modprobe -r lustre ksocklnd lnet libcfs || log "the loaded Lustre modules keep their options"
}

load_modules() {
  modprobe lustre || fail "client: kernel $(uname -r) does not load the Lustre module"
}

# The system that a node runs, and packages for it.
packages_ubuntu() {
  # unattended-upgrades holds the lock for minutes after the first boot.
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -o DPkg::Lock::Timeout=900 -o Acquire::Retries=3 "$@" </dev/null
}

# Packages that are not part of the client: mdadm, xfsprogs, unzip.
ensure() {
  local tool=$1 package=$2
  if command -v "$tool" >/dev/null; then return 0; fi
  case $OS in
    ubuntu*)
      retry 3 packages_ubuntu update
      retry 3 packages_ubuntu install -y "$package"
      ;;
    *) retry 3 dnf install -y "$package" ;;
  esac
}

detect_os() {
  local ID=none VERSION_ID='' VERSION_CODENAME=''
  # shellcheck disable=SC1091
  . "$ROOT/etc/os-release"
  # shellcheck disable=SC2034 # only a client that comes from a repository of its own asks for it
  CODENAME=$VERSION_CODENAME
  case $ID in
    amzn | ubuntu) OS=$ID$VERSION_ID ;;
    rhel | rocky | almalinux | centos) OS=el$VERSION_ID ;;
    *) OS=$ID$VERSION_ID ;;
  esac
}

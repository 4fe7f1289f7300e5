# Amazon EFS: NFS 4.1 in TLS, by the EFS client (EFS User Guide: using-amazon-efs-utils, efs-mount-helper,
# mount-fs-auto-mount-onreboot). Nothing of it is done by hand where the client is missing: without it there is no encryption on the
# way, and a third of the throughput (EFS User Guide: performance, per client with version 2 of it and without).
MOUNT_TYPE=efs

before_mount() { step client install_efs_client; }
after_mount() { :; }
after_fstab() { :; }
after_share() { :; }
after_setup() { :; }
wants_efa() { false; }

# A package of Amazon Linux alone; for other systems it has to be built, which takes a compiler and many minutes on each node.
install_efs_client() {
  if command -v mount.efs >/dev/null; then return 0; fi
  case $OS in
    amzn2023)
      retry 5 dnf install -y amazon-efs-utils || fail 'client: cannot install amazon-efs-utils'
      ;;
    *) fail "client: no EFS client for $OS, take Amazon Linux 2023 or an image that has amazon-efs-utils" ;;
  esac
}

# What the client mounts is NFS to the kernel.
mounted() { findmnt -n -t nfs4 --mountpoint "$MOUNT" >/dev/null; }

mount_once() { timeout -k 10 300 mount -t efs -o "$EFS_OPTIONS" "$(mount_source)" "$MOUNT"; }

# `noresvport`: a connection that breaks is made anew from another port.
EFS_OPTIONS=tls,noresvport
mount_source() { printf '%s:/' "$FS_ID"; }

fstab_options() { printf '%s,_netdev,nofail,x-systemd.requires=%s' "$EFS_OPTIONS" "$(network_unit)"; }

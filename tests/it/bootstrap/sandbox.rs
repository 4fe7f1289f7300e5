//! A node in a folder: the boot script runs over a scratch tree, with stubs for all that talks to kernel, network or systemd.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use provision::bootstrap::Inputs;

const STUBS: [&str; 31] = [
    "apt-get",
    "apt-mark",
    "aws",
    "blkid",
    "curl",
    "date",
    "dnf",
    "findmnt",
    "getconf",
    "getent",
    "getenforce",
    "lctl",
    "lfs",
    "lnetctl",
    "lsblk",
    "lustre_rmmod",
    "mdadm",
    "modinfo",
    "modprobe",
    "mount",
    "mount.lustre",
    "nproc",
    "rpm",
    "sleep",
    "stat",
    "sync",
    "systemctl",
    "systemd-escape",
    "uname",
    "nvidia-smi",
    "chronyc",
];

pub(super) struct Node {
    pub(super) root: PathBuf,
    pub(super) state: PathBuf,
    script: PathBuf,
    _folder: tempfile::TempDir,
}

/// The shared file system: a folder, whose name is anything but harmless.
pub(super) fn file_system() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("f $(x) 's");
    fs::create_dir(&mount).unwrap();
    let text = mount.to_str().unwrap().to_owned();
    (folder, text)
}

impl Node {
    pub(super) fn new(inputs: &Inputs, os: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (root, state, bin) = (folder.path().join("root"), folder.path().join("state"), folder.path().join("bin"));
        for each in [
            &root.join("etc/yum.repos.d"),
            &root.join("dev"),
            &root.join("proc"),
            &root.join("var/log"),
            &root.join("var/lib"),
            &state.join("set"),
            &bin,
        ] {
            fs::create_dir_all(each).unwrap();
        }
        for name in STUBS {
            symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bootstrap/stubs/all.sh"), bin.join(name)).unwrap();
        }
        fs::write(root.join("proc/uptime"), "30.12 50.00\n").unwrap();
        fs::write(root.join("etc/os-release"), os).unwrap();
        fs::write(root.join("etc/fstab"), "# the image's own\nLABEL=/ / xfs defaults 1 1\n").unwrap();
        fs::write(state.join("clock"), "1800000000\n").unwrap();
        let script = folder.path().join("part-001");
        fs::write(&script, super::script(inputs)).unwrap();
        Self { root, state, script, _folder: folder }
    }

    pub(super) fn amazon_linux(inputs: &Inputs) -> Self {
        Self::new(inputs, "ID=\"amzn\"\nVERSION_ID=\"2023\"\n")
    }

    pub(super) fn ubuntu(inputs: &Inputs) -> Self {
        Self::new(inputs, "ID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n")
    }

    pub(super) fn rocky(inputs: &Inputs) -> Self {
        Self::new(inputs, "ID=\"rocky\"\nVERSION_ID=\"9.5\"\n")
    }

    /// Sets what a stub answers.
    pub(super) fn set(&self, name: &str, value: &str) -> &Self {
        fs::write(self.state.join("set").join(name), value).unwrap();
        self
    }

    /// An EFA device with its driver, and the unit by which AWS's script gives it to LNet at each boot.
    pub(super) fn efa_device(&self) {
        let device = self.root.join("sys/class/infiniband/rdmap0/device");
        fs::create_dir_all(&device).unwrap();
        fs::create_dir_all(self.root.join("drivers/efa")).unwrap();
        symlink(self.root.join("drivers/efa"), device.join("driver")).unwrap();
        let units = self.root.join("etc/systemd/system");
        fs::create_dir_all(&units).unwrap();
        fs::write(units.join("configure-efa-fsx-lustre-client.service"), "").unwrap();
    }

    /// What cloud-init does, once, and systemd's start of the service that it leaves.
    pub(super) fn first_boot(&self) -> Output {
        let output = self.bash(&self.script, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(self.calls("systemctl start --no-block provision-node.service") == 1);
        self.boot()
    }

    pub(super) fn boot(&self) -> Output {
        self.run(&["boot"])
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.bash(&self.root.join("usr/local/sbin/provision-node"), arguments)
    }

    /// Reboots into fstab's automount.
    pub(super) fn reboot(&self) {
        fs::remove_file(self.state.join("mounted")).unwrap();
        fs::write(self.state.join("automount"), "").unwrap();
    }

    fn bash(&self, script: &Path, arguments: &[&str]) -> Output {
        let bin = self.state.with_file_name("bin");
        Command::new("bash")
            .arg(script)
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("SANDBOX", &self.state)
            .env("PROVISION_ROOT", &self.root)
            .output()
            .unwrap()
    }

    /// Every value that `provision:node` had.
    pub(super) fn tags(&self) -> Vec<String> {
        fs::read_to_string(self.state.join("tags")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Every value that `provision:preload` had.
    pub(super) fn preload_tags(&self) -> Vec<String> {
        fs::read_to_string(self.state.join("preload-tags")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    pub(super) fn calls(&self, start: &str) -> usize {
        let calls = fs::read_to_string(self.state.join("calls")).unwrap();
        calls.lines().filter(|line| line.starts_with(start)).count()
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

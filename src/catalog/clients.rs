//! Which systems nodes can mount FSx for Lustre with, by the names of their images.

use std::sync::LazyLock;

use super::table;

const DATA: &str = include_str!("data/clients.tsv");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    part: &'static str,
    /// `Ubuntu 24.04`
    pub system: &'static str,
    pub supported: bool,
    pub why: &'static str,
}

static CLIENTS: LazyLock<Vec<Client>> = LazyLock::new(|| {
    let rows = table::rows(DATA).map(|mut cells| Client {
        part: cells.text(),
        system: cells.text(),
        supported: cells.flag(),
        why: cells.text(),
    });
    rows.collect()
});

/// The system of an image by its name; None where that does not tell.
pub fn of(image_name: &str) -> Option<&'static Client> {
    let name = image_name.to_lowercase();
    CLIENTS.iter().find(|client| name.contains(client.part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_aws_gives_them() {
        let of = |name: &str| of(name).map(|client| (client.system, client.supported));
        assert_eq!(of("al2023-ami-2023.9.20261110.0-kernel-6.12-x86_64"), Some(("Amazon Linux 2023", true)));
        assert_eq!(of("amzn2-ami-hvm-2.0.20261101.0-x86_64-gp2"), Some(("Amazon Linux 2", false)));
        assert_eq!(
            of("Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20261101"),
            Some(("Amazon Linux 2023", true))
        );
        assert_eq!(of("Deep Learning AMI GPU PyTorch 1.13 (Amazon Linux 2) 20230101"), Some(("Amazon Linux 2", false)));
        assert_eq!(
            of("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261101"),
            Some(("Ubuntu 24.04", true))
        );
        assert_eq!(of("RHEL-9.6.0_HVM-20261001-x86_64-0-Hourly2-GP3"), Some(("RHEL 9", true)));
        assert_eq!(of("our-training-image-17"), None);
    }
}

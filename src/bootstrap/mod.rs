//! What a node runs at boot: `templates/` and the values of the spec, made into EC2 user-data.
//!
//! Pure: the same values give the same bytes. Values reach the script only as shell-quoted assignments at its top
//! ([`script`]); everything below them is the same for every cluster.

mod inputs;
mod script;
mod user_data;

pub use inputs::{Endpoint, Inputs, InputsDataset, SHARED_PATH, Service, digest};
pub use user_data::{BootstrapError, USER_DATA_LIMIT, user_data};

#[cfg(test)]
mod fixtures {
    use super::{Endpoint, Inputs, InputsDataset, Service};

    pub(super) fn inputs() -> Inputs {
        Inputs {
            cluster: "video-pretrain".into(),
            region: "us-east-1".into(),
            group: "trainer".into(),
            count: 8,
            mount: "/fsx".into(),
            datasets: vec![
                InputsDataset { path: "/train set".into(), preload_data: true, exported: false, layout: None },
                InputsDataset { path: "/checkpoints".into(), preload_data: false, exported: true, layout: None },
            ],
            service: Service::FsxLustre,
            storage_efa: true,
            node_efa_interfaces: 8,
            setup: Some("#!/bin/bash\necho \"it's $HOME\"\n".into()),
            ttl_s: Some(259_200),
            share: None,
        }
    }

    pub(super) fn endpoint() -> Endpoint {
        Endpoint {
            file_system_id: "fs-0123456789abcdef0".into(),
            dns_name: "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com".into(),
            mount_name: "abcdefgh".into(),
        }
    }
}

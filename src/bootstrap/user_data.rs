//! From the script to the bytes that EC2 hands to cloud-init.
//!
//! A plain script, not MIME multipart: nothing in here is for cloud-init's own modules (packages, files and mounts need waits,
//! retries and a report of what failed), a script runs the same on every version of cloud-init, and the very file that cloud-init
//! runs is what systemd runs again at each later boot.

use super::script::{gzip, script};
use super::{Endpoint, Inputs};

/// EC2's limit of user-data, before base64 (EC2UG: user-data, 2026-11).
pub const USER_DATA_LIMIT: usize = 16_384;

/// Why a boot script cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error("a value for the boot script holds a NUL byte")]
    Nul,
    #[error("the boot script takes {packed} bytes packed, {over} over EC2's limit of {USER_DATA_LIMIT}: {}", because(*.setup, *.paths))]
    TooLarge {
        packed: usize,
        over: usize,
        /// Bytes of the user's setup script.
        setup: Option<usize>,
        /// Bytes of `mount` and the paths of datasets.
        paths: usize,
    },
    /// A bug: a template and its values do not fit.
    #[error("the templates of the boot script do not render")]
    Template(#[source] minijinja::Error),
}

fn because(setup: Option<usize>, paths: usize) -> String {
    match setup {
        Some(bytes) if bytes > paths => format!("the setup script has {bytes} bytes, keep it in S3 and fetch it"),
        _ => format!("`mount` and the paths of the datasets have {paths} bytes, take shorter ones"),
    }
}

/// Returns the user-data of a group's nodes as it is sent, before base64: the same bytes for the same values.
///
/// Packed only if it must be, as text can be read in the console; cloud-init unpacks (cloud-init docs: user-data formats).
pub fn user_data(inputs: &Inputs, endpoint: &Endpoint) -> Result<Vec<u8>, BootstrapError> {
    let plain = script(inputs, endpoint)?.into_bytes();
    if plain.len() <= USER_DATA_LIMIT {
        return Ok(plain);
    }
    let packed = gzip(&plain);
    if packed.len() <= USER_DATA_LIMIT {
        return Ok(packed);
    }
    let (packed, over) = (packed.len(), packed.len() - USER_DATA_LIMIT);
    let paths = inputs.mount.len() + inputs.datasets.iter().map(|each| each.path.len()).sum::<usize>();
    Err(BootstrapError::TooLarge { packed, over, setup: inputs.setup.as_ref().map(String::len), paths })
}

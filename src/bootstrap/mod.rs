//! User-data.
use crate::spec::Preload;
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs { pub cluster: String, pub region: String, pub group: String, pub count: u32, pub mount: String, pub datasets: Vec<InputsDataset>, pub storage_efa: bool, pub node_efa_interfaces: u32, pub vcpus: Option<u32>, pub memory_mib: Option<u64>, pub setup: Option<String>, pub ttl_s: Option<u64> }
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputsDataset { pub path: String, pub preload: Preload }
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint { pub file_system_id: String, pub dns_name: String, pub mount_name: String }
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct BootstrapError;
pub fn user_data(_inputs: &Inputs, _endpoint: &Endpoint) -> Result<Vec<u8>, BootstrapError> { Ok(Vec::new()) }
pub fn digest(inputs: &Inputs) -> String { format!("{inputs:?}") }

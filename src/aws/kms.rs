//! A key: only whether it is there and can be used. Nothing in here changes one.

use aws_sdk_kms::types::{KeyMetadata, KeySpec, KeyState, KeyUsageType};

use super::Aws;
use super::error::{Explain as _, found};
use crate::cloud::{Class, CloudError, Key};

impl Aws {
    pub(super) async fn key(&self, id: &str) -> Result<Key, CloudError> {
        let operation = "kms:DescribeKey";
        let Some(answer) = found(self.kms.describe_key().key_id(id).send().await.look(operation))? else {
            return Ok(Key::Missing);
        };
        let key: KeyMetadata =
            answer.key_metadata.ok_or_else(|| CloudError::new(operation, Class::Unknown, "the answer holds no key"))?;
        let symmetric = key.key_spec() == Some(&KeySpec::SymmetricDefault);
        Ok(Key::Found {
            state: key.key_state().map_or("unknown", KeyState::as_str).to_owned(),
            encrypts: symmetric && key.key_usage() == Some(&KeyUsageType::EncryptDecrypt),
        })
    }
}

//! Who we are.

use super::Aws;
use super::error::Explain as _;
use crate::cloud::{CloudError, Identity};

impl Aws {
    pub(super) async fn who_am_i(&self) -> Result<Identity, CloudError> {
        let answer = self.sts.get_caller_identity().send().await.look("sts:GetCallerIdentity")?;
        let arn = answer.arn.unwrap_or_default();
        // arn:aws-us-gov:iam::123456789012:user/ana
        let partition = arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws").to_owned();
        Ok(Identity { account: answer.account.unwrap_or_default(), arn, region: self.region.clone(), partition })
    }
}

//! Parameter Store: the deployment record, and the ids of public images.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::Aws;
use super::error::{Explain as _, exists_already, found};
use crate::cloud::{CloudError, Overwrite, Written};

/// GetParameters and DeleteParameters take ten names a call (SSM API Reference).
const NAMES_A_CALL: usize = 10;

impl Aws {
    /// A path below which there is nothing is no error to AWS.
    pub(super) async fn parameters_below(&self, path: &str) -> Result<BTreeMap<String, String>, CloudError> {
        let mut pages =
            self.ssm.get_parameters_by_path().path(path).recursive(true).with_decryption(true).into_paginator().send();
        let mut parameters = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.look("ssm:GetParametersByPath")?;
            parameters.extend(
                page.parameters.unwrap_or_default().into_iter().filter_map(|each| Some((each.name?, each.value?))),
            );
        }
        Ok(parameters)
    }

    /// Writes a value. With [`Overwrite::No`] the value has to be its writer's own (hold an id of the run): one that is
    /// found there already and is equal is taken for ours, written by a try whose answer was lost.
    pub(super) async fn write_parameter(
        &self,
        name: &str,
        value: &str,
        overwrite: Overwrite,
    ) -> Result<Written, CloudError> {
        let outcome = self
            .ssm
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(ParameterType::String)
            // Standard up to 4 KB, advanced above, and no attempt to shrink an advanced one back, which AWS refuses.
            .tier(ParameterTier::IntelligentTiering)
            .overwrite(overwrite == Overwrite::Yes)
            .send()
            .await
            .change("ssm:PutParameter");
        match outcome {
            Ok(_) => Ok(Written::Done),
            Err(error) if overwrite == Overwrite::No && exists_already(&error) => {
                let there = found(
                    self.ssm.get_parameter().name(name).with_decryption(true).send().await.look("ssm:GetParameter"),
                )?;
                let there = there.and_then(|answer| answer.parameter).and_then(|parameter| parameter.value);
                Ok(if there.as_deref() == Some(value) { Written::Done } else { Written::Exists })
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn remove_parameters(&self, names: &[String]) -> Result<(), CloudError> {
        for batch in names.chunks(NAMES_A_CALL) {
            // Names that do not exist come back in a list of their own, without an error.
            self.ssm.delete_parameters().set_names(Some(batch.to_vec())).send().await.change("ssm:DeleteParameters")?;
        }
        Ok(())
    }

    /// Values by name; what does not exist is absent.
    pub(super) async fn parameter_values(&self, names: &[String]) -> Result<BTreeMap<String, String>, CloudError> {
        let mut values = BTreeMap::new();
        for batch in names.chunks(NAMES_A_CALL) {
            let answer =
                self.ssm.get_parameters().set_names(Some(batch.to_vec())).send().await.look("ssm:GetParameters")?;
            values.extend(
                answer.parameters.unwrap_or_default().into_iter().filter_map(|each| Some((each.name?, each.value?))),
            );
        }
        Ok(values)
    }
}

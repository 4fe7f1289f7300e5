//! Limits of the account, as Service Quotas has them.

use std::collections::{BTreeMap, BTreeSet};

use super::Aws;
use super::error::{Explain as _, found};
use crate::cloud::{CloudError, QuotaId};

/// The longest page (Service Quotas API Reference, ListServiceQuotas).
const PAGE: i32 = 100;

impl Aws {
    /// One is got; several of a service come in one list. Who never asked for another value has none of their own: then
    /// it is AWS's default that counts.
    pub(super) async fn limits(
        &self,
        service: &str,
        wanted: &BTreeSet<QuotaId>,
    ) -> Result<BTreeMap<QuotaId, u64>, CloudError> {
        let mut limits = BTreeMap::new();
        if let [one] = wanted.iter().collect::<Vec<_>>().as_slice() {
            let call = self.servicequotas.get_service_quota().service_code(service).quota_code(&one.code);
            let answer = found(call.send().await.look("servicequotas:GetServiceQuota"))?;
            let value = answer.and_then(|answer| answer.quota?.value).and_then(whole);
            limits.extend(value.map(|value| ((*one).clone(), value)));
        } else {
            let call = self.servicequotas.list_service_quotas().service_code(service).max_results(PAGE);
            let mut pages = call.into_paginator().send();
            while let Some(page) = pages.next().await {
                for quota in page.look("servicequotas:ListServiceQuotas")?.quotas.unwrap_or_default() {
                    let id = QuotaId { service: service.to_owned(), code: quota.quota_code.unwrap_or_default() };
                    if let (true, Some(value)) = (wanted.contains(&id), quota.value.and_then(whole)) {
                        limits.insert(id, value);
                    }
                }
            }
        }
        for id in wanted {
            if !limits.contains_key(id) {
                let call =
                    self.servicequotas.get_aws_default_service_quota().service_code(service).quota_code(&id.code);
                // A quota that a region does not have limits nothing.
                let answer = found(call.send().await.look("servicequotas:GetAWSDefaultServiceQuota"))?;
                let value = answer.and_then(|answer| answer.quota?.value).and_then(whole);
                limits.extend(value.map(|value| (id.clone(), value)));
            }
        }
        Ok(limits)
    }
}

/// The wire has a floating-point number; None for what counts nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is neither negative nor too large")]
fn whole(value: f64) -> Option<u64> {
    // 2^53: below, every whole number has its own.
    (0.0..9_007_199_254_740_992.0).contains(&value).then(|| value.floor() as u64)
}

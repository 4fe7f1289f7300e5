//! What a plan that was made without a look leaves open.

use std::collections::BTreeSet;

use super::findings::{Subject, note};
use crate::desired::image_key;
use crate::plan::Finding;
use crate::spec::Spec;

pub(in crate::apply) fn not_compared(spec: &Spec, region: Option<&str>) -> Finding {
    let images: BTreeSet<String> = spec.nodes.iter().map(|group| format!("`{}`", image_key(&group.image))).collect();
    let images: Vec<String> = images.into_iter().collect();
    let mut finding = note("plan::offline", "this plan was made from the spec alone")
        .why(
            "what exists was not looked at: to create may be to change, to replace or nothing at all, and what is dangerous \
             about it is not known"
                .to_owned(),
        )
        .why(format!(
            "not known: the availability zone and the subnet; whether there is an image {}",
            images.join(", ")
        ));
    if region.is_none() {
        let text = "not known: the region, and with it every price; the spec does not name one";
        finding = finding.why(text.to_owned());
    }
    finding
        .why("not looked at: credentials and permissions, quotas, capacity, free addresses, buckets".to_owned())
        .how("`provision plan` without `--offline` compares; only such a plan can be applied with `up --plan`")
}

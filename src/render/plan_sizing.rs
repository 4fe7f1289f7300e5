//! What every face of a plan says of storage that a workload sizes, put into words once.

use crate::plan::{Plan, Sizing};
use crate::sizing::advice::Headroom;

/// The heading; None: the spec says the size itself.
pub(super) fn title(plan: &Plan) -> Option<&'static str> {
    plan.sizing.as_ref().map(|sizing| {
        if sizing.pinned { "Storage as settled for the workload" } else { "Storage sized for the workload" }
    })
}

/// A sentence each: what and why, what is asked of it, how much of each stage is used, and what was assumed.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let Some(Sizing { pinned: _, storage, requirements, short: _, assumptions, proposal: _ }) = &plan.sizing else {
        return Vec::new();
    };
    let mut lines = vec![format!("{}. {}", storage.configuration.words, storage.why)];
    let numbers = requirements.iter().filter(|each| !matches!(each.wanted, crate::sizing::Amount::Words(_)));
    lines.extend(numbers.map(|each| format!("asked for: {} {} ({})", each.key.words(), each.wanted, each.because)));
    lines.extend(storage.stages.iter().map(stage));
    lines.extend(assumptions.iter().map(|each| {
        let key = each.key.as_ref().map(|key| format!("; `{key}` says otherwise")).unwrap_or_default();
        format!("assumed: {}: {} ({}{key})", each.what, each.value, each.why)
    }));
    lines
}

/// "disk: 25 GB/s of 25.2 GB/s, 0% left"
fn stage(headroom: &Headroom) -> String {
    let Headroom { stage, wanted, had, left_percent, source } = headroom;
    let mark = if source.verified { "" } else { " (not verified)" };
    match (had, left_percent) {
        (Some(had), Some(left)) if *left < 0 => format!("{stage}: {wanted} of {had}: too little{mark}"),
        (Some(had), Some(left)) => format!("{stage}: {wanted} of {had}, {left}% left{mark}"),
        (Some(_) | None, _) => format!("{stage}: {wanted}; what there is, is not published"),
    }
}

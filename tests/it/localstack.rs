//! The whole, against LocalStack with our FSx service: real wire formats, real processes, real signals.
//!
//! One LocalStack for all scenarios, each on a clean slate and one after another: the ledger, the settings and the faults
//! are those of the whole LocalStack. `make test` says where it is (`PROVISION_LOCALSTACK`); without that nothing runs.
//! `PROVISION_SCENARIO=word` runs only those with the word in their name.

mod crash;
mod data;
mod faults;
mod life;
mod nodes;
mod permissions;
mod saved;
mod scene;
mod surroundings;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use scene::{LocalStack, Scene};

type Scenario = fn(&Scene);

/// All of them, the shortest first: a broken machine shows at once.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("life::both_launch_modes", life::both_launch_modes),
    ("life::a_whole_life", life::a_whole_life),
    ("life::a_thousand_nodes", life::a_thousand_nodes),
    ("saved::reviewed_and_applied", saved::reviewed_and_applied),
    ("permissions::plans_with_the_policy_to_look", permissions::plans_with_the_policy_to_look),
    ("permissions::applies_with_its_own_policy", permissions::applies_with_its_own_policy),
    ("permissions::applies_with_what_is_given", permissions::applies_with_what_is_given),
    ("nodes::a_boot_fails", nodes::a_boot_fails),
    ("nodes::no_capacity", nodes::no_capacity),
    ("data::an_export_fails", data::an_export_fails),
    ("data::refuses_what_cannot_be", data::refuses_what_cannot_be),
    ("faults::answers_get_lost", faults::answers_get_lost),
    ("faults::everything_is_throttled", faults::everything_is_throttled),
    ("crash::killed_and_gone_on_with", crash::killed_and_gone_on_with),
    ("crash::killed_and_taken_down", crash::killed_and_taken_down),
    ("crash::killed_and_blind", crash::killed_and_blind),
    ("crash::interrupted", crash::interrupted),
    ("crash::two_at_once", crash::two_at_once),
    ("surroundings::the_log_is_what_was_shown", surroundings::the_log_is_what_was_shown),
    ("surroundings::nowhere_to_write", surroundings::nowhere_to_write),
    ("surroundings::credentials_expire", surroundings::credentials_expire),
    ("surroundings::stopped_by_hand", surroundings::stopped_by_hand),
    ("surroundings::the_terminal_goes_away", surroundings::the_terminal_goes_away),
];

#[test]
#[expect(clippy::print_stderr, reason = "what ran and how long it took is worth a line each")]
fn scenarios() {
    let Some(localstack) = LocalStack::start() else {
        eprintln!("skipped: run `make test`, which starts LocalStack");
        return;
    };
    let wanted = std::env::var("PROVISION_SCENARIO").unwrap_or_default();
    let mut failed = Vec::new();
    for (index, (name, scenario)) in SCENARIOS.iter().enumerate().filter(|(_, (name, _))| name.contains(&wanted)) {
        let start = Instant::now();
        // A scenario that fails must not hide what the others have to say.
        let result = catch_unwind(AssertUnwindSafe(|| scenario(&Scene::new(&localstack, index))));
        eprintln!(
            "{} {name} ({:.1} s)",
            if result.is_ok() { "ok    " } else { "FAILED" },
            start.elapsed().as_secs_f64()
        );
        if result.is_err() {
            failed.push(*name);
        }
    }
    drop(localstack);
    assert!(failed.is_empty(), "scenarios that failed: {}", failed.join(", "));
}

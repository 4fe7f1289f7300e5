//! The whole, against LocalStack with our FSx service: real wire formats, real processes, real signals.
//!
//! A few LocalStacks at once, and on each one scenario after another, always on a clean slate: the ledger, the settings and
//! the faults are those of a whole LocalStack. `make test` says where it is (`PROVISION_LOCALSTACK`); without that nothing runs.
//! `PROVISION_SCENARIO=word` runs only those with the word in their name.

mod advise;
mod crash;
mod data;
mod efs;
mod existing;
mod faults;
mod file_cache;
mod held;
mod life;
mod markets;
mod nodes;
mod permissions;
mod preflight;
mod saved;
mod scene;
mod surroundings;
mod types;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use scene::{LocalStack, Scene};

type Scenario = fn(&Scene);

/// All of them, the longest first: so they all end at about the same time.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("crash::killed_and_taken_down", crash::killed_and_taken_down),
    ("crash::killed_and_gone_on_with", crash::killed_and_gone_on_with),
    ("data::an_export_fails", data::an_export_fails),
    ("crash::killed_and_blind", crash::killed_and_blind),
    ("life::a_whole_life", life::a_whole_life),
    ("existing::linked_mounted_and_left_as_it_was", existing::linked_mounted_and_left_as_it_was),
    ("advise::a_large_bucket_in_little_memory", advise::a_large_bucket_in_little_memory),
    (
        "advise::scans_what_the_spec_names_and_refuses_what_is_not_there",
        advise::scans_what_the_spec_names_and_refuses_what_is_not_there,
    ),
    ("efs::made_used_and_given_up", efs::made_used_and_given_up),
    ("efs::answers_get_lost", efs::answers_get_lost),
    ("file_cache::made_exported_and_gone", file_cache::made_exported_and_gone),
    ("life::both_launch_modes", life::both_launch_modes),
    ("life::a_thousand_nodes", life::a_thousand_nodes),
    ("preflight::finds_all_at_once", preflight::finds_all_at_once),
    ("preflight::silence_keeps_nothing_from_being_made", preflight::silence_keeps_nothing_from_being_made),
    ("saved::reviewed_and_applied", saved::reviewed_and_applied),
    ("permissions::plans_with_the_policy_to_look", permissions::plans_with_the_policy_to_look),
    ("permissions::applies_with_its_own_policy", permissions::applies_with_its_own_policy),
    ("permissions::applies_with_what_is_given", permissions::applies_with_what_is_given),
    ("types::the_next_type_and_one_node_replaced", types::the_next_type_and_one_node_replaced),
    ("markets::a_block_begins_and_ends", markets::a_block_begins_and_ends),
    ("markets::spot_is_taken_back", markets::spot_is_taken_back),
    ("nodes::a_boot_fails", nodes::a_boot_fails),
    ("nodes::no_capacity", nodes::no_capacity),
    ("nodes::a_group_is_filled_later", nodes::a_group_is_filled_later),
    ("held::launched_into", held::launched_into),
    ("held::stopped_and_gone_on_with", held::stopped_and_gone_on_with),
    ("nodes::moves_while_it_is_empty", nodes::moves_while_it_is_empty),
    ("nodes::spoken_with", nodes::spoken_with),
    ("nodes::files_outside_the_links", nodes::files_outside_the_links),
    ("data::refuses_what_cannot_be", data::refuses_what_cannot_be),
    ("faults::answers_get_lost", faults::answers_get_lost),
    ("faults::everything_is_throttled", faults::everything_is_throttled),
    ("crash::interrupted", crash::interrupted),
    ("crash::two_at_once", crash::two_at_once),
    ("surroundings::the_log_is_what_was_shown", surroundings::the_log_is_what_was_shown),
    ("surroundings::nowhere_to_write", surroundings::nowhere_to_write),
    ("surroundings::credentials_expire", surroundings::credentials_expire),
    ("surroundings::stopped_by_hand", surroundings::stopped_by_hand),
    ("surroundings::the_terminal_goes_away", surroundings::the_terminal_goes_away),
];

/// So many LocalStacks at once: scenarios mostly wait, and each LocalStack takes half a GB.
const AT_ONCE: usize = 3;

#[test]
#[expect(clippy::print_stderr, reason = "what ran and how long it took is worth a line each")]
fn scenarios() {
    let wanted = std::env::var("PROVISION_SCENARIO").unwrap_or_default();
    let chosen: Vec<_> = SCENARIOS.iter().enumerate().filter(|(_, (name, _))| name.contains(&wanted)).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        let Some(localstack) = LocalStack::start() else {
            eprintln!("skipped: run `make test`, which starts LocalStack");
            return;
        };
        while let Some((index, (name, scenario))) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            // A scenario that fails must not hide what the others have to say.
            let result = catch_unwind(AssertUnwindSafe(|| scenario(&Scene::new(&localstack, *index))));
            let word = if result.is_ok() { "ok    " } else { "FAILED" };
            eprintln!("{word} {name} ({:.1} s)", start.elapsed().as_secs_f64());
            if result.is_err() {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(*name);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(chosen.len()) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "scenarios that failed: {}", failed.join(", "));
}

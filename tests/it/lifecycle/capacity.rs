//! What keeps nodes from being launched, and where a cluster lives because of it.

use provision::apply::event::Failure;
use provision::apply::{Outcome, Report};
use provision::cloud::Class;
use provision::desired::Kind;
use provision::simulated::Settings;

use super::harness::{Machine, quick, spec, world};

fn report(outcome: Result<Outcome, provision::apply::prepare::Failed>, machine: &Machine) -> Report {
    match outcome {
        Ok(Outcome::Ran { report, .. }) => report,
        other => panic!("{other:?}\n{}", machine.cloud.history()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_refuses_a_launch_is_named_with_what_was_wanted() {
    let machine = world(Settings { quotas: [(Kind::Nodes, 1)].into(), ..quick(0) });
    let report = report(machine.up(&spec(&[2], &["/train"])).await, &machine);
    let [(address, Failure::Cloud { error })] = report.failures.as_slice() else { panic!("{report:#?}") };
    assert_eq!((address.to_string().as_str(), error.class), ("nodes.g0", Class::Quota));
    let limit = error.limit.as_ref().and_then(|limit| limit.quota.as_ref()).expect("it is named");
    assert_eq!((limit.code.as_str(), limit.more), ("L-417A185B", 2 * 192));
}

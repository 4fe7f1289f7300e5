//! Storage that a workload sizes: chosen once, settled in the record, never resized in silence.

use provision::catalog::prices::{PriceBook, Prices};
use provision::desired::Kind;
use provision::plan::{Options, Plan, Purpose, Verb};
use provision::record;
use provision::render::{Theme, plan_html, plan_json, plan_markdown, plan_text};
use provision::simulated::Settings;
use provision::spec::{Open, Spec, Storage, Workload};

use super::harness::{CLUSTER, Machine, spec, world};

/// A spec without `[storage]`, as the command reads it.
fn of_workload(read_gb: u64) -> Spec {
    let sized = spec(&[4], &["/train"]);
    let written = Storage { capacity_gib: None, throughput_per_tib: None, ..sized.storage.clone() };
    let open = Open { deployment: true, media: true, metadata_iops: true, drive_cache: true, efa: true };
    let workload = Workload {
        dataset_size: Some(10_000_000_000_000),
        read: Some(read_gb * 1_000_000_000),
        write: Some(1_000_000_000),
        files: Some(100_000),
        ..Workload::default()
    };
    Spec { workload: Some(workload), written: Some(written), open, ..sized }
}

fn capacity(machine: &Machine) -> String {
    machine.cloud.truth(CLUSTER).file_system().expect("a file system").fields["capacity"].clone()
}

fn fsx(plan: &Plan) -> Verb {
    plan.actions.iter().find(|action| action.address.kind == Kind::Fsx).expect("planned").verb
}

#[tokio::test(start_paused = true)]
async fn a_workload_sizes_storage_once_and_proposes_from_then_on() {
    let machine = world(Settings::default());
    let first = machine.plan(Purpose::Up, Some(&of_workload(4))).await.plan;
    let sizing = first.sizing.as_ref().expect("sized");
    assert!(!sizing.pinned && sizing.storage.meets && sizing.proposal.is_none());
    machine.must_up(&of_workload(4)).await;
    assert_eq!(capacity(&machine), "12000 GiB");
    let parameters = machine.cloud.parameters_now(&record::path(CLUSTER));
    let record = record::read(CLUSTER, &parameters).expect("ours").expect("written");
    assert_eq!(record.pins.storage.expect("settled")["capacity"], "12000 GiB");

    // Twice the work: the file system stays as it is, and the plan says what would do.
    let more = of_workload(8);
    let plan = machine.plan(Purpose::Up, Some(&more)).await.plan;
    assert_eq!((fsx(&plan), plan.is_done()), (Verb::Keep, true));
    let codes: Vec<&str> = plan.findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&"sizing::short") && codes.contains(&"sizing::proposal"), "{codes:?}");
    let sizing = plan.sizing.as_ref().expect("sized");
    assert!(sizing.pinned && !sizing.storage.meets);
    let proposal = sizing.proposal.as_ref().expect("another would be chosen");
    assert!(proposal.monthly_more > Some(provision::catalog::prices::Usd::ZERO) && !proposal.replaces);
    machine.must_up(&more).await;
    assert_eq!(capacity(&machine), "12000 GiB", "not resized in silence");

    // The proposal is taken by writing it down.
    tokio::time::advance(std::time::Duration::from_secs(7 * 3600)).await;
    let configuration = &proposal.storage.configuration;
    let mut taken = more.clone();
    taken.written = None;
    taken.storage.capacity_gib = configuration.capacity_gib;
    taken.storage.throughput_per_tib = configuration.throughput_mbps_per_tib;
    machine.must_up(&taken).await;
    assert_eq!(capacity(&machine), format!("{} GiB", configuration.capacity_gib.expect("SSD has one")));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn other_prices_do_not_resize_it_either() {
    let machine = world(Settings::default());
    let spec = of_workload(4);
    machine.must_up(&spec).await;
    let dear = Prices::parse("# region: us-east-1\nfsx/persistent-2-ssd/500 9\n").expect("a table");
    let mut request = machine.request(Purpose::Up, Some(&spec), Options::default());
    request.prices = PriceBook::default().with_given("ours.tsv", dear);
    let prepared = provision::apply::prepare::prepare(&machine.cloud, &machine.clock, &request).await.expect("fine");
    assert!(prepared.plan.is_done(), "{:#?}", prepared.plan.steps);
    let proposal = prepared.plan.sizing.and_then(|sizing| sizing.proposal).expect("another is cheaper now");
    assert!(proposal.monthly_more < Some(provision::catalog::prices::Usd::ZERO));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_record_the_file_system_that_is_there_is_kept() {
    let machine = world(Settings::default());
    machine.must_up(&of_workload(4)).await;
    let names: Vec<String> = machine.cloud.parameters_now("/provision/").into_keys().collect();
    provision::cloud::Cloud::delete_parameters(&machine.cloud, &names).await.expect("they go");
    let plan = machine.plan(Purpose::Up, Some(&of_workload(8))).await.plan;
    assert_eq!(fsx(&plan), Verb::Keep);
    assert!(plan.sizing.is_some_and(|sizing| sizing.pinned));
}

#[tokio::test(start_paused = true)]
async fn every_face_says_why() {
    let machine = world(Settings::default());
    let plan = machine.plan(Purpose::Up, Some(&of_workload(4))).await.plan;
    let markdown = plan_markdown::plan(&plan, plan_markdown::MaxBytes::default());
    for face in [plan_text::plan(&plan, &Theme::plain()), markdown, plan_html::plan(&plan)] {
        for word in ["Storage sized for the workload", "asked for: read", "assumed: ", "narrowest place", "% left"] {
            assert!(face.contains(word), "{word} is missing in\n{face}");
        }
    }
    let json: serde_json::Value = serde_json::from_str(&plan_json::plan(&plan)).expect("JSON");
    assert_eq!(json["sizing"]["storage"]["configuration"]["capacity_gib"], 12_000);
    assert_eq!(json["sizing"]["pinned"], false);
    let given = machine.plan(Purpose::Up, Some(&spec(&[4], &["/train"]))).await.plan;
    assert!(given.sizing.is_none());
}

//! What plans cost: every number again by hand, what holds of any plan, and budgets.

use proptest::prelude::*;
use provision::catalog::prices::{PriceBook, Usd};
use provision::diagnostic::Severity;
use provision::observed::{NodeState, State};
use provision::plan::{CostItem, Finding, Meter, Options, Plan, Purpose, Sum};
use provision::render::{Theme, plan_json, plan_markdown, plan_text};
use provision::spec::{Budget, Deployment, DriveCache, Market, Media, MetadataIops, Per, ReadCache, Spec};

use super::samples::{change, create, desired, down, nodes, observed, plan_of, record, spec};

/// Several groups, metadata IOPS above the automatic ones, and a ttl.
fn rich() -> Spec {
    let mut spec = spec();
    spec.cluster.ttl = Some(jiff::SignedDuration::from_hours(72));
    spec.nodes.push(nodes("loader", "g6.12xlarge", 2));
    spec.nodes.push(nodes("spare", "g6e.xlarge", 3));
    spec.nodes[2].market = Market::Spot;
    spec
}

fn tiering() -> Spec {
    let mut spec = rich();
    spec.datasets.clear();
    spec.storage.media = Media::IntelligentTiering;
    (spec.storage.capacity_gib, spec.storage.throughput_per_tib) = (None, None);
    spec.storage.throughput = Some(8000);
    spec.storage.read_cache = Some(ReadCache::ProportionalToThroughput);
    spec.storage.metadata_iops = Some(MetadataIops::Provisioned(12_000));
    spec
}

fn hdd(cache: DriveCache) -> Spec {
    let mut spec = rich();
    (spec.storage.deployment, spec.storage.media) = (Deployment::Persistent1, Media::Hdd);
    (spec.storage.capacity_gib, spec.storage.throughput_per_tib) = (Some(6000), Some(12));
    (spec.storage.drive_cache, spec.storage.metadata_iops) = (Some(cache), None);
    spec
}

/// The ttl of [`rich`], hours.
const TTL: i128 = 72;

/// By hand: whose, what of it, how many, the price in millionths (None: unknown), and hours in what the price is for.
type ByHand = (&'static str, Meter, i128, Option<i128>, i128);

/// Prices of us-east-1 as its price page has them: p5.48xlarge 55.04 an hour, g6.12xlarge 4.6016, gp3 0.08 a GB and month.
const GROUPS: [ByHand; 6] = [
    ("nodes.loader", Meter::Instances, 2, Some(4_601_600), 1),
    ("nodes.loader", Meter::RootVolumes, 400, Some(80_000), 730),
    ("nodes.spare", Meter::Instances, 3, None, 1),
    ("nodes.spare", Meter::RootVolumes, 600, Some(80_000), 730),
    ("nodes.trainer", Meter::Instances, 8, Some(55_040_000), 1),
    ("nodes.trainer", Meter::RootVolumes, 1600, Some(80_000), 730),
];

fn nearest(number: i128, of: i128) -> i128 {
    (2 * number + of) / (2 * of)
}

/// Millionths of a dollar an hour, a month, in a ttl.
fn amounts((_, _, count, price, hours): &ByHand) -> Option<[i128; 3]> {
    let price = (*price)?;
    Some([nearest(count * price, *hours), nearest(count * price * 730, *hours), nearest(count * price * TTL, *hours)])
}

fn check(plan: &Plan, storage: &[ByHand]) {
    let by_hand: Vec<ByHand> = storage.iter().chain(&GROUPS).copied().collect();
    assert_eq!(plan.cost.items.len(), by_hand.len(), "{:#?}", plan.cost.items);
    let document: serde_json::Value = serde_json::from_str(&plan_json::plan(plan)).expect("JSON");
    let mut totals = [0; 3];
    for (index, (item, line)) in plan.cost.items.iter().zip(&by_hand).enumerate() {
        let (address, meter, count, price, _) = line;
        assert_eq!(
            (item.address.to_string().as_str(), item.meter, i128::from(item.quantity)),
            (*address, *meter, *count)
        );
        assert_eq!(item.price.map(|price| i128::from(price.micros())), *price, "{item:?}");
        let amounts = amounts(line);
        assert_eq!(item.hourly.map(|usd| i128::from(usd.micros())), amounts.map(|each| each[0]), "{item:?}");
        assert_eq!(item.monthly.map(|usd| i128::from(usd.micros())), amounts.map(|each| each[1]), "{item:?}");
        let json = &document["cost"]["items"][index];
        assert_eq!(json["monthly"].as_i64().map(i128::from), amounts.map(|each| each[1]), "{json}");
        for (total, amount) in totals.iter_mut().zip(amounts.unwrap_or_default()) {
            *total += amount;
        }
    }
    let micros = |sum: &serde_json::Value| {
        ["hourly", "monthly", "until_ttl"].map(|key| i128::from(sum[key].as_i64().expect("a number")))
    };
    let sums = &document["summary"]["cost"];
    assert_eq!(micros(&sums["after"]), totals);
    assert_eq!(sums["after"]["complete"], false, "spot");
    assert_eq!(micros(&sums["difference"]), totals, "there is nothing yet");
    let storage_hourly: i128 = storage.iter().filter_map(amounts).map(|each| each[0]).sum();
    assert_eq!(
        i128::from(sums["after_ttl"]["hourly"].as_i64().expect("a number")),
        storage_hourly,
        "nodes are gone by then"
    );
}

#[test]
fn every_number_again_by_hand() {
    // 4800 GiB at 0.21, and of 12,000 metadata IOPS the 6000 that 4.8 TiB do not bring, at 0.055.
    let ssd =
        [("fsx", Meter::Storage, 4800, Some(210_000), 730), ("fsx", Meter::MetadataIops, 6000, Some(55_000), 730)];
    check(&create(&rich()), &ssd);
    // 8000 MB/s at 0.52, 5 GiB of cache for each at 0.09; nobody says what its metadata IOPS cost.
    let tiers = [
        ("fsx", Meter::Throughput, 8000, Some(520_000), 730),
        ("fsx", Meter::ReadCache, 40_000, Some(90_000), 730),
        ("fsx", Meter::MetadataIops, 12_000, None, 730),
    ];
    check(&create(&tiering()), &tiers);
    let mut provisioned = tiering();
    provisioned.storage.read_cache = Some(ReadCache::Provisioned(500));
    check(&create(&provisioned), &[tiers[0], ("fsx", Meter::ReadCache, 500, Some(90_000), 730), tiers[2]]);
    provisioned.storage.read_cache = Some(ReadCache::None);
    check(&create(&provisioned), &[tiers[0], tiers[2]]);
    check(&create(&hdd(DriveCache::None)), &[("fsx", Meter::Storage, 6000, Some(25_000), 730)]);
    check(&create(&hdd(DriveCache::Read)), &[("fsx", Meter::Storage, 6000, Some(41_000), 730)]);
    let mut scratch = rich();
    scratch.storage.deployment = Deployment::Scratch2;
    (scratch.storage.throughput_per_tib, scratch.storage.metadata_iops) = (None, None);
    check(&create(&scratch), &[("fsx", Meter::Storage, 4800, Some(140_000), 730)]);
    let mut automatic = rich();
    automatic.storage.metadata_iops = Some(MetadataIops::Auto);
    check(&create(&automatic), &ssd[..1]);
}

#[test]
fn all_faces_show_the_same_costs() {
    let mut after = rich();
    after.nodes[0].count = 6;
    after.nodes.remove(1);
    after.storage.capacity_gib = Some(9600);
    let plan = change(&rich(), &after, Options::default());
    let text = plan_text::plan(&plan, &Theme::plain());
    for line in text.lines().skip(1) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    insta::assert_snapshot!("cost_rich", &text[text.find("Cost").expect("costs")..]);
    let markdown = plan_markdown::plan(&plan, plan_markdown::MaxBytes::default());
    let shown = &markdown[markdown.find("Cost once").expect("costs")..];
    insta::assert_snapshot!("cost_rich_markdown", shown);
    for amount in ["-117.99 USD", "333.65 USD", "+1.38 USD", "total, at least"] {
        assert!(text.contains(amount) && shown.contains(amount), "{amount}\n{text}\n{shown}");
    }
}

#[test]
fn what_was_not_looked_at_has_no_difference() {
    let plan = create(&rich()).not_compared();
    assert_eq!((plan.cost.now(), plan.cost.difference()), (None, None));
    let document: serde_json::Value = serde_json::from_str(&plan_json::plan(&plan)).expect("JSON");
    assert!(document["summary"]["cost"]["difference"].is_null());
    assert!(plan_text::plan(&plan, &Theme::plain()).contains("what exists was not looked at"));
}

#[test]
fn what_stays_unknown_and_the_same_changes_nothing() {
    let mut after = rich();
    after.nodes[0].count = 9;
    let difference = change(&rich(), &after, Options::default()).cost.difference().expect("looked at");
    assert!(difference.complete, "the spot group is as it was");
    assert_eq!(difference.hourly.micros(), 55_040_000 + 200 * 80_000 / 730 + 1, "a node and its volume");
    after.nodes[2].count = 4;
    let difference = change(&rich(), &after, Options::default()).cost.difference().expect("looked at");
    assert!(!difference.complete, "one more spot node costs something unknown");
}

#[test]
fn what_is_there_is_priced_as_it_was_seen() {
    let wanted = desired(&rich());
    let mut seen = observed(&wanted);
    let of = |seen: &provision::observed::Observed| {
        plan_of(Purpose::Up, &wanted, seen, &record(&wanted), Options::default()).cost
    };
    assert_eq!(of(&seen).before.as_ref(), Some(&of(&seen).items), "it is as it shall be");
    // A stopped node has its volume, one that ends has nothing.
    let trainers: Vec<usize> = (0..seen.nodes.len()).filter(|at| seen.nodes[*at].address.name == "trainer").collect();
    seen.nodes[trainers[0]].state = NodeState::Stopped;
    seen.nodes[trainers[1]].state = NodeState::ShuttingDown;
    let hourly = |cost: &provision::plan::Cost, meter: Meter| {
        let all = cost.before.iter().flatten().filter(|item| item.address.name == "trainer" && item.meter == meter);
        all.filter_map(|item| item.monthly).sum::<Usd>().micros()
    };
    assert_eq!(hourly(&of(&seen), Meter::Instances), 6 * 55_040_000 * 730);
    assert_eq!(hourly(&of(&seen), Meter::RootVolumes), 7 * 200 * 80_000);
    // Nobody says what one costs that has failed; one that goes costs nothing.
    let at = seen.resources.iter().position(|each| each.address.to_string() == "fsx").expect("there");
    seen.resources[at].state = State::Failed;
    let cost = of(&seen);
    assert!(cost.before.iter().flatten().any(|item| item.address.to_string() == "fsx" && item.hourly.is_none()));
    seen.resources[at].state = State::Deleting;
    assert!(!of(&seen).before.iter().flatten().any(|item| item.address.to_string() == "fsx"));
}

#[test]
fn down_saves_all_of_it_but_what_stays() {
    let gone = down(&rich(), Options::default()).cost;
    assert_eq!(gone.after(), Sum { complete: true, ..Sum::default() });
    let difference = gone.difference().expect("looked at");
    assert_eq!(difference.hourly, Usd::ZERO - gone.now().expect("looked at").hourly);
    assert!(!difference.complete, "what the spot group saves is unknown");
    let kept = down(&rich(), Options { keep_storage: true, ..Options::default() }).cost;
    assert_eq!(kept.after().monthly.micros(), 4800 * 210_000 + 6000 * 55_000);
}

fn budget_of(plan: &Plan) -> Option<&Finding> {
    plan.findings.iter().find(|finding| finding.code == "plan::budget")
}

fn with_budget(mut spec: Spec, amount: i64, per: Per) -> Spec {
    spec.cluster.budget = Some(Budget { amount: Usd::from_micros(amount * 1_000_000), per });
    spec
}

#[test]
fn a_budget_refuses_what_costs_more() {
    // 442.33 an hour, 10,615.88 a day.
    let fits = create(&with_budget(spec(), 10_616, Per::Day));
    assert_eq!((budget_of(&fits), fits.is_refused()), (None, false));
    let over = create(&with_budget(spec(), 10_615, Per::Day));
    assert!(over.is_refused());
    let text = plan_text::plan(&over, &Theme::plain());
    insta::assert_snapshot!("budget", &text[text.find("error[plan::budget]").expect("told")..]);
    for (amount, per) in [(442, Per::Hour), (74_311, Per::Week), (322_899, Per::Month)] {
        assert!(create(&with_budget(spec(), amount, per)).is_refused(), "{amount}");
        assert!(!create(&with_budget(spec(), amount + 1, per)).is_refused(), "{amount}");
    }
    let text = |plan: &Plan| budget_of(plan).and_then(|finding| finding.help.clone()).expect("told");
    assert_eq!(
        text(&create(&with_budget(spec(), 100, Per::Hour))),
        "1 node instead of 8 in `trainer` would fit; or raise `budget`"
    );
    assert!(text(&create(&with_budget(spec(), 2, Per::Hour))).starts_with("fewer nodes in `trainer` are not enough"));
}

#[test]
fn a_group_that_can_do_with_fewer_costs_from_its_least_to_its_count() {
    let mut wanted = spec();
    wanted.nodes[0].min_count = Some(6);
    let plan = create(&wanted);
    let (all, least) = (create(&spec()), plan.cost.least.expect("two need not come"));
    assert_eq!((plan.cost.after(), all.cost.least), (all.cost.after(), None), "the table is of all of them");
    // Two p5.48xlarge, and their 200 GiB of gp3 each.
    let saved = 2 * 55_040_000 + nearest(2 * 200 * 80_000, 730);
    let difference = i128::from((plan.cost.after().hourly - least.hourly).micros());
    assert!((difference - saved).abs() <= 1, "{difference} instead of {saved}");
    let text = plan_text::plan(&plan, &Theme::plain());
    let lines: Vec<&str> =
        text.lines().filter(|line| ["6 ", "min_count", " to "].iter().any(|it| line.contains(it))).collect();
    insta::assert_snapshot!("min_count", lines.join("\n"));
    assert!(plan_json::plan(&plan).contains("\"least\""), "for programs");
    assert!(plan_markdown::plan(&plan, plan_markdown::MaxBytes::default()).contains("may come with fewer nodes"));
    // The budget is for the most that may come.
    let over = create(&with_budget(wanted, 10_615, Per::Day));
    assert!(over.is_refused());
}

#[test]
fn of_a_partly_filled_group_only_what_is_missing_may_stay_away() {
    let mut wanted = spec();
    wanted.nodes[0].min_count = Some(6);
    let desired = desired(&wanted);
    let mut seen = observed(&desired);
    seen.nodes.truncate(7);
    let plan = plan_of(Purpose::Up, &desired, &seen, &record(&desired), Options::default());
    let (least, now) = (plan.cost.least.expect("one may stay away"), plan.cost.now().expect("looked at"));
    assert_eq!(least.hourly, now.hourly, "nobody goes who is there");
    seen.nodes.truncate(5);
    let plan = plan_of(Purpose::Up, &desired, &seen, &record(&desired), Options::default());
    assert!(plan.cost.least.expect("two may stay away").hourly > plan.cost.now().expect("looked at").hourly);
}

#[test]
fn a_budget_never_keeps_from_making_it_cheaper() {
    let severity = |plan: &Plan| budget_of(plan).map(|finding| finding.severity);
    let mut smaller = with_budget(spec(), 100, Per::Hour);
    smaller.nodes[0].count = 7;
    assert_eq!(
        severity(&change(&spec(), &smaller, Options::default())),
        Some(Severity::Warning),
        "cheaper, and still too much"
    );
    let same = with_budget(spec(), 100, Per::Hour);
    assert_eq!(severity(&change(&spec(), &same, Options::default())), Some(Severity::Warning), "no change");
    let mut larger = with_budget(spec(), 100, Per::Hour);
    larger.nodes[0].count = 9;
    assert_eq!(severity(&change(&spec(), &larger, Options::default())), Some(Severity::Error));
    assert_eq!(budget_of(&down(&same, Options::default())), None);
    assert_eq!(severity(&create(&same).not_compared()), Some(Severity::Error), "offline too");
}

#[test]
fn a_budget_of_what_is_unknown_says_so() {
    let partly = create(&with_budget(rich(), 1000, Per::Hour));
    let text = plan_text::plan(&partly, &Theme::plain());
    insta::assert_snapshot!("budget_unknown", &text[text.find("warning[plan::budget]").expect("told")..]);
    assert!(!partly.is_refused());
    assert!(create(&with_budget(rich(), 10, Per::Hour)).is_refused(), "what is known is too much already");
    let mut elsewhere = with_budget(spec(), 1, Per::Hour);
    elsewhere.cluster.region = Some("af-south-1".to_owned());
    assert_eq!(budget_of(&create(&elsewhere)).map(|finding| finding.severity), Some(Severity::Warning));
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let group = (1..40_u32, 0..4_usize, 0..3_usize);
    let region = prop::sample::select(vec!["us-east-1", "eu-west-1", "us-west-2", "af-south-1"]);
    (prop::collection::vec(group, 1..4), 1..20_u32, 0..5_usize, 0..4_usize, region).prop_map(
        |(groups, steps, iops, tier, region)| {
            let mut spec = rich();
            spec.cluster.region = Some(region.to_owned());
            spec.storage.capacity_gib = Some(steps * 2400);
            spec.storage.throughput_per_tib = Some([125, 250, 500, 1000][tier]);
            spec.storage.metadata_iops = [None, Some(1500), Some(12_000), Some(24_000), Some(192_000)][iops]
                .map_or(Some(MetadataIops::Auto), |iops| Some(MetadataIops::Provisioned(iops)));
            spec.nodes = groups
                .iter()
                .enumerate()
                .map(|(index, (count, instance, market))| {
                    let instance = ["p5.48xlarge", "p5e.48xlarge", "g6.12xlarge", "g4dn.xlarge"][*instance];
                    let mut group = nodes(["a", "b", "c"][index], instance, *count);
                    group.market =
                        [Market::OnDemand, Market::Spot, Market::CapacityBlock("cr-0a".to_owned())][*market].clone();
                    group
                })
                .collect();
            spec
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_differences_hold_for_any_plan(before in any_spec(), mut after in any_spec()) {
        after.cluster.region.clone_from(&before.cluster.region);
        let options = Options { replace_storage: true, ..Options::default() };
        let cost = change(&before, &after, options).cost;
        let (then, now) = (cost.after(), cost.now().expect("looked at"));
        let difference = cost.difference().expect("looked at");
        let known = |items: &[CostItem]| items.iter().filter_map(|item| item.hourly).sum::<Usd>();
        prop_assert_eq!(then.hourly, known(&cost.items));
        prop_assert_eq!(difference.hourly, then.hourly - now.hourly);
        prop_assert_eq!(difference.monthly, then.monthly - now.monthly);
        // The lines are all of it, each once.
        let lines = cost.lines();
        let each = lines.iter().map(|line| cost.difference_in(&[line]).expect("looked at"));
        prop_assert_eq!(each.clone().map(|sum| sum.hourly).sum::<Usd>(), difference.hourly);
        prop_assert_eq!(lines.iter().map(|line| line.after.len()).sum::<usize>(), cost.items.len());
        // What is unknown is never 0, and is told.
        prop_assert!(cost.items.iter().all(|item| item.hourly != Some(Usd::ZERO) && item.hourly.is_some() == item.monthly.is_some()));
        prop_assert_eq!(then.complete, cost.items.iter().all(|item| item.hourly.is_some()));
        let unknown_region = PriceBook::default().prices(before.cluster.region.as_deref().unwrap_or_default()).date().is_none();
        prop_assert!(!unknown_region || cost.items.iter().all(|item| item.hourly.is_none()));
        // What is as it was costs nothing more, also where nobody knows what it costs.
        let same = change(&before, &before, options).cost.difference().expect("looked at");
        prop_assert_eq!((same.hourly, same.monthly, same.complete), (Usd::ZERO, Usd::ZERO, true));
        prop_assert!(create(&after).cost.difference().is_some_and(|all| all.complete == then.complete && all.hourly == then.hourly));
    }
}

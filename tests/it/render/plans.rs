//! What is read of plans.

use provision::plan::{Options, Plan};
use provision::render::plan_markdown::{self, MaxBytes};
use provision::render::{Charset, Color, Theme, plan_text};
use provision::spec::{Alternative, Capacity, Deployment, Media, NodeEfa, Placement, Preload};

use super::samples::{self, change, create, down, nodes, spec};

pub(super) fn text(plan: &Plan) -> String {
    plan_text::plan(plan, &Theme::plain())
}

pub(super) fn grown() -> Plan {
    let mut after = spec();
    after.storage.capacity_gib = Some(9600);
    after.nodes[0].count = 12;
    after.datasets[0].preload = Preload::Metadata;
    change(&spec(), &after, Options::default())
}

pub(super) fn replaced(options: Options) -> Plan {
    let mut after = spec();
    after.storage.deployment = Deployment::Persistent1;
    after.storage.media = Media::Hdd;
    after.storage.metadata_iops = None;
    after.storage.throughput_per_tib = Some(12);
    after.storage.capacity_gib = Some(6000);
    change(&spec(), &after, options)
}

pub(super) fn huge() -> (Plan, Plan) {
    let mut before = spec();
    before.nodes = (0..13).map(|number| nodes(&format!("group-{number:02}"), "p5.48xlarge", 77)).collect();
    let mut after = before.clone();
    after.nodes[0].count = 7;
    after.nodes[1].image = provision::spec::Image::Id("ami-0bb".to_owned());
    (create(&before), change(&before, &after, Options::default()))
}

#[test]
fn a_huge_plan_stays_readable() {
    let (made, changed) = huge();
    insta::assert_snapshot!("huge_create", text(&made));
    insta::assert_snapshot!("huge_change", text(&changed));
}

#[test]
fn unknown_prices_are_never_zero() {
    let mut elsewhere = spec();
    elsewhere.cluster.region = Some("af-south-1".to_owned());
    insta::assert_snapshot!("unknown_prices", text(&create(&elsewhere)));
    let mut partly = spec();
    partly.nodes.push(nodes("cheap", "g6.12xlarge", 1));
    partly.nodes[1].market = provision::spec::Market::Spot;
    insta::assert_snapshot!("partly_unknown_prices", text(&create(&partly)));
}

#[test]
fn a_drifted_role_shows_where_it_differs() {
    let desired = samples::desired(&spec());
    let mut observed = samples::observed(&desired);
    for seen in &mut observed.resources {
        if let Some(policy) = seen.fields.get_mut("policy") {
            *policy = policy.replace("ec2:CreateTags", "ec2:*");
        }
    }
    let plan = samples::plan_of(
        provision::plan::Purpose::Up,
        &desired,
        &observed,
        &samples::record(&desired),
        Options::default(),
    );
    insta::assert_snapshot!("drift", text(&plan));
}

#[test]
fn types_in_order_of_preference_show_what_each_costs() {
    let mut several = spec();
    let each = |instance: &str| Alternative {
        instance: instance.to_owned(),
        capacity: Capacity::Probe,
        efa: NodeEfa::On,
        placement: Placement::Cluster,
    };
    several.nodes[0].alternatives = vec![each("p5.48xlarge"), each("p4d.24xlarge"), each("p6-b200.48xlarge")];
    let plan = create(&several);
    insta::assert_snapshot!("several_types", text(&plan));
    insta::assert_snapshot!("several_types_markdown", plan_markdown::plan(&plan, MaxBytes::default()));
}

#[test]
fn colour_repeats_what_the_text_says() {
    let plan = replaced(Options::default());
    let colored = plan_text::plan(&plan, &Theme { color: Color::On, ..Theme::plain() });
    let stripped = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(stripped, text(&plan));
    insta::assert_snapshot!("colored", colored.replace('\u{1b}', "ESC"));
}

#[test]
fn ascii_and_narrow_terminals_are_served() {
    let theme = Theme { charset: Charset::Ascii, width: 60, ..Theme::plain() };
    let narrow = plan_text::plan(&replaced(Options::default()), &theme);
    assert!(narrow.is_ascii(), "{narrow}");
    insta::assert_snapshot!("narrow", narrow);
}

#[test]
fn no_line_ends_in_white_space_and_all_fit() {
    let (made, changed) = huge();
    for plan in [create(&spec()), grown(), down(&spec(), Options::default()), made, changed] {
        let text = text(&plan);
        for line in text.lines() {
            assert_eq!(line, line.trim_end());
            assert!(line.chars().count() <= 100 || !line.starts_with(' '), "{line}");
        }
    }
}

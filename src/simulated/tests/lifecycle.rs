//! What comes, stays and goes, and when a look shows it.

use std::time::Duration;

use super::*;
use crate::observed::{NodeState, Report, State};
use crate::simulated::{Boot, Lag, Which, check, check_clean};

#[tokio::test(start_paused = true)]
async fn a_cluster_comes_up_in_aws_time() {
    let mut cluster = Cluster::quick();
    cluster.make_all(2).await.unwrap();
    let file_system = cluster.truth().file_system().cloned().unwrap();
    assert_eq!((file_system.state, file_system.lifecycle.as_str()), (State::Creating, "CREATING"));
    assert!(file_system.endpoint.is_some(), "known from the answer to the creation on");
    assert_eq!(file_system.fields["capacity"], "1200 GiB");

    after(300).await;
    assert!(cluster.nodes().iter().all(|node| node.state == NodeState::Running && node.report.is_none()));
    after(181).await;
    assert_eq!(cluster.truth().file_system().unwrap().state, State::Ready);
    assert!(cluster.nodes().iter().all(|node| node.report.is_none()), "nodes try to mount again every now and then");
    after(10).await;
    assert!(cluster.nodes().iter().all(|node| node.report == Some(Report::Ready)));
    assert_eq!(cluster.look(Kind::Nodes).await.nodes, cluster.nodes());
    assert_eq!(check(&cluster.cloud), []);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_goes_down_and_leaves_nothing() {
    let mut cluster = Cluster::quick();
    let nodes = cluster.make_all(2).await.unwrap();
    after(600).await;
    cluster.delete(Kind::Nodes, &nodes).await.unwrap();
    after(61).await;
    assert!(cluster.nodes().iter().all(|node| node.state == NodeState::Terminated));
    for kind in [Kind::Fsx, Kind::Template, Kind::InstanceProfile, Kind::Role, Kind::Placement] {
        cluster.delete(kind, &[cluster.known.ids[&trainer(kind)].clone()]).await.unwrap();
    }
    after(240 + 31).await;
    assert!(!check_clean(&cluster.cloud).is_empty(), "the security group is still there");
    cluster.delete(Kind::SecurityGroup, &[cluster.known.ids[&trainer(Kind::SecurityGroup)].clone()]).await.unwrap();
    assert_eq!(check_clean(&cluster.cloud), []);
    after(3600).await;
    assert_eq!(cluster.look(Kind::Nodes).await.nodes, []);
}

#[tokio::test(start_paused = true)]
async fn boots_end_as_set() {
    let mut cluster = Cluster::quick();
    cluster.cloud.adjust(|settings| {
        settings.nodes = vec![
            (Which::Group("trainer".to_owned()), Boot::Degraded("no EFA".to_owned())),
            (Which::Node("trainer".to_owned(), 1), Boot::Failed("no driver".to_owned())),
            (Which::Node("trainer".to_owned(), 2), Boot::Silent),
        ];
    });
    cluster.make_all(3).await.unwrap();
    after(1000).await;
    let reports: Vec<_> = cluster.nodes().into_iter().map(|node| node.report).collect();
    assert_eq!(
        reports,
        [Some(Report::Degraded("no EFA".to_owned())), Some(Report::Failed("no driver".to_owned())), None]
    );
}

#[tokio::test(start_paused = true)]
async fn looks_lag_behind_and_catch_up() {
    let lag = Lag { resources: Duration::from_secs(30), tags: Duration::from_secs(30), parameters: Duration::ZERO };
    let (mut late, mut shown_dead) = (0, 0);
    for seed in 0..20 {
        let settings = Settings { seed, lag, latency: Duration::ZERO, ..Settings::default() };
        let mut cluster = Cluster::new(Simulated::new(settings));
        cluster.make(trainer(Kind::SecurityGroup), cluster.security_group()).await.unwrap();
        late += usize::from(cluster.look(Kind::SecurityGroup).await.resources.is_empty());
        after(60).await;
        let seen = cluster.look(Kind::SecurityGroup).await.resources;
        assert_eq!(
            seen[0].fields["rules"], "all in, all out, tcp 988 in",
            "30 s after each of two changes all is known"
        );

        let idle =
            cluster.make(trainer(Kind::Placement), Resource::Placement(PlacementGroup { name: "x".to_owned() })).await;
        after(30).await;
        cluster.delete(Kind::Placement, &[idle.unwrap().id]).await.unwrap();
        shown_dead += cluster.look(Kind::Placement).await.resources.len();
        after(30).await;
        assert_eq!(cluster.look(Kind::Placement).await.resources, []);
    }
    assert!(late > 10 && shown_dead > 10, "{late} {shown_dead}");
}

#[tokio::test(start_paused = true)]
async fn a_thing_that_is_not_known_yet_cannot_be_built_on() {
    let lag = Lag { resources: Duration::from_secs(30), ..Lag::default() };
    let mut cluster = Cluster::new(Simulated::new(Settings { lag, latency: Duration::ZERO, ..Settings::default() }));
    assert_eq!(class(cluster.make_all(1).await), Class::NotYet);
    after(30).await;
    while cluster.make_all(1).await.is_err() {
        after(5).await;
    }
    assert_eq!((cluster.truth().resources.len(), cluster.nodes().len()), (6, 1), "{}", cluster.cloud.history());
}

#[tokio::test(start_paused = true)]
async fn a_change_takes_its_time_and_its_token_counts_once() {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    cluster.make_file_system().await.unwrap();
    let grow = cluster.update(Address::one(Kind::Fsx), file_system(2400), &["capacity"]);
    assert_eq!(class(cluster.cloud.update(&grow).await), Class::Conflict, "still CREATING");
    after(481).await;
    cluster.cloud.update(&grow).await.unwrap();
    cluster.cloud.update(&grow).await.unwrap();
    let now = cluster.truth().file_system().cloned().unwrap();
    assert_eq!((now.state, now.fields["capacity"].as_str()), (State::Updating, "2400 GiB"));
    after(121).await;
    assert_eq!(cluster.truth().file_system().unwrap().state, State::Ready);

    let again = Update {
        token: "another".to_owned(),
        ..cluster.update(Address::one(Kind::Fsx), file_system(4800), &["capacity"])
    };
    assert_eq!(class(cluster.cloud.update(&again).await), Class::Conflict, "6 hours between two growths");
    after(6 * 3600).await;
    cluster.cloud.update(&again).await.unwrap();
    after(121).await;
    let shrink = Update {
        token: "shrink".to_owned(),
        ..cluster.update(Address::one(Kind::Fsx), file_system(1200), &["capacity"])
    };
    assert_eq!(class(cluster.cloud.update(&shrink).await), Class::Invalid);
}

#[tokio::test(start_paused = true)]
async fn tags_travel_alone() {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    let group = trainer(Kind::SecurityGroup);
    let mut update = cluster.update(group.clone(), cluster.security_group(), &[]);
    update.set_tags.insert("team".to_owned(), "vision".to_owned());
    update.remove_tags.insert("Name".to_owned());
    cluster.cloud.update(&update).await.unwrap();
    let tags = cluster.truth().find(&group).unwrap().tags.clone();
    assert_eq!((tags.get("team").map(String::as_str), tags.get("Name")), (Some("vision"), None));
    assert!(cluster.cloud.history().contains("ec2:DeleteTags security-group -> ok"), "{}", cluster.cloud.history());
}

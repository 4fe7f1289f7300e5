//! What the cloud does not do: tokens and names that were used, limits, dependencies, rights.

use super::*;
use crate::cloud::{Overwrite, Written};
use crate::observed::State;
use crate::simulated::{Violation, WhileCreating, check, check_clean};

#[tokio::test(start_paused = true)]
async fn a_token_makes_one_thing() {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    let first = cluster.make_file_system().await.unwrap();
    assert_eq!(cluster.make_file_system().await.unwrap().id, first.id);
    let other = cluster.make(Address::one(Kind::Fsx), file_system(2400)).await;
    assert_eq!(class(other), Class::Conflict, "same token, other parameters");

    let second = cluster.order(&Address::one(Kind::Fsx), file_system(1200), 2);
    cluster.cloud.create(&second).await.unwrap();
    assert!(matches!(&check(&cluster.cloud)[..], [Violation::Duplicate { ids, .. }] if ids.len() == 2));
}

#[tokio::test(start_paused = true)]
async fn a_launch_is_repeated_even_by_the_dead() {
    let mut cluster = Cluster::quick();
    let nodes = cluster.make_all(2).await.unwrap();
    assert_eq!(cluster.launch(2, 1).await.unwrap(), nodes);
    assert_eq!(class(cluster.launch(3, 1).await), Class::Conflict);
    cluster.delete(Kind::Nodes, &nodes).await.unwrap();
    after(100).await;
    assert_eq!(cluster.launch(2, 1).await.unwrap(), nodes);
    assert_ne!(cluster.launch(2, 2).await.unwrap(), nodes);
    assert_eq!(check(&cluster.cloud), []);
    cluster.launch(2, 3).await.unwrap();
    assert!(matches!(check(&cluster.cloud)[..], [Violation::TooManyNodes { live: 4, asked: 2, .. }]));
}

#[tokio::test(start_paused = true)]
async fn a_name_is_adopted_by_its_owner_and_refused_to_others() {
    let mut cluster = Cluster::quick();
    let group = cluster.make(trainer(Kind::SecurityGroup), cluster.security_group()).await.unwrap();
    assert_eq!(cluster.make(trainer(Kind::SecurityGroup), cluster.security_group()).await.unwrap().id, group.id);
    let mut stranger = cluster.client("stranger");
    stranger.id.deployment = "d2".to_owned();
    assert_eq!(class(stranger.make(trainer(Kind::SecurityGroup), stranger.security_group()).await), Class::Conflict);
    let seen = stranger.look(Kind::SecurityGroup).await;
    assert_eq!((seen.resources.len(), seen.foreign.len()), (0, 1));
    assert_eq!(seen.foreign[0].why, "`provision:deployment` is `d1`");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_seen_and_every_touch_is_told() {
    let mut cluster = Cluster::quick();
    let id = cluster.cloud.plant(cluster.role(), Tags::new());
    cluster.cloud.plant_parameter("/provision/other/x", "1");
    let seen = cluster.look(Kind::Role).await;
    assert_eq!((seen.resources.len(), seen.foreign[0].id.as_str()), (0, id.as_str()));
    assert_eq!(class(cluster.make(trainer(Kind::Role), cluster.role()).await), Class::Conflict);
    assert_eq!(check_clean(&cluster.cloud), [], "what others have is not left behind by us");
    cluster.delete(Kind::Role, &[id]).await.unwrap();
    cluster.cloud.delete_parameters(&["/provision/other/x".to_owned()]).await.unwrap();
    let touched = check(&cluster.cloud).iter().filter(|each| matches!(each, Violation::ForeignTouched(_))).count();
    assert_eq!(touched, 4, "detached, emptied, deleted, and the parameter");
}

#[tokio::test(start_paused = true)]
async fn a_disowned_cluster_is_foreign() {
    let mut other = Cluster::quick();
    let nodes = other.make_all(1).await.unwrap();
    other.cloud.disown("video");
    assert_eq!(check_clean(&other.cloud), []);
    other.delete(Kind::Nodes, &nodes).await.unwrap();
    assert!(matches!(&check(&other.cloud)[..], [Violation::ForeignTouched(what)] if what.contains("terminated")));
}

#[tokio::test(start_paused = true)]
async fn two_links_at_once_fail_the_later_one() {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    cluster.make_file_system().await.unwrap();
    after(481).await;
    let first = cluster.make_link("/a", &[]).await.unwrap();
    let second = cluster.make_link("/b", &[]).await.unwrap();
    after(91).await;
    let truth = cluster.truth();
    let state = |seen: &Seen| truth.find(&seen.address).map(|each| each.state);
    assert_eq!((state(&first), state(&second)), (Some(State::Ready), Some(State::Failed)));
    assert!(truth.find(&second.address).unwrap().reason.as_ref().unwrap().contains("S3"));
}

#[tokio::test(start_paused = true)]
async fn links_do_not_overlap_and_are_eight_at_most() {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    cluster.make_file_system().await.unwrap();
    for n in 0..8 {
        cluster.make_link(&format!("/d{n}"), &[]).await.unwrap();
        if n == 0 {
            assert_eq!(class(cluster.make_link("/d0/below", &[]).await), Class::Invalid);
        }
    }
    assert_eq!(class(cluster.make_link("/d9", &[]).await), Class::Quota);
}

#[tokio::test(start_paused = true)]
async fn what_is_used_stays() {
    let mut cluster = Cluster::quick();
    let nodes = cluster.make_all(1).await.unwrap();
    let id = |kind| [cluster.known.ids[&trainer(kind)].clone()];
    for kind in [Kind::SecurityGroup, Kind::Placement, Kind::Role] {
        assert_eq!(class(cluster.delete(kind, &id(kind)).await), Class::InUse, "{kind:?}");
    }
    let users = cluster.cloud.dependents(&trainer(Kind::SecurityGroup), &id(Kind::SecurityGroup)[0]).await.unwrap();
    assert_eq!(users.len(), 2, "{users:?}");
    cluster.delete(Kind::Nodes, &nodes).await.unwrap();
    cluster.delete(Kind::Fsx, &id(Kind::Fsx)).await.unwrap();
    after(241).await;
    assert_eq!(
        class(cluster.delete(Kind::SecurityGroup, &id(Kind::SecurityGroup)).await),
        Class::InUse,
        "interfaces linger"
    );
    after(30).await;
    cluster.delete(Kind::SecurityGroup, &id(Kind::SecurityGroup)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_file_system_needs_a_group_that_lets_lustre_in() {
    let mut cluster = Cluster::quick();
    assert_eq!(class(cluster.make_file_system().await), Class::Invalid, "no group");
    let Resource::SecurityGroup(group) = cluster.security_group() else { unreachable!() };
    let closed = Resource::SecurityGroup(SecurityGroup { rules: vec![Rule::AllOut], ..group });
    cluster.make(trainer(Kind::SecurityGroup), closed).await.unwrap();
    assert_eq!(class(cluster.make_file_system().await), Class::Invalid, "no rule for port 988");
    let update = cluster.update(trainer(Kind::SecurityGroup), cluster.security_group(), &["rules"]);
    cluster.cloud.adjust(|settings| settings.lag.resources = Duration::from_secs(30));
    cluster.cloud.update(&update).await.unwrap();
    assert_eq!(class(cluster.make_file_system().await), Class::NotYet, "FSx does not see the rule yet");
    after(30).await;
    cluster.make_file_system().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn efa_asks_for_all_traffic_within_the_group() {
    let mut cluster = Cluster::quick();
    let Resource::SecurityGroup(group) = cluster.security_group() else { unreachable!() };
    let rules = vec![Rule::TcpIn { from: 988, to: 988 }, Rule::AllIn];
    let narrow = Resource::SecurityGroup(SecurityGroup { rules, ..group });
    cluster.make(trainer(Kind::SecurityGroup), narrow).await.unwrap();
    let Resource::Fsx(plain) = file_system(1200) else { unreachable!() };
    let with_efa = Resource::Fsx(FileSystem { efa: true, ..plain });
    assert_eq!(class(cluster.make(Address::one(Kind::Fsx), with_efa.clone()).await), Class::Invalid, "nothing out");
    cluster.make(trainer(Kind::SecurityGroup), cluster.security_group()).await.unwrap();
    cluster.make(Address::one(Kind::Fsx), with_efa).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_launch_of_nothing_is_refused() {
    let mut cluster = Cluster::quick();
    cluster.make_all(1).await.unwrap();
    assert_eq!(class(cluster.launch(0, 2).await), Class::Invalid);
}

#[tokio::test(start_paused = true)]
async fn another_deployments_node_is_none_of_ours() {
    let mut cluster = Cluster::quick();
    let other = ClusterId { deployment: "d2".to_owned(), ..cluster.id.clone() };
    let tags = other.tags(&trainer(Kind::Nodes), "digest", 1, &Tags::new());
    let planted = cluster.cloud.plant(group(1), tags);
    cluster.make_all(1).await.unwrap();
    assert_eq!(cluster.look(Kind::Nodes).await.nodes.len(), 1);
    assert_eq!(cluster.nodes().len(), 2);
    assert_eq!(check(&cluster.cloud), []);
    cluster.delete(Kind::Nodes, &[planted]).await.unwrap();
    assert_eq!(check(&cluster.cloud).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn limits_capacity_and_addresses_count() {
    let mut cluster = Cluster::quick();
    cluster.cloud.adjust(|settings| {
        settings.capacity.insert(("p5.48xlarge".to_owned(), "us-east-1a".to_owned()), 2);
        settings.quotas.insert(Kind::Fsx, 1);
        settings.subnets[0].free_addresses = 4;
    });
    let free = |cloud: Simulated| async move {
        let questions = crate::cloud::Questions { subnets: Some(vec![SUBNET.to_owned()]), ..Default::default() };
        cloud.survey(&questions).await.unwrap().subnets[0].free_addresses
    };
    let nodes = cluster.make_all(2).await.unwrap();
    assert_eq!(free(cluster.cloud.clone()).await, 0, "2 servers and 2 nodes");
    assert_eq!(class(cluster.launch(1, 2).await), Class::Capacity);
    cluster.cloud.adjust(|settings| settings.subnets[0].free_addresses = 100);
    let short = cluster.launch(1, 2).await.unwrap_err();
    assert_eq!((short.class, short.code.as_deref()), (Class::Capacity, Some("InsufficientInstanceCapacity")));
    let second = cluster.order(&Address::one(Kind::Fsx), file_system(1200), 2);
    assert_eq!(class(cluster.cloud.create(&second).await), Class::Quota);
    cluster.delete(Kind::Nodes, &nodes).await.unwrap();
    after(61).await;
    cluster.launch(2, 3).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rights_and_credentials() {
    let mut cluster = Cluster::quick();
    cluster.cloud.deny("iam:PutRolePolicy");
    assert_eq!(class(cluster.make(trainer(Kind::Role), cluster.role()).await), Class::Denied);
    let partial = cluster.look(Kind::Role).await.resources[0].fields.clone();
    assert_eq!((partial["policy"].as_str(), partial["managed_policies"].as_str()), ("", ""));
    cluster.cloud.expire_credentials();
    assert_eq!(class(cluster.cloud.clusters().await), Class::Credentials);
    cluster.cloud.renew_credentials();
    cluster.cloud.allow("iam:PutRolePolicy");
    let whole = cluster.make(trainer(Kind::Role), cluster.role()).await.unwrap();
    assert_eq!(whole.fields["managed_policies"], "arn:1, arn:2");
    assert_eq!(cluster.cloud.clusters().await.unwrap(), ["video".to_owned()].into());
}

#[tokio::test(start_paused = true)]
async fn a_parameter_is_created_by_one_writer() {
    let cluster = Cluster::quick();
    let (one, two) = (cluster.cloud.client("one"), cluster.cloud.client("two"));
    assert_eq!(one.put_parameter("/provision/video/lock/1", "one", Overwrite::No).await.unwrap(), Written::Done);
    assert_eq!(two.put_parameter("/provision/video/lock/1", "two", Overwrite::No).await.unwrap(), Written::Exists);
    let all = two.parameters("/provision/video").await.unwrap();
    assert_eq!(all, [("/provision/video/lock/1".to_owned(), "one".to_owned())].into());
    assert!(two.parameters("/provision/vid").await.unwrap().is_empty(), "a prefix of a name is another cluster");
    assert_eq!(check_clean(&one).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_system_in_creation_is_deletable_or_not() {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    let id = [cluster.make_file_system().await.unwrap().id];
    cluster.cloud.adjust(|settings| settings.while_creating = WhileCreating::Refused);
    assert_eq!(class(cluster.delete(Kind::Fsx, &id).await), Class::Conflict);
    cluster.cloud.adjust(|settings| settings.while_creating = WhileCreating::Deletable);
    cluster.delete(Kind::Fsx, &id).await.unwrap();
    after(241).await;
    assert!(cluster.truth().file_system().is_none());
    after(600).await;
    assert!(cluster.truth().file_system().is_none(), "the end of its creation does not bring it back");
}

#[tokio::test(start_paused = true)]
async fn drift_by_hand_shows() {
    let mut cluster = Cluster::quick();
    let nodes = cluster.make_all(2).await.unwrap();
    let group = cluster.known.ids[&trainer(Kind::SecurityGroup)].clone();
    cluster.cloud.change_by_hand(Kind::SecurityGroup, &group, |resource| {
        if let Resource::SecurityGroup(group) = resource {
            group.rules.clear();
        }
    });
    assert_eq!(cluster.look(Kind::SecurityGroup).await.resources[0].fields["rules"], "");
    cluster.cloud.tag_by_hand(Kind::SecurityGroup, &group, Tags::clear);
    assert_eq!(cluster.look(Kind::SecurityGroup).await.foreign.len(), 1);
    assert_eq!(check(&cluster.cloud), [], "not our doing");
    cluster.cloud.interrupt(&nodes[0], "Server.SpotInstanceTermination");
    let node = cluster.nodes().into_iter().find(|node| node.id == nodes[0]).unwrap();
    assert_eq!((node.exists(), node.reason.as_deref()), (false, Some("Server.SpotInstanceTermination")));
    let file_system = cluster.known.ids[&Address::one(Kind::Fsx)].clone();
    cluster.cloud.delete_by_hand(Kind::Fsx, &file_system);
    assert!(cluster.truth().file_system().is_none());
}

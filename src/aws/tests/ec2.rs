use insta::assert_snapshot;

use super::wire::{Wire, ec2_tags};
use super::{create, delete, scope, tags, update};
use crate::bootstrap;
use crate::cloud::{Class, Cloud as _, Created, Remains};
use crate::desired::{
    Address, CapacityReservation, Interface, InterfaceKind, Kind, LaunchTemplate, NodeGroup, PlacementGroup, Reference,
    Resource, Rule, SecurityGroup, Tags,
};
use crate::observed::{Node, NodeState, Report, State};
use crate::spec::Market;

fn group() -> SecurityGroup {
    SecurityGroup {
        name: "provision/vision".to_owned(),
        description: "Lustre and EFA within vision".to_owned(),
        vpc: "vpc-0a".to_owned(),
        rules: vec![
            Rule::TcpIn { from: 988, to: 988 },
            Rule::TcpIn { from: 1018, to: 1023 },
            Rule::AllIn,
            Rule::AllOut,
        ],
    }
}

fn group_address() -> Address {
    Address::one(Kind::SecurityGroup)
}

/// As EC2 tells it: with the default rule to everywhere, one rule of ours, one towards itself that nobody asked for.
fn group_answer(tags: &Tags) -> String {
    format!(
        "<R><securityGroupInfo><item><groupId>sg-0a</groupId><groupName>provision/vision</groupName>\
         <vpcId>vpc-0a</vpcId>{}<ipPermissions>\
         <item><ipProtocol>tcp</ipProtocol><fromPort>988</fromPort><toPort>988</toPort><groups><item><groupId>sg-0a</groupId></item></groups></item>\
         <item><ipProtocol>udp</ipProtocol><fromPort>53</fromPort><toPort>53</toPort><groups><item><groupId>sg-0a</groupId></item><item><groupId>sg-other</groupId></item></groups></item>\
         <item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><groups><item><groupId>sg-other</groupId></item></groups></item>\
         </ipPermissions><ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>\
         </ipPermissionsEgress></item></securityGroupInfo></R>",
        ec2_tags(tags)
    )
}

const GROUP_MADE: &str = "<R><groupId>sg-0a</groupId></R>";
const DONE: &str = "<R><return>true</return></R>";

#[tokio::test]
async fn a_group_is_made_with_its_rules_towards_itself() {
    let wire = Wire::new()
        .ok("CreateSecurityGroup", GROUP_MADE)
        .ok("AuthorizeSecurityGroupIngress", DONE)
        .ok("AuthorizeSecurityGroupEgress", DONE);
    let Created::Resource(seen) = wire
        .aws()
        .create(&create(group_address(), Resource::SecurityGroup(group())))
        .await
        .expect("the answers are good")
    else {
        panic!("no resource")
    };
    assert_eq!((seen.id.as_str(), seen.state), ("sg-0a", State::Ready));
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn a_group_of_ours_is_taken_over_and_completed() {
    let wire = Wire::new()
        .ec2_error("CreateSecurityGroup", 400, "InvalidGroup.Duplicate", "exists")
        .ok("DescribeSecurityGroups", group_answer(&tags(&group_address())))
        .ec2_error("AuthorizeSecurityGroupIngress", 400, "InvalidPermission.Duplicate", "a lost answer did it")
        .ok("AuthorizeSecurityGroupEgress", DONE);
    let made = wire.aws().create(&create(group_address(), Resource::SecurityGroup(group()))).await;
    let Ok(Created::Resource(seen)) = made else { panic!("{made:?}") };
    assert_eq!(seen.id, "sg-0a");
    assert!(!wire.requests().contains("FromPort=988"), "that rule is there already");
    assert!(wire.requests().contains("FromPort=1018"));
}

#[tokio::test]
async fn a_strangers_group_of_our_name_is_a_conflict() {
    let other = Tags::from([
        ("provision:cluster".to_owned(), "vision".to_owned()),
        ("provision:deployment".to_owned(), "d0".to_owned()),
    ]);
    for (theirs, why) in [
        (other, "`provision/vision` exists without our tags: it has the tag `provision:deployment` = `d0`"),
        (Tags::new(), "`provision/vision` exists without our tags: it has no tag `provision:cluster`"),
    ] {
        let wire = Wire::new()
            .ec2_error("CreateSecurityGroup", 400, "InvalidGroup.Duplicate", "exists")
            .ok("DescribeSecurityGroups", group_answer(&theirs));
        let error =
            wire.aws().create(&create(group_address(), Resource::SecurityGroup(group()))).await.expect_err("refused");
        assert_eq!((error.class, error.message.as_str(), error.address), (Class::Conflict, why, Some(group_address())));
    }
}

#[tokio::test]
async fn a_young_group_may_not_be_known_everywhere() {
    let wire = Wire::new().ok("CreateSecurityGroup", GROUP_MADE).ec2_error(
        "AuthorizeSecurityGroupIngress",
        400,
        "InvalidGroup.NotFound",
        "The security group 'sg-0a' does not exist",
    );
    let error =
        wire.aws().create(&create(group_address(), Resource::SecurityGroup(group()))).await.expect_err("refused");
    assert_eq!((error.class, error.remains), (Class::NotYet, Remains::Perhaps), "the group itself is there");
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
    // And the other way round: refused as a duplicate, and not to be found.
    let wire = Wire::new()
        .ec2_error("CreateSecurityGroup", 400, "InvalidGroup.Duplicate", "exists")
        .ok("DescribeSecurityGroups", "<R/>");
    let error =
        wire.aws().create(&create(group_address(), Resource::SecurityGroup(group()))).await.expect_err("refused");
    assert_eq!(error.class, Class::NotYet);
}

#[tokio::test]
async fn rules_of_a_group_are_seen_and_set_right() {
    let wire = Wire::new()
        .ok("DescribeSecurityGroups", group_answer(&tags(&group_address())))
        .ok("DescribeSecurityGroups", group_answer(&tags(&group_address())))
        .ok("AuthorizeSecurityGroupIngress", DONE)
        .ok("AuthorizeSecurityGroupEgress", DONE)
        .ok("RevokeSecurityGroupIngress", DONE)
        .ok("CreateTags", DONE);
    let aws = wire.aws();
    let observed = aws.observe(&scope(), &[Kind::SecurityGroup]).await.expect("the answer is good");
    assert_eq!(observed.resources[0].fields["rules"], "tcp 988 in", "what stands for others is none of ours");
    let mut change = update(group_address(), "sg-0a", Resource::SecurityGroup(group()), &["rules"]);
    change.set_tags = [("team".to_owned(), "b".to_owned())].into();
    aws.update(&change).await.expect("the answers are good");
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn a_strangers_group_in_our_way_is_foreign() {
    let wire = Wire::new().ok("DescribeSecurityGroups", group_answer(&Tags::new()));
    let observed = wire.aws().observe(&scope(), &[Kind::SecurityGroup]).await.expect("the answer is good");
    assert_eq!(observed.resources, []);
    assert_eq!(
        (observed.foreign[0].id.as_str(), observed.foreign[0].why.as_str()),
        ("sg-0a", "has no tag `provision:cluster`")
    );
}

#[tokio::test]
async fn a_placement_group_is_made_or_taken_over() {
    let address = Address::named(Kind::Placement, "trainer");
    let name = "provision/vision/trainer";
    let wanted = || create(address.clone(), Resource::Placement(PlacementGroup { name: name.to_owned() }));
    let described = |tags: &Tags| {
        format!(
            "<R><placementGroupSet><item><groupName>{name}</groupName><groupId>pg-0a</groupId><strategy>spread</strategy><state>available</state>{}</item>\
             <item><groupName>theirs</groupName><state>available</state></item></placementGroupSet></R>",
            ec2_tags(tags)
        )
    };
    let wire = Wire::new()
        .ok("CreatePlacementGroup", "<R><placementGroup><groupArn>arn:pg</groupArn></placementGroup></R>")
        .ec2_error("CreatePlacementGroup", 400, "InvalidPlacementGroup.Duplicate", "exists")
        .ec2_error("CreatePlacementGroup", 400, "InvalidPlacementGroup.Duplicate", "exists")
        .ok("DescribePlacementGroups", described(&tags(&address)))
        .ok("DescribePlacementGroups", described(&Tags::new()))
        .ok("DescribePlacementGroups", described(&tags(&address)))
        .ok("DeletePlacementGroup", DONE)
        .ec2_error("DeletePlacementGroup", 400, "InvalidPlacementGroup.Unknown", "gone")
        .ec2_error("DeletePlacementGroup", 400, "InvalidPlacementGroup.InUse", "instances are in it");
    let aws = wire.aws();
    let Created::Resource(made) = aws.create(&wanted()).await.expect("the answer is good") else {
        panic!("no resource")
    };
    assert_eq!((made.id.as_str(), made.arn.as_deref()), (name, Some("arn:pg")));
    let Created::Resource(there) = aws.create(&wanted()).await.expect("it is ours") else { panic!("no resource") };
    assert_eq!(there.fields["strategy"], "spread", "as it is, not as it was wanted");
    assert_eq!(aws.create(&wanted()).await.expect_err("a stranger's").class, Class::Conflict);
    let observed = aws.observe(&scope(), &[Kind::Placement]).await.expect("the answer is good");
    assert_eq!((observed.resources.len(), observed.foreign.len()), (1, 0));
    let remove = delete(address, &[name]);
    aws.delete(&remove).await.expect("the answer is good");
    aws.delete(&remove).await.expect("gone is done");
    assert_eq!(aws.delete(&remove).await.expect_err("refused").class, Class::InUse);
    assert_snapshot!(wire.requests());
}

fn template() -> LaunchTemplate {
    LaunchTemplate {
        name: "provision/vision/trainer".to_owned(),
        image: "ami-0a".to_owned(),
        root_device: "/dev/xvda".to_owned(),
        root_volume_gib: 200,
        instance: "p5.48xlarge".to_owned(),
        interfaces: vec![
            Interface { card: 0, device: 0, kind: InterfaceKind::Ena },
            Interface { card: 0, device: 1, kind: InterfaceKind::EfaOnly },
            Interface { card: 1, device: 0, kind: InterfaceKind::EfaOnly },
        ],
        market: Market::CapacityBlock("cr-0a".to_owned()),
        placement: Some("provision/vision/trainer".to_owned()),
        subnet: "subnet-0a".to_owned(),
        security_group: Reference::Ours(group_address()),
        instance_profile: Reference::Ours(Address::one(Kind::InstanceProfile)),
        boot: bootstrap::Inputs::default(),
        node_tags: Tags::from([("team".to_owned(), "vision".to_owned())]),
    }
}

fn template_address() -> Address {
    Address::named(Kind::Template, "trainer")
}

fn templates(tags: &Tags) -> String {
    format!(
        "<R><launchTemplates><item><launchTemplateId>lt-0a</launchTemplateId><launchTemplateName>provision/vision/trainer</launchTemplateName>{}</item></launchTemplates></R>",
        ec2_tags(tags)
    )
}

const TEMPLATE_MADE: &str = "<R><launchTemplate><launchTemplateId>lt-0a</launchTemplateId></launchTemplate></R>";
const VERSION: &str = "<R><launchTemplateVersionSet><item><launchTemplateData>\
    <imageId>ami-0a</imageId><instanceType>p5.48xlarge</instanceType>\
    <blockDeviceMappingSet><item><deviceName>/dev/xvda</deviceName><ebs><volumeSize>200</volumeSize></ebs></item></blockDeviceMappingSet>\
    <networkInterfaceSet><item><networkCardIndex>0</networkCardIndex><deviceIndex>0</deviceIndex><subnetId>subnet-0a</subnetId></item>\
    <item><networkCardIndex>0</networkCardIndex><deviceIndex>1</deviceIndex><interfaceType>efa-only</interfaceType></item>\
    <item><networkCardIndex>1</networkCardIndex><deviceIndex>0</deviceIndex><interfaceType>efa-only</interfaceType></item></networkInterfaceSet>\
    <placement><groupName>provision/vision/trainer</groupName></placement>\
    <instanceMarketOptions><marketType>capacity-block</marketType></instanceMarketOptions>\
    <capacityReservationSpecification><capacityReservationTarget><capacityReservationId>cr-0a</capacityReservationId></capacityReservationTarget></capacityReservationSpecification>\
    </launchTemplateData></item></launchTemplateVersionSet></R>";

#[tokio::test]
async fn a_template_holds_all_that_a_node_is() {
    let wire = Wire::new().ok("CreateLaunchTemplate", TEMPLATE_MADE);
    let create = create(template_address(), Resource::Template(Box::new(template())));
    wire.aws().create(&create).await.expect("the answer is good");
    let user_data = wire.requests().lines().find(|line| line.contains("UserData")).map(str::to_owned);
    assert!(user_data.is_some());
    // What nodes run is tested where it is written.
    let requests: Vec<String> =
        wire.requests().lines().filter(|line| !line.contains("UserData")).map(str::to_owned).collect();
    assert_snapshot!(requests.join("\n"));
}

#[tokio::test]
async fn markets_and_awkward_tags_change_a_template() {
    let lines = async |template: LaunchTemplate| {
        let wire = Wire::new().ok("CreateLaunchTemplate", TEMPLATE_MADE);
        wire.aws()
            .create(&create(template_address(), Resource::Template(Box::new(template))))
            .await
            .expect("the answer is good");
        let about = ["Market", "Reservation", "Shutdown", "MetadataTags", "IamInstanceProfile"];
        wire.requests()
            .lines()
            .filter(|line| about.iter().any(|word| line.contains(word)))
            .map(str::trim)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let spot = LaunchTemplate {
        market: Market::Spot,
        node_tags: [("cost center".to_owned(), "1".to_owned())].into(),
        ..template()
    };
    assert_snapshot!(Box::pin(lines(spot)).await, @r"
    LaunchTemplateData.IamInstanceProfile.Name=provision-vision-us-east-1
    LaunchTemplateData.InstanceMarketOptions.MarketType=spot
    LaunchTemplateData.InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=terminate
    LaunchTemplateData.InstanceMarketOptions.SpotOptions.SpotInstanceType=one-time
    LaunchTemplateData.MetadataOptions.InstanceMetadataTags=disabled
    ");
    let arn = Reference::Existing("arn:aws:iam::123456789012:instance-profile/mine".to_owned());
    let reserved =
        LaunchTemplate { market: Market::Reservation("cr-1".to_owned()), instance_profile: arn, ..template() };
    assert_snapshot!(Box::pin(lines(reserved)).await, @r"
    LaunchTemplateData.CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId=cr-1
    LaunchTemplateData.IamInstanceProfile.Arn=arn:aws:iam::123456789012:instance-profile/mine
    LaunchTemplateData.InstanceInitiatedShutdownBehavior=terminate
    LaunchTemplateData.MetadataOptions.InstanceMetadataTags=enabled
    ");
}

#[tokio::test]
async fn a_template_needs_a_file_system_to_name() {
    let mut create = create(template_address(), Resource::Template(Box::new(template())));
    create.known.endpoint = None;
    let error = Wire::new().aws().create(&create).await.expect_err("nothing to mount");
    assert_eq!((error.class, error.address), (Class::Invalid, Some(template_address())));
}

#[tokio::test]
async fn a_template_of_ours_gets_a_new_default_version() {
    for code in ["InvalidLaunchTemplateName.AlreadyExistsException", "IdempotentParameterMismatch"] {
        Box::pin(takes_over_a_template(code)).await;
    }
}

async fn takes_over_a_template(code: &str) {
    let version = "<R><launchTemplateVersion><versionNumber>7</versionNumber></launchTemplateVersion></R>";
    let wire = Wire::new()
        .ec2_error("CreateLaunchTemplate", 400, code, "exists")
        .ok("DescribeLaunchTemplates", templates(&tags(&template_address())))
        .ok("CreateLaunchTemplateVersion", version)
        .ok("ModifyLaunchTemplate", TEMPLATE_MADE)
        .ok("CreateLaunchTemplateVersion", version)
        .ok("ModifyLaunchTemplate", TEMPLATE_MADE)
        .ok("CreateTags", DONE)
        .ok("DeleteTags", DONE);
    let aws = wire.aws();
    let resource = Resource::Template(Box::new(template()));
    aws.create(&create(template_address(), resource.clone())).await.expect("it is ours");
    let mut change = update(template_address(), "lt-0a", resource, &["image"]);
    change.set_tags = [("provision:spec".to_owned(), "new".to_owned())].into();
    change.remove_tags = ["old".to_owned()].into();
    aws.update(&change).await.expect("the answers are good");
    let lines: Vec<String> =
        wire.requests().lines().filter(|line| !line.contains("LaunchTemplateData.")).map(str::to_owned).collect();
    // Tokens that the SDK makes up are random.
    let plain: Vec<String> =
        lines.into_iter().filter(|line| !line.contains("ClientToken=") || line.contains("ClientToken=p-")).collect();
    assert_snapshot!("a_template_of_ours_gets_a_new_default_version", plain.join("\n"));
}

#[tokio::test]
async fn a_template_is_seen_in_the_words_of_the_spec() {
    let wire = Wire::new()
        .ok("DescribeLaunchTemplates", templates(&tags(&template_address())))
        .ok("DescribeLaunchTemplates", templates(&tags(&template_address())))
        .ok("DescribeLaunchTemplateVersions", VERSION)
        .ok("DeleteLaunchTemplate", TEMPLATE_MADE)
        .ec2_error("DeleteLaunchTemplate", 400, "InvalidLaunchTemplateId.NotFound", "gone");
    let aws = wire.aws();
    let observed = aws.observe(&scope(), &[Kind::Template]).await.expect("the answers are good");
    assert_eq!(observed.resources.len(), 1, "found twice, seen once");
    let wanted = Resource::Template(Box::new(template())).fields();
    for (name, value) in wanted {
        assert_eq!(observed.resources[0].fields.get(name), Some(&value), "{name}");
    }
    let remove = delete(template_address(), &["lt-0a"]);
    aws.delete(&remove).await.expect("the answer is good");
    aws.delete(&remove).await.expect("gone is done");
    assert_snapshot!(wire.requests());
}

fn nodes_address() -> Address {
    Address::named(Kind::Nodes, "trainer")
}

fn node_group() -> NodeGroup {
    NodeGroup {
        count: 2,
        min_count: 2,
        instance: "p5.48xlarge".to_owned(),
        image: "ami-0a".to_owned(),
        zone: "us-east-1a".to_owned(),
        subnet: "subnet-0a".to_owned(),
        market: Market::OnDemand,
        template: template_address(),
        max_away: None,
    }
}

fn instance(id: &str, state: &str, extra: &str, tags: &Tags) -> String {
    format!(
        "<item><instanceId>{id}</instanceId><imageId>ami-0a</imageId><instanceState><code>16</code><name>{state}</name></instanceState>\
         <instanceType>p5.48xlarge</instanceType><launchTime>2026-11-20T10:00:00.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone></placement>\
         <privateIpAddress>10.0.0.7</privateIpAddress>{extra}{}</item>",
        ec2_tags(tags)
    )
}

#[tokio::test]
async fn a_group_of_nodes_is_launched_by_one_call() {
    let running = format!(
        "<R><instancesSet>{}{}</instancesSet></R>",
        instance("i-0a", "pending", "", &Tags::new()),
        instance(
            "i-0b",
            "terminated",
            "<stateReason><message>Client.UserInitiatedShutdown</message></stateReason>",
            &Tags::new()
        )
    );
    let wire = Wire::new().ok("RunInstances", running);
    let mut create = create(nodes_address(), Resource::Nodes(node_group()));
    (create.count, create.least) = (2, 2);
    let Created::Nodes(nodes) = wire.aws().create(&create).await.expect("the answer is good") else {
        panic!("no nodes")
    };
    let states: Vec<_> = nodes.iter().map(|node| (node.id.as_str(), node.state, node.exists())).collect();
    // A replay of dead ones is for the engine to judge.
    assert_eq!(states, [("i-0a", NodeState::Pending, true), ("i-0b", NodeState::Terminated, false)]);
    assert_eq!(nodes[0].tags, create.tags);
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn with_fewer_than_are_enough_nothing_is_launched_and_with_more_what_there_is() {
    let one = instance("i-0a", "pending", "", &Tags::new());
    let wire = Wire::new().ok("RunInstances", format!("<R><instancesSet>{one}</instancesSet></R>"));
    let mut create = create(nodes_address(), Resource::Nodes(node_group()));
    (create.count, create.least) = (4, 1);
    let Created::Nodes(nodes) = wire.aws().create(&create).await.expect("the answer is good") else {
        panic!("no nodes")
    };
    assert_eq!(nodes.len(), 1, "as many as came");
    let sent = wire.requests();
    assert!(sent.contains("MinCount=1\n") && sent.contains("MaxCount=4\n"), "{sent}");
}

#[tokio::test]
async fn a_group_is_launched_into_what_is_held_for_it() {
    let instances = format!("<R><instancesSet>{}</instancesSet></R>", instance("i-0a", "pending", "", &Tags::new()));
    let wire = Wire::new().ok("RunInstances", instances.clone()).ok("RunInstances", instances);
    let mut create = create(nodes_address(), Resource::Nodes(node_group()));
    let target = |wire: &Wire| wire.requests().matches("CapacityReservationTarget.CapacityReservationId=cr-0a").count();
    create.known.ids.insert(Address::named(Kind::Reservation, "another"), "cr-0a".to_owned());
    wire.aws().create(&create).await.expect("the answer is good");
    assert_eq!(target(&wire), 0, "it is another group's");
    create.known.ids.insert(reservation_address(), "cr-0a".to_owned());
    wire.aws().create(&create).await.expect("the answer is good");
    assert_eq!(target(&wire), 1);
}

#[tokio::test(start_paused = true)]
async fn no_capacity_is_not_tried_again() {
    let wire = Wire::new().ec2_error("RunInstances", 500, "InsufficientInstanceCapacity", "no p5 in us-east-1a");
    let error =
        wire.aws().create(&create(nodes_address(), Resource::Nodes(node_group()))).await.expect_err("none there");
    assert_eq!(
        (error.class, error.remains, error.code.as_deref()),
        (Class::Capacity, Remains::Nothing, Some("InsufficientInstanceCapacity"))
    );
    assert_eq!(wire.count("RunInstances"), 1);
    for code in ["VcpuLimitExceeded", "ReservationCapacityExceeded", "Unsupported", "MaxSpotInstanceCountExceeded"] {
        // Whatever the status: what is said does not change within a second.
        let wire = Wire::new().ec2_error("RunInstances", 500, code, "no");
        let refused = wire.aws().create(&create(nodes_address(), Resource::Nodes(node_group()))).await;
        assert!(refused.is_err() && wire.count("RunInstances") == 1, "{code}");
    }
    // Throttling with the same status of the server's own fault is.
    let wire = Wire::new().ec2_error("RunInstances", 503, "RequestLimitExceeded", "slower").ok("RunInstances", "<R/>");
    assert_eq!(
        wire.aws().create(&create(nodes_address(), Resource::Nodes(node_group()))).await,
        Ok(Created::Nodes(vec![]))
    );
    assert_eq!(wire.count("RunInstances"), 2);
}

#[tokio::test]
async fn a_refusal_says_where_there_is_capacity_and_how_high_the_limit_is() {
    let message = "We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested \
        (us-east-1a). You can currently get p5.48xlarge capacity by not specifying an Availability Zone in your request or \
        choosing us-east-1b, us-east-1c.";
    let wire = Wire::new().ec2_error("RunInstances", 500, "InsufficientInstanceCapacity", message).ec2_error(
        "RunInstances",
        400,
        "VcpuLimitExceeded",
        "… than your current vCPU limit of 64 allows for …",
    );
    let aws = wire.aws();
    let launch = create(nodes_address(), Resource::Nodes(node_group()));
    let error = aws.create(&launch).await.expect_err("none there");
    assert_eq!(error.elsewhere, ["us-east-1b", "us-east-1c"]);
    let error = aws.create(&launch).await.expect_err("too many");
    assert_eq!(error.limit.and_then(|limit| limit.current), Some(64));
}

#[tokio::test]
async fn launches_are_refused_in_classes() {
    for (code, message, class) in [
        (
            "InvalidParameterValue",
            "Value (provision-vision) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
            Class::NotYet,
        ),
        ("InvalidLaunchTemplateId.NotFound", "not yet", Class::NotYet),
        ("InvalidGroup.NotFound", "not yet", Class::NotYet),
        ("VcpuLimitExceeded", "You have requested more vCPU capacity", Class::Quota),
        ("MaxSpotInstanceCountExceeded", "too many", Class::Quota),
        ("ReservationCapacityExceeded", "the block is full", Class::ReservationFull),
        ("InsufficientFreeAddressesInSubnet", "subnet is full", Class::Capacity),
        ("IdempotentParameterMismatch", "other parameters", Class::Conflict),
        ("UnauthorizedOperation", "You are not authorized", Class::Denied),
        ("AuthFailure", "Not authorized for images: [ami-0a]", Class::Denied),
        ("AuthFailure", "AWS was not able to validate the provided access credentials", Class::Credentials),
        ("InvalidAMIID.NotFound", "no such image", Class::NotFound),
        ("Unsupported", "not in this zone", Class::NotOffered),
        ("InvalidParameterCombination", "no", Class::Invalid),
        ("SomethingNobodyKnows", "?", Class::Unknown),
    ] {
        let wire = Wire::new().ec2_error("RunInstances", 400, code, message);
        let error =
            wire.aws().create(&create(nodes_address(), Resource::Nodes(node_group()))).await.expect_err("refused");
        assert_eq!((error.class, error.remains), (class, Remains::Nothing), "{code}");
        assert_eq!(
            (error.operation.as_str(), error.code.as_deref(), error.message.as_str()),
            ("ec2:RunInstances", Some(code), message)
        );
    }
}

#[tokio::test]
async fn nodes_are_seen_over_all_pages() {
    let with = |key: &str, value: &str| {
        let mut tags = tags(&nodes_address());
        tags.insert(key.to_owned(), value.to_owned());
        tags
    };
    let page = |items: &str, token: &str| {
        format!(
            "<R><reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet><nextToken>{token}</nextToken></R>"
        )
    };
    let last = [
        instance(
            "i-0c",
            "running",
            "<instanceLifecycle>spot</instanceLifecycle>",
            &with("provision:node", "degraded: no EFA"),
        ),
        instance(
            "i-0d",
            "terminated",
            "<stateReason><code>Server.SpotInstanceTermination</code><message>Server.SpotInstanceTermination: Spot instance \
             termination</message></stateReason><reason>Server.SpotInstanceTermination (2026-11-29 13:05:00 GMT)</reason>",
            &with("provision:node", "ready"),
        ),
        instance(
            "i-0d1",
            "shutting-down",
            "<stateReason><code>Server.InternalError</code><message>it broke</message></stateReason><reason></reason>",
            &with("provision:node", "ready"),
        ),
        instance(
            "i-0d2",
            "stopped",
            "<reason>User initiated (2026-11-29 13:05:00 GMT)</reason>",
            &with("provision:node", "ready"),
        ),
        instance("i-0e", "dreaming", "", &tags(&nodes_address())),
        instance("i-0f", "running", "", &with("provision:deployment", "d0")),
        instance("i-10", "terminated", "", &with("provision:deployment", "d0")),
        instance("i-11", "running", "", &with("provision:address", "nonsense")),
    ];
    let wire = Wire::new()
        .ok("DescribeInstances", page(&instance("i-0a", "running", "", &with("provision:node", "ready")), "more"))
        .ok("DescribeInstances", page(&last.concat(), ""));
    let observed = wire.aws().observe(&scope(), &[Kind::Nodes]).await.expect("the answers are good");
    let line =
        |node: &Node| format!("{} {:?} {:?} spot={} {:?}", node.id, node.state, node.report, node.spot, node.reason);
    assert_eq!(observed.nodes[0].report, Some(Report::Ready));
    assert_eq!(observed.nodes[0].launched.map(|time| time.to_string()).as_deref(), Some("2026-11-20T10:00:00Z"));
    assert_snapshot!(observed.nodes.iter().map(line).collect::<Vec<_>>().join("\n"), @r#"
    i-0a Running Some(Ready) spot=false None
    i-0c Running Some(Degraded("no EFA")) spot=true None
    i-0d Terminated None spot=false Some("Server.SpotInstanceTermination: Spot instance termination (2026-11-29 13:05:00 GMT)")
    i-0d1 ShuttingDown None spot=false Some("Server.InternalError: it broke")
    i-0d2 Stopped None spot=false Some("User initiated (2026-11-29 13:05:00 GMT)")
    i-0e Stopped None spot=false None
    "#);
    let foreign = observed
        .foreign
        .iter()
        .map(|each| format!("{} {} {}", each.id, each.address, each.why))
        .collect::<Vec<_>>()
        .join("\n");
    assert_snapshot!(foreign, @r"
    i-0f nodes.trainer belongs to deployment `d0` of the same cluster name
    i-11 nodes its tag `provision:address` says `nonsense`, which is no node group
    ");
    assert_snapshot!(wire.requests(), @r"
    DescribeInstances
      Filter.1.Name=tag:provision:cluster
      Filter.1.Value.1=vision
      MaxResults=250

    DescribeInstances
      Filter.1.Name=tag:provision:cluster
      Filter.1.Value.1=vision
      MaxResults=250
      NextToken=more
    ");
}

#[tokio::test]
async fn one_node_that_is_gone_does_not_keep_the_others() {
    let wire = Wire::new()
        .ec2_error(
            "TerminateInstances",
            400,
            "InvalidInstanceID.NotFound",
            "The instance IDs 'i-0b, i-0bc' do not exist",
        )
        .ok("TerminateInstances", "<R/>")
        .ec2_error("TerminateInstances", 400, "InvalidInstanceID.NotFound", "The instance ID 'i-0a' does not exist")
        .ec2_error("TerminateInstances", 400, "OperationNotPermitted", "Modify its 'disableApiTermination'");
    let aws = wire.aws();
    aws.delete(&delete(nodes_address(), &["i-0a", "i-0b", "i-0bc"])).await.expect("the others are ended");
    aws.delete(&delete(nodes_address(), &["i-0a"])).await.expect("gone is done");
    aws.delete(&delete(nodes_address(), &[])).await.expect("nothing to do");
    assert_eq!(aws.delete(&delete(nodes_address(), &["i-0a"])).await.expect_err("protected").class, Class::Denied);
    assert_snapshot!(wire.requests(), @r"
    TerminateInstances
      InstanceId.1=i-0a
      InstanceId.2=i-0b
      InstanceId.3=i-0bc

    TerminateInstances
      InstanceId.1=i-0a

    TerminateInstances
      InstanceId.1=i-0a

    TerminateInstances
      InstanceId.1=i-0a
    ");
}

#[tokio::test]
async fn many_nodes_are_tagged_and_ended_in_batches() {
    let ids: Vec<String> = (0..1001).map(|number| format!("i-{number}")).collect();
    let wire = Wire::new()
        .ok("CreateTags", DONE)
        .ok("CreateTags", DONE)
        .ok("TerminateInstances", "<R/>")
        .ok("TerminateInstances", "<R/>");
    let aws = wire.aws();
    let mut change = update(nodes_address(), "", Resource::Nodes(node_group()), &[]);
    change.nodes.clone_from(&ids);
    change.set_tags = [("team".to_owned(), "b".to_owned())].into();
    aws.update(&change).await.expect("the answers are good");
    aws.delete(&delete(nodes_address(), &ids.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .expect("the answers are good");
    assert_eq!(wire.operations(), ["CreateTags", "CreateTags", "TerminateInstances", "TerminateInstances"]);
}

#[tokio::test]
async fn what_keeps_a_group_is_said_in_words() {
    let interfaces = "<R><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><description>FSx for fs-0a</description><requesterId>123:fsx</requesterId></item>\
        <item><networkInterfaceId>eni-2</networkInterfaceId><description/><attachment><instanceId>i-0a</instanceId></attachment></item></networkInterfaceSet></R>";
    let groups = "<R><securityGroupInfo><item><groupId>sg-0a</groupId></item><item><groupId>sg-1</groupId><groupName>bastion</groupName></item></securityGroupInfo></R>";
    let wire = Wire::new()
        .ok("DescribeNetworkInterfaces", interfaces)
        .ok("DescribeSecurityGroups", groups)
        .ok("DescribeSecurityGroups", groups)
        .ok(
            "DescribeInstances",
            format!(
                "<R><reservationSet><item><instancesSet>{}{}</instancesSet></item></reservationSet></R>",
                instance("i-0a", "shutting-down", "", &Tags::new()),
                instance("i-0b", "terminated", "", &Tags::new())
            ),
        )
        .ec2_error("DeleteSecurityGroup", 400, "DependencyViolation", "resource sg-0a has a dependent object")
        .ec2_error("DeleteSecurityGroup", 400, "InvalidGroup.NotFound", "gone");
    let aws = wire.aws();
    let users = aws.dependents(&group_address(), "sg-0a").await.expect("the answers are good");
    assert_eq!(
        users,
        [
            "network interface eni-1 (FSx for fs-0a, 123:fsx)",
            "network interface eni-2 (i-0a)",
            "a rule of security group sg-1 (bastion)"
        ]
    );
    let users = aws
        .dependents(&Address::named(Kind::Placement, "trainer"), "provision/vision/trainer")
        .await
        .expect("the answer is good");
    assert_eq!(users, ["instance i-0a (shutting-down)"]);
    let remove = delete(group_address(), &["sg-0a"]);
    assert_eq!(aws.delete(&remove).await.expect_err("refused").class, Class::InUse);
    aws.delete(&remove).await.expect("gone is done");
}

fn reservation() -> Resource {
    Resource::Reservation(CapacityReservation {
        instance: "p5.48xlarge".to_owned(),
        count: 8,
        zone: "us-east-1b".to_owned(),
        ends: "2026-03-05T12:10:00Z".parse().expect("a time"),
    })
}

fn reservation_address() -> Address {
    Address::named(Kind::Reservation, "trainer")
}

const ONE_RESERVATION: &str = "<R><capacityReservationSet><item><capacityReservationId>cr-0a</capacityReservationId>\
    <instanceType>p5.48xlarge</instanceType><availabilityZone>us-east-1b</availabilityZone>\
    <totalInstanceCount>8</totalInstanceCount><state>STATE</state><endDate>2026-03-05T12:10:00.000Z</endDate><tagSet>\
    <item><key>provision:cluster</key><value>vision</value></item><item><key>provision:deployment</key><value>d1</value></item>\
    <item><key>provision:address</key><value>reservation.trainer</value></item></tagSet></item></capacityReservationSet></R>";

#[tokio::test]
async fn capacity_is_reserved_with_an_end_found_by_its_tags_and_given_back() {
    let made = "<R><capacityReservation><capacityReservationId>cr-0a</capacityReservationId><state>active</state>\
        </capacityReservation></R>";
    let wire = Wire::new()
        .ok("CreateCapacityReservation", made)
        .ok("DescribeCapacityReservations", ONE_RESERVATION.replace("STATE", "active"))
        .ok("CancelCapacityReservation", "<R><return>true</return></R>");
    let aws = wire.aws();
    let create = create(reservation_address(), reservation());
    let Ok(Created::Resource(seen)) = aws.create(&create).await else { panic!("it is made") };
    assert_eq!((seen.id.as_str(), seen.state), ("cr-0a", State::Ready));
    let observed = aws.observe(&scope(), &[Kind::Reservation]).await.expect("an answer");
    let [found] = observed.resources.as_slice() else { panic!("{observed:#?}") };
    assert_eq!((&found.address, found.id.as_str(), found.state), (&reservation_address(), "cr-0a", State::Ready));
    assert_eq!(found.fields, seen.fields, "what is read back is what was asked for");
    aws.delete(&delete(reservation_address(), &["cr-0a"])).await.expect("it is given back");
    assert_snapshot!(wire.requests());
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_room_is_asked_once() {
    for (status, code, class) in [
        (500, "InsufficientInstanceCapacity", Class::Capacity),
        (400, "VcpuLimitExceeded", Class::Quota),
        (400, "Unsupported", Class::NotOffered),
        (501, "InternalFailure", Class::NotImplemented),
        (400, "InvalidAction", Class::NotImplemented),
        (400, "UnsupportedOperation", Class::NotImplemented),
        (403, "UnauthorizedOperation", Class::Denied),
    ] {
        let wire = Wire::new().ec2_error("CreateCapacityReservation", status, code, "no");
        let error = wire.aws().create(&create(reservation_address(), reservation())).await.expect_err("refused");
        assert_eq!((error.class, error.remains), (class, Remains::Nothing), "{code}");
        assert_eq!(wire.count("CreateCapacityReservation"), 1, "{code}");
    }
    let in_words = "The create_capacity_reservation action has not been implemented";
    // The SDK repeats it as it does every fault of a server.
    let wire =
        (0..8).fold(Wire::new(), |wire, _| wire.ec2_error("CreateCapacityReservation", 500, "InternalError", in_words));
    let error = wire.aws().create(&create(reservation_address(), reservation())).await.expect_err("refused");
    assert_eq!((error.class, error.remains), (Class::NotImplemented, Remains::Nothing));
    // A fault of EC2's own is another matter.
    let wire = Wire::new().ec2_error("CreateCapacityReservation", 500, "InternalError", "sorry").ok(
        "CreateCapacityReservation",
        "<R><capacityReservation><capacityReservationId>cr-0a</capacityReservationId></capacityReservation></R>",
    );
    assert!(wire.aws().create(&create(reservation_address(), reservation())).await.is_ok());
}

#[tokio::test]
async fn what_has_ended_by_itself_counts_as_given_back() {
    for (state, is_over) in [("expired", true), ("cancelled", true), ("active", false)] {
        let wire = Wire::new()
            .ec2_error("CancelCapacityReservation", 400, "InvalidState", "not in a state to be cancelled")
            .ok("DescribeCapacityReservations", ONE_RESERVATION.replace("STATE", state));
        let outcome = wire.aws().delete(&delete(reservation_address(), &["cr-0a"])).await;
        assert_eq!(outcome.is_ok(), is_over, "{state}: {outcome:?}");
    }
    let wire = Wire::new().ec2_error("CancelCapacityReservation", 400, "InvalidCapacityReservationId.NotFound", "none");
    assert_eq!(wire.aws().delete(&delete(reservation_address(), &["cr-0a"])).await, Ok(()));
}

use insta::assert_snapshot;

use super::wire::{Wire, iam_tags};
use super::{create, delete, scope, tags, update};
use crate::cloud::{Class, Cloud as _, Created, Identity, Remains};
use crate::desired::{Address, InstanceProfile, Kind, Resource, Role, Tags, policy};

const NAME: &str = "provision-vision-us-east-1";

fn role() -> Role {
    let identity = Identity {
        account: "123456789012".to_owned(),
        arn: String::new(),
        region: "us-east-1".to_owned(),
        partition: "aws".to_owned(),
    };
    Role {
        name: NAME.to_owned(),
        trust: policy::trust(&identity),
        policy: policy::node(&identity, "vision", false),
        managed: policy::managed(&identity),
    }
}

fn role_address() -> Address {
    Address::one(Kind::Role)
}

fn wanted() -> Resource {
    Resource::Role(role())
}

/// As IAM does it; and with white space, which a document may have.
fn encoded(document: &str) -> String {
    format!("\n {document}")
        .replace('%', "%25")
        .replace('\n', "%0A")
        .replace('{', "%7B")
        .replace('"', "%22")
        .replace('}', "%7D")
        .replace(':', "%3A")
}

fn role_xml(tags: &Tags, trust: &str) -> String {
    format!(
        "<Role><Path>/provision/</Path><RoleName>{NAME}</RoleName><RoleId>AROA</RoleId><Arn>arn:role</Arn><CreateDate>2026-11-20T10:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>{}</Role>",
        encoded(trust),
        iam_tags(tags)
    )
}

fn got_role(tags: &Tags, trust: &str) -> String {
    format!("<R><GetRoleResult>{}</GetRoleResult></R>", role_xml(tags, trust))
}

fn got_profile(tags: &Tags, role: Option<&str>) -> String {
    let roles = role.map(|name| {
        role_xml(&Tags::new(), "{}").replace(NAME, name).replace("<Role>", "<member>").replace("</Role>", "</member>")
    });
    format!(
        "<R><GetInstanceProfileResult><InstanceProfile><Path>/provision/</Path><InstanceProfileName>{NAME}</InstanceProfileName><InstanceProfileId>AIPA</InstanceProfileId>\
         <Arn>arn:profile</Arn><CreateDate>2026-11-20T10:00:00Z</CreateDate><Roles>{}</Roles>{}</InstanceProfile></GetInstanceProfileResult></R>",
        roles.unwrap_or_default(),
        iam_tags(tags)
    )
}

fn attached(arns: &[&str]) -> String {
    let members =
        arns.iter().map(|arn| format!("<member><PolicyArn>{arn}</PolicyArn></member>")).collect::<Vec<_>>().concat();
    format!(
        "<R><ListAttachedRolePoliciesResult><AttachedPolicies>{members}</AttachedPolicies><IsTruncated>false</IsTruncated></ListAttachedRolePoliciesResult></R>"
    )
}

const INLINE: &str = "<R><ListRolePoliciesResult><PolicyNames><member>provision-node</member></PolicyNames><IsTruncated>false</IsTruncated></ListRolePoliciesResult></R>";
const SSM: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

#[tokio::test]
async fn a_role_is_made_with_its_policies() {
    let made = format!("<R><CreateRoleResult>{}</CreateRoleResult></R>", role_xml(&Tags::new(), "{}"));
    let wire = Wire::new().ok("CreateRole", made).ok("PutRolePolicy", "<R/>").ok("AttachRolePolicy", "<R/>");
    let Created::Resource(seen) =
        wire.aws().create(&create(role_address(), wanted())).await.expect("the answers are good")
    else {
        panic!("no resource")
    };
    assert_eq!((seen.id.as_str(), seen.arn.as_deref()), (NAME, Some("arn:role")));
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn a_role_of_ours_is_taken_over_and_completed() {
    let wire = Wire::new()
        .iam_error("CreateRole", 409, "EntityAlreadyExists")
        .ok("GetRole", got_role(&tags(&role_address()), "{}"))
        .ok("UpdateAssumeRolePolicy", "<R/>")
        .ok("PutRolePolicy", "<R/>")
        .ok("AttachRolePolicy", "<R/>");
    wire.aws().create(&create(role_address(), wanted())).await.expect("it is ours");
    assert_eq!(
        wire.operations(),
        ["CreateRole", "GetRole", "UpdateAssumeRolePolicy", "PutRolePolicy", "AttachRolePolicy"]
    );

    let wire =
        Wire::new().iam_error("CreateRole", 409, "EntityAlreadyExists").ok("GetRole", got_role(&Tags::new(), "{}"));
    let error = wire.aws().create(&create(role_address(), wanted())).await.expect_err("a stranger's");
    assert_eq!((error.class, error.remains), (Class::Conflict, Remains::Nothing));
    assert_eq!(wire.operations(), ["CreateRole", "GetRole"], "and is not touched");
}

#[tokio::test]
async fn a_young_role_may_not_be_known_everywhere() {
    let made = format!("<R><CreateRoleResult>{}</CreateRoleResult></R>", role_xml(&Tags::new(), "{}"));
    let wire = Wire::new().ok("CreateRole", made).iam_error("PutRolePolicy", 404, "NoSuchEntity");
    let error = wire.aws().create(&create(role_address(), wanted())).await.expect_err("refused");
    assert_eq!(
        (error.class, error.remains, error.request_id.as_deref()),
        (Class::NotYet, Remains::Perhaps, Some("r-1"))
    );
}

#[tokio::test]
async fn a_role_is_seen_as_it_was_written() {
    let policy = format!(
        "<R><GetRolePolicyResult><RoleName>{NAME}</RoleName><PolicyName>provision-node</PolicyName><PolicyDocument>{}</PolicyDocument></GetRolePolicyResult></R>",
        encoded(&role().policy)
    );
    let wire = Wire::new()
        .ok("GetRole", got_role(&tags(&role_address()), &role().trust))
        .ok("GetRolePolicy", policy)
        .ok("ListAttachedRolePolicies", attached(&[SSM]))
        .ok("GetInstanceProfile", got_profile(&tags(&Address::one(Kind::InstanceProfile)), Some(NAME)));
    let observed =
        wire.aws().observe(&scope(), &[Kind::Role, Kind::InstanceProfile]).await.expect("the answers are good");
    for (name, value) in wanted().fields() {
        assert_eq!(observed.resources[0].fields.get(name), Some(&value), "{name}");
    }
    assert_eq!(observed.resources[1].fields["role"], NAME);
}

#[tokio::test]
async fn what_iam_does_not_have_is_absent_and_asked_no_further() {
    let wire =
        Wire::new().iam_error("GetRole", 404, "NoSuchEntity").iam_error("GetInstanceProfile", 404, "NoSuchEntity");
    let observed =
        wire.aws().observe(&scope(), &[Kind::Role, Kind::InstanceProfile]).await.expect("the answers are good");
    assert_eq!(observed, crate::observed::Observed::default());
    assert_eq!(wire.operations(), ["GetRole", "GetInstanceProfile"]);
    let wire = Wire::new().ok("GetRole", got_role(&Tags::new(), "{}"));
    let observed = wire.aws().observe(&scope(), &[Kind::Role]).await.expect("the answer is good");
    assert_eq!((observed.resources.len(), observed.foreign[0].id.as_str()), (0, NAME));
}

#[tokio::test]
async fn a_role_changes_by_what_is_named() {
    let wire = Wire::new()
        .ok("UpdateAssumeRolePolicy", "<R/>")
        .ok("PutRolePolicy", "<R/>")
        .ok("AttachRolePolicy", "<R/>")
        .ok("ListAttachedRolePolicies", attached(&[SSM, "arn:extra"]))
        .ok("DetachRolePolicy", "<R/>")
        .ok("TagRole", "<R/>")
        .ok("UntagRole", "<R/>");
    let mut change = update(role_address(), NAME, wanted(), &["trust", "policy", "managed_policies"]);
    change.set_tags = [("team".to_owned(), "b".to_owned())].into();
    change.remove_tags = ["old".to_owned()].into();
    wire.aws().update(&change).await.expect("the answers are good");
    let lines: Vec<String> =
        wire.requests().lines().filter(|line| !line.contains("PolicyDocument")).map(str::to_owned).collect();
    assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_role_goes_with_all_it_holds() {
    let wire = Wire::new()
        .ok("ListAttachedRolePolicies", attached(&[SSM]))
        .ok("ListRolePolicies", INLINE)
        .iam_error("DetachRolePolicy", 404, "NoSuchEntity")
        .ok("DeleteRolePolicy", "<R/>")
        .iam_error("DeleteRole", 409, "DeleteConflict");
    let aws = wire.aws();
    let error = aws.delete(&delete(role_address(), &[NAME])).await.expect_err("a profile holds it");
    assert_eq!((error.class, error.address), (Class::InUse, Some(role_address())));
    assert_snapshot!(wire.requests());
    let wire = Wire::new().iam_error("ListAttachedRolePolicies", 404, "NoSuchEntity").iam_error(
        "ListRolePolicies",
        404,
        "NoSuchEntity",
    );
    wire.aws().delete(&delete(role_address(), &[NAME])).await.expect("gone is done");
}

#[tokio::test]
async fn a_profile_holds_our_role_and_no_other() {
    let address = Address::one(Kind::InstanceProfile);
    let resource = Resource::InstanceProfile(InstanceProfile { name: NAME.to_owned(), role: NAME.to_owned() });
    let made = got_profile(&Tags::new(), None).replace("GetInstanceProfile", "CreateInstanceProfile");
    let full = |role: &str| {
        Wire::new()
            .ok("CreateInstanceProfile", made.clone())
            .iam_error("AddRoleToInstanceProfile", 409, "LimitExceeded")
            .ok("GetInstanceProfile", got_profile(&tags(&address), Some(role)))
    };
    let wire = full(NAME);
    wire.aws().create(&create(address.clone(), resource.clone())).await.expect("it holds it already");
    assert_snapshot!(wire.requests());
    let error =
        full("another").aws().create(&create(address.clone(), resource.clone())).await.expect_err("it holds another");
    assert_eq!((error.class, error.remains), (Class::Conflict, Remains::Perhaps));

    let wire = Wire::new()
        .ok("GetInstanceProfile", got_profile(&tags(&address), Some("another")))
        .ok("RemoveRoleFromInstanceProfile", "<R/>")
        .ok("AddRoleToInstanceProfile", "<R/>");
    wire.aws().update(&update(address.clone(), NAME, resource, &["role"])).await.expect("the answers are good");
    assert_eq!(wire.operations(), ["GetInstanceProfile", "RemoveRoleFromInstanceProfile", "AddRoleToInstanceProfile"]);

    let wire = Wire::new()
        .ok("GetInstanceProfile", got_profile(&tags(&address), Some(NAME)))
        .ok("RemoveRoleFromInstanceProfile", "<R/>")
        .ok("DeleteInstanceProfile", "<R/>")
        .iam_error("GetInstanceProfile", 404, "NoSuchEntity")
        .iam_error("DeleteInstanceProfile", 404, "NoSuchEntity");
    let aws = wire.aws();
    aws.delete(&delete(address.clone(), &[NAME])).await.expect("the answers are good");
    aws.delete(&delete(address, &[NAME])).await.expect("gone is done");
}

#[tokio::test]
async fn what_keeps_a_role_is_said_in_words() {
    let profile = got_profile(&Tags::new(), None);
    let inner = profile
        .split("<InstanceProfile>")
        .nth(1)
        .and_then(|rest| rest.split("</InstanceProfile>").next())
        .unwrap_or_default();
    let list = format!(
        "<R><ListInstanceProfilesForRoleResult><InstanceProfiles><member>{inner}</member></InstanceProfiles><IsTruncated>false</IsTruncated></ListInstanceProfilesForRoleResult></R>"
    );
    let wire = Wire::new().ok("ListInstanceProfilesForRole", list).iam_error(
        "ListInstanceProfilesForRole",
        404,
        "NoSuchEntity",
    );
    let aws = wire.aws();
    assert_eq!(aws.dependents(&role_address(), NAME).await, Ok(vec![format!("instance profile {NAME}")]));
    assert_eq!(aws.dependents(&role_address(), NAME).await, Ok(vec![]));
}

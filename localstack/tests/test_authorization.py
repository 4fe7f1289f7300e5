"""Policies: which part of the language is understood, what it means, and how a denial looks from outside."""

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import REGION
from localstack_provision.authorization.policy import Check, NotUnderstood, allowing, parse

GROUP = f"arn:aws:ec2:{REGION}:123456789012:security-group/sg-1"

SEND = {"Effect": "Allow", "Action": "ssm:SendCommand"}
METRICS = {"MetricDataQueries": [], "StartTime": 0, "EndTime": 60}


def policy(**changes):
    """A policy of one statement that is right, with changes: None takes a member out."""
    whole = {"Sid": "One", "Effect": "Allow", "Action": "ec2:DeleteSecurityGroup", "Resource": GROUP, **changes}
    return {
        "Version": "2012-10-17",
        "Statement": [{name: value for name, value in whole.items() if value is not None}],
    }


def allows(document, action="ec2:DeleteSecurityGroup", resource=GROUP, **context):
    return bool(allowing(parse(document), Check(action, resource, context)))


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("ec2:DeleteSecurityGroup", "ec2:DeleteSecurityGroup", True),
        ("ec2:deletesecuritygroup", "ec2:DeleteSecurityGroup", True),
        ("ec2:Delete*", "ec2:DeleteSecurityGroup", True),
        ("ec2:Delete", "ec2:DeleteSecurityGroup", False),
        ("ec2:*", "iam:GetRole", False),
        ("ec2:Delete?ags", "ec2:DeleteTags", True),
        ("ec2:Delete?ags", "ec2:DeleteFlags", False),
    ],
)
def test_actions(pattern, action, expected):
    assert allows(policy(Action=pattern), action) is expected


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("*", "*", True),
        (GROUP, "*", False),
        ("arn:aws:s3:::acme", "arn:aws:s3:::acme", True),
        ("arn:aws:s3:::acme", "arn:aws:s3:::acme-b", False),
        ("arn:aws:s3:::acme/*", "arn:aws:s3:::acme", False),
        ("arn:aws:s3:::acme/*", "arn:aws:s3:::acme/a/b", True),
        ("arn:aws:s3:::acm?", "arn:aws:s3:::acme", True),
        ("arn:aws:s3:::a.me", "arn:aws:s3:::acme", False),
        ("arn:aws:s3:::acme", "arn:aws:s3:::Acme", False),
        # An asterisk in a request's own resource stands for something new, and is no pattern.
        ("arn:aws:ec2:us-east-1:1:instance/i-1", "arn:aws:ec2:us-east-1:1:instance/*", False),
    ],
)
def test_resources(pattern, resource, expected):
    assert allows(policy(Resource=pattern), resource=resource) is expected


def test_any_of_several():
    document = policy(Action=["ec2:CreateTags", "ec2:DeleteTags"], Resource=["arn:aws:s3:::a", GROUP])
    assert allows(document, "ec2:DeleteTags")
    assert not allows(document, "ec2:DeleteTags", "arn:aws:s3:::b")


TAG = "aws:ResourceTag/provision:cluster"


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {TAG: "a"}}, {TAG: "a"}, True),
        ({"StringEquals": {TAG: ["b", "a"]}}, {TAG: "a"}, True),
        ({"StringEquals": {TAG: "a"}}, {TAG: "A"}, False),
        ({"StringEquals": {TAG: "a*"}}, {TAG: "ab"}, False),
        ({"StringEquals": {TAG: "a"}}, {}, False),
        ({"StringLike": {TAG: "a*"}}, {TAG: "ab"}, True),
        ({"StringLike": {TAG: "*"}}, {}, False),
        ({"StringEquals": {TAG: "a", "aws:RequestedRegion": "x"}}, {TAG: "a", "aws:RequestedRegion": "x"}, True),
        ({"StringEquals": {TAG: "a", "aws:RequestedRegion": "x"}}, {TAG: "a", "aws:RequestedRegion": "y"}, False),
        ({"StringEquals": {TAG: "a"}, "StringLike": {"aws:RequestedRegion": "x"}}, {TAG: "a"}, False),
        (
            {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/A"}},
            {"iam:PolicyARN": "arn:aws:iam::aws:policy/A"},
            True,
        ),
        (
            {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::*:policy/A"}},
            {"iam:PolicyARN": "arn:aws:iam::aws:policy/A"},
            True,
        ),
        ({"ArnLike": {"iam:PolicyARN": "arn:*:policy/A"}}, {"iam:PolicyARN": "arn:aws:iam::aws:policy/A"}, False),
        ({"ForAnyValue:StringEquals": {"aws:CalledVia": "f"}}, {"aws:CalledVia": ("e", "f")}, True),
        ({"ForAnyValue:StringEquals": {"aws:CalledVia": "f"}}, {"aws:CalledVia": ("e",)}, False),
        ({"ForAnyValue:StringEquals": {"aws:CalledVia": "f"}}, {}, False),
    ],
)
def test_conditions(condition, context, expected):
    assert allows(policy(Condition=condition), **context) is expected


def test_a_denial_wins():
    document = policy()
    document["Statement"].append({**document["Statement"][0], "Effect": "Deny", "Action": "ec2:*"})
    assert not allows(document)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"Version": "2012-10-17"},
        {**policy(), "Version": "2008-10-17"},
        policy(Effect="Maybe"),
        policy(Action=None, NotAction="ec2:*"),
        policy(NotResource="*"),
        policy(Principal="*"),
        policy(Action="*"),
        policy(Action=[]),
        policy(Resource="security-group/sg-1"),
        policy(Resource="arn:aws:s3:::${aws:username}"),
        policy(Condition={"StringNotEquals": {TAG: "a"}}),
        policy(Condition={"StringEqualsIfExists": {TAG: "a"}}),
        policy(Condition={"Null": {TAG: "true"}}),
        policy(Condition={"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}),
        policy(Condition={"StringEquals": {"aws:TagKeys": "a"}}),
        policy(Condition={"StringEquals": {"aws:ResourceTag": "a"}}),
        policy(Condition={"StringEquals": {"aws:CalledVia": "f"}}),
        policy(Condition={"ForAnyValue:StringEquals": {TAG: "a"}}),
    ],
)
def test_what_is_not_understood_is_refused(document):
    with pytest.raises(NotUnderstood):
        parse(document)


@pytest.fixture
def guarded(cloud):
    """Gives the account of the test a policy of one statement."""

    def guard(**changes):
        answer = cloud.control("POST", "policy", {"account": cloud.account, "policies": [policy(**changes)]})
        assert "error" not in answer, answer
        return answer

    yield guard
    cloud.control("POST", "policy", {"account": cloud.account, "policies": []})


def test_denials_have_the_form_of_their_service(cloud, guarded):
    bucket = cloud.bucket()
    guarded(Action="sts:Nothing", Resource="*")
    calls = [
        ("UnauthorizedOperation", cloud.ec2.describe_subnets, {}),
        ("AccessDeniedException", cloud.fsx.describe_file_systems, {}),
        ("AccessDeniedException", cloud.ssm.get_parameters, {"Names": ["/a"]}),
        ("AccessDenied", cloud.iam.get_role, {"RoleName": "r"}),
        ("AccessDenied", cloud.cloudwatch.get_metric_data, METRICS),
        # An answer to HEAD has no body, and so no code but its status.
        ("403", cloud.s3.head_bucket, {"Bucket": bucket}),
        # Nobody knows what it needs: denied, whatever the policy says.
        ("UnauthorizedOperation", cloud.ec2.describe_key_pairs, {}),
    ]
    for expected, call, parameters in calls:
        with pytest.raises(ClientError) as raised:
            call(**parameters)
        assert raised.value.response["Error"]["Code"] == expected
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    # Who one is, one may always ask.
    assert cloud.client("sts").get_caller_identity()["Account"] == cloud.account


def test_a_denied_request_does_nothing(cloud, guarded):
    guarded(Action="ec2:CreateSecurityGroup", Resource="*")
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "provision:cluster", "Value": "a"}]}]
    with pytest.raises(ClientError, match="ec2:CreateTags on resource"):
        cloud.ec2.create_security_group(GroupName="g", Description="x", TagSpecifications=tags)
    answer = cloud.control("POST", "policy", {"account": cloud.account, "policies": []})
    assert answer == {"denied": [], "statements": {}}
    groups = cloud.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["g"]}])
    assert groups["SecurityGroups"] == []


def test_tags_decide(cloud, guarded):
    ours, theirs = (cloud.lustre_group(name) for name in ("ours", "theirs"))
    cloud.ec2.create_tags(Resources=[ours], Tags=[{"Key": "provision:cluster", "Value": "a"}])
    any_group = f"arn:aws:ec2:{REGION}:{cloud.account}:security-group/*"
    guarded(Resource=[any_group], Condition={"StringEquals": {TAG: "a"}})
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        cloud.ec2.delete_security_group(GroupId=theirs)
    cloud.ec2.delete_security_group(GroupId=ours)
    found = cloud.control("GET", f"policy?account={cloud.account}")
    assert found["statements"]["One"] == {"alone": 1, "unused": []}
    assert len(found["denied"]) == 1


def test_a_command_needs_its_document_and_its_instance(cloud, guarded):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "provision:cluster", "Value": "a"}]}]
    request = {"IamInstanceProfile": cloud.profile()}
    ours = cloud.run(**request, TagSpecifications=tags)["Instances"][0]["InstanceId"]
    theirs = cloud.run(**request)["Instances"][0]["InstanceId"]
    cloud.wait(lambda: len(cloud.ssm.describe_instance_information()["InstanceInformationList"]) == 2)
    document = {"Sid": "Document", **SEND, "Resource": f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript"}
    instances = {"Sid": "Nodes", **SEND, "Resource": f"arn:aws:ec2:{REGION}:{cloud.account}:instance/*"}
    instances["Condition"] = {"StringEquals": {"ssm:resourceTag/provision:cluster": "a"}}
    command = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["x"]}}
    for statements, target, allowed in (
        ([document, instances], ours, True),
        ([document, instances], theirs, False),
        ([instances], ours, False),
    ):
        policies = [{"Version": "2012-10-17", "Statement": statements}]
        assert "error" not in cloud.control("POST", "policy", {"account": cloud.account, "policies": policies})
        if allowed:
            cloud.ssm.send_command(InstanceIds=[target], **command)
            continue
        with pytest.raises(ClientError, match="AccessDeniedException"):
            cloud.ssm.send_command(InstanceIds=[target], **command)


def test_a_console_is_that_of_an_instance(cloud, guarded):
    instance = cloud.run()["Instances"][0]["InstanceId"]
    guarded(Action="ec2:GetConsoleOutput", Resource=f"arn:aws:ec2:{REGION}:{cloud.account}:instance/{instance}")
    cloud.ec2.get_console_output(InstanceId=instance)
    guarded(Action="ec2:GetConsoleOutput", Resource=f"arn:aws:ec2:{REGION}:{cloud.account}:instance/i-1")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        cloud.ec2.get_console_output(InstanceId=instance)


def test_other_accounts_are_left_alone(cloud, guarded):
    guarded(Action="sts:Nothing", Resource="*")
    other = boto3.client(
        "ec2",
        endpoint_url=cloud.endpoint,
        region_name=REGION,
        aws_access_key_id="999988887777",
        aws_secret_access_key="test",
    )
    assert other.describe_subnets()["Subnets"]


def test_a_policy_that_is_not_understood_is_refused(cloud):
    document = policy(Condition={"StringNotEquals": {TAG: "a"}})
    answer = cloud.control("POST", "policy", {"account": cloud.account, "policies": [document]})
    assert "StringNotEquals" in answer["error"]
    assert "no policy" in cloud.control("GET", f"policy?account={cloud.account}")["error"]

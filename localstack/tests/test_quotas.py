"""Service Quotas, trials of EC2, and keys: what a client looks at before it makes anything."""


def test_quotas_are_settings(cloud, code):
    quotas = cloud.client("service-quotas")
    p = {"ServiceCode": "ec2", "QuotaCode": "L-417A185B"}
    assert quotas.get_service_quota(**p)["Quota"]["Value"] == 1_000_000
    cloud.control("POST", "settings", {"quota": {"L-417A185B": 192}})
    assert quotas.get_service_quota(**p)["Quota"]["Value"] == 192
    assert quotas.get_aws_default_service_quota(**p)["Quota"]["QuotaCode"] == "L-417A185B"
    codes = [quota["QuotaCode"] for quota in quotas.list_service_quotas(ServiceCode="fsx")["Quotas"]]
    assert "L-8F1B9C74" in codes and len(codes) == len(set(codes))
    assert code(quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-0") == "NoSuchResourceException"
    assert code(quotas.list_service_quotas, ServiceCode="s4") == "NoSuchResourceException"


def test_a_trial_makes_nothing(cloud, code):
    def requests(operation):
        # The ledger is one for all accounts, and so for all tests.
        return cloud.control("GET", "ledger")["requests"].get("ec2", {}).get(operation, 0)

    operations = ("CreateSecurityGroup (dry run)", "CreateSecurityGroup")
    trials, made = map(requests, operations)
    vpc = cloud.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = {"GroupName": "trial", "Description": "trial", "VpcId": vpc}
    assert code(cloud.ec2.create_security_group, DryRun=True, **group) == "DryRunOperation"
    template = {"LaunchTemplateName": "trial", "LaunchTemplateData": {"ImageId": "ami-1"}}
    assert code(cloud.ec2.create_launch_template, DryRun=True, **template) == "DryRunOperation"
    by_name = [{"Name": "group-name", "Values": ["trial"]}]
    assert cloud.ec2.describe_security_groups(Filters=by_name)["SecurityGroups"] == []
    assert cloud.ec2.describe_launch_templates()["LaunchTemplates"] == []
    assert list(map(requests, operations)) == [trials + 1, made]


def test_keys_are_made_and_disabled(cloud):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"

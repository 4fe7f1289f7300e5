"""Amazon File Cache: what can be made, its links, exports, loss, nodes, what IAM is asked."""

import pytest
from botocore.exceptions import ClientError
from test_ec2 import node_tags

LUSTRE = {
    "DeploymentType": "CACHE_1",
    "PerUnitStorageThroughput": 1000,
    "MetadataConfiguration": {"StorageCapacity": 2400},
}
NFS = {"NFS": {"Version": "NFS3"}, "DataRepositoryPath": "nfs://10.0.0.9/export"}
WRONG = [
    ({"StorageCapacity": 3600}, "BadRequest"),
    ({"FileCacheTypeVersion": "2.15"}, "BadRequest"),
    ({"LustreConfiguration": None}, "MissingFileCacheConfiguration"),
    ({"LustreConfiguration": {**LUSTRE, "PerUnitStorageThroughput": 500}}, "InvalidPerUnitStorageThroughput"),
    (
        {"LustreConfiguration": {**LUSTRE, "MetadataConfiguration": {"StorageCapacity": 1200}}},
        "BadRequest",
    ),
    ({"SubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidNetworkSettings"),
    ({"DataRepositoryAssociations": [{"FileCachePath": "/", "DataRepositoryPath": "s3://b/"}]}, "BadRequest"),
    ({"DataRepositoryAssociations": [{"FileCachePath": "/a", "DataRepositoryPath": "s3://nobody-s"}]}, "BadRequest"),
    ({"DataRepositoryAssociations": [{"FileCachePath": f"/{i}", **NFS} for i in range(9)]}, "BadRequest"),
    (
        {
            "DataRepositoryAssociations": [
                {"FileCachePath": "/a", **NFS},
                {"FileCachePath": "/b", "DataRepositoryPath": "s3://b/"},
            ]
        },
        "BadRequest",
    ),
]


def request(cloud, **changes):
    """A CreateFileCache request that is right, with changes: None takes a member out."""
    whole = {
        "FileCacheType": "LUSTRE",
        "FileCacheTypeVersion": "2.12",
        "StorageCapacity": 1200,
        "SubnetIds": [cloud.subnet()["SubnetId"]],
        "LustreConfiguration": LUSTRE,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def get(cloud, identifier):
    return cloud.fsx.describe_file_caches(FileCacheIds=[identifier])["FileCaches"][0]


def create(cloud, *buckets, **changes):
    """Creates a cache with a link to each bucket, at /0, /1 …, and waits for it."""
    links = [
        {"FileCachePath": f"/{number}", "DataRepositoryPath": f"s3://{bucket}/data/"}
        for number, bucket in enumerate(buckets)
    ]
    made = cloud.fsx.create_file_cache(**request(cloud, **{"DataRepositoryAssociations": links or None, **changes}))[
        "FileCache"
    ]
    cloud.wait(lambda: get(cloud, made["FileCacheId"])["Lifecycle"] == "AVAILABLE")
    return get(cloud, made["FileCacheId"])


def stored(cache):
    """As the helpers for file systems want it."""
    return {"FileSystemId": cache["FileCacheId"]}


def export(cloud, cache, **more):
    task = {"Type": "EXPORT_TO_REPOSITORY", "Report": {"Enabled": False}, **more}
    return cloud.fsx.create_data_repository_task(**stored(cache), **task)["DataRepositoryTask"]


@pytest.mark.parametrize(("changes", "expected"), WRONG, ids=str)
def test_what_cannot_be_is_refused(cloud, code, changes, expected):
    assert code(cloud.fsx.create_file_cache, **request(cloud, **changes)) == expected
    assert cloud.fsx.describe_file_caches()["FileCaches"] == []


def test_a_cache_has_what_a_client_needs(cloud, code):
    bucket, group = cloud.bucket(), cloud.lustre_group()
    cloud.s3.put_object(Bucket=bucket, Key="data/film", Body=b"12345")
    tags = [{"Key": "provision:cluster", "Value": "exam"}]
    more = {"Tags": tags, "CopyTagsToDataRepositoryAssociations": True, "ClientRequestToken": "one"}
    link = {"FileCachePath": "/0", "DataRepositoryPath": f"s3://{bucket}/data/"}
    whole = request(cloud, SecurityGroupIds=[group], DataRepositoryAssociations=[link], **more)
    made = cloud.fsx.create_file_cache(**whole)["FileCache"]
    assert made["Lifecycle"] == "CREATING" and made["Tags"] == tags
    again = cloud.fsx.create_file_cache(**whole)["FileCache"]
    assert again["FileCacheId"] == made["FileCacheId"]
    other = {**whole, "StorageCapacity": 2400}
    assert code(cloud.fsx.create_file_cache, **other) == "IncompatibleParameterError"
    cloud.wait(lambda: get(cloud, made["FileCacheId"])["Lifecycle"] == "AVAILABLE")
    cache = get(cloud, made["FileCacheId"])
    assert cache["DNSName"] == f"{cache['FileCacheId']}.fsx.us-east-1.amazonaws.com"
    assert len(cache["LustreConfiguration"]["MountName"]) == 8
    by_cache = [{"Name": "file-cache-id", "Values": [cache["FileCacheId"]]}]
    links = cloud.fsx.describe_data_repository_associations(Filters=by_cache)["Associations"]
    assert [one["AssociationId"] for one in links] == cache["DataRepositoryAssociationIds"]
    assert (links[0]["FileCachePath"], links[0]["Lifecycle"], links[0]["Tags"]) == ("/0", "AVAILABLE", tags)
    assert "FileSystemId" not in links[0]
    assert cloud.files(stored(cache))["/0/film"]["state"] == "released"
    refused = {"AssociationId": links[0]["AssociationId"]}
    assert code(cloud.fsx.delete_data_repository_association, **refused) == "BadRequest"
    cloud.fsx.tag_resource(ResourceARN=cache["ResourceARN"], Tags=[{"Key": "a", "Value": "b"}])
    assert len(cloud.fsx.list_tags_for_resource(ResourceARN=cache["ResourceARN"])["Tags"]) == 2
    assert code(cloud.ec2.delete_security_group, GroupId=group) == "DependencyViolation"


def test_what_is_not_exported_is_lost(cloud, code):
    bucket, before = cloud.bucket(), cloud.control("GET", "ledger")
    cache = create(cloud, bucket)
    cloud.write(stored(cache), "/0/kept")
    cloud.control("POST", "settings", {"delay": {"task": 20}})
    task = export(cloud, cache)
    assert task["FileCacheId"] == cache["FileCacheId"] and "FileSystemId" not in task
    assert code(cloud.fsx.delete_file_cache, FileCacheId=cache["FileCacheId"]) == "BadRequest"
    cloud.wait(lambda: cloud.task(task["TaskId"])["Lifecycle"] == "SUCCEEDED")
    by_cache = [{"Name": "file-cache-id", "Values": [cache["FileCacheId"]]}]
    assert len(cloud.fsx.describe_data_repository_tasks(Filters=by_cache)["DataRepositoryTasks"]) == 1
    assert cloud.keys(bucket) == ["data/kept"]
    cloud.write(stored(cache), "/0/late", "/outside")
    assert cloud.fsx.delete_file_cache(FileCacheId=cache["FileCacheId"])["Lifecycle"] == "DELETING"
    cloud.wait(lambda: not cloud.fsx.describe_file_caches()["FileCaches"])
    after = cloud.control("GET", "ledger")
    counts = ("files_lost", "unlinked_lost", "file_caches_deleted", "associations_deleted")
    assert [after[name] - before[name] for name in counts] == [1, 1, 1, 1]
    assert cloud.fsx.describe_data_repository_associations()["Associations"] == []
    assert code(cloud.fsx.delete_file_cache, FileCacheId=cache["FileCacheId"]) == "FileCacheNotFound"


def test_other_tasks_are_not_for_caches(cloud, code):
    cache = create(cloud, cloud.bucket())
    for kind in ("AUTO_RELEASE_DATA", "RELEASE_DATA_FROM_FILESYSTEM", "IMPORT_METADATA_FROM_REPOSITORY"):
        wrong = {**stored(cache), "Type": kind, "Report": {"Enabled": False}}
        assert code(cloud.fsx.create_data_repository_task, **wrong) == "UnsupportedOperation"


def test_a_cache_of_nfs_exports_there(cloud):
    link = {**NFS, "FileCachePath": "/", "DataRepositoryPath": "nfs://filer.example"}
    link["DataRepositorySubdirectories"] = ["/a"]
    cache = create(cloud, DataRepositoryAssociations=[link])
    found = cloud.association(cache["DataRepositoryAssociationIds"][0])
    assert found["NFS"] == {"Version": "NFS3"} and found["DataRepositorySubdirectories"] == ["/a"]
    cloud.write(stored(cache), "/a/x")
    task = export(cloud, cache)
    cloud.wait(lambda: cloud.task(task["TaskId"])["Lifecycle"] == "SUCCEEDED")
    assert cloud.files(stored(cache))["/a/x"]["state"] == "archived"


def test_only_the_maintenance_of_a_cache_changes(cloud, code):
    cache = create(cloud)["FileCacheId"]
    assert code(cloud.fsx.update_file_cache, FileCacheId=cache) == "MissingFileCacheConfiguration"
    change = {"WeeklyMaintenanceStartTime": "3:04:00"}
    changed = cloud.fsx.update_file_cache(FileCacheId=cache, LustreConfiguration=change)["FileCache"]
    assert changed["Lifecycle"] == "UPDATING"
    cloud.wait(lambda: get(cloud, cache)["Lifecycle"] == "AVAILABLE")
    assert get(cloud, cache)["LustreConfiguration"]["WeeklyMaintenanceStartTime"] == "3:04:00"


def test_pages_can_be_short(cloud):
    made = [cloud.fsx.create_file_cache(**request(cloud))["FileCache"]["FileCacheId"] for _ in range(3)]
    cloud.control("POST", "settings", {"page": {"file_caches": 2}})
    first = cloud.fsx.describe_file_caches()
    second = cloud.fsx.describe_file_caches(NextToken=first["NextToken"])
    assert [one["FileCacheId"] for one in first["FileCaches"] + second["FileCaches"]] == made


def test_a_node_mounts_a_cache(cloud):
    cache = create(cloud)
    mount = f"{cache['DNSName']}@tcp:/{cache['LustreConfiguration']['MountName']}"
    cloud.run(UserData=f"#!/bin/bash\nmount -t lustre {mount} /mnt\n")
    cloud.wait(lambda: node_tags(cloud) == ["ready"])


def test_a_policy_decides(cloud):
    cache = create(cloud, cloud.bucket())["FileCacheId"]
    everything = {"Effect": "Allow", "Resource": "*"}
    statement = {**everything, "Action": ["fsx:DeleteFileCache", "fsx:DescribeFileCaches"]}

    def allow(*statements):
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        body = {"account": cloud.account, "policies": [document] if statements else []}
        assert "error" not in cloud.control("POST", "policy", body)

    allow(statement)
    with pytest.raises(ClientError, match="fsx:CreateFileCache"):
        cloud.fsx.create_file_cache(**{**request_without_subnet(), "SubnetIds": ["subnet-0123456789abcdef0"]})
    with pytest.raises(ClientError, match="fsx:DeleteDataRepositoryAssociation"):
        cloud.fsx.delete_file_cache(FileCacheId=cache)
    allow(statement, {**everything, "Action": "fsx:DeleteDataRepositoryAssociation"})
    cloud.fsx.delete_file_cache(FileCacheId=cache)
    allow()


def request_without_subnet():
    return {
        "FileCacheType": "LUSTRE",
        "FileCacheTypeVersion": "2.12",
        "StorageCapacity": 1200,
        "LustreConfiguration": LUSTRE,
    }

"""Associations, tasks, and what becomes of the files."""

import pytest


def export(cloud, system, **more):
    request = {"Type": "EXPORT_TO_REPOSITORY", "FileSystemId": system["FileSystemId"], "Report": {"Enabled": False}}
    return cloud.fsx.create_data_repository_task(**{**request, **more})["DataRepositoryTask"]


def ended(cloud, task):
    cloud.wait(lambda: cloud.task(task["TaskId"])["Lifecycle"] not in ("PENDING", "EXECUTING", "CANCELING"))
    return cloud.task(task["TaskId"])


def lost(cloud):
    """Counts of the ledger since the start of the test: the ledger is one for all accounts."""
    ledger = cloud.control("GET", "ledger")
    return ledger["files_lost"], ledger["unlinked_lost"]


def delete(cloud, system):
    cloud.fsx.delete_file_system(FileSystemId=system["FileSystemId"])
    cloud.wait(lambda: not cloud.fsx.describe_file_systems()["FileSystems"])


def test_an_association_lives_and_dies(cloud, code):
    system = cloud.file_system()
    bucket = cloud.bucket()
    link = cloud.link(system, bucket, export=["NEW"], ClientRequestToken="t")
    assert link["DataRepositoryPath"] == f"s3://{bucket}/data"
    assert link["S3"] == {"AutoExportPolicy": {"Events": ["NEW"]}}
    assert link["ImportedFileChunkSize"] == 1024
    cloud.fsx.update_data_repository_association(
        AssociationId=link["AssociationId"], S3={"AutoExportPolicy": {"Events": []}}
    )
    cloud.wait(lambda: cloud.association(link["AssociationId"])["Lifecycle"] == "AVAILABLE")
    assert cloud.association(link["AssociationId"])["S3"] == {}
    answer = cloud.fsx.delete_data_repository_association(AssociationId=link["AssociationId"])
    assert answer["Lifecycle"] == "DELETING"
    cloud.wait(lambda: not cloud.fsx.describe_data_repository_associations()["Associations"])
    describe = cloud.fsx.describe_data_repository_associations
    assert code(describe, AssociationIds=[link["AssociationId"]]) == "DataRepositoryAssociationNotFound"
    assert code(describe, MaxResults=26) == "BadRequest"


def test_associations_must_not_overlap(cloud, code):
    system = cloud.file_system()
    bucket = cloud.bucket()
    cloud.link(system, bucket, "/a/b")
    create = cloud.fsx.create_data_repository_association
    for path, repository in (("/a", "s3://other"), ("/a/b/c", "s3://other"), ("/x", f"s3://{bucket}/a")):
        request = {"FileSystemId": system["FileSystemId"], "FileSystemPath": path, "DataRepositoryPath": repository}
        assert code(create, **request) == "BadRequest"
    cloud.link(system, bucket, "/a/bc")


def test_there_are_eight_associations_at_most_and_pages_of_them(cloud, code):
    system = cloud.file_system()
    bucket = cloud.bucket()
    for number in range(8):
        cloud.link(system, bucket, f"/d{number}")
    request = {"FileSystemId": system["FileSystemId"], "FileSystemPath": "/d8", "DataRepositoryPath": "s3://b9"}
    assert code(cloud.fsx.create_data_repository_association, **request) == "ServiceLimitExceeded"
    mine = [{"Name": "file-system-id", "Values": [system["FileSystemId"]]}]
    first = cloud.fsx.describe_data_repository_associations(Filters=mine, MaxResults=5)
    second = cloud.fsx.describe_data_repository_associations(Filters=mine, NextToken=first["NextToken"])
    assert (len(first["Associations"]), len(second["Associations"])) == (5, 3)
    assert "NextToken" not in second


def test_the_second_of_two_at_once_fails_with_a_misleading_text(cloud):
    system = cloud.file_system()
    bucket = cloud.bucket()
    made = [
        cloud.fsx.create_data_repository_association(
            FileSystemId=system["FileSystemId"], FileSystemPath=path, DataRepositoryPath=f"s3://{bucket}{path}"
        )["Association"]["AssociationId"]
        for path in ("/one", "/two")
    ]
    cloud.wait(lambda: all(cloud.association(one)["Lifecycle"] != "CREATING" for one in made))
    assert [cloud.association(one)["Lifecycle"] for one in made] == ["AVAILABLE", "FAILED"]
    assert "s3:PutObject" in cloud.association(made[1])["FailureDetails"]["Message"]


def test_without_that_setting_the_second_waits_its_turn(cloud):
    cloud.control("POST", "settings", {"fsx": {"concurrent_association_fails": False}})
    test_system = cloud.fsx.create_file_system(**cloud.request())["FileSystem"]
    bucket = cloud.bucket()
    for path in ("/one", "/two"):
        cloud.fsx.create_data_repository_association(
            FileSystemId=test_system["FileSystemId"], FileSystemPath=path, DataRepositoryPath=f"s3://{bucket}{path}"
        )

    def states():
        found = cloud.fsx.describe_data_repository_associations()["Associations"]
        return [link["Lifecycle"] for link in found]

    cloud.wait(lambda: states() == ["AVAILABLE", "AVAILABLE"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lustre": {"DeploymentType": "SCRATCH_2", "PerUnitStorageThroughput": None}}, None),
        (
            {
                "lustre": {"DeploymentType": "SCRATCH_2", "PerUnitStorageThroughput": None},
                "FileSystemTypeVersion": "2.10",
            },
            "UnsupportedOperation",
        ),
        ({"lustre": {"AutomaticBackupRetentionDays": 1}}, "BadRequest"),
    ],
    ids=str,
)
def test_some_file_systems_cannot_be_linked(cloud, code, changes, expected):
    system = cloud.fsx.create_file_system(**cloud.request(**changes))["FileSystem"]
    request = {"FileSystemId": system["FileSystemId"], "DataRepositoryPath": f"s3://{cloud.bucket()}"}
    if expected:
        assert code(cloud.fsx.create_data_repository_association, **request) == expected
    else:
        cloud.fsx.create_data_repository_association(**request)


def test_a_missing_bucket_is_refused(cloud, code):
    request = {"FileSystemId": cloud.file_system()["FileSystemId"], "DataRepositoryPath": "s3://no-such-bucket-here"}
    assert code(cloud.fsx.create_data_repository_association, **request) == "BadRequest"


def test_import_on_creation_makes_files_of_objects(cloud):
    system = cloud.file_system()
    bucket = cloud.bucket()
    cloud.s3.put_object(Bucket=bucket, Key="data/one.bin", Body=b"1234")
    cloud.link(system, bucket, BatchImportMetaDataOnCreate=True)
    task = cloud.fsx.describe_data_repository_tasks()["DataRepositoryTasks"][0]
    assert ended(cloud, task)["Status"]["SucceededCount"] == 1
    found = cloud.control("GET", f"files?file_system_id={system['FileSystemId']}")["files"]
    assert [(file["path"], file["exported"]) for file in found] == [("/data/one.bin", True)]


def test_automatic_export_saves_what_it_has_time_for(cloud):
    before = lost(cloud)
    system = cloud.file_system()
    bucket = cloud.bucket()
    cloud.link(system, bucket, export=["NEW", "CHANGED", "DELETED"])
    cloud.write(system, "/data/a", "/data/b", content="hello")
    cloud.wait(lambda: cloud.keys(bucket) == ["data/a", "data/b"])
    cloud.control("DELETE", "files", {"file_system_id": system["FileSystemId"], "path": "/data/b"})
    cloud.wait(lambda: cloud.keys(bucket) == ["data/a"])
    cloud.write(system, "/data/a", content="changed, and too late")
    cloud.write(system, "/elsewhere/c")
    delete(cloud, system)
    assert lost(cloud) == (before[0] + 1, before[1] + 1)
    assert cloud.s3.get_object(Bucket=bucket, Key="data/a")["Body"].read() == b"hello"


def test_an_export_task_moves_the_files(cloud):
    before = lost(cloud)
    system = cloud.file_system()
    bucket = cloud.bucket()
    cloud.link(system, bucket)
    cloud.write(system, "/data/a", "/data/deep/b")
    task = export(cloud, system, Paths=["data"])
    assert task["Lifecycle"] == "PENDING"
    status = ended(cloud, task)
    assert status["Lifecycle"] == "SUCCEEDED"
    assert [status["Status"][name] for name in ("TotalCount", "SucceededCount", "FailedCount")] == [2, 2, 0]
    assert cloud.keys(bucket) == ["data/a", "data/deep/b"]
    delete(cloud, system)
    assert lost(cloud) == before


def test_a_failed_export_writes_its_report(cloud):
    system = cloud.file_system()
    bucket = cloud.bucket()
    cloud.link(system, bucket)
    cloud.write(system, "/data/good")
    cloud.write(system, "/data/bad", export_error="S3AccessDenied")
    report = {"Enabled": True, "Path": f"s3://{bucket}/data/reports", "Scope": "FAILED_FILES_ONLY"}
    task = ended(cloud, export(cloud, system, Report={**report, "Format": "REPORT_CSV_20191124"}))
    assert (task["Lifecycle"], task["Status"]["FailedCount"]) == ("FAILED", 1)
    key = f"data/reports/{task['TaskId']}/failures.csv"
    text = cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert text.splitlines() == ["FilePath,FileStatus,ErrorCode", "/data/bad,failed,S3AccessDenied"]


def test_tasks_stand_in_each_others_way(cloud, code):
    system = cloud.file_system()
    link = cloud.link(system, cloud.bucket())
    task = export(cloud, system)
    again = {"Type": "EXPORT_TO_REPOSITORY", "FileSystemId": system["FileSystemId"], "Report": {"Enabled": False}}
    assert code(cloud.fsx.create_data_repository_task, **again) == "DataRepositoryTaskExecuting"
    assert code(cloud.fsx.delete_file_system, FileSystemId=system["FileSystemId"]) == "BadRequest"
    assert code(cloud.fsx.delete_data_repository_association, AssociationId=link["AssociationId"]) == "BadRequest"
    assert cloud.fsx.cancel_data_repository_task(TaskId=task["TaskId"])["Lifecycle"] == "CANCELING"
    assert ended(cloud, task)["Lifecycle"] == "CANCELED"
    assert code(cloud.fsx.cancel_data_repository_task, TaskId=task["TaskId"]) == "DataRepositoryTaskEnded"
    cloud.fsx.delete_file_system(FileSystemId=system["FileSystemId"])


def test_no_export_task_while_automatic_export_is_on(cloud, code):
    system = cloud.file_system()
    cloud.link(system, cloud.bucket(), export=["NEW"])
    request = {"Type": "EXPORT_TO_REPOSITORY", "FileSystemId": system["FileSystemId"], "Report": {"Enabled": False}}
    assert code(cloud.fsx.create_data_repository_task, **request) == "BadRequest"


def test_an_association_takes_its_unexported_files_along(cloud):
    before = lost(cloud)
    system = cloud.file_system()
    link = cloud.link(system, cloud.bucket())
    cloud.write(system, "/data/a")
    cloud.fsx.delete_data_repository_association(AssociationId=link["AssociationId"])
    assert lost(cloud) == (before[0] + 1, before[1])
    delete(cloud, system)
    assert lost(cloud) == (before[0] + 1, before[1])

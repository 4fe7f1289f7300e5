"""Files and their states, what flows in and out, tasks that go wrong, and what CloudWatch tells of the queue."""

from datetime import UTC, datetime, timedelta

import pytest

REPORT = {"Enabled": True, "Format": "REPORT_CSV_20191124", "Scope": "FAILED_FILES_ONLY"}


@pytest.fixture
def linked(cloud):
    """A file system and a bucket; `link` links them at /data."""
    return cloud.file_system(), cloud.bucket()


def states(cloud, system):
    return {path: file["state"] for path, file in cloud.files(system).items()}


def put(cloud, system, *files):
    return cloud.control("PUT", "files", {"file_system_id": system["FileSystemId"], "files": list(files)})


def task(cloud, system, kind="EXPORT_TO_REPOSITORY", **more):
    request = {"Type": kind, "FileSystemId": system["FileSystemId"], "Report": {"Enabled": False}, **more}
    return cloud.fsx.create_data_repository_task(**request)["DataRepositoryTask"]["TaskId"]


def ended(cloud, identifier):
    cloud.wait(lambda: cloud.task(identifier)["Lifecycle"] not in ("PENDING", "EXECUTING", "CANCELING"))
    return cloud.task(identifier)


def counts(task):
    return tuple(task["Status"][name] for name in ("TotalCount", "SucceededCount", "FailedCount"))


def order(cloud, system, **rule):
    """Says how the next task of a file system goes."""
    rules = [{"file_system_id": system["FileSystemId"], **rule}]
    assert "error" not in cloud.control("POST", "settings", {"task": {"rules": rules}})


def ages(cloud, system, publisher="AutoExport", stat="Maximum", **more):
    dimensions = {"FileSystemId": system["FileSystemId"], "Publisher": publisher, **more}
    metric = {
        "Namespace": "AWS/FSx",
        "MetricName": "AgeOfOldestQueuedMessage",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    now = datetime.now(UTC)
    answer = cloud.cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "age", "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}],
        StartTime=now - timedelta(minutes=15),
        EndTime=now + timedelta(minutes=1),
    )
    return answer["MetricDataResults"][0]["Values"]


def test_a_file_goes_through_its_states(cloud, linked):
    system, bucket = linked
    link = cloud.link(system, bucket, export=["NEW", "CHANGED"])
    cloud.write(system, "/data/a", "/outside")
    assert states(cloud, system) == {"/data/a": "dirty", "/outside": "unlinked"}
    assert cloud.files(system)["/data/a"]["association_id"] == link["AssociationId"]
    cloud.wait(lambda: states(cloud, system)["/data/a"] == "archived")
    assert ended(cloud, task(cloud, system, "RELEASE_DATA_FROM_FILESYSTEM"))["Lifecycle"] == "SUCCEEDED"
    assert states(cloud, system)["/data/a"] == "released"
    put(cloud, system, {"path": "/data/a", "state": "archived"})
    assert states(cloud, system)["/data/a"] == "archived"
    cloud.write(system, "/data/a", content="changed")
    assert states(cloud, system)["/data/a"] == "dirty"


def test_files_are_put_into_a_state_without_an_event(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket, export=["NEW", "CHANGED"])
    files = [{"path": f"/data/{state}", "state": state} for state in ("dirty", "archived", "released")]
    put(cloud, system, *files)
    assert states(cloud, system) == {f"/data/{state}": state for state in ("dirty", "archived", "released")}
    assert cloud.keys(bucket) == ["data/archived", "data/released"]
    assert ages(cloud, system) == []


@pytest.mark.parametrize(
    ("method", "file", "expected"),
    [
        ("POST", {}, "path"),
        ("POST", {"path": "/"}, "path"),
        ("POST", {"path": 1}, "path"),
        ("POST", {"path": "/a", "size": -1}, "size"),
        ("POST", {"path": "/a", "size": "1"}, "size"),
        ("POST", {"path": "/a", "content": 1}, "content"),
        ("POST", {"path": "/a", "state": "dirty"}, "state"),
        ("POST", "/a", "object"),
        ("PUT", {"path": "/a", "state": "clean"}, "state"),
        ("PUT", {"path": "/a", "state": "archived"}, "no association"),
    ],
    ids=str,
)
def test_a_file_that_makes_no_sense_is_refused(cloud, method, file, expected):
    system = cloud.file_system()
    answer = cloud.control(method, "files", {"file_system_id": system["FileSystemId"], "files": [file]})
    assert expected in answer["error"]
    assert cloud.files(system) == {}


@pytest.mark.parametrize("body", [[], "x", {"file_system_id": []}, {"file_system_id": None, "files": 1}], ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_that_makes_no_sense_is_refused(cloud, method, body):
    assert "error" in cloud.control(method, "files", body)


def test_automatic_import_follows_the_bucket(cloud, linked):
    system, bucket = linked
    cloud.s3.put_object(Bucket=bucket, Key="data/before", Body=b"1")
    link = cloud.link(system, bucket)
    policy = {"AutoImportPolicy": {"Events": ["NEW", "CHANGED", "DELETED"]}}
    cloud.fsx.update_data_repository_association(AssociationId=link["AssociationId"], S3=policy)
    cloud.wait(lambda: cloud.association(link["AssociationId"])["Lifecycle"] == "AVAILABLE")
    cloud.s3.put_object(Bucket=bucket, Key="data/new", Body=b"1234")
    cloud.s3.put_object(Bucket=bucket, Key="elsewhere/new", Body=b"1234")
    cloud.wait(lambda: states(cloud, system) == {"/data/new": "released"})
    cloud.s3.put_object(Bucket=bucket, Key="data/new", Body=b"12345678")
    cloud.wait(lambda: cloud.files(system)["/data/new"]["size"] == 8)
    assert ages(cloud, system, "AutoImport") != []
    cloud.s3.delete_object(Bucket=bucket, Key="data/new")
    cloud.wait(lambda: states(cloud, system) == {})


def test_automatic_import_takes_only_its_events(cloud, linked):
    system, bucket = linked
    link = cloud.link(system, bucket)
    policy = {"AutoImportPolicy": {"Events": ["NEW"]}}
    cloud.fsx.update_data_repository_association(AssociationId=link["AssociationId"], S3=policy)
    cloud.wait(lambda: cloud.association(link["AssociationId"])["Lifecycle"] == "AVAILABLE")
    cloud.s3.put_object(Bucket=bucket, Key="data/a", Body=b"1")
    cloud.wait(lambda: "/data/a" in cloud.files(system))
    cloud.s3.put_object(Bucket=bucket, Key="data/a", Body=b"12")
    cloud.s3.put_object(Bucket=bucket, Key="data/b", Body=b"1")
    cloud.wait(lambda: "/data/b" in cloud.files(system))
    cloud.s3.delete_object(Bucket=bucket, Key="data/b")
    cloud.s3.put_object(Bucket=bucket, Key="data/c", Body=b"1")
    cloud.wait(lambda: "/data/c" in cloud.files(system))
    assert {path: file["size"] for path, file in cloud.files(system).items()} == dict.fromkeys(
        ("/data/a", "/data/b", "/data/c"), 1
    )


def test_one_file_system_exports_what_another_imports(cloud, linked):
    system, bucket = linked
    other = cloud.file_system()
    cloud.link(system, bucket, export=["NEW"])
    link = cloud.link(other, bucket)
    policy = {"AutoImportPolicy": {"Events": ["NEW"]}}
    cloud.fsx.update_data_repository_association(AssociationId=link["AssociationId"], S3=policy)
    cloud.wait(lambda: cloud.association(link["AssociationId"])["Lifecycle"] == "AVAILABLE")
    cloud.write(system, "/data/a", content="hello")
    cloud.wait(lambda: states(cloud, other) == {"/data/a": "released"})
    assert states(cloud, system) == {"/data/a": "archived"}


def test_an_import_task_refreshes_and_deletes_nothing(cloud, linked):
    system, bucket = linked
    cloud.s3.put_object(Bucket=bucket, Key="data/a", Body=b"1")
    cloud.s3.put_object(Bucket=bucket, Key="data/b", Body=b"1")
    cloud.link(system, bucket)
    assert counts(ended(cloud, task(cloud, system, "IMPORT_METADATA_FROM_REPOSITORY"))) == (2, 2, 0)
    cloud.s3.put_object(Bucket=bucket, Key="data/a", Body=b"12")
    cloud.s3.delete_object(Bucket=bucket, Key="data/b")
    cloud.write(system, "/data/c")
    ended(cloud, task(cloud, system, "IMPORT_METADATA_FROM_REPOSITORY"))
    assert {path: file["size"] for path, file in cloud.files(system).items()} == {
        "/data/a": 2,
        "/data/b": 1,
        "/data/c": 1,
    }
    assert states(cloud, system)["/data/c"] == "dirty"


def test_a_task_fails_for_some_files(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket)
    cloud.write(system, *(f"/data/clip-{number}.mp4" for number in range(5)), "/data/notes.txt")
    order(cloud, system, fail={"match": "*.mp4", "count": 2, "code": "S3AccessDenied"})
    identifier = task(cloud, system, Report={**REPORT, "Path": f"s3://{bucket}/data/.reports/x"})
    done = ended(cloud, identifier)
    assert (done["Lifecycle"], counts(done)) == ("FAILED", (6, 4, 2))
    text = cloud.s3.get_object(Bucket=bucket, Key=f"data/.reports/x/{identifier}/failures.csv")["Body"].read()
    assert text.decode().splitlines() == [
        "FilePath,FileStatus,ErrorCode",
        "/data/clip-0.mp4,failed,S3AccessDenied",
        "/data/clip-1.mp4,failed,S3AccessDenied",
    ]
    # The rule is used up: the next task takes the rest.
    assert counts(ended(cloud, task(cloud, system))) == (2, 2, 0)


def test_a_task_without_its_report(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket)
    cloud.write(system, "/data/a")
    order(cloud, system, fail={}, report=False)
    done = ended(cloud, task(cloud, system, Report={**REPORT, "Path": f"s3://{bucket}/data/r"}))
    assert (done["Lifecycle"], cloud.keys(bucket)) == ("FAILED", [])


def test_a_task_fails_as_a_whole(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket)
    cloud.write(system, "/data/a")
    order(cloud, system, failure="The bucket is gone.")
    done = ended(cloud, task(cloud, system))
    assert (done["Lifecycle"], done["FailureDetails"]["Message"]) == ("FAILED", "The bucket is gone.")
    assert (counts(done), states(cloud, system)) == ((0, 0, 0), {"/data/a": "dirty"})


def test_a_task_hangs_until_it_is_cancelled(cloud, linked, code):
    system, bucket = linked
    cloud.link(system, bucket)
    cloud.write(system, *(f"/data/{number}" for number in range(8)))
    order(cloud, system, hang=0.5)
    identifier = task(cloud, system)
    cloud.wait(lambda: counts(cloud.task(identifier)) == (8, 4, 0))
    before = cloud.task(identifier)["Status"]["LastUpdatedTime"]
    assert cloud.task(identifier)["Lifecycle"] == "EXECUTING"
    assert code(cloud.fsx.delete_file_system, FileSystemId=system["FileSystemId"]) == "BadRequest"
    cloud.fsx.cancel_data_repository_task(TaskId=identifier)
    assert ended(cloud, identifier)["Lifecycle"] == "CANCELED"
    assert cloud.task(identifier)["Status"]["LastUpdatedTime"] == before
    assert len(cloud.keys(bucket)) == 4


def test_a_slow_task_takes_what_comes_meanwhile(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket)
    cloud.write(system, *(f"/data/{number}" for number in range(4)))
    order(cloud, system, slow=5)
    identifier = task(cloud, system)
    cloud.wait(lambda: counts(cloud.task(identifier))[1] == 2)
    cloud.write(system, "/data/late")
    assert counts(ended(cloud, identifier)) == (5, 5, 0)


def test_a_release_leaves_what_was_touched_lately(cloud, linked, code):
    system, bucket = linked
    cloud.link(system, bucket)
    put(cloud, system, {"path": "/data/a", "state": "archived"}, {"path": "/data/b", "state": "dirty"})
    idle = {"DurationSinceLastAccess": {"Unit": "DAYS", "Value": 1}}
    release = "RELEASE_DATA_FROM_FILESYSTEM"
    assert counts(ended(cloud, task(cloud, system, release, ReleaseConfiguration=idle))) == (0, 0, 0)
    assert counts(ended(cloud, task(cloud, system, release))) == (1, 1, 0)
    assert states(cloud, system) == {"/data/a": "released", "/data/b": "dirty"}
    with pytest.raises(Exception, match="ReleaseConfiguration"):
        task(cloud, system, ReleaseConfiguration=idle)


def test_the_age_of_the_queue_rises_and_falls(cloud, linked):
    system, bucket = linked
    cloud.control("POST", "settings", {"delay": {"auto_export": 20}})
    cloud.link(system, bucket, export=["NEW"])
    assert ages(cloud, system) == []
    cloud.write(system, "/data/a")
    cloud.wait(lambda: 0 < max(ages(cloud, system)) < 60)
    cloud.wait(lambda: cloud.keys(bucket) == ["data/a"])
    # Newest first. The queue is empty, and known to be.
    assert ages(cloud, system)[0] == 0
    assert ages(cloud, system, Other="x") == []
    assert ages(cloud, system, "AutoImport") == []
    assert max(ages(cloud, system, stat="SampleCount")) == 1


def test_no_queue_no_point(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket)
    cloud.write(system, "/data/a")
    assert ages(cloud, system) == []
    cloud.control("POST", "settings", {"fsx": {"queue_age": {system["FileSystemId"]: 900}}})
    # Not even an ordered one: automatic export is off.
    assert ages(cloud, system) == []


def test_what_waits_is_dropped_when_automatic_export_goes_off(cloud, linked):
    system, bucket = linked
    cloud.control("POST", "settings", {"delay": {"auto_export": 20}})
    link = cloud.link(system, bucket, export=["NEW"])["AssociationId"]
    cloud.write(system, "/data/a")
    for events in ([], ["NEW"]):
        policy = {"AutoExportPolicy": {"Events": events}}
        cloud.fsx.update_data_repository_association(AssociationId=link, S3=policy)
        cloud.wait(lambda: cloud.association(link)["Lifecycle"] == "AVAILABLE")
    cloud.write(system, "/data/b")
    cloud.wait(lambda: states(cloud, system)["/data/b"] == "archived")
    assert states(cloud, system)["/data/a"] == "dirty"


def test_a_test_orders_what_cloudwatch_tells(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket, export=["NEW"])
    order = {system["FileSystemId"]: 900}
    cloud.control("POST", "settings", {"fsx": {"queue_age": order}})
    assert set(ages(cloud, system)) == {900} and len(ages(cloud, system)) >= 15
    cloud.control("POST", "settings", {"fsx": {"queue_age": {system["FileSystemId"]: "silent"}}})
    cloud.write(system, "/data/a")
    assert ages(cloud, system) == []
    cloud.control("POST", "settings", {"fsx": {"queue_age": {system["FileSystemId"]: None}}})
    assert len(ages(cloud, system)) >= 1


def test_other_metrics_are_localstacks(cloud, linked):
    system, bucket = linked
    cloud.link(system, bucket, export=["NEW"])
    cloud.write(system, "/data/a")
    cloud.cloudwatch.put_metric_data(Namespace="Own", MetricData=[{"MetricName": "n", "Value": 3, "Unit": "Count"}])
    now = datetime.now(UTC)
    span = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5), "Period": 60}
    found = cloud.cloudwatch.get_metric_statistics(Namespace="Own", MetricName="n", Statistics=["Maximum"], **span)
    assert [point["Maximum"] for point in found["Datapoints"]] == [3]
    dimensions = [
        {"Name": "FileSystemId", "Value": system["FileSystemId"]},
        {"Name": "Publisher", "Value": "AutoExport"},
    ]
    metric = {"Namespace": "AWS/FSx", "MetricName": "AgeOfOldestQueuedMessage", "Dimensions": dimensions}
    found = cloud.cloudwatch.get_metric_statistics(**metric, Statistics=["Maximum"], **span)
    assert found["Datapoints"]
    assert metric in cloud.cloudwatch.list_metrics(Namespace="AWS/FSx")["Metrics"]
    assert cloud.cloudwatch.list_metrics(Namespace="Own")["Metrics"][0]["MetricName"] == "n"

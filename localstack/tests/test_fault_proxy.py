"""The faults of tools/fault_proxy.py, one by one, in front of a stand-in for AWS."""

import asyncio
import signal
import subprocess
import sys

import boto3
import fault_proxy
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import REGION
from fault_proxy import FAULTS, Entry, FaultProxy, at, mixture

ASK = b"GET /thing HTTP/1.1\r\nhost: aws\r\n\r\n"


class Upstream:
    """Answers everything with 200 and nothing in it, and remembers the bodies that it was sent."""

    async def __aenter__(self):
        self.received = []
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
        self.received.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()


class Program:
    """A process to be killed, which waits for its input until then."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def was_killed(self):
        self.process.communicate(b"\n")
        return self.process.returncode == -signal.SIGKILL


def connect(proxy):
    return asyncio.open_connection("127.0.0.1", int(proxy.endpoint.rsplit(":", 1)[1]))


# fault → whether AWS gets the request, what the client gets, whether the program is killed
OUTCOMES = {
    None: (True, "200", False),
    "delay": (True, "200", False),
    "drop-before": (False, "closed", False),
    "drop-after": (True, "closed", False),
    "throttle": (False, "400", False),
    "error": (False, "503", False),
    "hang": (True, "nothing", False),
    "kill-before": (False, "closed", True),
    "kill-after": (True, "closed", True),
    "kill-answered": (True, "200", True),
}


@pytest.mark.parametrize("fault", OUTCOMES)
def test_a_fault(fault, monkeypatch):
    monkeypatch.setattr(fault_proxy, "DELAY_S", 0)

    async def scene():
        program = Program()
        async with Upstream() as upstream, FaultProxy(upstream.url, at("1", fault)) as proxy:
            proxy.aim(program.process)
            reader, writer = await connect(proxy)
            writer.write(ASK)
            answer = asyncio.ensure_future(reader.read(65536))
            if fault == "hang":
                # Nothing comes by the time that another one is answered; the connection stays open.
                while not upstream.received:
                    await asyncio.sleep(0)
                other, asking = await connect(proxy)
                asking.write(ASK)
                assert (await other.read(65536)).startswith(b"HTTP/1.1 200 ")
                got = "something" if answer.done() else "nothing"
                asking.close()
            else:
                got = (await answer or b"- closed").split()[1].decode()
            writer.close()
            [entry, *_] = proxy.log
            return (bool(upstream.received), got, program.was_killed()), entry

    outcome, entry = asyncio.run(scene())
    assert outcome == OUTCOMES[fault]
    assert (entry.index, entry.fault, entry.operation) == (1, fault, "unknown:GET /thing")


def test_every_fault_is_tried():
    assert {*FAULTS} == {*OUTCOMES} - {None}


CALLS = (
    ("fsx", "describe_file_systems", {}),
    ("ssm", "get_parameters_by_path", {"Path": "/p"}),
    ("ec2", "describe_instances", {}),
    ("iam", "list_roles", {}),
    ("sts", "get_caller_identity", {}),
    ("s3", "list_buckets", {}),
    ("s3", "head_bucket", {"Bucket": "b"}),
)
# The codes that botocore and the SDKs know as throttling; HEAD tells only a status.
THROTTLED = [
    "ThrottlingException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "Throttling",
    "Throttling",
    "SlowDown",
    "503",
]
BROKEN = [
    "ServiceUnavailable",
    "InternalServerError",
    "Unavailable",
    "ServiceFailure",
    "ServiceUnavailable",
    "InternalError",
    "503",
]
OPERATIONS = [
    "fsx:DescribeFileSystems",
    "ssm:GetParametersByPath",
    "ec2:DescribeInstances",
    "iam:ListRoles",
    "sts:GetCallerIdentity",
    "s3:GET /",
    "s3:HEAD /b",
]


def through(choose, *calls):
    """Makes calls by boto3, each once; gives their error codes, the log, and the bodies that came to AWS."""

    def call(endpoint, service, operation, request):
        keys = {"aws_access_key_id": "1", "aws_secret_access_key": "1"}
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        client = boto3.client(service, endpoint_url=endpoint, region_name=REGION, config=config, **keys)
        try:
            getattr(client, operation)(**request)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    async def scene():
        async with Upstream() as upstream, FaultProxy(upstream.url, choose) as proxy:
            codes = [await asyncio.to_thread(call, proxy.endpoint, *each) for each in calls]
            return codes, proxy.log, upstream.received

    return asyncio.run(scene())


@pytest.mark.parametrize(("fault", "codes"), [("throttle", THROTTLED), ("error", BROKEN)])
def test_services_refuse_in_their_own_words(fault, codes):
    got, log, received = through(lambda entry: fault, *CALLS)
    assert got == codes
    assert [(entry.index, entry.operation) for entry in log] == [*enumerate(OPERATIONS, 1)]
    assert not received


def test_what_is_not_broken_passes_unchanged():
    put = ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x" * 200_000})
    codes, log, received = through(at("s3.PUT /b/k#2", "throttle"), put, put, put)
    assert codes == [None, "SlowDown", None]
    assert [entry.status for entry in log] == [200, 503, 200]
    assert len(received) == 2 and all(b"x" * 1000 in body for body in received)


def test_a_mixture_depends_on_its_seed_alone():
    shares = {"delay": 0.2, "drop-after": 0.3}
    numbers = range(1000)

    def chosen(seed):
        choose = mixture(seed, shares)
        return [choose(Entry(number, "x", 1)) for number in numbers]

    backwards = [mixture(1, shares)(Entry(number, "y", 2)) for number in reversed(numbers)]
    assert chosen(1) == backwards[::-1]
    assert chosen(1) != chosen(2)
    assert {*chosen(1)} == {None, *shares}
    assert 250 < chosen(1).count("drop-after") < 350

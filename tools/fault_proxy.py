"""An HTTP/1.1 proxy between a program and an AWS endpoint that breaks chosen requests in chosen ways.

Requests are numbered from 1 in the order in which they have arrived completely. A program that sends several at once sends
them in another order each time: so they have a name too, `ec2.RunInstances#1` for the first of its operation. What is done
to each is asked of a function: `at("17", "kill-after")`, `at("ec2.RunInstances#1", "kill-after")`, or `mixture(seed, shares)`
for a random but repeatable storm.

    async with FaultProxy("http://127.0.0.1:4566", at("17", "kill-after")) as proxy:
        process = await asyncio.create_subprocess_exec(..., env={"AWS_ENDPOINT_URL": proxy.endpoint})
        proxy.aim(process)

| fault | forwarded | answered | |
| --- | --- | --- | --- |
| `delay` | yes, later | yes | |
| `drop-before` | no | connection closed | |
| `drop-after` | yes | connection closed | the answer of AWS is lost |
| `throttle` | no | the service's own code for too many requests | |
| `error` | no | 500 or 503, in turns, in the service's own shape | |
| `hang` | yes | never, and the connection stays open | |
| `kill-before` | no | program killed | the call was never made |
| `kill-after` | yes | program killed | the call was made and nobody knows |
| `kill-answered` | yes | yes, then the program is killed | between an answer and what follows from it |
"""

import asyncio
import contextlib
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import h11

FAULTS = (
    "delay",
    "drop-before",
    "drop-after",
    "throttle",
    "error",
    "hang",
    "kill-before",
    "kill-after",
    "kill-answered",
)
# Those that end before AWS hears of the request.
NOT_FORWARDED = ("drop-before", "throttle", "error", "kill-before")

DELAY_S = 0.5
CHUNK = 65536
# They belong to one connection (RFC 9110, 7.6.1), or h11 says them itself.
HOP_BY_HOP = (b"connection", b"keep-alive", b"transfer-encoding", b"expect")


@dataclass
class Entry:
    """A line of the log. Status 0: there was no answer, or it was not waited for yet."""

    index: int
    # `fsx:CreateFileSystem`; of S3 method and path.
    operation: str
    # The how manieth of its operation.
    nth: int
    fault: str | None = None
    status: int = 0

    @property
    def name(self) -> str:
        return f"{self.operation.replace(':', '.')}#{self.nth}"

    def __str__(self) -> str:
        return f"{self.index:4}  {self.status or '-':>3}  {self.fault or '':13}  {self.operation}"


Choose = Callable[[Entry], str | None]


def nothing(entry: Entry) -> None:
    """Breaks nothing."""


def at(place: str, fault: str) -> Choose:
    """Breaks the request of this number or name."""
    return lambda entry: fault if place in (str(entry.index), entry.name) else None


def mixture(seed: int, shares: dict[str, float]) -> Choose:
    """Breaks each request with these probabilities. What happens to a number depends on nothing but the seed."""

    def choose(entry: Entry) -> str | None:
        roll = random.Random(f"{seed}:{entry.index}").random()
        for fault, share in shares.items():
            roll -= share
            if roll < 0:
                return fault
        return None

    return choose


@dataclass(frozen=True)
class Request:
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")

    @property
    def service(self) -> str:
        """By the scope of the signature: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`."""
        scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/,]+)/aws4_request", self.header(b"authorization"))
        return scope[1] if scope else "unknown"

    @property
    def operation(self) -> str:
        """See `Entry.operation`."""
        method, target = self.method.decode(), self.target.decode("latin-1")
        if name := self.header(b"x-amz-target"):
            return f"{self.service}:{name.rsplit('.', 1)[-1]}"
        query = self.body.decode("latin-1") if method == "POST" else urlsplit(target).query
        if action := parse_qs(query).get("Action"):
            return f"{self.service}:{action[0]}"
        return f"{self.service}:{method} {target}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Victim(Protocol):
    def kill(self) -> None: ...


def json_error(status: int, code: str) -> Answer:
    body = json.dumps({"__type": code, "message": "Ordered by the fault proxy."})
    return Answer(status, [(b"content-type", b"application/x-amz-json-1.1")], body.encode())


def xml_error(status: int, code: str, around: str) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>Ordered by the fault proxy.</Message></Error>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{around.format(error)}'
    return Answer(status, [(b"content-type", b"text/xml")], body.encode())


# Codes as the services write them: FSx and SSM "Common errors", EC2 "Error codes", IAM "Common errors", S3 "Error responses".
EC2 = "<Response><Errors>{}</Errors><RequestID>fault-proxy</RequestID></Response>"
QUERY = "<ErrorResponse>{}<RequestId>fault-proxy</RequestId></ErrorResponse>"
THROTTLES = {"ec2": (503, "RequestLimitExceeded"), "s3": (503, "SlowDown")}
THROTTLES |= {"iam": (400, "Throttling"), "sts": (400, "Throttling")}
ERRORS = {
    "ec2": ((500, "InternalError"), (503, "Unavailable")),
    "s3": ((500, "InternalError"), (503, "ServiceUnavailable")),
    "iam": ((500, "ServiceFailure"), (503, "ServiceUnavailable")),
    "sts": ((500, "InternalFailure"), (503, "ServiceUnavailable")),
}


def refusal(request: Request, fault: str, index: int) -> Answer:
    """What the service itself would say."""
    service = request.service
    if fault == "throttle":
        status, code = THROTTLES.get(service, (400, "ThrottlingException"))
    else:
        errors = ERRORS.get(service, ((500, "InternalServerError"), (503, "ServiceUnavailable")))
        status, code = errors[index % 2]
    if service == "ec2":
        return xml_error(status, code, EC2)
    if service in ("iam", "sts"):
        return xml_error(status, code, QUERY)
    if service == "s3":
        # An answer to HEAD has no body, so there is nothing but the status.
        return Answer(status, [], b"") if request.method == b"HEAD" else xml_error(status, code, "{}")
    return json_error(status, code)


class FaultProxy:
    def __init__(self, upstream: str, choose: Choose, port: int = 0) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._choose = choose
        self._port = port
        self._connections: set[asyncio.Task[None]] = set()
        self._forwarding = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        # A request may arrive before the caller has its process in hand.
        self._victim: asyncio.Future[Victim] = asyncio.get_running_loop().create_future()
        self._killed = False
        self.log: list[Entry] = []

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def aim(self, victim: Victim) -> None:
        """Names the program that the kills end."""
        self._victim.set_result(victim)

    async def quiet(self) -> None:
        """Returns when AWS has answered everything that was forwarded, also for a program that is no more."""
        await self._quiet.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass  # the client is gone, or the proxy is being closed
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = h11.Connection(h11.SERVER)
        while request := await self._read_request(client, reader, writer):
            # What a dead program still had on its way is lost with it.
            if self._killed:
                return
            operation = request.operation
            nth = 1 + sum(before.operation == operation for before in self.log)
            entry = Entry(len(self.log) + 1, operation, nth)
            entry.fault = self._choose(entry)
            self.log.append(entry)
            answer = await self._perform(request, entry)
            if entry.fault == "hang":
                while await reader.read(CHUNK):
                    pass
            if answer is None:
                return
            entry.status = answer.status
            await self._send(client, writer, request, answer)
            if entry.fault == "kill-answered":
                await self._kill()
            if client.our_state is h11.MUST_CLOSE:
                return
            client.start_next_cycle()

    async def _perform(self, request: Request, entry: Entry) -> Answer | None:
        """Does to a request what was chosen; gives the answer to deliver, or None for none."""
        if entry.fault == "delay":
            await asyncio.sleep(DELAY_S)
        if entry.fault == "kill-before":
            await self._kill()
        if entry.fault in ("throttle", "error"):
            return refusal(request, entry.fault, entry.index)
        if entry.fault in NOT_FORWARDED:
            return None
        answer = await self._forward(request)
        entry.status = answer.status
        if entry.fault == "kill-after":
            await self._kill()
        return None if entry.fault in ("drop-after", "hang", "kill-after") else answer

    async def _kill(self) -> None:
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            (await self._victim).kill()

    async def _read_request(
        self, client: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Request | None:
        """Reads head and body; None when the client has closed."""
        head, body = None, b""
        while True:
            event = client.next_event()
            if event is h11.NEED_DATA:
                if client.they_are_waiting_for_100_continue:
                    writer.write(client.send(h11.InformationalResponse(status_code=100, headers=[])))
                client.receive_data(await reader.read(CHUNK))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head:
                return Request(head.method, head.target, list(head.headers), body)
            else:
                return None

    async def _forward(self, request: Request) -> Answer:
        """Asks upstream, on a connection of its own. Goes on when the client is gone, as AWS does."""
        self._forwarding += 1
        self._quiet.clear()
        try:
            reader, writer = await asyncio.open_connection(*self._upstream)
            try:
                return await self._exchange(request, reader, writer)
            finally:
                writer.close()
        finally:
            self._forwarding -= 1
            if not self._forwarding:
                self._quiet.set()

    @staticmethod
    async def _exchange(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        server = h11.Connection(h11.CLIENT)
        headers = [pair for pair in request.headers if pair[0] not in (*HOP_BY_HOP, b"content-length")]
        headers += [(b"connection", b"close"), (b"content-length", str(len(request.body)).encode())]
        for event in (
            h11.Request(method=request.method, target=request.target, headers=headers),
            h11.Data(data=request.body),
            h11.EndOfMessage(),
        ):
            writer.write(server.send(event) or b"")
        await writer.drain()
        status, answered, body = 0, [], b""
        while not isinstance(event := server.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                server.receive_data(await reader.read(CHUNK))
            elif isinstance(event, h11.Response):
                status, answered = event.status_code, list(event.headers)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionError("upstream closed the connection without an answer")
        return Answer(status, [pair for pair in answered if pair[0] not in HOP_BY_HOP], body)

    @staticmethod
    async def _send(client: h11.Connection, writer: asyncio.StreamWriter, request: Request, answer: Answer) -> None:
        headers = answer.headers
        if request.method != b"HEAD":
            headers = [pair for pair in headers if pair[0] != b"content-length"]
            headers = [*headers, (b"content-length", str(len(answer.body)).encode())]
        head = h11.Response(status_code=answer.status, headers=headers)
        body = b"" if request.method == b"HEAD" else answer.body
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(client.send(event) or b"")
        await writer.drain()

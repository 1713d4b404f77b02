"""A lean server in the API's place, for benchmarks that ask more than the simulator can give.

The simulator takes 0.3 ms of CPU for a call, in a thread for each connection: at 500 calls a second that is a part of
what is measured, and its threads would be late in noting when a call arrived. This one runs in one thread, checks no
signature, and notes of each call what was asked, by whom, and when.

    python -m benchmarks.upstream        prints "listening ADDRESS"

Beside the API it has two paths for the benchmark that drives it: PUT /_behaviour (see Behaviour) and GET
/_arrivals, which hands out what arrived since it was asked last.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD_END = b"\r\n\r\n"
_TOKEN_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How calls are answered from now on."""

    delay_s: float = 0.0
    """How long an answer takes."""
    hang_all: bool = False
    """Whether no call is answered; those that arrive meanwhile never are."""
    hanging: frozenset[str] = frozenset()
    """The access key ids whose calls are never answered."""
    failing: frozenset[str] = frozenset()
    """The access key ids whose calls are answered with 503."""
    members: tuple[str, ...] = ()
    """The account ids in the resource directory, in order."""

    def to_json(self) -> bytes:
        """What PUT /_behaviour takes."""
        sets = {"hanging": sorted(self.hanging), "failing": sorted(self.failing), "members": list(self.members)}
        return json.dumps({"delay_s": self.delay_s, "hang_all": self.hang_all, **sets}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Behaviour:
        """Read what `to_json` wrote."""
        said = json.loads(text)
        sets = {name: frozenset(said[name]) for name in ("hanging", "failing")}
        return cls(said["delay_s"], said["hang_all"], **sets, members=tuple(said["members"]))


class Upstream:
    """What all connections share."""

    def __init__(self) -> None:
        self._behaviour = Behaviour()
        self._arrivals: list[tuple[float, str, str]] = []
        self._numbers = count(1)

    def control(self, method: str, path: str, body: bytes) -> bytes:
        """The answer to the benchmark that drives the server."""
        if (method, path) == ("PUT", "/_behaviour"):
            self._behaviour = Behaviour.from_json(body)
            return _wire(200, {})
        if (method, path) == ("GET", "/_arrivals"):
            arrivals, self._arrivals = self._arrivals, []
            return _wire(200, arrivals)
        return _wire(404, {})

    def call(self, head: bytes) -> tuple[float, bytes] | None:
        """After how long a call is answered with what; None: never."""
        key = _between(head, b"Credential=", b",")
        action = _between(head, b"x-acs-action: ", b"\r\n")
        behaviour = self._behaviour
        subject = _query(head).get("RoleArn", key) if action == "AssumeRole" else key
        self._arrivals.append((time.monotonic(), action, subject))
        if behaviour.hang_all or key in behaviour.hanging:
            return None
        if key in behaviour.failing:
            refusal = {"Code": "ServiceUnavailable", "Message": "The request has failed.", "RequestId": self._id()}
            return behaviour.delay_s, _wire(503, refusal)
        return behaviour.delay_s, _wire(200, self._answer(action, head) | {"RequestId": self._id()})

    def _answer(self, action: str, head: bytes) -> dict[str, object]:
        if action == "AssumeRole":
            return _token(_query(head)["RoleArn"])
        if action == "ListAccounts":
            return _members(self._behaviour.members, _query(head))
        if action == "GetCallerIdentity":
            return {"AccountId": "9" * 16, "IdentityType": "RAMUser"}
        return {
            "InstanceId": "1883927335936173",
            "OpeningTime": "2018-03-19T11:16:11Z",
            "InternetChargeType": "PayByTraffic",
            "OperationLocks": {"LockReason": []},
        }

    def _id(self) -> str:
        return f"00000000-0000-0000-0000-{next(self._numbers):012X}"


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        for head, body in self._requests():
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            if path.startswith("/_"):
                self._send(self._upstream.control(method, path, body))
            elif (answer := self._upstream.call(head)) is not None:
                delay_s, wire = answer
                if delay_s:
                    asyncio.get_running_loop().call_later(delay_s, self._send, wire)
                else:
                    self._send(wire)

    def _requests(self) -> Iterator[tuple[bytes, bytes]]:
        """The whole requests that were received, head and body."""
        while _HEAD_END in self._received:
            head, _, rest = self._received.partition(_HEAD_END)
            length = int(_between(head.lower() + b"\r\n", b"content-length: ", b"\r\n") or 0)
            if len(rest) < length:
                return
            self._received = rest[length:]
            yield head + b"\r\n", rest[:length]

    def _send(self, wire: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(wire)


def _between(text: bytes, before: bytes, after: bytes) -> str:
    """What stands between the two, empty where they do not stand there."""
    begin = text.find(before)
    if begin < 0:
        return ""
    begin += len(before)
    return text[begin : text.index(after, begin)].decode()


def _query(head: bytes) -> dict[str, str]:
    path = head.split(b" ", 2)[1].decode()
    return {name: values[0] for name, values in parse_qs(path.partition("?")[2]).items()}


def _token(role_arn: str) -> dict[str, object]:
    """Credentials of a role, whose key id names the account: so its calls can be told."""
    ends = datetime.now(UTC) + _TOKEN_LIFE
    return {
        "Credentials": {
            "AccessKeyId": f"STS.{role_arn.split(':')[3]}",
            "AccessKeySecret": "made-up",
            "SecurityToken": f"made-up-{role_arn}",
            "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    }


def _members(members: tuple[str, ...], query: dict[str, str]) -> dict[str, object]:
    """A page of the directory; the token is where the next one begins."""
    begin, size = int(query.get("NextToken") or 0), int(query.get("MaxResults", 10))
    rows = [
        {"AccountId": member, "DisplayName": f"member-{member}", "Status": "CreateSuccess"}
        for member in members[begin : begin + size]
    ]
    after = begin + size
    token = str(after) if after < len(members) else ""
    return {"TotalCount": len(members), "PageSize": size, "NextToken": token, "Accounts": {"Account": rows}}


def _wire(status: int, payload: object) -> bytes:
    body = json.dumps(payload).encode()
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


async def _serve() -> None:
    upstream = Upstream()
    loop = asyncio.get_running_loop()
    # A backlog of the kernel's own size would have connections of a first round wait a second for another try.
    server = await loop.create_server(lambda: _Connection(upstream), "127.0.0.1", 0, backlog=4096)
    host, port = server.sockets[0].getsockname()
    print(f"listening {host}:{port}", flush=True)  # noqa: T201 — it is what this program says
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())

"""Replies in the forms that the vendor and gateways give them, as the daemon and the command read them."""

from __future__ import annotations

import gzip
import json
import re
import time
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from exporter.simulator import Account
from tests.api.raw_server import Peer, RawServer, reply
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.end_to_end.conftest import Command, Configure, Eventually, Serve
    from tests.end_to_end.exporter_process import Exporter

HEALTHY = (
    b'{"InternetChargeType":"PayByTraffic","OpeningTime":"2018-03-19T11:16:11Z","InstanceId":"1",'
    b'"OperationLocks":{"LockReason":[]},"RequestId":"EF2AEBC2-EDBD-41CF-BF64-7E095D42D6EF"}'
)
NOT_FOUND = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>4BC0</RequestId><HostId>dcdn.aliyuncs.com</HostId>"
    b"<Code>DcdnIpaServiceNotFound</Code><Message>m</Message></Error>"
)
DENIED = {
    "PolicyType": "AccountLevelIdentityBasedPolicy",
    "NoPermissionType": "ImplicitDeny",
    "AuthAction": "dcdn:DescribeDcdnIpaService",
}


def refusal(code: str, *headers: str, status: int = 403, **fields: object) -> bytes:
    return reply(json.dumps({"Code": code, **fields}).encode(), status=f"{status} Refused", headers=headers)


# By account: what it is answered, and the state that is learned.
STATES: Mapping[str, tuple[bytes, str]] = {
    "xml": (reply(NOT_FOUND, status="403 Forbidden", headers=("Content-Type: text/xml",)), "not_activated"),
    "error_inside": (refusal("", Error={"Code": "DcdnIpaServiceNotFound"}), "not_activated"),
    "error_code": (refusal("", errorCode="DcdnIpaServiceNotFound"), "not_activated"),
    "blank_behind_code": (refusal("DcdnIpaServiceNotFound "), "not_activated"),
    "odd_success": (reply(HEALTHY.replace(b"{", b'{"Code":"Succeed",', 1)), "active"),
    "non_authoritative": (reply(HEALTHY, status="203 Changed"), "active"),
    "gzip_unnamed": (reply(gzip.compress(HEALTHY[:50]) + gzip.compress(HEALTHY[50:])), "active"),
    "no_coding": (reply(HEALTHY, headers=("Content-Encoding: utf-8",)), "active"),
    "gzip": (reply(gzip.compress(HEALTHY), headers=("Content-Encoding: gzip",)), "active"),
    "deflate": (reply(zlib.compress(HEALTHY), headers=("Content-Encoding: deflate",)), "active"),
    "early_hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(HEALTHY), "active"),
    "processing": (b"HTTP/1.1 102 Processing\r\n\r\n" + reply(HEALTHY), "active"),
    "locked_in_gbk": (
        reply(
            HEALTHY.replace(b'"1"', '"全站"'.encode("gbk")).replace(b"[]", b'[{"LockReason":"financial"}]'),
            headers=("Content-Type: application/json;charset=GBK",),
        ),
        "locked",
    ),
}  # fmt: skip
# By account: what it is answered, the reason of the failure, and a part of the explanation.
FAILURES: Mapping[str, tuple[bytes, str, str]] = {
    "gbk": (
        reply('{"Code":"Forbidden.RAM","Message":"用户没有权限","RequestId":"R1"}'.encode("gbk"),
              status="403 Forbidden", headers=("Content-Type: application/json;charset=GBK",)),
        "permission", "Forbidden.RAM: 用户没有权限",
    ),
    "denied": (
        refusal("NoPermission", AccessDeniedDetail=DENIED), "permission",
        ", ".join(f"{name} {value}" for name, value in DENIED.items()),
    ),
    "arrears": (refusal("Account.Arrearage"), "rejected", "the account is in arrears"),
    "portal": (
        reply(b"<!DOCTYPE html><html>Log in</html>", headers=("Content-Type: text/html; charset=utf-8",)),
        "malformed", "its content type is text/html",
    ),
    "portal_elsewhere": (
        reply(status="302 Found", headers=("Location: https://portal.example/", "Content-Type: text/html")),
        "throttled", "HTTP 302 (its content type is text/html; it redirects to portal.example)",
    ),
    "unread": (
        reply(b"\x0b\x02", status="429 Slow down", headers=("Content-Encoding: br", "x-acs-retry-after: 60000")),
        "throttled", "HTTP 429 (its content encoding is br; the API asks to wait 60 s, poll.",
    ),
    "cut_xml": (
        reply(b"<Error><Code>Forbidden.RAM</Code><Mess", status="403 Forbidden"), "permission", "Forbidden.RAM",
    ),
    "no_wait": (refusal("NoPermission", "Retry-After: 0"), "permission", "NoPermission"),
    "qps": (refusal("Forbidden", Message="QPS Limit Exceeded"), "throttled", "QPS Limit Exceeded"),
    "vendors_time": (
        refusal("Throttling.User", "x-acs-retry-after: 30000", status=400), "throttled", "asks to wait 30 s",
    ),
    "standard_time": (
        refusal("ServiceUnavailable", "Retry-After: 30", status=503), "throttled", "asks to wait 30 s",
    ),
    **{
        code: (refusal(code), reason, code) for code, reason in {
            "Degrade.Api": "throttled",
            "SystemUpgrading": "server",
            "ActionUnauthorized": "permission",
            "Forbidden.NotSupportRAM": "permission",
            "AccessDenied": "permission",
            "Forbidden.NoUserAuthorization": "permission",
            "MissingSignature": "auth",
        }.items()
    },
}  # fmt: skip


class Api:
    """Answers the key of each account with one reply, and keeps when it was called."""

    def __init__(self, replies: Mapping[str, bytes]) -> None:
        self.accounts = [
            Account(name, f"1{place:015}", f"LTAI5tReply{place:04}", "secret-of-an-account")
            for place, name in enumerate(replies)
        ]
        self.calls: dict[str, list[float]] = {name: [] for name in replies}
        self._answers = {
            account.access_key_id.encode(): (account.name, replies[account.name]) for account in self.accounts
        }

    def act(self, peer: Peer) -> None:
        while head := peer.read_head():
            key = re.search(rb"Credential=([A-Za-z0-9]+)", head)
            assert key
            name, answer = self._answers[key[1]]
            self.calls[name].append(time.monotonic())
            peer.send(answer)


def services(exporter: Exporter) -> dict[str, dict[str, Any]]:
    """The rows of the status, by account."""
    return {row["account"]: row for row in json.loads(exporter.get("/api/v1/status")[2])["services"]}


def all_polled(exporter: Exporter) -> dict[str, dict[str, Any]] | None:
    rows = services(exporter)
    return rows if all(row["answered_at"] or row["failures"] for row in rows.values()) else None


def test_replies_are_read_for_what_they_mean(configure: Configure, serve: Serve, eventually: Eventually) -> None:
    """Each is the state or the reason that it says, in the log, on the page and in the status."""
    api = Api(
        {name: answer for name, (answer, _) in STATES.items()}
        | {name: answer for name, (answer, _, _) in FAILURES.items()}
    )
    with RawServer(api.act) as server:
        exporter = serve(configure(server.url, *api.accounts))
        rows = eventually("every account was polled", lambda: all_polled(exporter))
        page = exporter.scrape()
        logged = {line["account"]: line for line in exporter.log("poll failed")}

    assert {name: page.status(name) for name in STATES} == {name: state for name, (_, state) in STATES.items()}
    for name, (_, reason, explanation) in FAILURES.items():
        failure = rows[name]["failures"][0]
        assert (name, failure["reason"], logged[name]["reason"]) == (name, reason, reason)
        assert explanation in failure["explanation"]
        assert logged[name]["explanation"] == failure["explanation"]


def test_the_table_says_why(configure: Configure, command: Command, tmp_path: Any) -> None:
    """A missing right with its policy, and a balance that is asked for on the wrong site."""
    api = Api({"denied": FAILURES["denied"][0], "elsewhere": refusal(
        "NotApplicable", status=400, Message="This API is not applicable for caller.")})  # fmt: skip
    with RawServer(api.act) as server:
        configuration = configure(server.url, *api.accounts)
        configuration["endpoints"]["bss"] = server.url
        configuration["accounts"][1]["balance"] = True
        file = tmp_path / "exporter.yaml"
        file.write_text(json.dumps(configuration))
        table = command("status", "--config.file", str(file)).stdout

    assert f"permission: NoPermission ({', '.join(f'{name} {value}' for name, value in DENIED.items())})" in table
    balance = next(line for line in table.splitlines() if " balance " in line)
    assert "the account is of the other site" in balance
    assert "`site`" in balance


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments)]


def test_no_call_comes_before_the_api_allows_it(configure: Configure, serve: Serve, eventually: Eventually) -> None:
    """Neither before the time that a refusal names, nor later than the failing interval; others go on as before."""
    refused = {"short": "x-acs-retry-after: 2500", "long": "x-acs-retry-after: 60000", "seconds": "Retry-After: 3"}
    api = Api(
        {name: refusal("Throttling.User", header, status=400) for name, header in refused.items()}
        | {"well": reply(HEALTHY)}
    )
    with RawServer(api.act) as server:
        exporter = serve(configure(server.url, *api.accounts, failing_interval="4s"))
        eventually(
            "each was called three times", lambda: min(map(len, api.calls.values())) >= 3, within_s=2 * PATIENCE_S
        )
        rows = services(exporter)

    waits = {name: min(gaps(moments)) for name, moments in api.calls.items()}
    # What is sent at a moment arrives a little later, and the first call, on a new connection, later than others.
    assert waits["short"] > 2.4
    assert waits["seconds"] > 2.9
    assert 3.9 < waits["long"] < 30
    assert len(api.calls["well"]) > 2 * len(api.calls["long"])
    assert {name: rows[name]["failures"][0]["reason"] for name in refused} == dict.fromkeys(refused, "throttled")
    assert "the API asks to wait 60 s, poll.failing_interval allows 4 s" in rows["long"]["failures"][0]["explanation"]
    assert "(the API asks to wait 3 s)" in rows["seconds"]["failures"][0]["explanation"]
    assert rows["well"]["failures"] == []

"""On an instance: everything that hands out credentials misbehaves in every way, and the exporter is listened to.

Arguments: a folder, the path of ``ip``. Prints what the process said, the secrets in its files and on the wire, those
of them that it sends to get credentials, and all that it sent over the relay.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter.simulator import LIMITS, Account, Fault, Role, Scenario, role_arn
from tests.end_to_end.every_fault import FAULTS
from tests.end_to_end.every_kind import oidc_token
from tests.end_to_end.exporter_process import Exporter
from tests.end_to_end.instance import become_instance, metadata_service
from tests.end_to_end.leaks import SECRET, everything_said
from tests.end_to_end.wiretap import wiretap
from tests.only_read import only_read
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WAYS = ("AssumeRole", "AssumeRoleWithOIDC", "CredentialsUri", "EcsMetadata")
POLL = "DescribeDcdnIpaService"
ECHOES = ("message", "code", "request_id")
_UNPOLLED = re.compile(r"^dcdn_polls_total\{.*\} [01](\.0)?$", re.MULTILINE)
# Stands for where the credentials URI is, until the wire is there.
_URI_HOST = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Case:
    """One account whose credentials come this way; the fault strikes at ``struck``, an account of the simulator."""

    name: str
    accounts: tuple[Account, ...]
    credentials: Mapping[str, Any]
    struck: Account
    fault: Fault
    sent: tuple[str, ...] = ()
    """Secrets that it takes to get the credentials and that go over the wire."""


class Cases:
    """Every fault of every credential type, and refusals that repeat a secret that only this type receives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ids = iter(range(10**15, 10**16))
        makers = dict(zip(WAYS, (self._by_role, self._by_oidc, self._by_uri, self._by_instance), strict=True))
        self.all: list[Case] = []
        for way, make in makers.items():
            faults: dict[str, Callable[[str], Fault]] = {
                **{name: partial(_named, way, fault) for name, fault in FAULTS.items()},
                **{f"repeats_{status}": partial(_repeating, way, status) for status in (200, 400, 403, 500)},
                # Credentials are had, and the answer to what they are for repeats them.
                **{f"poll_{place}": partial(_echo_of_poll, place) for place in ECHOES},
            }
            self.all += [make(f"{way}_{name}", fault) for name, fault in faults.items()]

    def _account(self, name: str, **parts: Any) -> Account:
        number = str(next(self._ids))
        return Account(name, number, f"LTAI5t{number}", SECRET.format(name), ram_user="exporter", **parts)

    def _by_role(self, name: str, fault_for: Callable[[str], Fault]) -> Case:
        base, external_id = self._account(f"base_of_{name}"), f"external+id/of={name}"
        account = self._account(name, roles=(Role("reader", (base.account_id,), external_id=external_id),))
        source = {
            "type": "access_key",
            "access_key_id": base.access_key_id,
            "access_key_secret": base.access_key_secret,
        }
        credentials = {
            "type": "ram_role",
            "role_arn": role_arn(account.account_id, "reader"),
            "external_id": external_id,
            "source": source,
        }
        fault = fault_for(external_id)
        struck = account if fault.action == POLL else base
        return Case(name, (base, account), credentials, struck, fault, sent=(external_id,))

    def _by_oidc(self, name: str, fault_for: Callable[[str], Fault]) -> Case:
        account = self._account(name, roles=(Role("reader", ("oidc-provider/cluster",)),))
        token = oidc_token(name)
        file = self._folder / f"{name}.jwt"
        file.write_text(token, encoding="ascii")
        credentials = {
            "type": "oidc",
            "role_arn": role_arn(account.account_id, "reader"),
            "oidc_provider_arn": f"acs:ram::{account.account_id}:oidc-provider/cluster",
            "oidc_token_file": str(file),
        }
        return Case(name, (account,), credentials, account, fault_for(token), sent=(token,))

    def _by_uri(self, name: str, fault_for: Callable[[str], Fault]) -> Case:
        account = self._account(name)
        token = f"token-of-the-uri-{account.account_id}"
        credentials = {"type": "credentials_uri", "uri": f"{_URI_HOST}/_credentials/{name}?token={token}"}
        return Case(name, (account,), credentials, account, fault_for(token), sent=(token,))

    def _by_instance(self, name: str, fault_for: Callable[[str], Fault]) -> Case:
        role = f"instance-{next(self._ids)}"
        account = self._account(name, roles=(Role(role, ("ecs.aliyuncs.com",)),))
        credentials = {"type": "ecs_ram_role", "role_name": role}
        # Nothing is sent there that could be repeated but the service's own token: the key stands for any secret.
        return Case(name, (account,), credentials, account, fault_for(account.access_key_secret))


def _named(way: str, fault: Fault, _secret: str) -> Fault:
    return replace(fault, action=way)


def _repeating(way: str, status: int, secret: str) -> Fault:
    return Fault("error", status=status, code="InvalidParameter", message=f"not accepted: {secret}", action=way)


def _echo_of_poll(place: Any, _secret: str) -> Fault:
    return Fault("echo", field=place, action=POLL)


def start(cases: Cases, folder: Path, *, url: str) -> Exporter:
    """The daemon, all of whose logs are at debug, and the vendor's library's own debugging on."""
    configuration = {
        "poll": {"interval": "1s", "timeout": "1s", "failing_interval": "1s"},
        "accounts": [{"name": case.name, "credentials": case.credentials} for case in cases.all],
        "endpoints": dict.fromkeys(("dcdn", "sts"), url),
    }
    file = folder / "exporter.yaml"
    file.write_text(json.dumps(configuration).replace(_URI_HOST, url), encoding="utf-8")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "DEBUG": "sdk"}
    flags = ("--web.listen-address", "127.0.0.1:0", "--log.format", "json", "--log.level", "debug")
    return Exporter(("serve", "--config.file", str(file), *flags), folder=folder, environ=environ)


def play(cases: Cases, folder: Path) -> dict[str, Any]:
    """Poll until each account was polled twice and each fault has struck."""
    accounts = tuple(account for case in cases.all for account in case.accounts)
    expected: set[tuple[str | None, str | None]] = {(case.struck.account_id, case.fault.kind) for case in cases.all}
    with ExitStack() as running:
        simulator = running.enter_context(only_read(Scenario("", accounts), limits=dict.fromkeys(LIMITS, 1_000_000)))
        running.enter_context(metadata_service(simulator))
        wire = running.enter_context(wiretap(simulator.port))
        for case in cases.all:
            simulator.set_fault(case.struck.name, case.fault)
        exporter = start(cases, folder, url=wire.url)
        running.callback(exporter.end)

        def missing() -> set[tuple[str | None, str | None]]:
            return expected - {(entry.account_id, entry.fault) for entry in simulator.journal.entries()}

        wait_until(
            "every account was polled twice", lambda: not _UNPOLLED.search(exporter.get("/metrics")[2].decode())
        )
        wait_until("every fault struck", lambda: not missing())
        said = everything_said(exporter)
        sent = {secret for case in cases.all for secret in case.sent}
        given = {
            secret
            for token in simulator.issued_tokens()
            for secret in (token.key.access_key_secret, token.key.security_token or "")
        }
        kept = {account.access_key_secret for account in accounts}
        metadata_tokens = {*simulator._gateway._services._metadata_tokens}
        return {
            "said": said,
            "sent": sorted(sent),
            "secrets": sorted(sent | given | kept | wire.signatures | metadata_tokens),
            "overheard": "".join(request.decode() for request in wire.heard),
        }


def main(folder: Path, ip: str) -> None:
    become_instance(ip)
    json.dump(play(Cases(folder), folder), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

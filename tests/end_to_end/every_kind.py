"""Simulated accounts of every kind of credentials, the configuration that polls them, and what then holds."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from itertools import chain, cycle
from typing import TYPE_CHECKING, Any

from exporter.simulator import Account, Debt, Member, PlannedService, Role, Scenario, ServiceState, Step, role_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PRODUCTS = ("dcdn_ipa", "dcdn", "cdn")
ROLE = "reader"
EXTERNAL_ID = "agreed-with-the-owner-of-the-role"
OPENED_AT = 1521458171
INSTANCE_ID = "1883927335936173"

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Case:
    """A service and its debts, and which of the product's series are not 0 then."""

    service: ServiceState
    debt: Debt
    status: str
    locks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def series(self, account: str, product: str) -> dict[Series, float]:
        """By name and labels."""
        here = {"account": account, "product": product}
        rows: list[tuple[str, dict[str, str], float]] = [("status", {"status": self.status}, 1)]
        rows += [("lock", {"reason": reason}, 1) for reason in self.locks]
        rows += [(flag, {}, 1) for flag in self.flags]
        if self.service.activated and not self.service.denied_for_security:
            rows += [
                ("charge_type", {"charge_type": self.service.charge_type}, 1),
                ("opening_timestamp_seconds", {}, OPENED_AT),
                ("info", {"instance_id": INSTANCE_ID}, 1),
            ]
            if product == "dcdn":
                billed = {"component": "websocket", "charge_type": "websockettraffic"}
                rows.append(("component_charge_type", billed, 1))
        return {(f"dcdn_service_{name}", frozenset((here | labels).items())): value for name, labels, value in rows}


# Five, so that no account has the same in its three products.
CASES = (
    Case(ServiceState(), Debt(), "active", flags=("enabled", "available")),
    Case(
        ServiceState(locks=("financial",), charge_type="PayByBandwidth"),
        Debt(),
        "locked",
        locks=("financial",),
        flags=("enabled", "in_debt", "in_debt_overdue"),
    ),
    Case(ServiceState(activated=False), Debt(), "not_activated"),
    Case(
        ServiceState(),
        Debt(in_debt=True),
        "active",
        flags=("enabled", "available", "in_debt"),
    ),
    Case(
        ServiceState(denied_for_security=True),
        Debt(),
        "locked",
        locks=("security",),
        flags=("enabled", "available"),
    ),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """One account as it is polled; ``credentials`` are None for a member of a directory."""

    name: str
    account: Account
    credentials: Mapping[str, Any] | None
    site: str
    cases: tuple[Case, ...]
    name_in_directory: str = ""
    ends: bool = False
    """Whether the exporter learns when the credentials end."""

    def series(self) -> dict[Series, float]:
        """What of its service series is not 0."""
        found: dict[Series, float] = {}
        for product, case in zip(PRODUCTS, self.cases, strict=True):
            found |= case.series(self.name, product)
        return found

    def info(self) -> Series:
        """The series that says who it is."""
        labels = {
            "account": self.name,
            "account_id": self.account.account_id,
            "account_name": self.name_in_directory,
            "site": self.site,
        }
        return "dcdn_account_info", frozenset(labels.items())


def oidc_token(subject: str) -> str:
    """A token as an identity provider gives it, but for the signature, which the simulator takes as it is."""
    payload = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


class Population:
    """So many accounts of each kind, a role assumed from each of them, and members of two directories.

    Files of credentials are in ``folder``; a credentials URI is at ``url``.
    """

    def __init__(self, *, of_each_kind: int, members: int, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._ids = iter(range(10**15, 10**16))
        self._cases = cycle(CASES)
        self._profiles: list[dict[str, str]] = []
        self._unwatched: list[Account] = []
        self._directories: list[dict[str, Any]] = []
        self.environ: dict[str, str] = {}
        """What the default chain finds its key in."""
        self.watched = (*self._of_kinds(of_each_kind), *self._members(members))
        (folder / "profiles.json").write_text(json.dumps({"profiles": self._profiles}), encoding="utf-8")

    @property
    def scenario(self) -> Scenario:
        """All of them, and those who manage directories."""
        return Scenario("every kind", (*self._unwatched, *(watched.account for watched in self.watched)))

    @property
    def configuration(self) -> dict[str, Any]:
        """What watches them, less its endpoints."""
        return {
            "products": list(PRODUCTS),
            "debt_status": True,
            "accounts": [
                {"name": watched.name, "site": watched.site, "credentials": watched.credentials}
                for watched in self.watched
                if watched.credentials is not None
            ],
            "discovery": {"resource_directories": self._directories},
        }

    def _account(
        self, name: str, *, trusted: tuple[str, ...] = (), role: str = ROLE, **parts: Any
    ) -> tuple[Account, tuple[Case, ...]]:
        number = next(self._ids)
        account_id = parts.pop("account_id", str(number))
        cases = (next(self._cases), next(self._cases), next(self._cases))
        step = Step(
            services={product: PlannedService(case.service) for product, case in zip(PRODUCTS, cases, strict=True)},
            debts={product: case.debt for product, case in zip(PRODUCTS, cases, strict=True)},
            members=parts.pop("members", None),
        )
        account = Account(
            name,
            account_id,
            f"LTAI5t{number}",
            f"secret-of-{number}",
            roles=(Role(role, trusted, external_id=parts.pop("external_id", None)),) if trusted else (),
            timeline=(step,),
            **{"ram_user": "exporter", **parts},
        )
        return account, cases

    def _of_kinds(self, of_each: int) -> Iterator[Watched]:
        kinds: Mapping[str, Callable[[str], Watched]] = {
            "inline": self._inline,
            "files": self._files,
            "sts": self._sts,
            "oidc": self._oidc,
            "ecs": self._ecs,
            "uri": self._uri,
            "profile": self._profile,
        }
        # The environment, and so the default chain, holds one key.
        bases = [self._default("default-0")]
        bases += [make(f"{kind}-{number}") for kind, make in kinds.items() for number in range(of_each)]
        return chain(bases, [self._role(base) for base in bases])

    def _default(self, name: str) -> Watched:
        account, cases = self._account(name)
        self.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"] = account.access_key_id
        self.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = account.access_key_secret
        return Watched(name, account, {"type": "default"}, "china", cases)

    def _inline(self, name: str) -> Watched:
        account, cases = self._account(name)
        return Watched(name, account, _key_of(account), "international", cases)

    def _files(self, name: str) -> Watched:
        account, cases = self._account(name)
        credentials = {
            "type": "access_key",
            "access_key_id_file": self._file(f"{name}.id", account.access_key_id),
            "access_key_secret_file": self._file(f"{name}.secret", account.access_key_secret),
        }
        return Watched(name, account, credentials, "china", cases)

    def _sts(self, name: str) -> Watched:
        account, cases = self._account(name, security_token=f"CAIS+/token-of-{name}==", ram_user=None)
        token = {"security_token_file": self._file(f"{name}.token", account.security_token or "")}
        return Watched(name, account, _key_of(account) | token, "international", cases)

    def _oidc(self, name: str) -> Watched:
        account, cases = self._account(name, trusted=("oidc-provider/cluster",))
        credentials = {
            "type": "oidc",
            "role_arn": role_arn(account.account_id, ROLE),
            "oidc_provider_arn": f"acs:ram::{account.account_id}:oidc-provider/cluster",
            "oidc_token_file": self._file(f"{name}.jwt", oidc_token(name)),
        }
        return Watched(name, account, credentials, "china", cases, ends=True)

    def _ecs(self, name: str) -> Watched:
        account, cases = self._account(name, trusted=("ecs.aliyuncs.com",), role=name)
        return Watched(name, account, {"type": "ecs_ram_role", "role_name": name}, "china", cases, ends=True)

    def _uri(self, name: str) -> Watched:
        account, cases = self._account(name)
        credentials = {"type": "credentials_uri", "uri": f"{self._url}/_credentials/{name}"}
        return Watched(name, account, credentials, "international", cases, ends=True)

    def _profile(self, name: str) -> Watched:
        account, cases = self._account(name)
        key = {"access_key_id": account.access_key_id, "access_key_secret": account.access_key_secret}
        self._profiles.append({"name": name, "mode": "AK", **key})
        file = str(self._folder / "profiles.json")
        return Watched(name, account, {"type": "profile", "name": name, "file": file}, "china", cases)

    def _role(self, base: Watched) -> Watched:
        name = f"role-from-{base.name}"
        account, cases = self._account(name, trusted=(base.account.account_id,), external_id=EXTERNAL_ID)
        credentials = {
            "type": "ram_role",
            "role_arn": role_arn(account.account_id, ROLE),
            "external_id": EXTERNAL_ID,
            "source": base.credentials,
        }
        return Watched(name, account, credentials, base.site, cases, ends=True)

    def _members(self, number: int) -> Iterator[Watched]:
        """Members of two directories; who manages the second one is met in a role."""
        operator, _ = self._account("operator")
        first = [self._member(f"first-{place}", "10", "china") for place in range(number * 2 // 3)]
        second = [self._member(f"second-{place}", "20", "international") for place in range(number - len(first))]
        for account_id, watched in (("10", first), ("20", second)):
            members = tuple(Member(each.account.account_id, each.name_in_directory) for each in watched)
            trusted = (operator.account_id,)
            manager, _ = self._account(
                f"manager-{account_id}", account_id=account_id, trusted=trusted, members=members
            )
            self._unwatched.append(manager)
        self._unwatched.append(operator)
        lister = {"type": "ram_role", "role_arn": role_arn("20", ROLE), "source": _key_of(operator)}
        self._directories += [
            {
                "name": "first",
                "role_name": ROLE,
                "external_id": EXTERNAL_ID,
                "credentials": _key_of(self._unwatched[0]),
            },
            {
                "name": "second",
                "role_name": ROLE,
                "external_id": EXTERNAL_ID,
                "credentials": lister,
                "site": "international",
            },
        ]
        return chain(first, second)

    def _member(self, display_name: str, manager_id: str, site: str) -> Watched:
        account, cases = self._account(display_name, trusted=(manager_id,), external_id=EXTERNAL_ID)
        return Watched(account.account_id, account, None, site, cases, name_in_directory=display_name, ends=True)

    def _file(self, name: str, content: str) -> str:
        path = self._folder / name
        path.write_text(content, encoding="ascii")
        return str(path)


def _key_of(account: Account) -> dict[str, str]:
    return {
        "type": "access_key",
        "access_key_id": account.access_key_id,
        "access_key_secret": account.access_key_secret,
    }

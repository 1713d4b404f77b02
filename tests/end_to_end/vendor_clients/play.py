"""What every client does at the simulator, and what is right: states, refusals, rights, roles, pages, limits."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exporter.simulator import Fault, Opening, ServiceState, role_arn
from tests.end_to_end.vendor_clients.scenario import (
    ANSWERS,
    EMPTY,
    IDENTITY_OF_SESSION,
    MEMBERS,
    NOT_ACTIVATED,
    OPENING_REFUSALS,
    PROD,
    SHOP,
    TAGGED,
    TAGS,
    VERSIONS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.simulator import Account, Simulator
    from tests.end_to_end.vendor_clients.session import Form, Session, VendorClient

_REQUEST_ID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
_ROLE = {"RoleArn": role_arn(SHOP.account_id, "reader"), "RoleSessionName": "exporter@host-1"}
_EXTERNAL_ID = "order=7&more+1"
_DENIED_DETAIL = {
    "AuthAction",
    "AuthPrincipalDisplayName",
    "AuthPrincipalOwnerId",
    "AuthPrincipalType",
    "NoPermissionType",
    "PolicyType",
    "EncodedDiagnosticMessage",
}
OPENINGS = len(OPENING_REFUSALS) + 1
"""How many calls of a play ask for an opening."""


class Clock:
    """What the simulator's limits go by."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _key(account: Account) -> tuple[str, ...]:
    return account.access_key_id, account.access_key_secret


@dataclass(slots=True)
class Play:
    """One client's calls in one form; whatever is not right becomes a line of `failures`."""

    client: VendorClient
    form: Form
    session: Session
    simulator: Simulator
    clock: Clock
    calls: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        self._states()
        self._refusals_of_the_gateway()
        self._rights()
        self._roles()
        if self.client.anonymous:
            self._role_by_oidc()
        self._pages()
        self._opening()
        for action in ("DescribeUserCdnStatus", "DescribeUserDcdnStatus"):
            self._limit(action)
        if self.client.xml:
            self._xml()

    def _states(self) -> None:
        for action, right in ANSWERS.items():
            self._answered(action, right)
        for action, (code, message) in NOT_ACTIVATED.items():
            self._refused(action, 403, code, message, key=_key(EMPTY))
        elsewhere = "This API is not applicable for caller."
        self._refused("QueryAccountBalance", 400, "NotApplicable", elsewhere, key=_key(EMPTY))
        never_activated = {"Enabled": False, "OnService": False, "InDebt": False, "InDebtOverdue": False}
        for action in ("DescribeUserDcdnIpaStatus", "DescribeUserDcdnStatus", "DescribeUserCdnStatus"):
            self._answered(action, never_activated, key=_key(EMPTY))

    def _refusals_of_the_gateway(self) -> None:
        action = "DescribeDcdnIpaService"
        code = "InvalidAccessKeySecret" if self.client.program == "aliyun_python_sdk.py" else "SignatureDoesNotMatch"
        self._refused(action, 400, code, None, key=(PROD.access_key_id, "another secret"))
        self._refused(
            action,
            404,
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
            key=("LTAI5tNobody", "x"),
        )
        for status, code, message in (
            (500, "InternalError", "The request processing has failed due to some unknown error."),
            (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
            (403, "SystemUpgrading", "系统升级中 <&>"),
        ):
            self.simulator.set_fault(PROD.name, Fault("error", status=status, code=code, message=message, times=1))
            self._refused(action, status, code, message)
        for action, code in (("DescribeCdnService", "Throttling.Api"), ("DescribeDcdnService", "ServiceBusy")):
            fault = Fault("error", status=429, code=code, message="Too fast.", headers={"x-acs-retry-after": "60000"})
            self.simulator.set_fault(PROD.name, fault)
            self._refused(action, 429, code, "Too fast.", retry_ms=60000)
        self.simulator.set_fault(PROD.name, None)

    def _rights(self) -> None:
        message = "User not authorized to operate on the specified resource, or this API doesn't support RAM."
        for action, right, code in (
            ("DescribeDcdnIpaService", "dcdn:DescribeDcdnIpaService", "Forbidden.RAM"),
            ("DescribeCdnService", "cdn:DescribeCdnService", "Forbidden.RAM"),
            ("ListAccounts", "resourcemanager:ListAccounts", "NoPermission"),
        ):
            self.simulator.set_denied(PROD.name, [action])
            self._refused(action, 403, code, message, denied=right)
        self.simulator.set_denied(PROD.name, None)

    def _roles(self) -> None:
        role = {**_ROLE, "ExternalId": _EXTERNAL_ID, "DurationSeconds": 900, "SourceIdentity": "Alice"}
        answer = self._answered("AssumeRole", {"SourceIdentity": "Alice"}, role, picked=("SourceIdentity",))
        named = answer.get("Credentials", {})
        names = ("AccessKeyId", "AccessKeySecret", "SecurityToken")
        key = tuple(str(named.get(name, "none")) for name in names)
        self._answered("GetCallerIdentity", IDENTITY_OF_SESSION, key=key, picked=tuple(IDENTITY_OF_SESSION))
        self._refused("DescribeDcdnService", 403, *NOT_ACTIVATED["DescribeDcdnService"], key=key)
        self._answered("DescribeUserDcdnIpaStatus", ANSWERS["DescribeUserCdnStatus"], key=key)
        malformed = "Specified SecurityToken is malformed."
        self._refused(
            "DescribeDcdnIpaService",
            400,
            "InvalidSecurityToken.Malformed",
            malformed,
            key=(*key[:2], "another+token/=="),
        )
        self.simulator.revoke_tokens(SHOP.name)
        expired = "Specified SecurityToken is expired."
        self._refused("DescribeDcdnIpaService", 400, "InvalidSecurityToken.Expired", expired, key=key)
        untrusted = (
            "No permission perform sts:AssumeRole on this Role. "
            "Maybe you are not authorized to perform sts:AssumeRole or the specified role does not trust you."
        )
        self._refused("AssumeRole", 403, "NoPermission", untrusted, {**_ROLE, "ExternalId": "of another"})

    def _role_by_oidc(self) -> None:
        claims = {"exp": int(time.time()) + 600, "iss": "https://cluster", "sub": "exporter", "aud": "sts"}
        parts: tuple[dict[str, Any], ...] = ({"alg": "none"}, claims, {})
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        parameters = {
            "RoleArn": role_arn(SHOP.account_id, "pod"),
            "RoleSessionName": "exporter",
            "OIDCProviderArn": f"acs:ram::{SHOP.account_id}:oidc-provider/cluster",
            "OIDCToken": token,
        }
        right = {"OIDCTokenInfo": {"Subject": "exporter", "Issuer": "https://cluster", "ClientIds": "sts"}}
        self._answered("AssumeRoleWithOIDC", right, parameters, picked=("OIDCTokenInfo",), anonymous=True)

    def _pages(self) -> None:
        seen: list[str] = []
        turns: dict[str, Any] = {"MaxResults": 5}
        for _ in range(0, len(MEMBERS), 5):
            answer = self._answered("ListAccounts", {"TotalCount": len(MEMBERS)}, turns, picked=("TotalCount",))
            seen += _ids(answer)
            turns = {"MaxResults": 5, "NextToken": answer.get("NextToken", "")}
        self._note("ListAccounts by token", [seen, turns["NextToken"] or ""], [[*MEMBERS], ""])
        seen = []
        for number in range(1, 4):
            answer = self._answered(
                "ListAccounts",
                {"TotalCount": len(MEMBERS), "PageNumber": number, "PageSize": 10},
                {"PageNumber": number, "PageSize": 10},
                picked=("TotalCount", "PageNumber", "PageSize"),
            )
            seen += _ids(answer)
        self._note("ListAccounts by number", seen, [*MEMBERS])
        tags = [{"Key": name, "Value": value} for name, value in TAGS.items()]
        for filters in ({"QueryKeyword": MEMBERS[TAGGED]}, {"Tag": tags}):
            parameters = {**filters, "IncludeTags": True}
            answer = self._answered("ListAccounts", {"TotalCount": 1}, parameters, picked=("TotalCount",))
            self._note("ListAccounts by a filter", _ids(answer), [TAGGED])
            found = answer.get("Accounts", {}).get("Account", [{}])[0]
            self._note("tags of ListAccounts", found.get("Tags"), {"Tag": tags})

    def _opening(self) -> None:
        """The fourteen refusals of the vendor's table in its order, and the opening itself."""
        action, parameters = "OpenCdnService", {"InternetChargeType": "PayByTraffic"}
        (first, second, *others) = OPENING_REFUSALS
        self.simulator.set_service(EMPTY.name, ServiceState(activated=False), product="cdn")
        self._refused(action, *first[1:], {"InternetChargeType": "PayByBandwidth"}, key=_key(EMPTY))
        for refusal, status, code, message in others:
            self.simulator.set_opening(EMPTY.name, Opening(refusal=refusal))
            self._refused(action, status, code, message, parameters, key=_key(EMPTY))
        self.simulator.set_opening(EMPTY.name, None)
        self._answered(action, {}, parameters, key=_key(EMPTY))
        self._refused(action, *second[1:], parameters, key=_key(EMPTY))
        opened = {"InstanceId": EMPTY.account_id, "InternetChargeType": "PayByTraffic"}
        self._answered("DescribeCdnService", opened, key=_key(EMPTY), picked=tuple(opened))
        self.simulator.set_service(EMPTY.name, None, product="cdn")

    def _limit(self, action: str) -> None:
        """The third call within a second of a limit of two is throttled until the first is a second old."""
        self._answered(action, ANSWERS[action])
        self._answered(action, ANSWERS[action], after_s=0.25)
        message = "Request was denied due to user flow control."
        self._refused(action, 400, "Throttling.User", message, after_s=0.25, retry_ms=500)
        self._answered(action, ANSWERS[action], after_s=0.5)

    def _xml(self) -> None:
        """Answers and refusals in the other of the two formats."""
        right = {name: str(value).lower() for name, value in ANSWERS["DescribeUserCdnStatus"].items()}
        self._in_xml("DescribeUserCdnStatus", "DescribeUserCdnStatusResponse", right)
        locked = "".join(
            f"<LockReason><LockReason>{lock}</LockReason></LockReason>" for lock in ("financial", "security")
        )
        text = self._in_xml("DescribeDcdnIpaService", "DescribeDcdnIpaServiceResponse", {"InstanceId": "ipa-1"})
        self._note("locks in XML", f"<OperationLocks>{locked}</OperationLocks>" in text, right=True)
        (code, message) = NOT_ACTIVATED["DescribeCdnService"]
        self._in_xml("DescribeCdnService", "Error", {"Code": code, "Message": message}, key=_key(EMPTY))

    def _in_xml(self, action: str, root: str, right: Mapping[str, str], **how: Any) -> str:
        """Make a call whose answer is right to have these leaves below that root; returns it, without indentation."""
        text = re.sub(r">\s+<", "><", self._make(action, format="XML", **how).get("text", "")).strip()
        leaves = dict(re.findall(r"<(\w+)>([^<]*)</\1>", text))
        whole = re.fullmatch(rf"<\?xml version=.1\.0. encoding=.UTF-8.\?><{root}>.*</{root}>", text) is not None
        self._note(f"{action} in XML: {text}", whole, right=True)
        self._note(
            f"RequestId of {action} in XML", bool(_REQUEST_ID.fullmatch(leaves.get("RequestId", ""))), right=True
        )
        self._note(f"{action} in XML", {name: leaves.get(name) for name in right}, dict(right))
        return text

    def _answered(
        self,
        action: str,
        right: Mapping[str, Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        picked: tuple[str, ...] | None = None,
        **how: Any,
    ) -> dict[str, Any]:
        """Make a call whose answer, or what is picked of it, is right as given; returns the answer."""
        outcome = self._make(action, parameters, **how)
        answer: dict[str, Any] = outcome.get("answer", {})
        # Node's models leave out a text that is empty.
        seen = {name: value for name, value in answer.items() if value != ""} if "answer" in outcome else outcome
        self._note(f"RequestId of {action}", bool(_REQUEST_ID.fullmatch(str(seen.pop("RequestId", "")))), right=True)
        self._note(action, seen if picked is None else {name: seen.get(name) for name in picked}, dict(right))
        return answer

    def _refused(
        self,
        action: str,
        status: int,
        code: str,
        message: str | None,
        parameters: Mapping[str, Any] | None = None,
        *,
        retry_ms: int | None = None,
        denied: str = "",
        **how: Any,
    ) -> None:
        """Make a call that is refused so, by the client's own kind of error for it."""
        outcome = self._make(action, parameters, **how)
        seen = {name: value for name, value in outcome.get("error", outcome).items() if value is not None}
        version = VERSIONS[action]
        kind = self.client.error_type(code, status, version, retry_ms)
        right: dict[str, Any] = {"type": kind, "code": code, "status": status, "message": message}
        if retry_ms is not None and version in self.client.retry_after:
            right["retry_after"] = retry_ms
        if message is None:
            right["message"] = seen.get("message")
        if denied and self.client.access_denied_detail:
            detail = seen.pop("access_denied_detail", {})
            self._note(f"AccessDeniedDetail of {action}", detail.keys(), _DENIED_DETAIL)
            self._note(f"AuthAction of {action}", detail.get("AuthAction"), denied)
        self._note(f"RequestId of {action}", bool(_REQUEST_ID.fullmatch(str(seen.pop("request_id", "")))), right=True)
        self._note(action, seen, right)

    def _make(
        self,
        action: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        key: tuple[str, ...] | None = None,
        after_s: float = 1.0,
        **more: Any,
    ) -> dict[str, Any]:
        self.clock.now_s += after_s
        self.calls += 1
        form = {"signature": self.form.signature, "method": self.form.method, "place": self.form.place}
        call = {"action": action, "version": VERSIONS[action], "parameters": dict(parameters or {}), **form, **more}
        return self.session.make({**call, "key": key or _key(PROD)})

    def _note(self, what: str, seen: object, right: object) -> None:
        if seen != right:
            self.failures.append(f"call {self.calls}, {self.form}: {what}: {seen!r} in place of {right!r}")


def _ids(answer: Mapping[str, Any]) -> list[str]:
    return [member["AccountId"] for member in answer.get("Accounts", {}).get("Account", [])]

"""A call on its way through the gateway: what it asks for, who makes it, and what its operation is given."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.simulator.errors import GatewayError
from exporter.simulator.http_messages import Request
from exporter.simulator.signature_check import claimed_access_key_id
from exporter.simulator.state import AccessKey, Role, ServiceState
from exporter.simulator.timeline import Account, Moment

LONGEST_NUMBER: Final = 9
"""How many digits a number in a parameter may have."""
FindRole = Callable[[str, str], tuple[Account, Role] | None]
"""Finds the role of an account id and a name."""


@dataclass(frozen=True, slots=True)
class CommonParameters:
    """The request parameters that every call has, in either form; nothing of them is verified.

    The newer form has them in headers, V1 among the others, in the query or in a form. The vendor's clients of V1
    send the headers too: it is the Signature that tells one form from the other.
    https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism (read 2026-11-22).
    """

    action: str
    """Empty in what is no call at all."""
    version: str
    access_key_id: str | None
    """The key that the request names, unverified."""
    signed: bool
    """Whether it brings a signature."""
    v1: bool
    """Whether it is of the older form."""
    xml: bool = False
    """Whether the answer is to be in XML, which only the older form can ask for."""


def common_parameters(request: Request) -> CommonParameters:
    """Return the common parameters of a request, whatever it is."""
    given = request.parameters()
    action, signed_v1 = request.header("x-acs-action"), "Signature" in given
    if signed_v1 or (not action and "Action" in given):
        action, version = given.get("Action", ""), given.get("Version", "")
        xml = given.get("Format", "").upper() == "XML"
        return CommonParameters(action, version, given.get("AccessKeyId"), signed_v1, v1=True, xml=xml)
    version, signed = request.header("x-acs-version"), bool(request.header("authorization"))
    return CommonParameters(action, version, claimed_access_key_id(request), signed, v1=False)


@dataclass(frozen=True, slots=True)
class RoleSession:
    """A session of an assumed role."""

    role: str
    name: str
    """Chosen by the caller of AssumeRole."""
    source_identity: str | None = None
    """Who is behind it, if the caller of AssumeRole said so."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind a key."""

    account: Account
    """Whose services and rights it has."""
    session: RoleSession | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the account itself."""
        return self.session is None and self.account.ram_user is None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """One set of temporary credentials."""

    key: AccessKey
    caller: Caller
    """Whose credentials they are."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the gateway."""

    caller: Caller
    parameters: Mapping[str, str]
    moment: Moment
    """The caller's account as it is now."""
    other_site: bool
    """Whether that account is of another site than the hosts that are played."""
    now: float
    """Unix time."""
    find_role: FindRole
    issue: Callable[[Caller, int], IssuedToken]
    """Issues credentials for so many seconds."""
    activate: Callable[[str, ServiceState], None]
    """Activates a product for the caller's account, with this service."""


def required_parameter(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter that a call must have; raises GatewayError."""
    value = parameters.get(name)
    if not value:
        message = f'The input parameter "{name}" that is mandatory for processing this request is not supplied.'
        raise GatewayError("MissingParameter", message)
    return value


def number_parameter(parameters: Mapping[str, str], name: str, *, default: int, accepted: range) -> int:
    """Return a parameter that is a number of this range; raises GatewayError."""
    text = parameters.get(name)
    if text is None:
        return default
    # The digits are counted first: int() itself refuses thousands of them.
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER and int(text) in accepted):
        raise _invalid(name)
    return int(text)


def word_parameter(parameters: Mapping[str, str], name: str, accepted: Collection[str]) -> str | None:
    """Return a parameter that is one of these words, or None if it is not given or empty; raises GatewayError."""
    word = parameters.get(name) or None
    if word is not None and word not in accepted:
        raise _invalid(name)
    return word


def _invalid(name: str) -> GatewayError:
    return GatewayError(f"InvalidParameter.{name}", f"The specified parameter {name} is invalid.")

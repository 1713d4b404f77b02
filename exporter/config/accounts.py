"""The sections `accounts` and `discovery`: whom to watch."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from exporter.api.credentials.role import ACCOUNT_ID
from exporter.config.checks import (
    SWITCHES,
    Accepts,
    Section,
    broken_rule,
    matching,
    nearest,
    refusal,
    text,
    unknown,
    vocabulary,
)
from exporter.config.credentials import (
    CREDENTIALS_WORDS,
    Credentials,
    DefaultCredentials,
    ExternalId,
    RoleName,
    known_account_id,
)
from exporter.config.problems import shown
from exporter.config.values import Flag, duration
from exporter.config.vocabulary import LABEL_NAME

MAX_LABELS = 8
_LABEL_NAME_WORDS = "a label name ([a-zA-Z_][a-zA-Z0-9_]*, not beginning with __)"
# Members of resource directories are named by their ids; shorter numbers are no ids.
LIKE_AN_ID = re.compile(r"[0-9]{6,}")


def _is_name(value: str) -> bool:
    return 1 <= len(value) <= 64 and value.isprintable() and value == value.strip()  # noqa: PLR2004 - said in words beside it


def _is_account_name(value: str) -> bool:
    # Grafana shows an account by a text in which " ends its name.
    return _is_name(value) and '"' not in value


def _is_label_value(value: str) -> bool:
    return 1 <= len(value) <= 128 and value.isprintable()  # noqa: PLR2004 - said in words beside it


def _few(labels: Mapping[str, str]) -> Mapping[str, str]:
    if len(labels) > MAX_LABELS:
        raise refusal(f"at most {MAX_LABELS} labels", seen=f"{len(labels)} labels")
    return MappingProxyType(dict(labels))


def _label_name(value: object, info: ValidationInfo) -> str:
    forbidden = vocabulary(info).forbidden_labels
    if isinstance(value, str) and LABEL_NAME.fullmatch(value) and value not in forbidden:
        return value
    raise refusal(f"{_LABEL_NAME_WORDS} other than {', '.join(sorted(forbidden))}", text=True)


def _known_product(value: object, info: ValidationInfo) -> str:
    known = vocabulary(info).products
    if isinstance(value, str) and value in known:
        return value
    raise refusal(nearest(str(value), known), text=True)


def _distinct(products: tuple[str, ...]) -> tuple[str, ...]:
    if not products:
        raise broken_rule("no product is listed; list at least one")
    if len(set(products)) < len(products):
        raise broken_rule("a product is listed twice; list each once")
    return products


AccountName = Annotated[
    str,
    text(
        _is_account_name,
        '1 to 64 printable characters without ", no space at either end',
        minLength=1,
        maxLength=64,
        pattern=r'^[^\s"]([^"]*[^\s"])?$',
    ),
]
DirectoryName = Annotated[
    str,
    text(
        _is_name,
        "1 to 64 printable characters, no space at either end",
        minLength=1,
        maxLength=64,
        pattern=r"^\S(.*\S)?$",
    ),
]
Site = Annotated[Literal["china", "international"], Accepts("china or international")]
AccountId = Annotated[str, matching(ACCOUNT_ID, "1 to 32 digits, in quotes")]
Product = Annotated[str, Accepts("a product", _known_product)]
Products = Annotated[
    tuple[Product, ...],
    AfterValidator(_distinct),
    Accepts("a list of products", shape={"minItems": 1, "uniqueItems": True}),
]
LabelName = Annotated[str, Accepts(_LABEL_NAME_WORDS, _label_name)]
LabelValue = Annotated[str, text(_is_label_value, "1 to 128 printable characters", minLength=1, maxLength=128)]
Labels = Annotated[
    Mapping[LabelName, LabelValue],
    AfterValidator(_few),
    PlainSerializer(dict),
    Accepts(
        "a mapping of label names to values",
        shape={"maxProperties": MAX_LABELS, "propertyNames": {"pattern": f"^{LABEL_NAME.pattern}$"}},
    ),
]
_NO_LABELS: Mapping[str, str] = MappingProxyType({})
Switches = Annotated[Mapping[str, Flag], AfterValidator(MappingProxyType), PlainSerializer(dict)]


class Polled(Section):
    """A section that says what to poll; its switches are keys of it in the file, and one mapping here."""

    @model_validator(mode="before")
    @classmethod
    def _gather_switches(cls, given: object, info: ValidationInfo) -> object:
        if not isinstance(given, dict):
            return given
        known = vocabulary(info).switches
        if SWITCHES in given:
            raise broken_rule(unknown("key", SWITCHES, known))
        switches = {key: value for key, value in given.items() if key in known}
        return {SWITCHES: switches, **{key: value for key, value in given.items() if key not in known}}


class Account(Polled):
    """One Alibaba Cloud account, under the name the user gave it."""

    name: AccountName
    """Unique in the file; the label `account` of every series."""
    site: Site = "china"
    """Picks endpoints and what an overdue payment means."""
    labels: Labels = Field(default_factory=lambda: _NO_LABELS)
    """The user's own, for dcdn_account_info only."""
    products: Products = Field(default_factory=tuple)
    """What is polled. Not given: as the file says for all."""
    switches: Switches = Field(default_factory=dict)
    """Which of the vocabulary's switches are on, or off; in a whole configuration, every one."""
    credentials: Annotated[Credentials, Accepts(CREDENTIALS_WORDS)] = Field(
        default=DefaultCredentials(), discriminator="type"
    )
    account_id: AccountId | None = Field(default=None, validate_default=True)
    """Not given: to be found out. Needed where the name is 6 digits or more: such a name is the account's own id."""

    @property
    def known_account_id(self) -> str | None:
        """The id of the account if the file has it, in account_id or in the ARN of a role."""
        return self.account_id or known_account_id(self.credentials)

    @field_validator("account_id")
    @classmethod
    def _agrees(cls, account_id: str | None, info: ValidationInfo) -> str | None:
        """Refuse an id that differs from the role's, or from a name that looks like an id."""
        name, credentials = info.data.get("name", ""), info.data.get("credentials")
        if credentials is None:
            return account_id
        of_role = known_account_id(credentials)
        if account_id and of_role and account_id != of_role:
            raise broken_rule(
                f"account_id says {account_id}, but credentials.role_arn says {of_role}; make them the same"
            )
        given = account_id or of_role
        if LIKE_AN_ID.fullmatch(name) and given != name:
            found = (
                f"{'account_id' if account_id else 'credentials.role_arn'} says {given}" if given else "none is set"
            )
            raise broken_rule(
                f"a name of 6 digits or more is the account's own id, but {found}; "
                f'set account_id to "{name}" or choose another name'
            )
        return account_id


MAX_PATTERN_LENGTH = 512
_PATTERN_WORDS = f"a regular expression as Python reads it, of 1 to {MAX_PATTERN_LENGTH} characters"


def _compiles(value: object, _info: ValidationInfo) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_PATTERN_LENGTH:
        raise refusal(_PATTERN_WORDS, text=True)
    try:
        re.compile(value)
    except re.error as error:
        at = "" if error.pos is None else f" at character {error.pos + 1}"
        reason = error.msg if error.msg.isprintable() else "not understood"
        raise refusal(_PATTERN_WORDS, seen=f"{shown(value)} ({reason}{at})") from None
    except (OverflowError, RecursionError):
        raise refusal(_PATTERN_WORDS, seen=f"{shown(value)} (a number or nesting beyond any use)") from None
    return value


Pattern = Annotated[str, Accepts(_PATTERN_WORDS, _compiles, {"minLength": 1, "maxLength": MAX_PATTERN_LENGTH})]
Patterns = Annotated[tuple[Pattern, ...], Accepts("a list of regular expressions")]


class ResourceDirectory(Polled):
    """A resource directory whose member accounts are polled, each through a role of the same name in it."""

    name: DirectoryName
    """Unique among the directories; the label `directory` of their discovery's metrics."""
    credentials: Annotated[Credentials, Accepts(CREDENTIALS_WORDS)] = Field(
        default=DefaultCredentials(), discriminator="type"
    )
    """Of an identity that may list the members and assume the role in them."""
    role_name: RoleName
    """The role to assume in each member. No default: that of the vendor may do everything."""
    external_id: ExternalId | None = None
    """What the trust policies of the role demand."""
    site: Site = "china"
    """That of every member."""
    refresh_interval_s: Annotated[float, duration("1s", "1d")] = 600.0
    """How often the members are listed."""
    include: Patterns = ()
    """Members to poll: those whose whole name or id matches one of these (`re.fullmatch`); none given: all."""
    exclude: Patterns = ()
    """Members to leave out, of those included; matched likewise."""
    products: Products = Field(default_factory=tuple)
    """What is polled for each member. Not given: as the file says for all."""
    switches: Switches = Field(default_factory=dict)
    """As those of an account."""


class Discovery(Section):
    """Where accounts are found."""

    resource_directories: Annotated[tuple[ResourceDirectory, ...], Accepts("a list of resource directories")] = ()
    """Resource directories whose members are polled."""

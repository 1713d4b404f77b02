"""Accounts that are found rather than named: the section `discovery`."""

import re
from typing import Annotated

from pydantic import BaseModel, Field

from exporter.config.accounts import Name, Products, Site
from exporter.config.credentials import CREDENTIALS_WORDS, Credentials, DefaultCredentials, ExternalId, RoleName
from exporter.config.problems import shown
from exporter.config.refusals import FROZEN, Accepts, Flag, duration, refusal

MAX_PATTERN_LENGTH = 512
_PATTERN_WORDS = f"a regular expression as Python reads it, of 1 to {MAX_PATTERN_LENGTH} characters"


def _compiles(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_PATTERN_LENGTH:
        raise refusal(_PATTERN_WORDS, kind="text_refused")
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


class ResourceDirectory(BaseModel):
    """A resource directory whose member accounts are polled, each through a role of the same name in it."""

    model_config = FROZEN

    name: Name
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
    refresh_interval_s: Annotated[float, duration("1s", "1d")] = Field(default=600.0, alias="refresh_interval")
    """How often the members are listed."""
    include: Patterns = ()
    """Members to poll: those whose whole name or id matches one of these (`re.fullmatch`); none given: all."""
    exclude: Patterns = ()
    """Members to leave out, of those included; matched likewise."""
    products: Products = Field(default_factory=tuple)
    """What is polled for each member. Not given, here and in the next two: as the file says for all."""
    debt_status: Flag = Field(default_factory=bool)
    """Also poll the debt status of each product."""
    balance: Flag = Field(default_factory=bool)
    """Also poll each member's balance."""


class Discovery(BaseModel):
    """Where accounts are found."""

    model_config = FROZEN

    resource_directories: Annotated[tuple[ResourceDirectory, ...], Accepts("a list of resource directories")] = ()
    """Resource directories whose members are polled."""

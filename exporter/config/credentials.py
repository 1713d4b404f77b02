"""The credentials of an account in the file. Inline secrets never show: not in repr, str, dumps or errors.

A further type is one more model with its own `type`, added to `BaseCredentials`. Equal credentials have equal
hashes, so that identities can be shared between accounts. Files that hold one secret each are mounted Kubernetes
secrets, systemd credentials and the like.
"""

import codecs
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from exporter.api.credentials.role import ACCOUNT_ID, EXTERNAL_ID, ROLE_ARN, ROLE_NAME, SESSION_NAME, account_of
from exporter.config.checks import Accepts, Section, broken_rule, folder, matching, refusal
from exporter.config.values import CredentialsAddress, Flag

_MAX_SECRET_BYTES = 64 * 1024
_REASONS = {FileNotFoundError: "no such file", IsADirectoryError: "a directory"}
_SECRET = re.compile(r"[!-~]+")
_PATHS = ("/", "./", "../", "~")
_VARIABLE = re.compile(r"\$(?:\{[^}]*\}|[A-Z_][A-Z0-9_]*)")
# In quotes, or behind a name: '=' ends some tokens, and stands nowhere else in one.
_WRAPPED = re.compile(r"""'.*'|".*"|[A-Za-z_][A-Za-z0-9_]*=[^=].*""")
_VARIABLE_WORDS = "a variable (not shown), which is not replaced; credentials of type default read the environment"


class SecretFileError(ValueError):
    """A secret file cannot be used; the error holds nothing of its content."""

    path: Path
    reason: str
    """In words, such as `an empty file`."""

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def read_secret_file(path: Path) -> str:
    """The secret in the file, without one trailing newline; read anew at each call, so that a rotated file is seen.

    Raises SecretFileError unless this is a regular file of at most 64 KiB with printable ASCII without spaces in it.
    """
    content = _read(path, at_most=_MAX_SECRET_BYTES + 1)
    secret = content.decode("ascii", errors="replace").removesuffix("\n").removesuffix("\r")
    if len(content) > _MAX_SECRET_BYTES:
        raise SecretFileError(path, reason="a file of more than 64 KiB")
    if not secret:
        raise SecretFileError(path, reason="an empty file")
    if not _SECRET.fullmatch(secret):
        raise SecretFileError(path, reason=_odd_text(content, secret))
    return secret


def _odd_text(content: bytes, secret: str) -> str:
    """Why this is no secret, without a character of it."""
    if content.startswith(codecs.BOM_UTF8):
        return "a file that begins with a byte order mark (save it without)"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "a file in UTF-16 (save it as UTF-8 or ASCII)"
    if _SECRET.fullmatch(secret.strip()):
        return "a file with spaces, or more than one newline, around the secret"
    if len(secret.split("\n")) > 1:
        return "a file of several lines"
    return "a file with other than printable ASCII characters, or with spaces"


def require_regular_file(path: Path) -> None:
    """Raise SecretFileError unless this is a regular file that can be read."""
    _read(path, at_most=1)


def _read(path: Path, *, at_most: int) -> bytes:
    try:
        # Without O_NONBLOCK, to open a named pipe would block the start of the daemon.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SecretFileError(path, reason="not a regular file")
            return file.read(at_most)
    except OSError as error:
        reason = _REASONS.get(type(error)) or (error.strerror or "unreadable").lower()
        raise SecretFileError(path, reason=reason) from error


_FILE_WORDS = "the path of a readable file, relative to the configuration file"
_SECRET_FILE_WORDS = f"{_FILE_WORDS}, with printable ASCII without spaces in it"
_INLINE_WORDS = "printable ASCII without spaces, in quotes"
_KEY_ID = re.compile(r"[!-~]{1,128}")
_KEY_ID_WORDS = "1 to 128 printable ASCII characters without spaces"
_OIDC_PROVIDER_ARN = re.compile(rf"acs:ram::{ACCOUNT_ID.pattern}:oidc-provider/[A-Za-z0-9._-]{{1,128}}")
_PROFILE_NAME = re.compile(r"[ -~]{1,128}")


def _inline_secret(value: object, _info: ValidationInfo) -> SecretStr:
    _refuse_variable(value, _INLINE_WORDS)
    if isinstance(value, str) and _SECRET.fullmatch(value):
        return SecretStr(value)
    raise refusal(_INLINE_WORDS, text=True)


def _refuse_variable(value: object, words: str) -> None:
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        raise refusal(words, seen=_VARIABLE_WORDS)


def _key_id(value: object, _info: ValidationInfo) -> str:
    _refuse_variable(value, _KEY_ID_WORDS)
    if isinstance(value, str) and _KEY_ID.fullmatch(value):
        return value
    raise refusal(_KEY_ID_WORDS, text=True)


def _plain_file(
    value: object,
    info: ValidationInfo,
    use: Callable[[Path], object] = require_regular_file,
    words: str = _FILE_WORDS,
) -> Path:
    """The path, from the configuration file's folder, if the file can be used now."""
    if not isinstance(value, str) or not value.isprintable() or not value:
        raise refusal(words, text=True)
    path = folder(info) / value
    if not os.path.lexists(path):
        _refuse_variable(value, words)
    try:
        use(path)
    except SecretFileError as error:
        raise refusal(words, seen=f"{error.reason}{_shown_path(value, folder(info))}") from None
    return path


def _shown_path(value: str, start: Path) -> str:
    """The path, behind what is wrong with it, unless it may be a secret that was put in its place by mistake."""
    path = start / value
    first, slash, _ = value.partition("/")
    # os.path, as Path raises where a name is too long to be one
    below_folder = slash and os.path.isdir(start / first)  # noqa: PTH112
    if value.startswith(_PATHS) or below_folder or os.path.lexists(path):
        return f": {path}"
    where = "" if slash else f" in {start.absolute()}"
    return f"{where} (the name is not shown, because it may be a secret; a path that begins with ./ or / is shown)"


def _secret_file(value: object, info: ValidationInfo) -> Path:
    path = _plain_file(value, info, read_secret_file, _SECRET_FILE_WORDS)
    if _WRAPPED.fullmatch(read_secret_file(path)):
        seen = f"a file with quotes or a name around the secret: {path}"
        raise refusal("a file with the secret alone, as the vendor shows it", seen=seen)
    return path


def _key_id_file(value: object, info: ValidationInfo) -> Path:
    path = _secret_file(value, info)
    if not _KEY_ID.fullmatch(read_secret_file(path)):
        words = "a file with an access key id of at most 128 characters"
        raise refusal(words, seen="a longer text in the file")
    return path


AccessKeyId = Annotated[str, Accepts(_KEY_ID_WORDS, _key_id, {"pattern": f"^{_KEY_ID.pattern}$"})]
InlineSecret = Annotated[SecretStr, Accepts(_INLINE_WORDS, _inline_secret, {"pattern": f"^{_SECRET.pattern}$"})]
SecretFile = Annotated[Path, Accepts(_SECRET_FILE_WORDS, _secret_file, {"minLength": 1})]
KeyIdFile = Annotated[Path, Accepts(_SECRET_FILE_WORDS, _key_id_file, {"minLength": 1})]
PlainFile = Annotated[Path, Accepts(_FILE_WORDS, _plain_file, {"minLength": 1})]
RoleArn = Annotated[str, matching(ROLE_ARN, "the ARN of a role: acs:ram::ACCOUNT_ID:role/ROLE_NAME")]
RoleName = Annotated[str, matching(ROLE_NAME, "1 to 64 letters, digits and ._-")]
SessionName = Annotated[str, matching(SESSION_NAME, "2 to 64 letters, digits and .@_-")]
ExternalId = Annotated[str, matching(EXTERNAL_ID, "2 to 1224 printable ASCII characters without spaces")]
"""Agreed with the owner of a role. The vendor does not call it a secret; messages do not show it all the same."""
OidcProviderArn = Annotated[
    str,
    matching(_OIDC_PROVIDER_ARN, "the ARN of an identity provider: acs:ram::ACCOUNT_ID:oidc-provider/NAME"),
]
ProfileName = Annotated[str, matching(_PROFILE_NAME, "1 to 128 printable ASCII characters")]


class DefaultCredentials(Section):
    """The vendor's default chain: environment, OIDC, profiles, instance role."""

    type: Literal["default"] = "default"


class AccessKeyCredentials(Section):
    """An access key, each part of it either written in the file or read from a file of its own."""

    type: Literal["access_key"]
    access_key_id: AccessKeyId | None = None
    access_key_id_file: KeyIdFile | None = Field(default=None, validate_default=True)
    access_key_secret: InlineSecret | None = None
    access_key_secret_file: SecretFile | None = Field(default=None, validate_default=True)
    security_token: InlineSecret | None = None
    security_token_file: SecretFile | None = Field(default=None, validate_default=True)

    @field_validator("access_key_id_file", "access_key_secret_file", "security_token_file")
    @classmethod
    def _one_of_two(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        """Refuse a value together with its file, and a missing part of the key."""
        inline = str(info.field_name).removesuffix("_file")
        if inline not in info.data:
            return file  # the inline value has a problem already
        given = (file is not None) + (info.data[inline] is not None)
        if inline == "security_token" and given <= 1:
            return file
        if given != 1:
            amount = "at most" if inline == "security_token" else "exactly"
            found = "both are set" if given else "none is set"
            raise broken_rule(f"set {amount} one of {inline}, {inline}_file; {found}")
        return file


class OidcCredentials(Section):
    """A role that STS gives for the token of an OIDC identity provider, such as a Kubernetes service account's."""

    type: Literal["oidc"]
    role_arn: RoleArn
    """The role to assume."""
    oidc_provider_arn: OidcProviderArn
    """Who issued the token."""
    oidc_token_file: SecretFile
    """Read anew for each exchange, since tokens are replaced in it."""
    session_name: SessionName | None = None
    """Stands in the audit log of the role's account. Not given: the exporter's choice."""


class EcsRamRoleCredentials(Section):
    """The role of the ECS instance, from its metadata server."""

    type: Literal["ecs_ram_role"]
    role_name: RoleName | None = None
    """Not given: the one that the metadata server names."""
    disable_imds_v1: Flag = False
    """Never fall back to the metadata server's first version, which needs no token."""


class UriCredentials(Section):
    """Temporary credentials from an address that answers with them as JSON."""

    type: Literal["credentials_uri"]
    uri: CredentialsAddress


class ProfileCredentials(Section):
    """A profile of the vendor's command line."""

    type: Literal["profile"]
    name: ProfileName | None = None
    """Not given: the one that the file calls current."""
    file: PlainFile | None = None
    """Where it stands. Not given: ~/.aliyun/config.json."""


BaseCredentials = (
    DefaultCredentials
    | AccessKeyCredentials
    | OidcCredentials
    | EcsRamRoleCredentials
    | UriCredentials
    | ProfileCredentials
)
_BASE_TYPES = "default, access_key, oidc, ecs_ram_role, credentials_uri, profile"


class RamRoleCredentials(Section):
    """A role, of any account, that the source's identity assumes. The source is no such role itself."""

    type: Literal["ram_role"]
    role_arn: RoleArn
    """The role to assume, of this or another account."""
    external_id: ExternalId | None = None
    """What the role's trust policy demands."""
    session_name: SessionName | None = None
    """Stands in the audit log of the role's account. Not given: the exporter's choice."""
    source: Annotated[BaseCredentials, Accepts(f"a mapping with a type, one of {_BASE_TYPES}")] = Field(
        default=DefaultCredentials(), discriminator="type"
    )
    """Whose identity assumes the role."""


Credentials = BaseCredentials | RamRoleCredentials
CREDENTIALS_WORDS = f"a mapping with a type, one of {_BASE_TYPES}, ram_role"


def known_account_id(credentials: Credentials) -> str | None:
    """The id of the account that these credentials work in, where the ARN of a role names it."""
    if not isinstance(credentials, RamRoleCredentials | OidcCredentials):
        return None
    return account_of(credentials.role_arn)

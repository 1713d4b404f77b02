"""How the file says which credentials an account uses. Inline secrets never show: not in repr, str, dumps or errors.

A further type is one more model with its own `type`, added to `Credentials`.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from exporter.config.refusals import FROZEN, facts, refusal, text
from exporter.config.secret_files import SecretFileError, looks_like_secret, read_secret_file

MAX_KEY_ID_LENGTH = 128
_FILE_WORDS = (
    "the path of a readable file, relative to the configuration file, with printable ASCII without spaces in it"
)


def _looks_like_key_id(value: str) -> bool:
    return len(value) <= MAX_KEY_ID_LENGTH and looks_like_secret(value)


def _inline_secret(value: object) -> SecretStr:
    if isinstance(value, str) and looks_like_secret(value):
        return SecretStr(value)
    raise refusal("printable ASCII without spaces, in quotes", kind="text_refused")


def _usable_file(value: object, info: ValidationInfo) -> Path:
    """The path from the configuration file's folder on, if the file can be used now."""
    if not isinstance(value, str) or not value.isprintable() or not value:
        raise refusal(_FILE_WORDS, kind="text_refused")
    path = facts(info).folder / value
    try:
        content = read_secret_file(path)
    except SecretFileError as error:
        # A secret put here by mistake is not printed: the folder is named, and only if it exists.
        exists = os.path.isdir(path.parent)  # noqa: PTH112 - Path.is_dir raises where a name is too long to be one
        folder = f"in {path.parent}" if exists else "in a folder that does not exist"
        raise refusal(_FILE_WORDS, seen=f"{error.reason} {folder}") from None
    if info.field_name == "access_key_id_file" and not _looks_like_key_id(content):
        raise refusal(
            f"a file with an access key id of at most {MAX_KEY_ID_LENGTH} characters",
            seen="a longer text in the file",
        )
    return path


AccessKeyId = Annotated[
    str, text(_looks_like_key_id, f"1 to {MAX_KEY_ID_LENGTH} printable ASCII characters without spaces")
]
InlineSecret = Annotated[SecretStr, BeforeValidator(_inline_secret)]
SecretFile = Annotated[Path, BeforeValidator(_usable_file)]


class DefaultCredentials(BaseModel):
    """The vendor's default chain: environment, OIDC, profiles, instance role."""

    model_config = FROZEN

    type: Literal["default"] = "default"


class AccessKeyCredentials(BaseModel):
    """An access key, each part of it either written in the file or read from a file of its own."""

    model_config = FROZEN

    type: Literal["access_key"]
    access_key_id: AccessKeyId | None = None
    access_key_id_file: SecretFile | None = Field(default=None, validate_default=True)
    access_key_secret: InlineSecret | None = None
    access_key_secret_file: SecretFile | None = Field(default=None, validate_default=True)
    security_token: InlineSecret | None = None
    security_token_file: SecretFile | None = Field(default=None, validate_default=True)

    @field_validator("access_key_id_file", "access_key_secret_file", "security_token_file")
    @classmethod
    def _one_of_two(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        """Of a value and its file at most one is given; of a key's two parts, exactly one each."""
        inline = str(info.field_name).removesuffix("_file")
        if inline not in info.data:
            return file  # it has a problem of its own
        given = (file is not None) + (info.data[inline] is not None)
        if inline == "security_token" and given <= 1:
            return file
        if given != 1:
            raise refusal(f"exactly one of {inline} and {inline}_file", seen="both" if given else "neither")
        return file


Credentials = DefaultCredentials | AccessKeyCredentials

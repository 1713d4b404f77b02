"""Files that hold one secret each: mounted Kubernetes secrets, systemd credentials and the like."""

import os
import re
import stat
from pathlib import Path

MAX_BYTES = 64 * 1024
_REASONS = {FileNotFoundError: "no such file", IsADirectoryError: "a directory"}
_SECRET = re.compile(r"[!-~]+")


class SecretFileError(ValueError):
    """A secret file cannot be used; it never holds anything of what the file contains."""

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
    content = _read(path, at_most=MAX_BYTES + 1)
    secret = content.decode("ascii", errors="replace").removesuffix("\n").removesuffix("\r")
    if len(content) > MAX_BYTES:
        raise SecretFileError(path, reason="a file of more than 64 KiB")
    if not secret:
        raise SecretFileError(path, reason="an empty file")
    if not looks_like_secret(secret):
        raise SecretFileError(path, reason="a file with other than printable ASCII characters, or with spaces")
    return secret


def require_regular_file(path: Path) -> None:
    """Raise SecretFileError unless this is a regular file that can be read."""
    _read(path, at_most=1)


def looks_like_secret(text: str) -> bool:
    """Whether the text can be part of a signed request: printable ASCII, no spaces, not empty."""
    return _SECRET.fullmatch(text) is not None


def _read(path: Path, *, at_most: int) -> bytes:
    try:
        # Without O_NONBLOCK a named pipe would hold the start of the daemon for ever.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SecretFileError(path, reason="not a regular file")
            return file.read(at_most)
    except OSError as error:
        reason = _REASONS.get(type(error)) or (error.strerror or "unreadable").lower()
        raise SecretFileError(path, reason=reason) from error

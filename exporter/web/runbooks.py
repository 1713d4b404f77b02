"""Where people read what to do about what is wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from exporter.core.model import FailureReason

_OF_FAILURES: Final[Mapping[FailureReason, str]] = MappingProxyType(
    {
        FailureReason.AUTH: "DcdnAuthFailing",
        FailureReason.PERMISSION: "DcdnPermissionMissing",
        FailureReason.THROTTLED: "DcdnThrottled",
    }
)


def runbook_of_failure(reason: FailureReason) -> str:
    """The alert whose runbook is about polls that fail for this reason."""
    return _OF_FAILURES.get(reason, "DcdnPollFailing")


def document_address(folder: str, path: str) -> str:
    """The address of a document below the folder where all are published; empty without such a folder."""
    if not folder:
        return ""
    parts = urlsplit(folder)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}", fragment=""))

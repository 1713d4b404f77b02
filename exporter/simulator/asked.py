"""What a request asks for, in either of the two forms that the gateway takes.

The newer form has action and version in headers and its signature in Authorization, the older one (V1) has everything
in the query. https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism (read 2026-11-22).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from exporter.simulator.signature_check import claimed_access_key_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.simulator.http_messages import Request


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a request that every form has; nothing of it is verified."""

    action: str
    version: str
    parameters: Mapping[str, str]
    """The query's, those of the form itself included; of a repeated one the last."""
    access_key_id: str | None
    """The key it says it is signed with."""
    signed: bool
    """Whether it brings a signature."""
    v1: bool
    """Whether it is of the older form."""


def asked_by(request: Request) -> Asked:
    """Return what a request asks for; what is no call at all asks for the action of no name."""
    parameters = dict(parse_qsl(request.query, keep_blank_values=True, errors="surrogateescape"))
    action = request.header("x-acs-action")
    if action or "Action" not in parameters:
        return Asked(
            action,
            request.header("x-acs-version"),
            parameters,
            claimed_access_key_id(request),
            signed=bool(request.header("authorization")),
            v1=False,
        )
    return Asked(
        parameters["Action"],
        parameters.get("Version", ""),
        parameters,
        parameters.get("AccessKeyId"),
        signed="Signature" in parameters,
        v1=True,
    )

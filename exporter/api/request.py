"""Builds a request with its headers and signature."""

from collections.abc import Mapping
from datetime import datetime

import requests

from exporter import __version__
from exporter.api import signing
from exporter.api.credentials.base import Credentials
from exporter.api.endpoints import Route
from exporter.api.operation import Operation

USER_AGENT = f"dcdn-exporter/{__version__}"


def signed_request(
    operation: Operation,
    credentials: Credentials,
    parameters: Mapping[str, str],
    *,
    route: Route,
    user_agent: str,
    moment: datetime,
    nonce: str,
) -> requests.PreparedRequest:
    """The request for an operation, signed at ``moment``; ``nonce`` is used for no other."""
    headers = {
        "host": route.host,
        "accept": "application/json",
        "user-agent": user_agent,
        "x-acs-action": operation.action,
        "x-acs-version": operation.version,
        "x-acs-date": signing.timestamp(moment),
        "x-acs-signature-nonce": nonce,
        "x-acs-content-sha256": signing.content_sha256(b""),
    }
    if credentials.security_token is not None:
        headers["x-acs-accesskey-id"] = credentials.access_key_id
        headers["x-acs-security-token"] = credentials.security_token.reveal()
    headers["Authorization"] = signing.authorization(
        operation.method,
        "/",
        query=parameters,
        headers=headers,
        body=b"",
        access_key_id=credentials.access_key_id,
        access_key_secret=credentials.access_key_secret.reveal(),
    )
    headers["accept-encoding"] = "identity"
    if operation.method == "POST":
        headers["content-length"] = "0"
    # Not by its ``prepare``, which parses and checks again what is correct here, and costs as much as the rest of
    # this function. The query is sent in the form that was signed.
    request = requests.PreparedRequest()
    request.method = operation.method
    query = signing.canonical_query(parameters)
    request.url = f"{route.url}/?{query}" if query else f"{route.url}/"
    request.headers = headers  # type: ignore[assignment] # any mapping does: the adapter only reads it
    return request

"""The body of a reply, read under a limit."""

import requests

from exporter.api.errors import MalformedReply

REPLY_LIMIT = 1024 * 1024
_CHUNK = 64 * 1024


def read(response: requests.Response, request_id: str | None) -> bytes:
    """The whole body; raises MalformedReply when it has more than REPLY_LIMIT bytes or is compressed."""
    with response:  # closes the connection unless the body was read to its end
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise MalformedReply(
                "the reply is compressed, though it was asked not to be",
                http_status=response.status_code,
                request_id=request_id,
            )
        parts = []
        size = 0
        while chunk := _next_chunk(response, request_id):
            size += len(chunk)
            if size > REPLY_LIMIT:
                raise MalformedReply(
                    f"the reply is larger than {REPLY_LIMIT} bytes",
                    http_status=response.status_code,
                    request_id=request_id,
                )
            parts.append(chunk)
            if response.raw.length_remaining == 0:
                break  # to be told so by another read costs as much as this one
        return b"".join(parts)


def _next_chunk(response: requests.Response, request_id: str | None) -> bytes:
    try:
        return response.raw.read(_CHUNK, decode_content=False)
    except ValueError:  # http.client's word for a chunk of negative size
        raise MalformedReply(
            "the length of the reply makes no sense", http_status=response.status_code, request_id=request_id
        ) from None

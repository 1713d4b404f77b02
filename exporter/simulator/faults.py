"""The ways in which the simulator can misbehave, as values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Final, Literal, get_args

from pydantic import ConfigDict

from exporter.simulator.reading import LONGEST_S, STRICT, refuse, shared

FaultKind = Literal[
    "latency",
    "reset",
    "close",
    "close_reused",
    "hang",
    "trickle_status",
    "trickle_headers",
    "trickle_body",
    "html_502",
    "truncated_json",
    "cut_body",
    "redirect_302",
    "oversized",
    "wrong_shape",
    "not_json",
    "not_http",
    "error",
    "echo",
]
EchoField = Literal["message", "code", "request_id"]

FAULT_KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
ECHO_FIELDS: Final[tuple[EchoField, ...]] = get_args(EchoField)
TRICKLE_INTERVAL_S: Final = 0.05
UNANSWERED: Final = frozenset({"reset", "close", "close_reused", "hang", "not_http"})
"""The kinds after which a client has seen no HTTP status."""

_FINAL_STATUSES = range(200, 600)
_BODILESS_STATUSES = (204, 205, 304)
_ANY_KIND = frozenset({"kind", "times", "action"})
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff]*")
_FRAMING = ("connection", "content-length", "transfer-encoding")
_NEEDS: Final[dict[str, frozenset[str]]] = {
    "latency": frozenset({"seconds"}),
    "error": frozenset({"status", "code"}),
}
_TAKES: Final[dict[str, frozenset[str]]] = {
    "latency": frozenset({"seconds"}),
    "trickle_status": frozenset({"interval"}),
    "trickle_headers": frozenset({"interval"}),
    "trickle_body": frozenset({"interval"}),
    "oversized": frozenset({"chunked"}),
    "error": frozenset({"status", "code", "message"}),
    "echo": frozenset({"status", "field"}),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave, played on the wire for requests with a valid signature that are not throttled.

    - `latency`: the answer, `seconds` late
    - `reset`: the request is read, then RST
    - `close`: FIN before the first byte
    - `close_reused`: the same, only on a connection that has served a request before: keep-alive gone stale
    - `hang`: no answer until the client goes away or the server stops
    - `trickle_status`, `trickle_headers`, `trickle_body`: that part of the answer one byte every `interval`
    - `html_502`: the page of a proxy whose upstream failed
    - `truncated_json`: JSON that breaks off, whole by its Content-Length
    - `cut_body`: fewer bytes than Content-Length says, then FIN
    - `redirect_302`: to a port without a listener
    - `oversized`: JSON of more than 1 MiB, with a Content-Length or `chunked`
    - `wrong_shape`: JSON that is a list; `not_json`: plain text with status 200; `not_http`: bytes that are no HTTP
    - `error`: the gateway's body with any `status`, `code` and `message`
    - `echo`: an error that repeats the request's signature, nonce and tokens in its `field`
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: FaultKind
    seconds: float | None = None
    """Of `latency`, and needed there."""
    interval: float | None = None
    """Seconds between two bytes of a trickle; 0.05 unless given."""
    status: int | None = None
    """HTTP status; needed for `error`, 400 for `echo` unless given."""
    code: str | None = None
    """Of `error`, and needed there."""
    message: str | None = None
    """Of `error`."""
    chunked: bool | None = None
    """Of `oversized`: sent in chunks, without a Content-Length."""
    field: EchoField | None = None
    """Of `echo`: where the request is repeated, the message unless given."""
    headers: Mapping[str, str] | None = None
    """Of every kind whose answer has a head: these headers in it, in place of usual ones of the same name."""
    times: int | None = None
    """So many requests get it, and those after them none; no limit unless given."""
    action: str | None = None
    """Only this operation gets it; every operation unless given.

    `CredentialsUri` and `EcsMetadata` issue credentials outside of the API, and get a fault only if it names them.
    """

    def __post_init__(self) -> None:
        """Raise ValueError for anything that does not make sense together."""
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"kind is {self.kind!r}; accepted: {', '.join(FAULT_KINDS)}")
        refuse(self._problems())

    def _problems(self) -> Iterator[str]:
        taken = _ANY_KIND | _TAKES.get(self.kind, frozenset())
        if self.kind not in UNANSWERED:
            taken |= {"headers"}
        given = frozenset(item.name for item in fields(self) if getattr(self, item.name) is not None)
        if unfit := given - taken:
            yield f"a fault of kind {self.kind} takes no {', '.join(sorted(unfit))}"
        if missing := _NEEDS.get(self.kind, frozenset()) - given:
            yield f"a fault of kind {self.kind} needs {', '.join(sorted(missing))}"
        for name, value in (("seconds", self.seconds), ("interval", self.interval)):
            if value is not None and not 0 < value <= LONGEST_S:
                yield f"{name} is {value:.15g}; accepted: a number of seconds above 0, of ten years at most"
        if self.status is not None and (self.status not in _FINAL_STATUSES or self.status in _BODILESS_STATUSES):
            yield f"status is {self.status}; accepted: 200 to 599, but not 204, 205 and 304, which have no body"
        yield from _problems_of_headers(self.headers or {})
        if self.times is not None and self.times < 1:
            yield f"times is {self.times}; accepted: 1 or more"
        if self.field is not None and self.field not in ECHO_FIELDS:
            yield f"field is {self.field!r}; accepted: {', '.join(ECHO_FIELDS)}"


def _problems_of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, text in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING:
            yield (
                f"headers has the name {name!r}; accepted: a header's name in ASCII, such as Retry-After, "
                f"but not {', '.join(_FRAMING)}"
            )
        if not _HEADER_VALUE.fullmatch(text):
            yield f"headers.{name} is {text!r}; accepted: one line of ASCII and other Latin-1 characters"
    for names, _ in shared((repr(name), name.lower()) for name in headers):
        yield f"headers has {names}, which are one header"

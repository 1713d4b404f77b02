"""A kind of probe that the exporter does not have: what it shares with those that it has is the protocol alone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from exporter.api.operation import Operation
from exporter.probes.kind import Condition, Fragment, News, ProbeKind, Severity, View


@dataclass(frozen=True, slots=True)
class Certificate:
    """``ends_at`` is Unix time; None: never."""

    domain: str
    ends_at: float | None = None
    revoked: bool = False
    weak_key: bool = False


REVOKED = Condition("revoked", Severity.CRITICAL, alarm="broken")
WEAK_KEY = Condition("weak_key", Severity.WARNING)
ENDING = Condition("ending", Severity.UPCOMING)
VALID = Condition("valid", Severity.GOOD)


def _view(certificate: Certificate | None, now: float) -> View:
    if certificate is None:
        return View(status_json={"domain": None, "ends_at": None})
    ends_at = certificate.ends_at
    conditions = (
        REVOKED if certificate.revoked else VALID if ends_at is None else ENDING,
        *((WEAK_KEY,) if certificate.weak_key else ()),
    )
    return View(
        conditions=conditions,
        status=(Fragment("certificate of"), Fragment(certificate.domain, foreign=True)),
        notes=(conditions[0].word, *(("1,024 bits",) if certificate.weak_key else ())),
        billing=(Fragment("free"),),
        status_json={
            "domain": certificate.domain,
            "ends_at": datetime.fromtimestamp(ends_at, UTC) if ends_at is not None else None,
        },
        ahead_s=ends_at - now if ends_at is not None else None,
    )


def _parse(_payload: object, _request_id: str | None) -> NoReturn:
    raise NotImplementedError("nothing is polled")


CERTIFICATES: ProbeKind[Certificate, None, Certificate] = ProbeKind(
    product="edge",
    probe="certificate",
    operation=Operation(action="DescribeCertificate", version="2026-01-01", endpoint="edge", calls_per_second=1),
    parse=_parse,
    families=(),
    news=News("certificate", fields=lambda _: {}, is_bad=lambda _: False, is_worse=lambda *_: False),
    view=_view,
    conditions=(VALID, ENDING, WEAK_KEY, REVOKED),
)

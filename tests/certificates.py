"""A kind of probe that is none of ours: the certificates of an account, each of a domain and an issuer.

It has families of two labels, a countdown with several samples, a counter, a series of the whole account, and a
memory of every domain that was ever seen. People are shown the first certificate; its conditions, cells and JSON keys
are those of no kind that the exporter has.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.kind import Family, MetricType, News, ProbeKind, Sample, Scope, Visible
from exporter.probes.view import Condition, Fragment, Note, Severity, View


@dataclass(frozen=True, slots=True)
class Certificate:
    """``ends_at`` is Unix time; infinity: never."""

    domain: str
    issuer: str = "sun"
    ends_at: float = math.inf
    revoked: bool = False
    weak_key: bool = False


State = tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """The certificates that have not ended, and all domains that ever had one, in the order of their first sight."""

    certificates: State
    domains: tuple[str, ...]


def _remember(before: tuple[str, ...] | None, answer: Answer[State], _at: float) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(before or ()), *(certificate.domain for certificate in answer.state))))


def _visible(state: State, domains: tuple[str, ...] | None, now: float) -> Visible[InForce]:
    certificates = tuple(certificate for certificate in state if certificate.ends_at > now)
    until = min((certificate.ends_at for certificate in certificates), default=math.inf)
    return Visible(InForce(certificates, domains or ()), until=until)


def _end(seen: InForce) -> Iterator[Sample]:
    for certificate in seen.certificates:
        yield (certificate.issuer, certificate.domain), certificate.ends_at


def _served(seen: InForce) -> Iterator[Sample]:
    served = {certificate.domain for certificate in seen.certificates}
    for domain in seen.domains:
        yield (domain,), float(domain in served)


def _count(seen: InForce) -> Iterator[Sample]:
    yield (), float(len(seen.certificates))


def _domains(seen: InForce) -> Iterator[Sample]:
    yield (), float(len(seen.domains))


# The labels are out of order on purpose: lines have them in the order of their names.
FAMILIES: tuple[Family[InForce], ...] = (
    Family("dcdn_certificate_end_timestamp_seconds", "When it ends.", _end, labels=("issuer", "domain")),
    Family("dcdn_certificate_remaining_seconds", "What is left.", _end, labels=("issuer", "domain"), countdown=True),
    Family("dcdn_certificate_served", "Whether there is one.", _served, labels=("domain",)),
    Family("dcdn_account_certificates", "How many there are.", _count, scope=Scope.ACCOUNT),
    Family("dcdn_certificate_domains_total", "Domains ever seen.", _domains, metric_type=MetricType.COUNTER),
)

REVOKED = Condition("revoked", Severity.CRITICAL, alarm="broken")
WEAK_KEY = Condition("weak_key", Severity.WARNING)
ENDING = Condition("ending", Severity.UPCOMING)
VALID = Condition("valid", Severity.GOOD)


def _view(state: State | None, now: float) -> View:
    if not state:
        return View(status_json={"domain": None, "ends_at": None})
    first = state[0]
    ends = math.isfinite(first.ends_at)
    conditions = (
        REVOKED if first.revoked else ENDING if ends else VALID,
        *((WEAK_KEY,) if first.weak_key else ()),
    )
    return View(
        conditions=conditions,
        status=(Fragment("certificate of"), Fragment(first.domain, foreign=True)),
        notes=(
            *((Note(Severity.WARNING, "{bits} bits", {"bits": "1,024"}),) if first.weak_key else ()),
            Note(conditions[0].severity, conditions[0].word),
        ),
        billing=(Fragment("free"),),
        status_json={
            "domain": first.domain,
            "ends_at": datetime.fromtimestamp(first.ends_at, UTC) if ends else None,
        },
        ahead_s=first.ends_at - now if ends else None,
    )


CERTIFICATES: ProbeKind[State, tuple[str, ...], InForce] = ProbeKind(
    product="esa",
    probe="certificates",
    operation=Operation(action="ListCertificates", version="2024-09-10", endpoint="dcdn", calls_per_second=10),
    parse=lambda _payload, request_id: Answer((), request_id=request_id),
    remember=_remember,
    visible=_visible,
    families=FAMILIES,
    news=News("certificates", fields=lambda _: {}, is_bad=lambda _: False, is_worse=lambda *_: False),
    view=_view,
    conditions=(VALID, ENDING, WEAK_KEY, REVOKED),
)

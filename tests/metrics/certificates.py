"""A kind of probe that is none of ours: the certificates of an account, each of a domain and an issuer.

It has families of two labels, a countdown with several samples, a counter, a series of the whole account, and a
memory of every domain that was ever seen.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.kind import Family, MetricType, News, ProbeKind, Sample, Scope, View, Visible


class Certificate(NamedTuple):
    """``ends_at`` is Unix time."""

    domain: str
    issuer: str
    ends_at: float


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
    for domain, issuer, ends_at in seen.certificates:
        yield (issuer, domain), ends_at


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

CERTIFICATES: ProbeKind[State, tuple[str, ...], InForce] = ProbeKind(
    product="esa",
    probe="certificates",
    operation=Operation(action="ListCertificates", version="2024-09-10", endpoint="dcdn", calls_per_second=10),
    parse=lambda _payload, request_id: Answer((), request_id=request_id),
    remember=_remember,
    visible=_visible,
    families=FAMILIES,
    news=News("certificates", fields=lambda _: {}, is_bad=lambda _: False, is_worse=lambda *_: False),
    view=lambda _state, _now: View(),
    conditions=(),
)

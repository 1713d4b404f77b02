"""The probe ``certificates``: how many domains have a certificate that has expired, or will soon.

    {"ExpireWithin30DaysCount": 0, "ExpiredCount": 6, "RequestId": "F5E8…"}

Sources (read 2026-11-29): https://help.aliyun.com/document_detail/186564.html and
https://help.aliyun.com/zh/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnusercertificateexpirecount
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.api.errors import RefusalPattern
from exporter.api.fields import AnswerFields
from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.kind import AS_OF, MISSING, Family, Interval, News, ProbeKind, Sample, StateInRefusal
from exporter.probes.view import Condition, Note, Severity, View

CERTIFICATES = "certificates"
EXPIRED = "ExpiredCount"
EXPIRING = "ExpireWithin30DaysCount"


@dataclass(frozen=True, slots=True)
class Certificates:
    """The answer of a …UserCertificateExpireCount operation.

    ``expired`` and ``expiring`` are numbers of domains whose certificate has expired, or expires within 30 days;
    ``expiring`` is None where the API left it out.
    """

    expired: int = 0
    expiring: int | None = 0

    def __post_init__(self) -> None:
        if min(self.expired, self.expiring or 0) < 0:
            raise ValueError(f"there are 0 or more domains, seen {self!r}")


NO_HTTPS = Certificates()
# Documented for CDN; that DCDN has the same code is assumed.
_NO_HTTPS_IN_REFUSAL = StateInRefusal(RefusalPattern("nohttpsdomain"), NO_HTTPS)


def parse_certificates(payload: Mapping[str, object], request_id: str | None) -> Answer[Certificates]:
    """Return the numbers in the answer.

    Raises MalformedReply when that of the expired ones is missing or makes no sense.
    """
    fields = AnswerFields(payload, request_id)
    expired, expiring = fields.count(EXPIRED), fields.auxiliary(fields.count, EXPIRING)
    if expired is None:
        raise fields.without_needed(EXPIRED)
    missing = {EXPIRING: (MISSING,)} if expiring is None and EXPIRING not in fields.odd else {}
    return Answer(
        Certificates(expired, expiring), request_id=request_id, unknown_values=fields.unknown_values(missing)
    )


def _expiring(certificates: Certificates) -> Iterator[Sample]:
    if certificates.expiring is not None:
        yield (), float(certificates.expiring)


FAMILIES: tuple[Family[Certificates], ...] = (
    Family(
        "dcdn_certificate_expired_domains",
        f"Domains whose certificate has expired (ExpiredCount); 0 without HTTPS domains. {AS_OF}",
        lambda certificates: [((), float(certificates.expired))],
    ),
    Family(
        "dcdn_certificate_expiring_domains",
        "Domains whose certificate expires within 30 days (ExpireWithin30DaysCount); 0 without HTTPS domains. "
        f"{AS_OF}",
        _expiring,
    ),
)

NEWS: News[Certificates] = News(
    "certificates",
    fields=lambda certificates: {
        "expired_domains": str(certificates.expired),
        "expiring_domains": "" if certificates.expiring is None else str(certificates.expiring),
    },
    is_bad=lambda certificates: certificates.expired > 0,
    is_worse=lambda certificates, field, _value: field == "expired_domains" and certificates.expired > 0,
)

HAVE_EXPIRED = Condition(
    "certificates_expired",
    Severity.SERIOUS,
    alarm="with_expired_certificates",
    one="domain with an expired certificate",
    many="domains with an expired certificate",
)
WILL_EXPIRE = Condition(
    "certificates_expiring",
    Severity.WARNING,
    one="domain with an expiring certificate",
    many="domains with an expiring certificate",
    rows="with expiring certificates",
)
_EXPIRED_NOTE = "domains whose certificate has expired: {count}"
_EXPIRING_NOTE = "domains whose certificate expires within 30 days: {count}"


def view(certificates: Certificates | None, _now: float) -> View:
    """What people are shown: notes of what has expired, and of what will."""
    if certificates is None:
        return View(status_json={CERTIFICATES: None})
    found = [
        (condition, count, Note(condition.severity, template, {"count": count}, runbook))
        for condition, template, count, runbook in (
            (HAVE_EXPIRED, _EXPIRED_NOTE, certificates.expired, "DcdnCertificateExpired"),
            (WILL_EXPIRE, _EXPIRING_NOTE, certificates.expiring, "DcdnCertificatesExpiring"),
        )
        if count
    ]
    return View(
        conditions=tuple(condition for condition, _, _ in found),
        numbers={condition: count for condition, count, _ in found},
        notes=tuple(note for _, _, note in found),
        status_json={
            CERTIFICATES: {"expired_domains": certificates.expired, "expiring_domains": certificates.expiring}
        },
    )


def certificates(
    product: str, operation: Operation, *not_activated: RefusalPattern
) -> ProbeKind[Certificates, None, Certificates]:
    """The row of a product's …UserCertificateExpireCount; a service that is not activated has no HTTPS domains."""
    return ProbeKind(
        product=product,
        probe=CERTIFICATES,
        operation=operation,
        parse=parse_certificates,
        states_in_refusals=(
            _NO_HTTPS_IN_REFUSAL,
            *(StateInRefusal(pattern, NO_HTTPS) for pattern in not_activated),
        ),
        families=FAMILIES,
        news=NEWS,
        conditions=(HAVE_EXPIRED, WILL_EXPIRE),
        view=view,
        unknown_fields=(EXPIRING,),
        interval=Interval.INVENTORY,
        switch=CERTIFICATES,
        switch_help="Also count the domains whose certificate has expired, or expires within 30 days.",
    )

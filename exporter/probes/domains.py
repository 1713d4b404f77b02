"""The probe ``domains``: how many domains are online, by a Describe…UserDomains operation.

    {"Domains": {"PageData": [{"DomainName": "example.com", "DomainStatus": "online", "Sources": {…}, …}, …]},
     "TotalCount": 16, "PageNumber": 1, "PageSize": 500, "RequestId": "AA75…"}

A violation or a filing that has lapsed takes domains offline, and not the service.

Source: https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-describeuserdomains (read
2026-11-29)
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType

from exporter.api.fields import AnswerFields, cut
from exporter.api.operation import Operation, Pages
from exporter.api.pages import objects_in, total_of
from exporter.core.model import Answer, require_label_value
from exporter.probes.kind import (
    AS_OF,
    OTHER,
    Family,
    Interval,
    News,
    ProbeKind,
    Sample,
    StateInRefusal,
    Visible,
    all_unknown,
    bounded,
    with_seen,
)
from exporter.probes.view import Condition, Note, Severity, View

DOMAINS = "domains"
DOMAIN_NAME, DOMAIN_STATUS = "DomainName", "DomainStatus"
ONLINE, OFFLINE, CHECK_FAILED, CONFIGURE_FAILED = "online", "offline", "check_failed", "configure_failed"
STATUSES = (ONLINE, OFFLINE, "configuring", CONFIGURE_FAILED, "checking", CHECK_FAILED, "stopping", "deleting")
FAILED = (CHECK_FAILED, CONFIGURE_FAILED)
UNSPECIFIED_STATUS = "unspecified"
"""The status of a domain for which the API names none."""
UNNAMED = "unnamed"
"""The name of a domain for which the API names none."""
MOST_NAMED = 20
_LONGEST_NAME = 253  # https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4, less the dot at the end
_WORST = {OFFLINE: 0, CHECK_FAILED: 1, CONFIGURE_FAILED: 2}

# Without CheckDomainShow, domains are left out that are checked, failed the check, or could not be configured.
CALLS: tuple[Mapping[str, str], ...] = (MappingProxyType({"CheckDomainShow": "true"}),)
# Room for 100,000 domains. A page of 500 with 20 origins each is larger than a reply may be.
PAGES = Pages("PageNumber", ("Domains", "PageData"), size=500, most=200, smaller=100)


@dataclass(frozen=True, slots=True)
class Domains:
    """What one product of an account has in domains.

    ``counts`` are pairs of a status and a number above 0, sorted. ``not_online`` are pairs of a name and a status: of
    the domains that are not online the first 20, the worst first, then by name.
    """

    counts: tuple[tuple[str, int], ...] = ()
    not_online: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        statuses = [status for status, _ in self.counts]
        if statuses != sorted(set(statuses)) or any(count < 1 for _, count in self.counts):
            raise ValueError(f"counts are sorted by status, each above 0, not {self.counts!r}")
        if len(self.not_online) > MOST_NAMED or any(status == ONLINE for _, status in self.not_online):
            raise ValueError(f"at most {MOST_NAMED} domains are named, none of them online, not {self.not_online!r}")
        for status in (*statuses, *(status for _, status in self.not_online)):
            require_label_value(status)

    def count(self, *statuses: str) -> int:
        """How many domains have one of these statuses."""
        return sum(count for status, count in self.counts if status in statuses)

    @property
    def is_bad(self) -> bool:
        """Whether a domain is offline, or has failed."""
        return self.count(OFFLINE, *FAILED) > 0


NO_DOMAINS = Domains()


def parse_domains(payload: Mapping[str, object], request_id: str | None) -> Answer[Domains]:
    """Return the domains in the answer, which has the rows of all pages; a name counts once, as it stands last.

    A domain without a name, or with one that makes no sense, counts as one by itself. Raises MalformedReply where
    there is no list of objects.
    """
    answer = AnswerFields(payload, request_id)
    by_name: dict[str, str] = {}
    nameless: list[str] = []
    odd: list[Mapping[str, tuple[str, ...]]] = []
    for fields in objects_in(answer, PAGES.rows, may_be_missing=total_of(answer) == 0):
        name = fields.auxiliary(fields.text, DOMAIN_NAME)
        status = cut((fields.auxiliary(fields.text, DOMAIN_STATUS) or UNSPECIFIED_STATUS).lower())
        if name is None:
            nameless.append(status)
        else:
            by_name[name.lower()[:_LONGEST_NAME]] = status
        odd.append(fields.unknown_values())
    counts = bounded(Counter([*by_name.values(), *nameless]), STATUSES)
    unknown = tuple(status for status in counts if status not in (*STATUSES, OTHER))
    known = {DOMAIN_STATUS: unknown} if unknown else {}
    return Answer(
        Domains(tuple(sorted(counts.items())), tuple(_not_online(by_name, nameless))),
        request_id=request_id,
        unknown_values=all_unknown([known, *odd]),
    )


def _not_online(by_name: Mapping[str, str], nameless: list[str]) -> list[tuple[str, str]]:
    pairs = [*by_name.items(), *((UNNAMED, status) for status in nameless)]
    return sorted(
        ((name, status) for name, status in pairs if status != ONLINE),
        key=lambda pair: (_WORST.get(pair[1], len(_WORST)), pair),
    )[:MOST_NAMED]


@dataclass(frozen=True, slots=True)
class VisibleDomains:
    """The counts that have a series: those of an answer, and of ``statuses``, which have one also at 0."""

    counts: tuple[tuple[str, int], ...]
    statuses: tuple[str, ...]


def remember(before: tuple[str, ...] | None, answer: Answer[Domains], _at: float) -> tuple[str, ...]:
    """The statuses beyond the documentation that were ever seen: 16 at most, then ``other``."""
    return with_seen(before or (), (status for status, _ in answer.state.counts if status not in STATUSES))


def visible(domains: Domains, seen: tuple[str, ...] | None, _now: float) -> Visible[VisibleDomains]:
    """What the page shows."""
    return Visible(VisibleDomains(domains.counts, (*STATUSES, *(seen or ()))))


def _counts(domains: VisibleDomains) -> Iterator[Sample]:
    """A sample for each status; those without a series of their own are counted as ``other``."""
    numbers = dict.fromkeys(domains.statuses, 0)
    for status, count in domains.counts:
        place = status if status in numbers else OTHER
        numbers[place] = numbers.get(place, 0) + count
    for status, number in numbers.items():
        yield (status,), float(number)


FAMILIES: tuple[Family[VisibleDomains], ...] = (
    Family(
        "dcdn_domains",
        f"Domains that have this status, each name once (DomainStatus of the probe domains). {AS_OF}",
        _counts,
        labels=("status",),
    ),
)


NEWS: News[Domains] = News(
    "domains",
    fields=lambda domains: {
        "domains": ", ".join(f"{count} {status}" for status, count in domains.counts),
        "not_online": ", ".join(f"{name} ({status})" for name, status in domains.not_online),
    },
    is_bad=lambda domains: domains.is_bad,
    is_worse=lambda domains, _field, _value: domains.is_bad,
)

DOMAINS_OFFLINE = Condition(
    "domains_offline", Severity.SERIOUS, alarm="with_offline_domains", one="domain offline", many="domains offline"
)
DOMAINS_FAILED = Condition(
    "domains_failed", Severity.WARNING, one="domain failed", many="domains failed", rows="with failed domains"
)
DOMAINS_UNCLEAR = Condition(
    "domains_unclear",
    Severity.WARNING,
    one="domain of unknown status",
    many="domains of unknown status",
    rows="with domains of unknown status",
)


def view(domains: Domains | None, _now: float) -> View:
    """What people are shown: how many domains are not online, and which."""
    if domains is None:
        return View(status_json={DOMAINS: None, "domains_not_online": []})
    undocumented = {status for status, _ in (*domains.counts, *domains.not_online)} - {*STATUSES}
    on_its_way = {*STATUSES} - {ONLINE, OFFLINE, *FAILED}
    failed = "DcdnDomainCheckFailed"
    notes = (
        _note(domains, {OFFLINE}, Severity.SERIOUS, "domains offline: {count}{names}", "DcdnDomainsOffline"),
        _note(domains, {CHECK_FAILED}, Severity.WARNING, "domains that failed the check: {count}{names}", failed),
        _note(
            domains,
            {CONFIGURE_FAILED},
            Severity.WARNING,
            "domains that could not be configured: {count}{names}",
            failed,
        ),
        _note(
            domains,
            undocumented,
            Severity.WARNING,
            "domains of unknown status: {count}{names}",
            "DcdnUnknownApiValue",
        ),
        _note(domains, on_its_way, Severity.UPCOMING, "other domains that are not online: {count}{names}"),
    )
    numbers = {
        DOMAINS_OFFLINE: domains.count(OFFLINE),
        DOMAINS_FAILED: domains.count(*FAILED),
        DOMAINS_UNCLEAR: domains.count(*undocumented),
    }
    return View(
        conditions=tuple(condition for condition, number in numbers.items() if number),
        numbers=numbers,
        notes=tuple(note for note in notes if note is not None),
        status_json={
            DOMAINS: dict.fromkeys(STATUSES, 0) | dict(domains.counts),
            "domains_not_online": [{"domain": name, "status": status} for name, status in domains.not_online],
        },
    )


def _note(
    domains: Domains, statuses: AbstractSet[str], severity: Severity, template: str, runbook: str = ""
) -> Note | None:
    """How many have one of these statuses, and the names of those that are kept, in parentheses; None: none has."""
    count = domains.count(*statuses)
    if not count:
        return None
    names = [name for name, status in domains.not_online if status in statuses]
    if len(names) < count:
        names.append("…")
    listed = f" ({', '.join(names)})" if names != ["…"] else ""
    return Note(severity, template, {"count": count, "names": listed}, runbook)


def domains(
    product: str, operation: Operation, *states_in_refusals: StateInRefusal[Domains]
) -> ProbeKind[Domains, tuple[str, ...], VisibleDomains]:
    """The row of a product's Describe…UserDomains."""
    return ProbeKind(
        product=product,
        probe=DOMAINS,
        operation=operation,
        parse=parse_domains,
        calls=CALLS,
        states_in_refusals=states_in_refusals,
        remember=remember,
        visible=visible,
        families=FAMILIES,
        news=NEWS,
        conditions=(DOMAINS_OFFLINE, DOMAINS_FAILED, DOMAINS_UNCLEAR),
        view=view,
        unknown_fields=(DOMAIN_NAME, DOMAIN_STATUS),
        interval=Interval.INVENTORY,
        switch=DOMAINS,
        switch_help="Also count the domains of each product by their status.",
    )

"""What the schedule keeps of a probe when the configuration changes."""

from exporter.api.call import Caller, Permit
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.rate_limit import Reservation
from exporter.polling.entries import Entries
from exporter.polling.policy import Intervals
from exporter.polling.poller import Probe
from exporter.probes.table import PROBES

KIND = PROBES[0]
OTHER = PROBES[1]
KEY = KIND.key("prod")
INTERVALS = Intervals(interval_s=60, locked_interval_s=15, failing_interval_s=300)


def probe(access_key_id: str) -> Probe:
    """The same probe for whoever has this key."""
    caller = Caller(StaticCredentials(Credentials(access_key_id, Secret("secret"))))
    return Probe(key=KEY, kind=KIND, caller=lambda: caller)


def test_a_turn_leaves_with_its_caller() -> None:
    """Credentials of one account never pay for the poll of another; a probe that stays keeps its permit."""
    entries = Entries(wall_clock=lambda: 1000.0, clock=lambda: 1000.0)
    before, after = probe("LTAIone"), probe("LTAIother")
    entries.configure([before], lambda _kind: INTERVALS)
    entry = entries.get(KEY)
    assert entry is not None
    permit = Permit(
        credentials=before.caller().credentials.credentials(patience_s=0),
        reservation=Reservation("LTAIone", KIND.operation.action, 1002.0),
        reserved_at=1000.0,
    )
    entry.permit = permit

    seen = []
    for configured in (before, after):
        entries.configure([configured], lambda _kind: INTERVALS)
        seen.append((entry.permit, entry.probe))
    assert seen == [(permit, before), (None, after)]


def test_an_endpoint_follows_its_probes() -> None:
    """It has the intervals of now, the most frequent ones, and is forgotten with its last probe."""
    entries = Entries(wall_clock=lambda: 1000.0, clock=lambda: 1000.0)
    often, seldom = probe("LTAIone"), Probe(key=OTHER.key("prod"), kind=OTHER, caller=probe("LTAIone").caller)
    slow = INTERVALS.at_interval(120)
    endpoints = []
    for probes in ([often], [often], [often, seldom], [], [often]):
        entries.configure(probes, lambda kind: INTERVALS if kind is OTHER else slow)
        endpoints += [entry.endpoint for entry in entries if entry.probe is often]

    assert [endpoint is endpoints[0] for endpoint in endpoints] == [True, True, True, False]
    assert endpoints[-1].intervals == slow
    entries.configure([often, seldom], lambda kind: INTERVALS if kind is OTHER else slow)
    assert {entry.endpoint.intervals for entry in entries} == {INTERVALS}
    entries.configure([often], lambda _kind: slow)
    assert {entry.endpoint.intervals for entry in entries} == {slow}

"""Answers of any content through every parser, to what is kept, logged and shown of them."""

import json
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.accounts.account_id import parse_account_id
from exporter.accounts.members import parse_members
from exporter.api.credentials.base import Credentials, Secret
from exporter.api.errors import ApiError, Refused
from exporter.api.fields import read_json
from exporter.api.redaction import Redaction
from exporter.api.reply import decode
from exporter.core.model import Failure, Outcome, ProbeKey
from exporter.core.store import ProbeRecord
from exporter.metrics.page import ExpositionFormat
from exporter.polling.transitions import changes
from exporter.probes.kind import AnyKind
from exporter.probes.service_state import ServiceStatus, parse_service
from exporter.probes.table import PROBES
from tests.metrics.pages import STALE_AFTER_S, START, Clock, exposition, record
from tests.odd_answers import any_document, locked_service, owing_account
from tests.records import stale_after
from tests.sample_lines import samples_on

PAYLOADS = Path(__file__).parent.parent / "payloads"
REDACTION = Redaction.of(Credentials("LTAI", Secret("planted-secret-0123")), authorization="Signature=aabbccdd")
SAMPLES = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(PAYLOADS.glob("*.json"))]
DOCUMENTS, PER_PAGE, PAGES_REMEMBERED = 98_000, 1_000, 7


@given(st.randoms(use_true_random=False))
def test_a_lock_beside_any_odd_fields_is_a_lock(random: Random) -> None:
    """In whatever form it is written, and whatever the other fields hold, however often."""
    text, reasons = locked_service(random)
    state = parse_service(read_json(text), "request-1").state

    assert state.status is ServiceStatus.LOCKED
    assert reasons.issubset(state.lock_reasons)


@dataclass(frozen=True, slots=True)
class Document:
    """The body of a reply; ``reasons`` are those of the lock in it, ``owes`` says that there is a debt in it."""

    body: bytes
    http_status: int = 200
    reasons: frozenset[str] = frozenset()
    owes: bool = False


def document_for(kind: AnyKind, random: Random) -> Document:
    """Half of those for services have a lock, and half of those for debts have a debt."""
    if random.random() < 0.5 and kind.probe == "service":
        text, reasons = locked_service(random)
        return Document(text.encode(), reasons=reasons)
    if random.random() < 0.5 and kind.probe == "debt_status":
        return Document(owing_account(random).encode(), owes=True)
    return Document(any_document(random, SAMPLES), random.choice((200, 200, 200, 400, 403, 503)))


def outcome_of(document: Document, kind: AnyKind) -> Outcome:
    """What a poll makes of a reply, as the poller does it; any other error is a defect."""
    try:
        payload, request_id = decode(document.body, REDACTION, http_status=document.http_status, request_id=None)
        for parse in (parse_members, parse_account_id):
            with suppress(ApiError):
                parse(payload, request_id)
        return kind.parse(payload, request_id)
    except Refused as refusal:
        return kind.state_in_refusal(refusal) or Failure(refusal.reason, refusal.explanation, code=refusal.code)
    except ApiError as error:
        return Failure(error.reason, error.explanation)


def after(before: ProbeRecord, outcome: Outcome, kind: AnyKind) -> ProbeRecord:
    """The record with this outcome, once it was logged and shown to people."""
    seen = record(outcome, since=before, kind=kind)
    told = [(line.event, *map(str, line.fields.values())) for line in changes(kind.news, before, seen)]
    assert json.dumps([*told, str(kind.view(seen.state, START))]).encode()
    return seen


def check(page: str, locked: set[str], owing: set[str]) -> None:
    """The page can be read, and shows these accounts as locked, and those as in debt, of which the last poll told."""
    samples = [sample for sample in samples_on(page) if sample.value == 1]

    def accounts(*names: str, **labels: str) -> set[str]:
        return {
            sample.labels["account"]
            for sample in samples
            if sample.name in names and labels.items() <= sample.labels.items()
        }

    assert locked <= accounts("dcdn_service_status", status="locked") & accounts("dcdn_service_lock")
    assert owing <= accounts("dcdn_service_in_debt", "dcdn_service_in_debt_overdue")
    assert locked | owing <= accounts("dcdn_poll_success")


@pytest.mark.rehearsal
@pytest.mark.waits  # it waits for nothing, but has one of two cores for itself beside those that do
def test_fuzzed_documents_end_on_a_page(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """98,000 of them: none is a defect, every page can be read, and no lock or debt is lost on the way to it.

    `pytest --randomly-seed=SEED` makes the same ones.
    """
    seed = request.config.getoption("randomly_seed", 1)
    random, counts, began = Random(seed), Counter[str](), time.monotonic()  # noqa: S311 — nothing secret
    probes = {
        kind.key(f"account-{number}"): kind for number, kind in zip(range(PER_PAGE), cycle(PROBES), strict=False)
    }
    page = exposition(clock=Clock())
    page.configure(list(probes.items()), stale_after_of=stale_after(STALE_AFTER_S))
    page.set_accounts({key.account: {"site": "china"} for key in probes})
    records: dict[ProbeKey, ProbeRecord] = {}
    for number in range(DOCUMENTS // PER_PAGE):
        if number % PAGES_REMEMBERED == 0:  # pages grow by the values that are remembered
            records = dict.fromkeys(probes, ProbeRecord())
        locked, owing = set[str](), set[str]()
        for key, kind in probes.items():
            document = document_for(kind, random)
            try:
                outcome = outcome_of(document, kind)
                records[key] = after(records[key], outcome, kind)
                page.update(key, records[key])
                assert not document.reasons or document.reasons.issubset(outcome.state.lock_reasons)  # type: ignore[union-attr]
            except Exception as error:
                error.add_note(f"seed {seed}, {kind.operation.action}: {document}")
                raise
            locked |= {key.account} if document.reasons else set()
            owing |= {key.account} if document.owes else set()
            counts[outcome.reason if isinstance(outcome, Failure) else "answered"] += 1
        text = b"".join(page.page(ExpositionFormat.TEXT)).decode()
        check(text, locked, owing)
        if number % PAGES_REMEMBERED == 0:  # as a whole, which takes ten times as long
            list(parse_text(text))
            list(parse_openmetrics(b"".join(page.page(ExpositionFormat.OPENMETRICS)).decode()))
        counts.update(documents=PER_PAGE, pages=1, locks=len(locked), debts=len(owing))

    with capsys.disabled():
        parts = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
        sys.stdout.write(f"\nseed {seed}: {parts}, {time.monotonic() - began:.0f} s\n")
    assert (counts["documents"], counts["pages"]) == (DOCUMENTS, 98)
    assert min(counts["answered"], counts["malformed"], counts["rejected"], counts["locks"], counts["debts"]) > 5_000

"""One poll: call the API, parse what it says, keep it, and log what changed.

poll(probe) -> Postponed   the budget has no room within a second: run it again at that moment, with this permit
            -> Polled      an observation was recorded
            -> None        nothing was recorded: the probe left the configuration meanwhile, or its account's name
                           now stands for another account
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from exporter.accounts.inventory import Probe
from exporter.api.call import Caller, Permit, Reply
from exporter.api.client import Client
from exporter.api.errors import ApiError, CallAborted, CredentialsUnavailable, Refused
from exporter.core.logger import Logger, defect
from exporter.core.model import Answer, Failure, FailureReason, Observation, Outcome, ProbeKey
from exporter.core.store import ProbeRecord, Remember
from exporter.polling.policy import LONGEST_WAIT_IN_THREAD_S
from exporter.polling.transitions import changes


class Records(Protocol):
    """What is needed of the store."""

    def last_outcome(self, key: ProbeKey) -> Outcome | None:
        """What the last poll of a probe added; None before the first, and of a probe that is not configured."""

    def record(
        self, key: ProbeKey, observation: Observation, *, remember: Remember, account_id: str | None
    ) -> tuple[ProbeRecord, ProbeRecord] | None:
        """Add a finished poll of this account; the record before and after, or None where nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """Nothing was sent or counted: the permit becomes valid in ``wait_s``."""

    permit: Permit
    wait_s: float


@dataclass(frozen=True, slots=True)
class Polled:
    """The probe's record after the poll; ``outcome`` is what the poll added to it."""

    record: ProbeRecord
    outcome: Outcome


class Poll(Protocol):
    """What polls a probe: a Poller, or a fake."""

    def __call__(self, probe: Probe, permit: Permit | None = None) -> Postponed | Polled | None:
        """Poll once, on the permit given or a new one; None when nothing was recorded."""


@dataclass(slots=True)
class _Sent:
    """Counts the calls of one poll, and the seconds that all but the first have waited; for one thread."""

    calls: int = 0
    waited_s: float = 0.0

    def count(self, waited_s: float) -> None:
        self.waited_s += waited_s if self.calls else 0.0
        self.calls += 1


class Poller:
    """Polls probes; one instance serves all threads."""

    def __init__(
        self,
        client: Client,
        records: Records,
        *,
        log: Logger,
        count_unknown_value: Callable[[str], None] = lambda _field: None,
        count_failure: Callable[[ProbeKey, FailureReason], None] = lambda _key, _reason: None,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._records = records
        self._log = log
        self._count_unknown_value = count_unknown_value
        self._count_failure = count_failure
        self._wall_clock = wall_clock
        self._clock = clock

    def poll(self, probe: Probe, permit: Permit | None = None) -> Postponed | Polled | None:
        """Poll once, on the permit given or a new one.

        Every error is recorded as a failure, of reason ``internal`` when it is a defect of ours. Raises CallAborted,
        and records nothing, when the daemon stops or the account has other credentials by now.
        """
        began = self._clock()
        outcome: Outcome
        sent = _Sent()
        caller = _counted(probe, sent)
        try:
            permit = permit or self._client.reserve(probe.kind.operation, caller)
            wait_s = self._client.seconds_to(permit)
            if wait_s > LONGEST_WAIT_IN_THREAD_S:
                return Postponed(permit=permit, wait_s=wait_s)
            began += wait_s
            outcome = self._call(probe, caller, permit)
        except CallAborted:
            raise
        except ApiError as error:
            outcome = _failure(error)
        except Exception as error:  # noqa: BLE001 — one probe's defect must not end the others
            outcome = self._defect(probe, error)
        duration_s = max(0.0, self._clock() - began - sent.waited_s)
        observation = Observation(self._wall_clock(), duration_s, outcome, calls=sent.calls)
        recorded = self._records.record(
            probe.key, observation, remember=probe.kind.remember, account_id=caller.account_id
        )
        if recorded is None:
            return None
        before, after = recorded
        if isinstance(outcome, Answer):
            for field, values in outcome.unknown_values.items():
                self._count_unknown_value(field)
                self._log.log(
                    logging.DEBUG, "unknown value", **_names(probe.key), field=field, value=", ".join(values)
                )
        else:
            self._count_failure(probe.key, outcome.reason)
        for change in changes(probe.kind.news, before, after):
            self._log.log(change.level, change.event, **_names(probe.key), **change.fields)
        return Polled(record=after, outcome=outcome)

    def _call(self, probe: Probe, caller: Caller, permit: Permit) -> Answer[Any]:
        kind = probe.kind
        first, *others = kind.calls
        if permit.sent != caller.sent:  # an earlier run reserved it
            permit = replace(permit, sent=caller.sent)
        try:
            replies = [self._client.call(kind.operation, caller, permit, first)]
        except Refused as refusal:
            answer = kind.state_in_refusal(refusal)
            if answer is None:
                raise
            return answer
        # Refused now, after the first was answered, "not activated" contradicts that answer: the poll fails.
        replies += [self._client.ask(kind.operation, caller, parameters) for parameters in others]
        return self._parsed(probe, replies)

    def _parsed(self, probe: Probe, replies: Sequence[Reply]) -> Answer[Any]:
        """The answer in the replies; parsing those of the last poll again would take a tenth of the poll's CPU."""
        last, fingerprint = self._records.last_outcome(probe.key), hash(tuple(each.fingerprint for each in replies))
        if isinstance(last, Answer) and last.fingerprint == fingerprint:
            return replace(last, request_id=replies[-1].request_id)
        answers = [probe.kind.parse(reply.payload, reply.request_id) for reply in replies]
        return replace(probe.kind.combine(answers), fingerprint=fingerprint)

    def _defect(self, probe: Probe, error: Exception) -> Failure:
        evidence = defect(error)
        self._log.log(logging.ERROR, "poll hit a defect", **_names(probe.key), **evidence)
        return Failure(
            FailureReason.INTERNAL, f"a defect of the exporter: {evidence['error']} at {evidence['where']}"
        )


def _counted(probe: Probe, sent: _Sent) -> Caller:
    """The probe's caller, whose calls are counted where a poll may take many."""
    caller = probe.caller()
    return replace(caller, sent=sent.count) if probe.kind.takes_many_calls else caller


def _failure(error: ApiError) -> Failure:
    return Failure(
        reason=error.reason,
        explanation=error.explanation,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        of_credentials=isinstance(error, CredentialsUnavailable),
    )


def _names(key: ProbeKey) -> Mapping[str, str]:
    return {"account": key.account, "product": key.product, "probe": key.probe}

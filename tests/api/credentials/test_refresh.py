"""What a source gives, as a shared, patient, interruptible thing: whatever the source does, polls are not held."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.credentials.refresh import RefreshedCredentials
from exporter.api.errors import CallAborted, CredentialsUnavailable
from exporter.core.pool import MOST, Pool, Work
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon

SHORT_S = 0.02
STARTED_AT = 1_800_000_000.0


class Source:
    """Stands for the vendor's library: it answers, fails or hangs as told."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.at_once = 0
        self.asking = threading.Semaphore(0)
        self.answering = threading.Event()
        self.answering.set()
        self.failure: Exception | None = None
        self.remembers = False
        self.ends_at: float | None = None
        self.thread: threading.Thread | None = None
        self._memory: Credentials | None = None

    def __call__(self, *, anew: bool) -> Credentials:
        self.asked.append(anew)
        self.thread = threading.current_thread()
        self.asking.release()
        self.at_once += 1
        assert self.at_once == 1
        self.answering.wait()
        self.at_once -= 1
        if self.failure is not None:
            raise self.failure
        if anew or self._memory is None or not self.remembers:
            self._memory = Credentials(f"key-{len(self.asked)}", Secret("secret"), expires_at=self.ends_at)
        return self._memory


class Time:
    """One hand for both clocks."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def monotonic(self) -> float:
        return 1000.0 + self.passed_s

    def now(self) -> float:
        return STARTED_AT + self.passed_s


@pytest.fixture
def source() -> Iterator[Source]:
    """A source that answers at once until told otherwise."""
    source = Source()
    yield source
    source.answering.set()


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(log=RecordingLog())
    yield pool
    pool.close()


@pytest.fixture
def provider(source: Source, clock: Time, pool: Pool) -> RefreshedCredentials:
    """What is tested."""
    return RefreshedCredentials(source, source="the source", pool=pool, clock=clock.monotonic, now=clock.now)


def key(provider: RefreshedCredentials, patience_s: float = PATIENCE_S) -> str:
    return provider.credentials(patience_s=patience_s).access_key_id


def landed(provider: RefreshedCredentials) -> None:
    """Wait until nothing is being asked."""
    assert soon(lambda: provider._pending is None)


def test_nothing_is_asked_before_the_first_call(provider: RefreshedCredentials, source: Source) -> None:
    """To build a provider asks nobody."""
    assert provider is not None
    assert source.asked == []


def test_a_good_answer_is_looked_at_again_after_a_minute(
    provider: RefreshedCredentials, source: Source, clock: Time
) -> None:
    """The source is asked again once its answer is a minute old; the call that finds this out does not wait."""
    first = key(provider)
    clock.passed_s += 59.9
    within = key(provider)
    assert len(source.asked) == 1
    clock.passed_s += 0.2
    beside = key(provider)
    landed(provider)

    assert (first, within, beside, key(provider)) == ("key-1", "key-1", "key-1", "key-2")


def test_many_threads_share_one_question(provider: RefreshedCredentials, source: Source) -> None:
    """Thirty-two threads that need credentials at once ask the source once."""
    source.answering.clear()
    threads = 32
    ready = threading.Barrier(threads + 1)

    def ask() -> str:
        ready.wait()
        return key(provider)

    with ThreadPoolExecutor(threads) as callers:
        asked = [callers.submit(ask) for _ in range(threads)]
        ready.wait()
        source.asking.acquire(timeout=PATIENCE_S)
        source.answering.set()
        keys = {future.result(PATIENCE_S) for future in asked}

    assert (keys, source.asked) == ({"key-1"}, [False])


def test_a_call_gives_up_after_its_patience(provider: RefreshedCredentials, source: Source) -> None:
    """A source that hangs costs a call no more than its patience, and is not asked a second time meanwhile."""
    source.answering.clear()

    for _ in range(3):
        with pytest.raises(CredentialsUnavailable, match=r"the source gave no answer within 0\.02 s"):
            key(provider, SHORT_S)

    assert len(source.asked) == 1


def test_a_late_answer_serves_the_next_call(provider: RefreshedCredentials, source: Source) -> None:
    """What the source says after a call gave up is not lost."""
    source.answering.clear()
    with pytest.raises(CredentialsUnavailable):
        key(provider, SHORT_S)
    source.answering.set()

    assert key(provider) == "key-1"


def test_a_failed_refresh_keeps_the_last_credentials(
    provider: RefreshedCredentials, source: Source, clock: Time
) -> None:
    """A refresh that fails leaves what is in hand in use, and is tried again after a minute."""
    key(provider)
    source.failure = OSError("no route to the metadata server")
    clock.passed_s += 60
    key(provider)
    landed(provider)
    clock.passed_s += 59
    kept = key(provider)
    asked = len(source.asked)
    source.failure = None
    clock.passed_s += 1
    key(provider)
    landed(provider)

    assert (kept, asked, key(provider)) == ("key-1", 2, "key-3")


def test_a_token_is_used_until_its_end(provider: RefreshedCredentials, source: Source, clock: Time) -> None:
    """While a source fails, what it gave last serves to its last second, and then the failure is raised."""
    source.ends_at = STARTED_AT + 3600
    key(provider)
    assert provider.expiry() == STARTED_AT + 3600
    source.failure = CredentialsUnavailable("the source: HTTP 503")
    for _ in range(60):
        clock.passed_s += 59.99
        assert key(provider) == "key-1"
        landed(provider)
    clock.passed_s = 3600

    with pytest.raises(CredentialsUnavailable, match="the source: HTTP 503"):
        key(provider)


def test_credentials_that_no_call_needs_have_no_end_to_tell_of(
    provider: RefreshedCredentials, source: Source, clock: Time
) -> None:
    """Where polls are hours apart, they end between two of them; one that asks in vain shows that they ended."""
    source.ends_at = STARTED_AT + 900
    key(provider)
    clock.passed_s = 600
    within = provider.expiry()
    clock.passed_s = 1200
    idle = provider.expiry()
    source.failure = CredentialsUnavailable("the source: HTTP 503")
    with pytest.raises(CredentialsUnavailable):
        key(provider)

    assert (within, idle, provider.expiry()) == (STARTED_AT + 900, None, STARTED_AT + 900)


def test_an_end_between_two_looks_is_seen(provider: RefreshedCredentials, source: Source, clock: Time) -> None:
    """A token that lasts for less than a minute is exchanged when it ends."""
    source.ends_at = STARTED_AT + 30
    key(provider)
    source.ends_at = STARTED_AT + 90
    clock.passed_s = 30

    assert key(provider) == "key-2"


def test_what_has_ended_already_is_asked_for_anew(
    provider: RefreshedCredentials, source: Source, clock: Time
) -> None:
    """A source that remembers what has ended is made to forget it; where that is no better, the clock is named."""
    source.remembers = True
    source.ends_at = STARTED_AT + 30
    key(provider)
    source.ends_at = STARTED_AT + 90
    clock.passed_s = 30
    assert (key(provider), source.asked) == ("key-3", [False, False, True])

    clock.passed_s = 90
    with pytest.raises(CredentialsUnavailable, match="the source gave credentials that have ended already; see that"):
        key(provider)


def test_a_hanging_refresh_holds_nobody_up(provider: RefreshedCredentials, source: Source, clock: Time) -> None:
    """While a refresh hangs, what is in hand is given at once."""
    key(provider)
    source.answering.clear()
    clock.passed_s += 60

    assert ([key(provider, 0) for _ in range(3)], provider._pending is not None) == (["key-1"] * 3, True)


def test_an_unexpected_error_leaves_its_type_only(provider: RefreshedCredentials, source: Source) -> None:
    """The text of an unexpected error can hold signed URLs."""
    source.failure = RuntimeError("https://sts.aliyuncs.com/?AccessKeyId=LTAI&Signature=planted")

    with pytest.raises(CredentialsUnavailable, match=r"the source gave no credentials \(RuntimeError\)") as refusal:
        key(provider)

    seen: BaseException | None = refusal.value
    while seen is not None:
        assert "planted" not in str(seen)
        seen = seen.__cause__ or seen.__context__


def test_a_failure_without_credentials_holds_for_five_seconds(
    provider: RefreshedCredentials, source: Source, clock: Time
) -> None:
    """Many accounts that share a failing source do not ask it in turn; the first call after the pause does."""
    source.failure = CredentialsUnavailable("the access key secret is empty")
    for _ in range(3):
        with pytest.raises(CredentialsUnavailable, match="the access key secret is empty"):
            key(provider)
    assert len(source.asked) == 1
    source.failure = None
    clock.passed_s += 5

    assert key(provider) == "key-2"


class Trickling:
    """A source whose calls do not end before they are let go, each by its number from 0 on."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.ended: list[int] = []
        self.held = [threading.Event() for _ in range(9)]

    def __call__(self, *, anew: bool) -> Credentials:
        number = len(self.asked)
        self.asked.append(anew)
        assert self.held[number].wait(PATIENCE_S)
        self.ended.append(number)
        return Credentials(f"key-{number + 1}", Secret("secret"))


@pytest.fixture
def trickling() -> Iterator[Trickling]:
    source = Trickling()
    yield source
    for held in source.held:
        held.set()


@pytest.fixture
def patient(trickling: Trickling, clock: Time, pool: Pool) -> RefreshedCredentials:
    """The same of that source."""
    return RefreshedCredentials(trickling, source="the source", pool=pool, clock=clock.monotonic, now=clock.now)


def no_answer(provider: RefreshedCredentials) -> None:
    with pytest.raises(CredentialsUnavailable, match="the source gave no answer within"):
        key(provider, SHORT_S)


def test_a_call_that_does_not_end_is_made_again(
    patient: RefreshedCredentials, trickling: Trickling, clock: Time
) -> None:
    """After two minutes, and of a source that forgets the first one; what that gives in the end is not used."""
    trickling.held[1].set()
    no_answer(patient)
    assert soon(lambda: trickling.asked == [False])
    clock.passed_s += 119.9
    no_answer(patient)
    clock.passed_s += 0.2
    assert (key(patient), trickling.asked) == ("key-2", [False, True])
    landed(patient)
    trickling.held[0].set()

    assert soon(lambda: patient._given_up == 0)
    assert (trickling.ended, key(patient)) == ([1, 0], "key-2")


def test_who_waits_for_a_call_that_is_given_up_waits_no_longer(
    patient: RefreshedCredentials, trickling: Trickling, clock: Time
) -> None:
    """Its patience may be longer than two minutes."""
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(key, patient)
        assert soon(lambda: patient._pending_since < clock.monotonic() + 1)
        clock.passed_s += 120
        trickling.held[1].set()
        assert key(patient) == "key-2"
        with pytest.raises(CredentialsUnavailable, match="the source gave no answer within 120 s"):
            answer.result(PATIENCE_S)


def test_calls_that_do_not_end_are_few(patient: RefreshedCredentials, trickling: Trickling, clock: Time) -> None:
    """Two and the last one; when one of them ends, there is room for another."""
    for number in range(1, 6):
        no_answer(patient)
        assert soon(lambda number=number: len(trickling.asked) == min(number, 3))  # type: ignore[misc]
        clock.passed_s += 120
    trickling.held[0].set()
    assert soon(lambda: patient._given_up == 1)
    trickling.held[3].set()

    assert (key(patient), trickling.asked) == ("key-4", [False, True, True, True])


def test_a_call_that_waits_for_a_thread_is_not_given_up(
    patient: RefreshedCredentials, trickling: Trickling, clock: Time, pool: Pool
) -> None:
    """The threads are those of all sources: its time begins when it has one."""
    others_end = threading.Event()
    pool.submit(Work.SOURCE, *[lambda: others_end.wait(PATIENCE_S)] * MOST[Work.SOURCE])
    no_answer(patient)
    clock.passed_s += 600
    no_answer(patient)
    trickling.held[0].set()
    others_end.set()
    landed(patient)

    assert (key(patient), trickling.asked) == ("key-1", [False])


def test_close_ends_waits_at_once(provider: RefreshedCredentials, source: Source) -> None:
    """A stop ends every wait for a hanging source, and refuses new ones."""
    source.answering.clear()
    waiting = 4

    with ThreadPoolExecutor(waiting) as pool:
        asked = [pool.submit(key, provider, 3 * PATIENCE_S) for _ in range(waiting)]
        source.asking.acquire(timeout=PATIENCE_S)
        provider.close()
        for future in asked:
            with pytest.raises(CallAborted):
                future.result(PATIENCE_S)
    with pytest.raises(CallAborted):
        key(provider)


def test_an_answer_after_close_is_not_used(provider: RefreshedCredentials, source: Source, pool: Pool) -> None:
    """The source may end after the close; its thread is a daemon."""
    source.answering.clear()
    with pytest.raises(CredentialsUnavailable):
        key(provider, SHORT_S)
    provider.close()
    assert source.thread is not None
    assert source.thread.daemon
    pool.close()
    source.answering.set()
    pool.wait(within_s=PATIENCE_S)

    assert not source.thread.is_alive()
    with pytest.raises(CallAborted):
        key(provider)


def test_close_before_the_first_call(provider: RefreshedCredentials) -> None:
    """A provider that was never asked closes too."""
    provider.close()
    provider.close()
    with pytest.raises(CallAborted):
        key(provider)


def test_refused_credentials_are_forgotten(provider: RefreshedCredentials, source: Source) -> None:
    """The source is asked anew for what the API refused; who comes later with the same refusal finds others there."""
    source.remembers = True
    refused = provider.credentials(patience_s=PATIENCE_S)

    assert provider.renew(refused)
    assert provider.expiry() is None
    assert provider.renew(refused)
    assert key(provider) == "key-3"
    assert provider.renew(refused)
    assert (key(provider), source.asked) == ("key-3", [False, False, True])


def test_a_refusal_is_no_failure_of_the_source(provider: RefreshedCredentials, source: Source, clock: Time) -> None:
    """After it the source is asked at once, though the last refresh failed a moment ago."""
    refused = provider.credentials(patience_s=PATIENCE_S)
    source.failure = CredentialsUnavailable("the source: HTTP 503")
    clock.passed_s += 60
    key(provider)
    landed(provider)
    source.failure = None

    assert provider.renew(refused)
    assert key(provider) == "key-3"


def test_a_source_is_made_to_forget_once_in_ten_seconds(
    provider: RefreshedCredentials, source: Source, clock: Time
) -> None:
    """An API that refuses whatever it gets costs the source one exchange in 10 seconds."""
    assert provider.renew(provider.credentials(patience_s=PATIENCE_S))
    again = provider.credentials(patience_s=PATIENCE_S)
    clock.passed_s += 9.9
    early = provider.renew(again)
    assert key(provider) == again.access_key_id
    asked = len(source.asked)
    clock.passed_s += 0.1

    assert (early, asked, provider.renew(again)) == (False, 2, True)
    assert (key(provider), len(source.asked)) == ("key-3", 3)


def test_a_question_under_way_does_not_bring_the_refused_back(
    provider: RefreshedCredentials, source: Source, clock: Time
) -> None:
    """What was asked for before a refusal, from memory, is asked for anew if it is what was refused."""
    source.remembers = True
    refused = provider.credentials(patience_s=PATIENCE_S)
    source.answering.clear()
    clock.passed_s += 60
    key(provider)
    assert provider.renew(refused)
    source.answering.set()

    assert (key(provider), source.asked) == ("key-3", [False, False, True])


def test_nothing_is_renewed_after_close(provider: RefreshedCredentials) -> None:
    """A provider that is closed gives no others."""
    refused = provider.credentials(patience_s=PATIENCE_S)
    provider.close()

    assert not provider.renew(refused)

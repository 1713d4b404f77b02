"""The vendor's chain as a shared, patient, interruptible thing: whatever it does, polls are not held."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.aliyun.credentials import Credentials, Secret
from exporter.aliyun.errors import CallAborted, CredentialsUnavailable
from exporter.aliyun.vendor_chain import DefaultChain

PATIENCE_S = 10.0
SHORT_S = 0.02


class Chain:
    """Stands for the vendor's library: it answers, fails or hangs as told."""

    def __init__(self) -> None:
        self.asked = 0
        self.at_once = 0
        self.asking = threading.Semaphore(0)
        self.answering = threading.Event()
        self.answering.set()
        self.failure: Exception | None = None
        self.thread: threading.Thread | None = None

    def __call__(self) -> Credentials:
        self.asked += 1
        self.thread = threading.current_thread()
        self.asking.release()
        self.at_once += 1
        assert self.at_once == 1
        self.answering.wait()
        self.at_once -= 1
        if self.failure is not None:
            raise self.failure
        return Credentials(f"key-{self.asked}", Secret("secret"))


@pytest.fixture
def chain() -> Iterator[Chain]:
    """A chain that answers at once until told otherwise."""
    chain = Chain()
    yield chain
    chain.answering.set()


@pytest.fixture
def now() -> list[float]:
    """The clock's hand, to be moved."""
    return [1000.0]


@pytest.fixture
def provider(chain: Chain, now: list[float]) -> DefaultChain:
    """What is tested."""
    return DefaultChain(chain, clock=lambda: now[0])


def key(provider: DefaultChain, patience_s: float = PATIENCE_S) -> str:
    return provider.credentials(patience_s=patience_s).access_key_id


def test_nothing_is_asked_before_the_first_call(provider: DefaultChain, chain: Chain) -> None:
    """To build a provider asks nobody."""
    assert provider is not None
    assert chain.asked == 0


def test_credentials_are_fresh_for_a_minute(provider: DefaultChain, now: list[float]) -> None:
    """The chain is asked again once its answer is a minute old."""
    first = key(provider)
    now[0] += 59.9
    within = key(provider)
    now[0] += 0.1

    assert (first, within, key(provider)) == ("key-1", "key-1", "key-2")


def test_many_threads_share_one_question(provider: DefaultChain, chain: Chain) -> None:
    """Thirty-two threads that need credentials at once ask the chain once."""
    chain.answering.clear()
    threads = 32
    ready = threading.Barrier(threads + 1)

    def ask() -> str:
        ready.wait()
        return key(provider)

    with ThreadPoolExecutor(threads) as pool:
        asked = [pool.submit(ask) for _ in range(threads)]
        ready.wait()
        chain.asking.acquire(timeout=PATIENCE_S)
        chain.answering.set()
        keys = {future.result(PATIENCE_S) for future in asked}

    assert (keys, chain.asked) == ({"key-1"}, 1)


def test_a_call_gives_up_after_its_patience(provider: DefaultChain, chain: Chain) -> None:
    """A chain that hangs costs a call no more than its patience, and is not asked a second time meanwhile."""
    chain.answering.clear()

    for _ in range(3):
        with pytest.raises(CredentialsUnavailable, match=r"gave no answer within 0\.02 s"):
            key(provider, SHORT_S)

    assert chain.asked == 1


def test_a_late_answer_serves_the_next_call(provider: DefaultChain, chain: Chain) -> None:
    """What the chain says after a call gave up is not lost."""
    chain.answering.clear()
    with pytest.raises(CredentialsUnavailable):
        key(provider, SHORT_S)
    chain.answering.set()

    assert key(provider) == "key-1"


def test_a_failed_refresh_keeps_the_last_credentials(provider: DefaultChain, chain: Chain, now: list[float]) -> None:
    """A refresh that fails leaves what is in hand in use, and is tried again after a minute."""
    key(provider)
    chain.failure = OSError("no route to the metadata server")
    now[0] += 60
    kept = key(provider)
    now[0] += 59
    still = key(provider)
    asked = chain.asked
    chain.failure = None
    now[0] += 1

    assert (kept, still, asked, key(provider)) == ("key-1", "key-1", 2, "key-3")


def test_a_hanging_refresh_keeps_the_last_credentials(provider: DefaultChain, chain: Chain, now: list[float]) -> None:
    """A refresh that hangs costs one call its patience, then leaves what is in hand in use for a minute."""
    key(provider)
    chain.answering.clear()
    now[0] += 60
    kept = key(provider, SHORT_S)
    began = time.monotonic()
    at_once = key(provider, PATIENCE_S)

    assert (kept, at_once, chain.asked) == ("key-1", "key-1", 2)
    assert time.monotonic() - began < PATIENCE_S / 2


def test_the_librarys_text_is_dropped(provider: DefaultChain, chain: Chain) -> None:
    """An error of the library, whose text can hold signed URLs, leaves nothing but its type."""
    chain.failure = RuntimeError("https://sts.aliyuncs.com/?AccessKeyId=LTAI&Signature=planted")

    with pytest.raises(CredentialsUnavailable, match=r"found no credentials \(RuntimeError\)") as refusal:
        key(provider)

    seen: BaseException | None = refusal.value
    while seen is not None:
        assert "planted" not in str(seen)
        seen = seen.__cause__ or seen.__context__


def test_a_failure_without_credentials_is_asked_again(provider: DefaultChain, chain: Chain) -> None:
    """As long as there are no credentials the next call asks anew."""
    chain.failure = RuntimeError("none")
    for _ in range(2):
        with pytest.raises(CredentialsUnavailable):
            key(provider)
    chain.failure = None

    assert key(provider) == "key-3"


def test_unusable_credentials_are_named(provider: DefaultChain, chain: Chain) -> None:
    """What is wrong with the chain's credentials reaches the operator."""
    chain.failure = CredentialsUnavailable("the access key secret is empty")

    with pytest.raises(CredentialsUnavailable, match="the access key secret is empty"):
        key(provider)


def test_close_ends_waits_at_once(provider: DefaultChain, chain: Chain) -> None:
    """A stop ends every wait for a hanging chain, and refuses new ones."""
    chain.answering.clear()
    waiting = 4

    with ThreadPoolExecutor(waiting) as pool:
        asked = [pool.submit(key, provider, 3 * PATIENCE_S) for _ in range(waiting)]
        chain.asking.acquire(timeout=PATIENCE_S)
        provider.close()
        for future in asked:
            with pytest.raises(CallAborted):
                future.result(PATIENCE_S)
    with pytest.raises(CallAborted):
        key(provider)


def test_an_answer_after_close_is_nobodys(provider: DefaultChain, chain: Chain) -> None:
    """The chain's thread may end after the close; it is a daemon and disturbs nobody."""
    chain.answering.clear()
    with pytest.raises(CredentialsUnavailable):
        key(provider, SHORT_S)
    provider.close()
    chain.answering.set()
    assert chain.thread is not None
    chain.thread.join(PATIENCE_S)

    assert chain.thread.daemon
    assert not chain.thread.is_alive()
    with pytest.raises(CallAborted):
        key(provider)


def test_close_before_the_first_call(provider: DefaultChain) -> None:
    """A provider that was never asked closes too."""
    provider.close()
    provider.close()
    with pytest.raises(CallAborted):
        key(provider)


def test_refused_credentials_are_forgotten(provider: DefaultChain, chain: Chain) -> None:
    """The chain is asked anew for what the API refused, once: the answer is not what was refused."""
    refused = provider.credentials(patience_s=PATIENCE_S)

    assert provider.renew(refused)
    assert key(provider) == "key-2"
    assert provider.renew(refused)
    assert (key(provider), chain.asked) == ("key-2", 2)

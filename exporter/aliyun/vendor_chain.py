"""The vendor's default credential chain.

The one importer of alibabacloud-credentials, which knows it:
https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-python-access-credentials
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

from exporter.aliyun.credentials import Credentials, Secret
from exporter.aliyun.errors import CallAborted, CredentialsUnavailable

_FRESH_S = 60.0


class DefaultChain:
    """The vendor's default credential chain; once it has answered it is asked at most once a minute.

    The chain may wait for a metadata server or run a command, and cannot be interrupted. So it runs in a daemon
    thread of its own, one at a time, that all callers share: a call gives up after its patience, a stop at once.
    When a refresh fails or takes longer than that, the credentials in hand stay in use for another minute; whether
    they are still good is for the API to say.
    """

    def __init__(self, ask: Callable[[], Credentials], *, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: Credentials | None = None
        self._latest_at = 0.0
        self._flight: Future[Credentials] | None = None
        self._closed = False

    def credentials(self, *, patience_s: float) -> Credentials:
        """Return the chain's credentials."""
        with self._lock:
            if self._closed:
                raise CallAborted
            if self._latest is not None and self._clock() - self._latest_at < _FRESH_S:
                return self._latest
            if self._flight is None:
                flight: Future[Credentials] = Future()
                threading.Thread(target=self._fly, args=(flight,), name="credentials", daemon=True).start()
                self._flight = flight
            flight = self._flight
        try:
            return flight.result(timeout=patience_s)
        except TimeoutError:
            return self._still_in_hand(patience_s)

    def _still_in_hand(self, patience_s: float) -> Credentials:
        with self._lock:
            if self._latest is None:
                raise CredentialsUnavailable(
                    f"the default credential chain gave no answer within {patience_s:g} s"
                ) from None
            self._latest_at = self._clock()
            return self._latest

    def renew(self, refused: Credentials) -> bool:
        """Forget these; the chain is asked anew."""
        with self._lock:
            if self._latest == refused:
                self._latest = None
        return True

    def expiry(self) -> float | None:
        """Return when those in hand end, if the chain said so."""
        latest = self._latest
        return latest.expires_at if latest is not None else None

    def close(self) -> None:
        """End every wait for the chain; its thread is left to end with the process."""
        with self._lock:
            self._closed = True
            if self._flight is not None:
                _settle(self._flight, error=CallAborted())

    def _fly(self, flight: Future[Credentials]) -> None:
        found: Credentials | None = None
        error: Exception | None = None
        try:
            found = self._ask()
        except CredentialsUnavailable as unavailable:
            error = unavailable
        except Exception as unexpected:  # noqa: BLE001 — whatever the library raises means: none to be had
            error = CredentialsUnavailable(
                "the default credential chain found no credentials "
                f"({type(unexpected).__name__}); set ALIBABA_CLOUD_ACCESS_KEY_ID and "
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET, or configure another source of the chain"
            )
        with self._lock:
            if found is not None:
                self._latest = found
            if self._latest is not None:
                self._latest_at = self._clock()
                found = self._latest
            self._flight = None
        _settle(flight, result=found, error=error)


def ask_vendor_chain() -> Callable[[], Credentials]:
    """Return a function that asks the vendor's library; the library is loaded at its first call.

    The library reads its environment when it is loaded, logs tokens through a logger of its own when a refresh
    fails (which is silenced here), and raises exceptions that can hold signed URLs (which DefaultChain drops).
    """
    client = None

    def ask() -> Credentials:
        nonlocal client
        logging.getLogger("credentials").disabled = True
        if client is None:
            from alibabacloud_credentials.client import Client  # noqa: PLC0415 — 0.2 s and 30 MB, only if used

            client = Client()
        found = client.get_credential()
        token = found.security_token
        return Credentials(
            access_key_id=found.access_key_id or "",
            access_key_secret=Secret(found.access_key_secret or ""),
            security_token=Secret(token) if token else None,
        )

    return ask


def _settle(
    flight: Future[Credentials], *, result: Credentials | None = None, error: Exception | None = None
) -> None:
    try:
        if result is not None:
            flight.set_result(result)
        else:
            flight.set_exception(error or CallAborted())
    except InvalidStateError:
        pass  # the other of close() and the chain's thread came first

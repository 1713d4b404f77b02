"""Requests as they come over the wire, and their signatures checked at one moment."""

from collections.abc import Callable

from exporter.simulator import Account
from exporter.simulator.http_messages import Request, RequestReader
from exporter.simulator.signature_check import NonceStore
from exporter.simulator.state import AccessKey

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def read(data: bytes) -> Request:
    """Return the request that these bytes are."""
    pieces = [data]
    request = RequestReader(lambda _size: pieces.pop(), pieces.append).read()
    assert request is not None
    return request


def checker(check_signature: Callable[..., AccessKey], *accounts: Account) -> Callable[..., AccessKey]:
    """What checks a request at NOW against the keys of these accounts, with one nonce store for all of them."""
    keys = {known.access_key_id: known.key for known in accounts}
    nonces = NonceStore(window_s=900)

    def check(request: Request, *, now: float = NOW) -> AccessKey:
        return check_signature(request, find_key=keys.get, now=now, nonces=nonces)

    return check

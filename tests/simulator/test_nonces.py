"""Nonces are remembered for a while, and no longer."""

from exporter.simulator.signature_check import NonceStore


def test_a_nonce_comes_free_after_the_window() -> None:
    """Within the window a nonce is used, after it it is new."""
    nonces = NonceStore(window_s=900)
    assert nonces.claim("key", "n", now=1000.0)
    assert not nonces.claim("key", "n", now=1900.0)
    assert nonces.claim("key", "n", now=1900.1)


def test_nonces_belong_to_a_key() -> None:
    """Two keys may use the same nonce."""
    nonces = NonceStore(window_s=900)
    assert nonces.claim("one", "n", now=0.0)
    assert nonces.claim("other", "n", now=0.0)


def test_old_nonces_are_forgotten() -> None:
    """What is older than the window takes no memory."""
    nonces = NonceStore(window_s=900)
    for number in range(100):
        nonces.claim("key", str(number), now=0.0)
    nonces.claim("key", "late", now=1000.0)
    assert len(nonces) == 1


def test_memory_is_bounded() -> None:
    """Beyond its capacity the store forgets the oldest."""
    nonces = NonceStore(window_s=900, capacity=10)
    for number in range(100):
        nonces.claim("key", str(number), now=0.0)
    assert len(nonces) == 10
    assert not nonces.claim("key", "99", now=0.0)
    assert nonces.claim("key", "0", now=0.0)

"""When STS is asked for a role's credentials, decided without a clock or a thread."""

import pytest

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.credentials.role_token import RoleToken
from exporter.api.errors import ApiError
from exporter.core.model import FailureReason

WALL = 1_800_000_000.0


def lasting(seconds: float, key: str = "STS.1") -> Credentials:
    return Credentials(key, Secret("secret"), Secret("token"), expires_at=WALL + seconds)


def trouble(reason: FailureReason = FailureReason.NETWORK) -> ApiError:
    return ApiError("why", reason=reason)


def test_a_token_is_used_until_just_before_its_end() -> None:
    """It does not end on the way to the API."""
    token = RoleToken().given(lasting(3600), wall_now=WALL, jitter=0.5)

    assert token.usable(WALL + 3594) == lasting(3600)
    assert token.usable(WALL + 3595) is None


@pytest.mark.parametrize(("jitter", "due_s"), [(0.0, 2088), (0.5, 2376), (1.0, 2664)])
def test_a_token_is_replaced_ahead_of_its_end(jitter: float, due_s: float) -> None:
    """Around two thirds of an hour's token is when STS is asked again, not at one moment for all."""
    token = RoleToken().given(lasting(3600), wall_now=WALL, jitter=jitter)

    assert not token.is_due(now=0, wall_now=WALL + due_s - 1, asked_at=0)
    assert token.is_due(now=0, wall_now=WALL + due_s + 1, asked_at=0)


def test_nobody_asks_for_what_is_not_used() -> None:
    """A role that no call has needed for an hour is left alone, be it due or failing."""
    due = RoleToken().given(lasting(60), wall_now=WALL, jitter=0.5)
    failing = RoleToken().failed(trouble(), now=0, jitter=0.5)

    for token in (due, failing):
        assert token.is_due(now=4000, wall_now=WALL + 59, asked_at=400)
        assert not token.is_due(now=4000.1, wall_now=WALL + 59, asked_at=400)


@pytest.mark.parametrize(
    ("reason", "pauses"),
    [
        pytest.param(FailureReason.TIMEOUT, [5, 10, 20, 40, 60, 60, 60, 60], id="STS in trouble"),
        pytest.param(FailureReason.PERMISSION, [5, 10, 20, 40, 80, 160, 300, 300], id="to be mended"),
    ],
)
def test_pauses_grow(reason: FailureReason, pauses: list[float]) -> None:
    """An attempt that fails is repeated ever later, at most every minute, or every five for a lack of rights."""
    token = RoleToken()
    seen = []
    for _ in pauses:
        token = token.failed(trouble(reason), now=0, jitter=0.5)
        seen.append(token.retry_at)

    assert seen == pytest.approx(pauses)
    assert not token.is_due(now=token.retry_at - 0.1, wall_now=WALL, asked_at=0)
    assert token.is_due(now=token.retry_at, wall_now=WALL, asked_at=0)


@pytest.mark.parametrize(("jitter", "pause_s"), [(0.0, 4.0), (1.0, 6.0)])
def test_pauses_differ(jitter: float, pause_s: float) -> None:
    """Roles that failed together do not ask together."""
    assert RoleToken().failed(trouble(), now=100, jitter=jitter).retry_at == pytest.approx(100 + pause_s)


def test_pauses_begin_anew_after_a_success() -> None:
    """An attempt that succeeds ends the failure, and the next one starts with the shortest pause."""
    token = RoleToken()
    for _ in range(5):
        token = token.failed(trouble(), now=0, jitter=0.5)
    token = token.given(lasting(3600), wall_now=WALL, jitter=0.5)

    assert token.cause is None
    assert token.failed(trouble(), now=0, jitter=0.5).retry_at == pytest.approx(5)


def test_a_failure_leaves_the_token_in_hand() -> None:
    """What is in hand is good until it ends, whatever becomes of the refresh."""
    token = RoleToken().given(lasting(3600), wall_now=WALL, jitter=0.5).failed(trouble(), now=0, jitter=0.5)

    assert token.usable(WALL + 3000) == lasting(3600)


def test_a_refused_token_is_thrown_away_once() -> None:
    """The token that STS gives again after its refusal stays, and so does any within ten seconds."""
    first, second = lasting(3600), lasting(3600, "STS.2")
    token = RoleToken().given(first, wall_now=WALL, jitter=0.5)

    assert token.may_force(first, 100)
    token = token.forced(first, 100)
    assert token.usable(WALL) is None
    assert not token.may_force(first, 1000)
    assert not token.may_force(second, 109.9)
    assert token.may_force(second, 110)

"""What the client does about a token that has ended: it asks for another one, and sends a read once more."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from exporter.api.call import Caller
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.errors import CallTimedOut, ConnectionFailed, CredentialsUnavailable, Refused
from exporter.api.operation import Operation
from exporter.api.rate_limit import Budgets
from exporter.simulator import Account, Fault, Simulator
from tests.api.raw_server import Peer, RawServer, reply

Simulate = Callable[..., Simulator]
Serve = Callable[..., RawServer]
Connect = Callable[..., Client]

GOOD = Credentials("STS.Bob", Secret("secret"), Secret("t0ken"))
ENDED = Credentials("STS.Bob", Secret("secret"), Secret("another-token"))
EXPIRED = b'{"Code": "InvalidSecurityToken.Expired", "Message": "Specified SecurityToken is expired."}'


@dataclass
class Giver:
    """Gives the credentials at the front, the last ones for ever; a renewal moves on when there are others."""

    given: list[Credentials]
    renewed: list[Credentials] = field(default_factory=list)
    patiences: list[float] = field(default_factory=list)
    on_renewal: Callable[[], None] = lambda: None
    failure: CredentialsUnavailable | None = None

    def credentials(self, *, patience_s: float) -> Credentials:
        self.patiences.append(patience_s)
        if self.failure is not None and self.renewed:
            raise self.failure
        return self.given[0]

    def renew(self, refused: Credentials) -> bool:
        self.renewed.append(refused)
        self.on_renewal()
        if len(self.given) > 1:
            self.given.pop(0)
        return True

    def in_hand(self) -> bool:
        return False

    def expiry(self) -> float | None:
        return None

    def close(self) -> None:
        """Nothing waits."""


@pytest.fixture
def simulator(simulate: Simulate) -> Simulator:
    """With an account whose key comes with a token."""
    return simulate(
        Account(
            name="bob", account_id="7", access_key_id="STS.Bob", access_key_secret="secret", security_token="t0ken"
        )
    )


def codes(simulator: Simulator) -> list[str | None]:
    return [entry.code for entry in simulator.journal.entries()]


@pytest.mark.parametrize("code", ["Expired", "malformed", "MismatchWithAccessKey"])
def test_a_read_is_sent_once_more(simulator: Simulator, connect: Connect, operation: Operation, code: str) -> None:
    """An answer that says that the token has ended costs a call no failure when there is another token."""
    simulator.set_fault("bob", Fault("error", status=400, code=f"InvalidSecurityToken.{code}", times=1))
    giver = Giver([GOOD, Credentials("STS.Bob", Secret("secret"), Secret("t0ken"), expires_at=2e9)])
    client = connect(simulator.url)
    caller = Caller(giver)

    assert client.call(operation, caller, client.reserve(operation, caller)).payload
    assert (codes(simulator), giver.renewed) == ([f"InvalidSecurityToken.{code}", None], [GOOD])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<Error><Code>InvalidSecurityToken.Expired</Code></Error>", id="xml"),
        pytest.param(b'{"Error": %s}' % EXPIRED, id="an error inside"),
    ],
)
def test_a_token_that_ended_in_another_wrapping(
    serve: Serve, connect: Connect, operation: Operation, body: bytes
) -> None:
    """The token is renewed, and the read sent once more, whatever form the refusal has."""

    def act(peer: Peer) -> None:
        while peer.read_head():
            peer.send(refusal(body) if peer.number == 1 else reply(b'{"a": 1}'))

    giver = Giver([ENDED, GOOD])
    client = connect(serve(act).url)
    caller = Caller(giver)

    assert client.call(operation, caller, client.reserve(operation, caller)).payload == {"a": 1}
    assert giver.renewed == [ENDED]


def test_only_once(simulator: Simulator, connect: Connect, operation: Operation) -> None:
    """When the other token is refused too, that is the failure, and no third one is asked for."""
    giver = Giver([ENDED, Credentials("STS.Bob", Secret("secret"), Secret("third"))])
    client = connect(simulator.url)
    caller = Caller(giver)

    with pytest.raises(Refused, match="InvalidSecurityToken"):
        client.call(operation, caller, client.reserve(operation, caller))
    assert (simulator.journal.total, giver.renewed) == (2, [ENDED])


def test_the_same_token_is_not_sent_again(simulator: Simulator, connect: Connect, operation: Operation) -> None:
    """A giver that has nothing else to give costs no second call."""
    client = connect(simulator.url)
    for giver in (Giver([ENDED]), StaticCredentials(ENDED)):
        caller = Caller(giver)
        with pytest.raises(Refused, match="InvalidSecurityToken"):
            client.call(operation, caller, client.reserve(operation, caller))

    assert simulator.journal.total == 2


def test_what_is_wrong_with_the_renewal_is_the_failure(
    simulator: Simulator, connect: Connect, operation: Operation
) -> None:
    """Where no other token is to be had, the reason for that says more than the refusal."""
    client = connect(simulator.url)
    caller = Caller(Giver([ENDED], failure=CredentialsUnavailable("the giver is down")))

    with pytest.raises(CredentialsUnavailable, match="the giver is down"):
        client.call(operation, caller, client.reserve(operation, caller))


def test_a_long_term_key_is_not_renewed(simulate: Simulate, connect: Connect, operation: Operation) -> None:
    """What has no token cannot have one that ended, whatever the answer says."""
    simulator = simulate()
    simulator.set_fault("alice", Fault("error", status=400, code="InvalidSecurityToken.Expired"))
    giver = Giver([Credentials("LTAI5tAlice", Secret("Alices+Secret/0123456789abcdef"))])
    client = connect(simulator.url)
    caller = Caller(giver)

    with pytest.raises(Refused):
        client.call(operation, caller, client.reserve(operation, caller))
    assert (simulator.journal.total, giver.renewed) == (1, [])


def test_another_refusal_renews_nothing(simulator: Simulator, connect: Connect, operation: Operation) -> None:
    """A lack of rights is no matter of the token."""
    simulator.set_fault("bob", Fault("error", status=403, code="Forbidden.RAM"))
    giver = Giver([GOOD])
    client = connect(simulator.url)
    caller = Caller(giver)

    with pytest.raises(Refused, match=r"Forbidden\.RAM"):
        client.call(operation, caller, client.reserve(operation, caller))
    assert giver.renewed == []


def test_a_write_is_never_sent_again(serve: Serve, connect: Connect, write: Operation) -> None:
    """A write is sent once, also where its token has ended."""
    server = serve(lambda peer: answer(peer, EXPIRED))
    giver = Giver([ENDED, GOOD])
    client = connect(server.url, writes=frozenset({write.action}))
    caller = Caller(giver)

    with pytest.raises(Refused):
        client.call(write, caller, client.reserve(write, caller))
    assert (len(server.heads), giver.renewed) == (1, [])


def answer(peer: Peer, body: bytes) -> None:
    peer.read_head()
    peer.send(refusal(body))


def refusal(body: bytes) -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_both_tries_have_one_deadline(simulator: Simulator, connect: Connect, operation: Operation) -> None:
    """The renewal has the patience that is left, and when it takes it all there is no second try."""
    now = [0.0]

    def pass_time(seconds: float) -> Callable[[], None]:
        def act() -> None:
            now[0] += seconds

        return act

    client = connect(simulator.url, clock=lambda: now[0], deadline_s=20.0)
    quick = Giver([ENDED, GOOD], on_renewal=pass_time(7.0))
    late = Giver([ENDED, GOOD], on_renewal=pass_time(20.0))
    duration_s = client.call(operation, Caller(quick), client.reserve(operation, Caller(quick))).duration_s
    with pytest.raises(CallTimedOut):
        client.call(operation, Caller(late), client.reserve(operation, Caller(late)))

    assert (duration_s, quick.patiences[-1], len(simulator.journal.entries())) == (7.0, 13.0, 3)


def test_the_second_try_has_its_own_place_in_the_budget(
    simulator: Simulator, connect: Connect, operation: Operation
) -> None:
    """The refused call was one: the budget lets the second go when there is room soon, and else it is not sent."""
    giver = Giver([ENDED, GOOD])
    budgets = Budgets({"DescribeDcdnIpaService": 1}, clock=lambda: 0.0)  # the second moment never comes
    client = connect(simulator.url, budgets=budgets)
    caller = Caller(giver)

    with pytest.raises(Refused, match="InvalidSecurityToken"):
        client.call(operation, caller, client.reserve(operation, caller))
    assert simulator.journal.total == 1


def test_a_stale_connection_and_an_ended_token_are_one_try(
    serve: Serve, connect: Connect, operation: Operation
) -> None:
    """After the second try there is no third, but the next call will not find the token that was refused."""

    def act(peer: Peer) -> None:
        peer.read_head()
        if peer.number == 1:
            peer.send(reply())
            peer.read_head()  # and it closes: a connection that has died in the pool
        else:
            peer.send(refusal(EXPIRED))

    server = serve(act)
    client = connect(server.url)
    giver = Giver([ENDED, GOOD])
    caller = Caller(giver)
    client.call(operation, caller, client.reserve(operation, caller))

    with pytest.raises(Refused):
        client.call(operation, caller, client.reserve(operation, caller))
    assert (len(server.heads), giver.renewed) == (3, [ENDED])


def test_the_second_try_has_a_connection_of_its_own(serve: Serve, connect: Connect, operation: Operation) -> None:
    """No second try can meet a connection that has died in the pool."""

    def act(peer: Peer) -> None:
        peer.read_head()
        if peer.number == 1:
            peer.send(refusal(EXPIRED))
            peer.read_head()

    server = serve(act)
    client = connect(server.url)
    caller = Caller(Giver([ENDED, GOOD]))

    with pytest.raises(ConnectionFailed):
        client.call(operation, caller, client.reserve(operation, caller))
    assert server.connections == 2


def test_a_turn_that_waited_longer_than_its_token_lives(connect: Connect, operation: Operation) -> None:
    """A token that is known to have ended is not sent: why there is no other is the failure."""
    ended = Credentials("STS.Bob", Secret("secret"), Secret("t0ken"), expires_at=1000.0)
    giver = Giver([ended])
    client = connect("http://127.0.0.1:1", wall_clock=lambda: 1000.0)
    permit = client.reserve(operation, Caller(giver))
    giver.renew(ended)
    giver.failure = CredentialsUnavailable("the giver is down")

    with pytest.raises(CredentialsUnavailable, match="the giver is down"):
        client.call(operation, Caller(giver), permit)

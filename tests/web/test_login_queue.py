"""Who is checked next, and who is turned away."""

from itertools import count

import pytest

from exporter.web.login_queue import LoginQueue, network_of


def taken(queue: LoginQueue[str]) -> list[str]:
    """All that waits, in its order."""
    return list(iter(queue.take, None))


def test_an_empty_queue_has_none() -> None:
    """Nothing comes out where nothing went in."""
    queue: LoginQueue[str] = LoginQueue(limit=3)
    assert queue.take() is None
    assert len(queue) == 0


def test_networks_take_turns_and_names_within_them() -> None:
    """Who sends many logins waits behind who sends one, and one name behind the others of its network."""
    queue: LoginQueue[str] = LoginQueue(limit=10)
    for network, name, item in (
        ("a", "root", "a root 1"),
        ("a", "root", "a root 2"),
        ("a", "root", "a root 3"),
        ("a", "admin", "a admin 1"),
        ("b", "root", "b root 1"),
        ("b", "root", "b root 2"),
        ("c", "root", "c root 1"),
    ):
        assert queue.put(network, name, item) is None
    assert len(queue) == 7

    assert taken(queue) == ["a root 1", "b root 1", "c root 1", "a admin 1", "b root 2", "a root 2", "a root 3"]
    assert len(queue) == 0


@pytest.mark.parametrize("names", [1, 100], ids=["one name", "a hundred names"])
def test_a_newcomer_waits_for_one_of_each_other_network(names: int) -> None:
    """However many logins eight guessing networks have waiting, and under however many names."""
    queue: LoginQueue[str] = LoginQueue(limit=256)
    guesses = count()
    for guess in range(240):
        queue.put(f"network {guess % 8}", f"name {next(guesses) % names}", "a guess")
    queue.take()  # it is being checked
    queue.put("newcomer", "prometheus", "the right one")

    assert taken(queue).index("the right one") <= 8


def test_a_newcomer_waits_for_one_of_each_other_name_of_its_network() -> None:
    """Behind one address, as of a proxy, the names that are guessed hold up the others by one login each."""
    queue: LoginQueue[str] = LoginQueue(limit=256)
    for guess in range(100):
        queue.put("proxy", f"name {guess % 5}", "a guess")
    queue.put("proxy", "prometheus", "the right one")

    assert taken(queue).index("the right one") <= 5


def test_guessers_who_go_on_keep_no_one_waiting() -> None:
    """Each guess that is answered is followed by the next one of the same guesser; the newcomer has its turn."""
    queue: LoginQueue[str] = LoginQueue(limit=256)
    for _ in range(8):
        queue.put("proxy", "prometheus", "a guess")
    queue.put("proxy", "prometheus", "the right one")
    checked = 0
    while queue.take() != "the right one":
        checked += 1
        queue.put("proxy", "prometheus", "a guess")

    assert checked == 8


def test_the_last_of_the_longest_place_leaves() -> None:
    """Of the network with most items the name with most: a newcomer of another place drives out a guess."""
    queue: LoginQueue[str] = LoginQueue(limit=6)
    for item in ("a root 1", "a root 2", "a root 3", "a admin", "b root 1", "b root 2"):
        queue.put(item.split()[0], item.split()[1], item)

    assert queue.put("c", "root", "c root") == "a root 3"
    assert queue.put("a", "root", "a root 4") == "a root 4"
    assert queue.put("a", "guest", "a guest") == "a root 2"
    assert len(queue) == 6
    assert taken(queue) == ["a root 1", "b root 1", "c root", "a admin", "b root 2", "a guest"]


@pytest.mark.parametrize("newcomer", [("c", "root"), ("b", "guest")])
def test_where_all_have_as_many_the_newcomer_leaves(newcomer: tuple[str, str]) -> None:
    """A place that is left by this is gone with its network."""
    queue: LoginQueue[str] = LoginQueue(limit=2)
    queue.put("b", "root", "b")
    if newcomer[0] == "c":
        queue.put("a", "root", "a")
    else:
        queue.put("b", "admin", "a")

    assert queue.put(*newcomer, "the newcomer") == "the newcomer"
    assert taken(queue) == ["b", "a"]


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:0:1::1", "20010db800000001"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "20010db800000001"),
        ("2001:db8:0:2::1", "20010db800000002"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_the_network_of_a_client(client: str, network: str) -> None:
    """One client has one address of IPv4, and as many of the last 64 bits of IPv6 as it likes."""
    assert network_of(client) == network

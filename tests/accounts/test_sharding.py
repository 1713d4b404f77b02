"""Who owns an account, and how a process learns which shard it is."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.accounts.sharding import Shard, owner, parse_shard

IDS = [f"1{number:015}" for number in range(600)]
TEXTS = st.text(max_size=40)
TOTALS = st.integers(min_value=1, max_value=200)


@given(account=TEXTS, total=TOTALS)
def test_one_shard_has_the_account(account: str, total: int) -> None:
    """No account is left out, and none is polled twice."""
    assert [shard for shard in range(total) if Shard(shard, total).owns(account)] == [owner(account, total=total)]


@given(account=TEXTS, total=TOTALS)
def test_one_more_shard_takes_and_nothing_else_moves(account: str, total: int) -> None:
    """An account stays where it is or moves to the shard that is new."""
    before, after = owner(account, total=total), owner(account, total=total + 1)

    assert after in {before, total}


@given(account=TEXTS, total=TOTALS, fewer=TOTALS)
def test_a_shard_behind_has_all_of_its_accounts_to_be(account: str, total: int, fewer: int) -> None:
    """A process that counts fewer shards misses none of its accounts; only an ordinal without one loses some."""
    shard = owner(account, total=total)

    assert owner(account, total=max(shard + 1, min(fewer, total))) == shard


def test_a_fourth_shard_takes_a_quarter() -> None:
    """Of 600 accounts on three shards, 20 to 30 % move to a fourth."""
    moved = [account for account in IDS if owner(account, total=3) != owner(account, total=4)]

    assert 0.2 < len(moved) / len(IDS) < 0.3


@pytest.mark.parametrize("total", [2, 3, 8])
def test_shards_have_about_as_many_accounts_each(total: int) -> None:
    """None has more than a quarter above its part, though the ids are consecutive."""
    accounts = Counter(owner(account, total=total) for account in IDS)

    assert set(accounts) == set(range(total))
    assert max(accounts.values()) < 1.25 * len(IDS) / total


def test_the_owner_is_the_same_in_every_version() -> None:
    """These were worked out once: another answer would have two shards of a rolling update poll one account."""
    accounts = ["1883927335936173", "prod", "Ünïcode", ""]

    assert [[owner(account, total=total) for total in (1, 2, 3, 4, 100)] for account in accounts] == [
        [0, 1, 1, 1, 37],
        [0, 0, 0, 0, 62],
        [0, 0, 0, 0, 30],
        [0, 0, 2, 2, 2],
    ]


@pytest.mark.parametrize(
    ("text", "host", "shard"),
    [
        pytest.param("0/1", "any", Shard(), id="unsharded"),
        pytest.param("2/3", "any", Shard(2, 3), id="the last one"),
        pytest.param("auto/3", "dcdn-exporter-2", Shard(2, 3), id="the name of a pod"),
        pytest.param("auto/12", "dcdn-exporter-10.headless.monitoring.svc", Shard(10, 12), id="with a domain"),
        pytest.param("auto/3", "node01", Shard(1, 3), id="zeros in front"),
    ],
)
def test_a_shard_is_told_or_found(text: str, host: str, shard: Shard) -> None:
    """An ordinal is given, or ends the name of the host."""
    assert parse_shard(text, host=host) == shard


@pytest.mark.parametrize(
    ("text", "host", "words"),
    [
        pytest.param("3/3", "any", "there is no shard 3 of 3", id="counted from 1"),
        pytest.param("0/0", "any", "there is no shard 0 of 0", id="none at all"),
        pytest.param("1", "any", "ORDINAL/TOTAL", id="no total"),
        pytest.param("-1/3", "any", "ORDINAL/TOTAL", id="a sign"),
        pytest.param("\N{ARABIC-INDIC DIGIT ONE}/3", "any", "ORDINAL/TOTAL", id="other digits"),
        pytest.param("auto", "pod-1", "ORDINAL/TOTAL", id="auto alone"),
        pytest.param("auto/3", "pod", "no number ends the name of this host, 'pod'", id="no number"),
        pytest.param("auto/3", "pod-3", "on the host 'pod-3': there is no shard 3 of 3", id="a pod too many"),
        pytest.param("auto/3", "pod.zone-1", "no number ends", id="a number in the domain"),
        pytest.param("auto/3", "vm20260001", "there is no shard 20260001 of 3", id="a long number, taken whole"),
    ],
)
def test_what_is_no_shard_is_refused(text: str, host: str, words: str) -> None:
    """The refusal says what was seen and what would be accepted."""
    with pytest.raises(ValueError, match=r"ORDINAL/TOTAL") as refused:
        parse_shard(text, host=host)

    assert words in str(refused.value)


@pytest.mark.parametrize(("ordinal", "total"), [(-1, 1), (1, 1), (0, 0)])
def test_no_shard_is_beyond_the_last(ordinal: int, total: int) -> None:
    """A shard that no account could have cannot be made."""
    with pytest.raises(ValueError, match="a shard is one of"):
        Shard(ordinal, total)

"""Which accounts this process polls, where several processes divide all accounts among themselves.

The processes do not talk to each other: each computes the same owner of an account from a hash of its id.
"""

import math
import random
import re
from dataclasses import dataclass
from hashlib import sha256

_WORDS = "accepted: ORDINAL/TOTAL such as 0/3, ordinals counted from 0, or auto/TOTAL"
_FORM = re.compile(r"(?P<ordinal>[0-9]{1,6}|auto)/(?P<total>[0-9]{1,6})")
_LAST_NUMBER = re.compile(r"[0-9]+$")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``total`` processes that divide the accounts; ``ordinal`` counts from 0. By default the only one."""

    ordinal: int = 0
    total: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.ordinal < self.total:
            raise ValueError(f"a shard is one of 0 to {self.total - 1} of {self.total}, seen {self.ordinal}")

    def owns(self, account: str) -> bool:
        """Whether this shard polls the account; exactly one of ``total`` shards does."""
        return owner(account, total=self.total) == self.ordinal


def parse_shard(text: str, *, host: str) -> Shard:
    """Return the shard that ``ORDINAL/TOTAL`` names, or ``auto/TOTAL`` for the process on this host.

    A host's own ordinal is the number at the end of its name, domain aside, as a StatefulSet gives it to its pods.
    Raises ValueError with what would be accepted.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r}: {_WORDS}")
    total = int(form["total"])
    if form["ordinal"] != "auto":
        ordinal, seen = int(form["ordinal"]), repr(text)
    else:
        number = _LAST_NUMBER.search(host.partition(".")[0])
        if number is None:
            raise ValueError(f"{text!r}: no number ends the name of this host, {host!r}; {_WORDS}")
        ordinal, seen = int(number[0]), f"{text!r} on the host {host!r}"
    if not ordinal < total:
        raise ValueError(f"{seen}: there is no shard {ordinal} of {total}; {_WORDS}")
    return Shard(ordinal, total)


def owner(account: str, *, total: int) -> int:
    """The ordinal of the shard that has the account, an id or a name, among so many.

    Jump consistent hash, https://arxiv.org/abs/1406.2294: when shard number n is added, an account moves to it with
    probability 1/n, and else stays where it is.
    """
    # Seeded by the account alone: every process draws the same numbers, as Python promises for all versions.
    draws = random.Random(int.from_bytes(sha256(account.encode()).digest()))  # noqa: S311 — nothing secret
    shard, next_move = 0, 0
    while next_move < total:
        shard = next_move
        # It stays through n shards with probability (shard + 1) / n.
        next_move = math.floor((shard + 1) / (1.0 - draws.random()))
    return shard

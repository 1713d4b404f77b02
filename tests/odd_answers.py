"""Answers as no page of the vendor shows them, from a random generator: the same seed makes the same answers."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from exporter.api.fields import cut, printable

SERVICE_FIELDS = ("InstanceId", "OpeningTime", "InternetChargeType", "ChangingChargeType", "ChangingAffectTime")
DEBT_FIELDS = ("Enabled", "OnService", "InDebt", "InDebtOverdue")
OTHER_FIELDS = ("RequestId", "WebsocketType", "StartTime", "DomainNum", "data", "", "\u202e", "\ud800", "a\nb")

TEXTS = (
    *(
        "",
        " ",
        "-",
        "0",
        "1",
        "true",
        "False",
        "null",
        "none",
        "financial",
        "PayByTraffic",
        "paybybandwidth95",
        "CNY",
    ),
    *("2018-03-19T11:16:11Z", "2018-03-19 11:16:11", "2018-03-19T19:16:11+0800", "2018-03-19T24:00Z", "9999-12-31"),
    *(
        "2016-12-31T23:59:60Z",
        "9999-12-31T24:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "0001-01-01T00:00:00+23:59",
        "1521458171000",
        "2018-02-30T00:00Z",
    ),
    *(
        'say "hi"',
        "back\\slash\\",
        "line\nend",
        'a",x="y"} 1',
        "x{} 1\nx",
        "\u2028\u0085",
        "\u202eacme",
        "\ud800",
        "\x00",
    ),
    *(
        "账户 😀",
        "İ" * 70,
        "ß" * 64,
        "x" * 5000,
        "-1,234.50",
        "1e5",
        "9" * 400,
        "[]",
        "{}",
        '"',
        "[[",
        '{"LockReason":',
    ),
)
NUMBERS = (
    0,
    1,
    -1,
    2,
    1.5,
    -0.0,
    1e308,
    10**400,
    2**63,
    1_521_458_171,
    1_521_458_171_000,
    float("inf"),
    float("nan"),
)
WORDS_FOR_TRUE = (True, 1, "true", "TRUE ", "1")
REASONS = ("financial", "security", " Financial\n", "欠费", "a" * 200, 'quo"ted\\', "İ" * 64, "7")
BETWEEN_REASONS = (",", ", ", ";", "|", " ", "\t", "\n", "\uff0c")
LOCK_KEYS = ("OperationLocks", "OperationLock", "operation_locks", " OPERATION LOCKS\n", "operation-lock")
REASON_KEYS = ("LockReason", "lockreason", "lock_reason", "LockReasons", "Lock Reason ")
FLAT_KEYS = ("OperationLocks.LockReason.1", "operation_lock[0].lock_reason[0]", "LockReason1")


def odd_value(random: Random, depth: int = 3) -> Any:
    """Any value of JSON."""
    kind = random.randrange(8 if depth else 6)
    if kind == 0:
        return random.choice((None, True, False))
    if kind == 1:
        return random.choice(NUMBERS)
    if kind == 2:
        return "".join(chr(random.randrange(0x3000)) for _ in range(random.randrange(9)))
    if kind <= 5:
        return random.choice(TEXTS)
    values = [odd_value(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 6:
        return random.choice((values, json.dumps(values)))
    keys = ("LockReason", "lockReason", "OperationLocks", "AvailableAmount", *OTHER_FIELDS)
    return {random.choice(keys): value for value in values}


def written(random: Random, members: Sequence[tuple[str, object]]) -> str:
    """An object with these members, of which several may have the same key, in any order."""
    shuffled = random.sample(members, len(members))
    as_escapes = random.random() < 0.8
    texts = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=as_escapes)}" for key, value in shuffled)
    comma = random.choice((",", ", ", ",\n  "))
    raw = random.choice(("", "", f'"Note": "a\tb\n\x00"{comma}')) if members else ""
    text = f"{{{raw}{comma.join(texts)}}}{random.choice(('', '', chr(0), chr(10) + chr(0) * 9))}"
    return text.encode(errors="replace").decode()  # halves of characters are none outside of escapes


def odd_members(random: Random, names: Sequence[str]) -> list[tuple[str, object]]:
    """Some of these fields, each once or twice, with any values."""
    return [(name, odd_value(random)) for name in names for _ in range(random.choice((0, 1, 1, 1, 2)))]


def locks_with(random: Random, reason: str | None) -> Any:
    """Locks of which one has this reason, or none, in any of the forms that are read."""
    key = random.choice(REASON_KEYS)
    lock: Any = random.choice(({key: reason}, {key: reason, "Remark": odd_value(random)}))
    if reason is not None:
        lock = random.choice((lock, reason, {"Reason": reason}, {key: [reason]}, {key: {"LockReason": reason}}))
    others = [odd_value(random) for _ in range(random.randrange(3))]
    value: Any = random.sample([lock, *others], 1 + len(others))
    if reason is not None and not others and random.random() < 0.5:
        value = random.choice(({key: reason}, {"Reason": reason}, reason))
    if isinstance(value, list) and random.random() < 0.3:
        value = {str(number): item for number, item in enumerate(value)}
    for _ in range(random.randrange(3)):
        around = [{random.choice(REASON_KEYS): value}, json.dumps(value)]
        if isinstance(value, list | dict):
            around.append({random.choice((*LOCK_KEYS, "List")): value, "Total": random.choice((None, "", 1))})
        value = random.choice(around)
    return value


def locked_service(random: Random) -> tuple[str, frozenset[str]]:
    """The answer of a service with a lock beside any mix of odd fields; and the reasons that are read from it."""
    reasons = random.choice(([], *([reason] for reason in REASONS), random.sample(REASONS, 2)))
    reason = random.choice(BETWEEN_REASONS).join(reasons) or random.choice((None, ""))
    members = odd_members(random, (*SERVICE_FIELDS, *OTHER_FIELDS))
    members += [(random.choice(LOCK_KEYS), odd_value(random)) for _ in range(random.choice((0, 0, 1, 2)))]
    lock = (random.choice(LOCK_KEYS), locks_with(random, reason or None))
    members.append(random.choice((lock, lock, lock, (random.choice(FLAT_KEYS), reason))))
    if random.random() < 0.2:
        members = [*members[:-1], ("Service", [dict(members[-1:])])]
    read = {cut(printable(word).lower()) for word in reasons}
    return written(random, members), frozenset(read or {"unspecified"})


def owing_account(random: Random) -> str:
    """The answer about an account that owes, or owes for too long, beside any mix of odd fields."""
    members = odd_members(random, (*DEBT_FIELDS, *OTHER_FIELDS))
    return written(random, [(random.choice(("InDebt", "InDebtOverdue")), random.choice(WORDS_FOR_TRUE)), *members])


def any_document(random: Random, samples: Sequence[dict[str, Any]]) -> bytes:
    """A body of a reply: a sample with odd fields, an error, any value, or one of these with damaged bytes."""
    sample = random.choice(samples)
    kind = random.randrange(4)
    if kind == 0:
        text = json.dumps(odd_value(random))
    elif kind == 1:
        names = ("Code", "Message", "RequestId", "Success", "HostId")
        text = written(random, odd_members(random, names))
    else:
        changed = random.sample(sorted(sample), random.randrange(len(sample) + 1))
        members = [(name, value) for name, value in sample.items() if name not in changed]
        inside = [
            (name, {**value, random.choice(sorted(value)): odd_value(random)})
            for name, value in sample.items()
            if name in changed and isinstance(value, dict) and value
        ]
        text = written(random, [*members, *(inside if random.random() < 0.5 else odd_members(random, changed))])
    body = text.encode(random.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "gbk")), errors="replace")
    return _damaged(random, body) if random.random() < 0.3 else body


def _damaged(random: Random, body: bytes) -> bytes:
    at, to = sorted(random.randrange(len(body) + 1) for _ in range(2))
    return random.choice((body[:at], body[:at] + body[to:], body[:at] + random.randbytes(3) + body[to:], body * 2))

"""Members of a resource directory, listed by the simulator over real connections."""

import logging
import time
from collections.abc import Callable, Iterator

import pytest

from exporter.accounts.directory import Directory
from exporter.accounts.members import Member
from exporter.api.call import Caller, Unobserved
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.endpoints import Route, endpoints
from exporter.api.errors import CallAborted
from exporter.api.rate_limit import Budgets
from exporter.app import VOCABULARY
from exporter.config import ResourceDirectory, parse
from exporter.simulator import LIMITS, UNSET, Fault, Scenario, Simulator, load_scenario
from exporter.simulator import Member as Simulated
from tests.recording_log import RecordingLog

MANAGER = load_scenario("healthy").accounts[0]
KEYS = Credentials(MANAGER.access_key_id, Secret(MANAGER.access_key_secret))
CALLER = Caller(StaticCredentials(KEYS), MANAGER.account_id)
# Far above the vendor's, so that no test waits for its permit.
CALLS_PER_SECOND = 10_000
NOW = 1_700_000_000.0
SHOP, VIDEO, TEST = (Member("1001", "shop"), Member("1002", "video"), Member("1003", "video-test"))


@pytest.fixture
def simulator(play: Callable[..., Simulator]) -> Simulator:
    limits = {**LIMITS, "ListAccounts": CALLS_PER_SECOND}
    return play(Scenario("a management account", (MANAGER,)), limits=limits)


class Then(Unobserved):
    """Has something happen once the next call has been answered."""

    def __init__(self) -> None:
        self.happens: list[Callable[[], None]] = []

    def called(self, action: str, duration_s: float) -> None:  # noqa: ARG002 — the client's
        while self.happens:
            self.happens.pop()()


@pytest.fixture
def then() -> Then:
    return Then()


@pytest.fixture
def client(simulator: Simulator, then: Then) -> Iterator[Client]:
    client = Client(
        {name: Route(simulator.url) for name in endpoints("china")},
        budgets=Budgets({"ListAccounts": CALLS_PER_SECOND}, clock=time.monotonic),
        observer=then,
        deadline_s=5,
        pool_size=1,
        user_agent="test",
    )
    yield client
    client.close()


@pytest.fixture
def manages(simulator: Simulator) -> Callable[..., None]:
    """Has the management account manage a directory of these members."""

    def set_members(*members: Member) -> None:
        simulator.set_members(MANAGER.name, [Simulated(member.account_id, member.name) for member in members])

    return set_members


def page(*members: Member, total: int) -> dict[str, object]:
    rows = [{"AccountId": member.account_id, "DisplayName": member.name} for member in members]
    return {"TotalCount": total, "NextToken": "", "Accounts": {"Account": rows}}


def configured(keys: str = "") -> ResourceDirectory:
    text = f"discovery: {{resource_directories: [{{name: main, role_name: DcdnReader, {keys}}}]}}"
    (directory,) = parse(text, source="test.yaml", vocabulary=VOCABULARY).discovery.resource_directories
    return directory


def directory(log: RecordingLog, keys: str = "", *, predecessor: Directory | None = None) -> Directory:
    return Directory(configured(keys), caller=lambda: CALLER, now=lambda: NOW, log=log, predecessor=predecessor)


def told(log: RecordingLog) -> list[tuple[object, ...]]:
    """What an operator sees, newest lines only: they are read once."""
    seen = [(event, *(fields[key] for key in fields if key != "directory")) for event, fields in log.above_debug()]
    assert {fields["directory"] for _, fields in log.above_debug()} <= {"main"}
    log.lines.clear()
    return seen


def numbered(count: int) -> list[Member]:
    return [Member(str(number), f"member {number}") for number in range(1, count + 1)]


FAULTS = [
    pytest.param((Fault("error", status=403, code="NoPermission", action="ListAccounts"), "permission"), id="denied"),
    pytest.param((Fault("error", status=503, code="ServiceUnavailable", action="ListAccounts"), "server"), id="down"),
    pytest.param(
        (Fault("error", status=400, code="Throttling.User", action="ListAccounts"), "throttled"), id="limit"
    ),
    pytest.param((Fault("html_502", action="ListAccounts"), "server"), id="html"),
    pytest.param((Fault("reset", action="ListAccounts"), "network"), id="reset"),
    pytest.param((Fault("truncated_json", action="ListAccounts"), "malformed"), id="truncated"),
    pytest.param((Fault("wrong_shape", action="ListAccounts"), "malformed"), id="shape"),
    pytest.param((Fault("oversized", action="ListAccounts"), "malformed"), id="oversized"),
]


@pytest.mark.parametrize("broken", FAULTS)
def test_known_members_stay_when_a_list_breaks_off(
    simulator: Simulator, client: Client, then: Then, manages: Callable[..., None], broken: tuple[Fault, str]
) -> None:
    """The first page answers, the second fails: no member of it goes, and the time of the last success stays."""
    fault, reason = broken
    log = RecordingLog()
    now = [NOW]
    main = Directory(configured(), caller=lambda: CALLER, now=lambda: now[0], log=log)
    manages(*numbered(101))
    assert main.refresh(client)
    log.lines.clear()

    then.happens.append(lambda: simulator.set_fault(MANAGER.name, fault))
    assert not main.refresh(client)
    assert (main.members, main.last_success_at) == (tuple(numbered(101)), NOW)
    assert [(event, seen) for event, seen, *_ in told(log)] == [("members not listed", reason)]

    simulator.set_fault(MANAGER.name, None)
    now[0] += 600
    assert main.refresh(client)
    assert (main.members, main.last_success_at) == (tuple(numbered(101)), NOW + 600)
    assert told(log) == [("members listed again", 101)]


def test_members_are_listed_when_it_is_time(
    simulator: Simulator, client: Client, manages: Callable[..., None]
) -> None:
    """At once, then after the refresh interval; half a minute after a failure; at once after a step of the clock."""
    now = [NOW]
    main = Directory(configured(), caller=lambda: CALLER, now=lambda: now[0], log=RecordingLog())
    manages(SHOP)
    due = [main.is_due()]
    for listed, later_s in ((True, 599), (None, 1), (False, 29), (None, 1), (True, -3600)):
        if listed is not None:
            simulator.set_denied(MANAGER.name, [] if listed else ["ListAccounts"])
            assert main.refresh(client) is listed
        now[0] += later_s
        due.append(main.is_due())

    assert due == [True, False, True, False, True, True]


def test_members_come_and_go(client: Client, manages: Callable[..., None]) -> None:
    """Each change is logged once, with the member and its directory."""
    log = RecordingLog()
    main = directory(log)
    assert (main.members, main.last_success_at) == ((), 0.0)

    manages(SHOP, VIDEO)
    assert main.refresh(client)
    assert (main.members, main.last_success_at) == ((SHOP, VIDEO), NOW)
    assert log.lines == [
        (logging.INFO, "member found", {"directory": "main", "account_id": "1001", "name": "shop"}),
        (logging.INFO, "member found", {"directory": "main", "account_id": "1002", "name": "video"}),
    ]
    log.lines.clear()

    assert main.refresh(client)
    assert told(log) == []

    manages(VIDEO, TEST)  # one comes, one goes
    assert main.refresh(client)
    assert main.members == (VIDEO, TEST)
    assert told(log) == [("member found", "1003", "video-test"), ("member gone", "1001", "shop")]

    manages(Member("1002", "film"), TEST)  # and one has another name
    assert main.refresh(client)
    assert main.members == (Member("1002", "film"), TEST)
    assert told(log) == [("member renamed", "1002", "film", "video")]


def test_a_failure_is_told_once(simulator: Simulator, client: Client, manages: Callable[..., None]) -> None:
    """Until it is another one, or the members have been listed in between."""
    log = RecordingLog()
    main = directory(log)

    assert [main.refresh(client) for _ in range(3)] == [False] * 3  # it manages nothing yet
    assert (main.members, main.last_success_at, main.failing) == ((), 0.0, True)
    assert [(level, fields["code"]) for level, _, fields in log.lines] == [
        (logging.WARNING, "ResourceDirectoryNotInUse"),
        (logging.DEBUG, "ResourceDirectoryNotInUse"),
        (logging.DEBUG, "ResourceDirectoryNotInUse"),
    ]
    log.lines.clear()

    simulator.set_denied(MANAGER.name, ["ListAccounts"])
    assert [main.refresh(client) for _ in range(2)] == [False] * 2
    (event, *fields), *others = told(log)
    assert (event, fields[:2], others) == ("members not listed", ["permission", "NoPermission"], [])

    simulator.set_denied(MANAGER.name, None)
    manages(SHOP)
    assert main.refresh(client)
    assert told(log) == [("members listed again", 1), ("member found", "1001", "shop")]

    simulator.set_denied(MANAGER.name, ["ListAccounts"])
    assert not main.refresh(client)
    assert [event for event, *_ in told(log)] == ["members not listed"]
    assert main.members == (SHOP,)


def test_two_failures_without_a_code_are_told_apart(simulator: Simulator, client: Client) -> None:
    """By what was wrong with the answer."""
    log = RecordingLog()
    main = directory(log)
    for answer in ({}, {"Accounts": 1}, {"Accounts": 1}):
        simulator.set_raw_answer(MANAGER.name, answer, action="ListAccounts")
        assert not main.refresh(client)

    assert [event for event, *_ in told(log)] == ["members not listed"] * 2


def test_an_empty_list_takes_no_known_members_away(client: Client, manages: Callable[..., None]) -> None:
    """What would end every alert at once is a fault until the operator says otherwise; a single member may go."""
    log = RecordingLog()
    main = directory(log)
    manages(SHOP, VIDEO)
    assert main.refresh(client)
    log.lines.clear()

    manages()
    assert [main.refresh(client) for _ in range(2)] == [False, False]
    assert list(main.members) == [SHOP, VIDEO]
    (event, reason, code, explanation, *_), *others = told(log)
    assert (event, reason, code, others) == ("members not listed", "malformed", None, [])
    assert str(explanation).startswith("the list of members is empty, where 2 are known")

    manages(SHOP)
    assert main.refresh(client)
    assert main.members == (SHOP,)
    assert told(log) == [("members listed again", 1), ("member gone", "1002", "video")]


@pytest.mark.parametrize(
    ("cut", "explanation"),
    [
        pytest.param(page(SHOP, VIDEO, total=3), "TotalCount: seen 3 with 2 rows;", id="rows are missing"),
        pytest.param(page(SHOP, VIDEO, SHOP, total=3), "TotalCount: seen 3 with 2 accounts;", id="one came twice"),
        pytest.param(page(total=1), "TotalCount: seen 1 with 0 rows;", id="none of one"),
    ],
)
def test_a_list_that_is_cut_takes_no_known_members_away(
    simulator: Simulator, client: Client, manages: Callable[..., None], cut: dict[str, object], explanation: str
) -> None:
    """An answer with fewer members than it counts is a failure until the list is whole again."""
    log = RecordingLog()
    now = [NOW]
    main = Directory(configured(), caller=lambda: CALLER, now=lambda: now[0], log=log)
    manages(SHOP, VIDEO, TEST)
    assert main.refresh(client)
    log.lines.clear()
    now[0] += 600

    simulator.set_raw_answer(MANAGER.name, cut, action="ListAccounts")
    assert [main.refresh(client) for _ in range(2)] == [False, False]
    assert (main.members, main.last_success_at) == ((SHOP, VIDEO, TEST), NOW)
    ((event, reason, _, seen, *_),) = told(log)
    assert (event, reason) == ("members not listed", "malformed")
    assert str(seen).startswith(explanation)

    simulator.set_raw_answer(MANAGER.name, UNSET, action="ListAccounts")
    manages(SHOP, VIDEO)
    assert main.refresh(client)
    assert (main.members, main.last_success_at) == ((SHOP, VIDEO), NOW + 600)


def test_members_stand_in_order_of_their_ids(client: Client, manages: Callable[..., None]) -> None:
    """Whatever the number of pages that they came on."""
    manages(*reversed(numbered(101)))
    main = directory(RecordingLog())

    assert main.refresh(client)
    assert main.members == tuple(numbered(101))


def test_a_directory_may_begin_empty(client: Client, manages: Callable[..., None]) -> None:
    """An empty list is an answer where nobody is known."""
    log = RecordingLog()
    main = directory(log)
    manages()

    assert [main.refresh(client) for _ in range(2)] == [True, True]
    assert (main.members, main.last_success_at, told(log)) == ((), NOW, [])


@pytest.mark.parametrize(
    ("keys", "members"),
    [
        pytest.param("", (SHOP, VIDEO, TEST), id="all"),
        pytest.param("include: []", (SHOP, VIDEO, TEST), id="no pattern is all"),
        pytest.param("include: [video]", (VIDEO,), id="a whole name"),
        pytest.param("include: ['video.*']", (VIDEO, TEST), id="names that begin so"),
        pytest.param("include: ['deo']", (), id="no part of a name"),
        pytest.param("include: [shop|video]", (SHOP, VIDEO), id="either of two, each as a whole"),
        pytest.param("include: ['1002']", (VIDEO,), id="a whole id"),
        pytest.param("include: ['100']", (), id="no part of an id"),
        pytest.param("include: [shop, '1003']", (SHOP, TEST), id="one or the other"),
        pytest.param("exclude: ['.*-test']", (SHOP, VIDEO), id="all but"),
        pytest.param("exclude: ['1001']", (VIDEO, TEST), id="all but an id"),
        pytest.param("include: ['video.*'], exclude: ['.*-test']", (VIDEO,), id="excluded of the included"),
        pytest.param("include: ['1003'], exclude: ['.*-test']", (), id="excluded by name, included by id"),
        pytest.param("include: [Video]", (), id="letters count as they are"),
    ],
)
def test_patterns_pick_members(
    client: Client, manages: Callable[..., None], keys: str, members: tuple[Member, ...]
) -> None:
    """By whole names and whole ids; the log names no other member."""
    manages(SHOP, VIDEO, TEST)
    log = RecordingLog()
    main = directory(log, keys)

    assert main.refresh(client)
    assert main.members == members
    assert told(log) == [("member found", member.account_id, member.name) for member in members]


def test_the_last_member_picked_may_go(client: Client, manages: Callable[..., None]) -> None:
    """As long as the directory still lists others, that is an answer."""
    log = RecordingLog()
    main = directory(log, "include: [shop]")
    manages(SHOP, VIDEO)
    assert main.refresh(client)
    manages(VIDEO)

    assert main.refresh(client)
    assert main.members == ()


def test_a_change_of_the_patterns_loses_no_member(client: Client, manages: Callable[..., None]) -> None:
    """A successor picks from what was listed, at once, and shows its time."""
    log = RecordingLog()
    before = directory(log, "exclude: [shop]")
    manages(SHOP, VIDEO, TEST)
    assert before.refresh(client)
    log.lines.clear()

    after = directory(log, "exclude: ['.*-test']", predecessor=before)
    assert (after.members, after.last_success_at) == ((SHOP, VIDEO), NOW)
    assert after.refresh(client)
    assert (after.members, told(log)) == ((SHOP, VIDEO), [])


def test_a_successor_tells_a_failure_anew(client: Client) -> None:
    """The operator, who has just changed the file, sees whether that has helped."""
    log = RecordingLog()
    before = directory(log)
    assert not before.refresh(client)
    log.lines.clear()

    assert not directory(log, predecessor=before).refresh(client)
    assert [event for event, *_ in told(log)] == ["members not listed"]


def test_the_caller_is_asked_for_at_each_refresh(client: Client, manages: Callable[..., None]) -> None:
    """So the list is paid from the budget of the account once that is known."""
    manages(SHOP)
    callers = [CALLER, Caller(CALLER.credentials, account_id=None)]
    main = Directory(configured(), caller=callers.pop, now=lambda: NOW, log=RecordingLog())

    assert [main.refresh(client) for _ in range(2)] == [True, True]
    assert callers == []


def test_the_end_of_the_process_is_no_failure(client: Client) -> None:
    """A list that is cut off because the daemon stops says nothing of the directory."""
    log = RecordingLog()
    main = directory(log)
    client.close()

    with pytest.raises(CallAborted):
        main.refresh(client)
    assert (main.failing, log.lines) == (False, [])

"""Members of a resource directory, listed by the simulator over real connections."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import pytest

from exporter.accounts.directory import MAX_PAGES, Directory, list_members
from exporter.accounts.members import Member
from exporter.api.call import Caller, Reply
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.endpoints import Route, endpoints
from exporter.api.errors import ApiError, CallAborted, MalformedReply
from exporter.api.operation import LIST_ACCOUNTS, Operation
from exporter.api.rate_limit import Budgets
from exporter.app import VOCABULARY
from exporter.config import ResourceDirectory, parse
from exporter.metrics.self_metrics import SelfMetrics
from exporter.simulator import LIMITS, Fault, Scenario, Simulator, load_scenario
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


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    client = Client(
        {name: Route(simulator.url) for name in endpoints("china")},
        budgets=Budgets({"ListAccounts": CALLS_PER_SECOND}, clock=time.monotonic),
        observer=SelfMetrics(version="test", actions=[], unknown_fields=[]),
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


NONE: Mapping[str, str] = MappingProxyType({})


class Then:
    """The client, and something that happens once its first call has been answered."""

    def __init__(self, client: Client, happens: Callable[[], None]) -> None:
        self._client = client
        self._happens = [happens]

    def ask(self, operation: Operation, caller: Caller, parameters: Mapping[str, str] = NONE) -> Reply:
        reply = self._client.ask(operation, caller, parameters)
        while self._happens:
            self._happens.pop()()
        return reply


class Pages:
    """An API whose every page is made from the number of the call, from 0, and notes what it was asked."""

    def __init__(self, page: Callable[[int], dict[str, object]]) -> None:
        self._page = page
        self.asked: list[Mapping[str, str]] = []

    def ask(self, operation: Operation, caller: Caller, parameters: Mapping[str, str] = NONE) -> Reply:
        assert (operation, caller) == (LIST_ACCOUNTS, CALLER)
        self.asked.append(parameters)
        page = self._page(len(self.asked) - 1)
        return Reply(page, request_id="request-1", duration_s=0.0, access_key_id=KEYS.access_key_id)


def page(*members: Member, token: str = "") -> dict[str, object]:
    rows = [{"AccountId": member.account_id, "DisplayName": member.name} for member in members]
    return {"TotalCount": len(rows), "NextToken": token, "Accounts": {"Account": rows}}


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


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_all_pages_are_one_list(
    simulator: Simulator, client: Client, manages: Callable[..., None], count: int, pages: int
) -> None:
    """Members come a hundred at a time, and stand in order of their ids."""
    manages(*reversed(numbered(count)))

    assert list_members(client, CALLER) == tuple(numbered(count))
    assert len(simulator.journal.entries(action="ListAccounts")) == pages


def test_a_page_is_asked_for_by_the_token_of_the_one_before() -> None:
    """The first one by no token: an empty one is the end."""
    api = Pages(lambda number: page(token=("a", "b", "")[number]))

    list_members(api, CALLER)

    assert api.asked == [
        {"MaxResults": "100"},
        {"MaxResults": "100", "NextToken": "a"},
        {"MaxResults": "100", "NextToken": "b"},
    ]


def test_a_member_on_two_pages_is_one() -> None:
    """Whoever moved between two pages is listed once, under the newer name."""
    api = Pages(lambda number: (page(VIDEO, SHOP, token="a"), page(Member("1001", "shop 2")))[number])

    assert list_members(api, CALLER) == (Member("1001", "shop 2"), VIDEO)


def test_an_empty_page_is_no_end() -> None:
    """Only a missing token is."""
    api = Pages(lambda number: (page(SHOP, token="a"), page(token="b"), page(VIDEO))[number])

    assert list_members(api, CALLER) == (SHOP, VIDEO)


def test_pages_that_go_in_circles_are_malformed(simulator: Simulator, client: Client) -> None:
    """A token that was there before ends the list with an error."""
    simulator.set_raw_answer(MANAGER.name, page(SHOP, token="again"), action="ListAccounts")

    with pytest.raises(MalformedReply, match="NextToken: seen a token that an earlier page had"):
        list_members(client, CALLER)
    assert simulator.journal.total == 2


def test_pages_without_an_end_are_malformed() -> None:
    """However new each token is."""
    api = Pages(lambda number: page(Member(str(number + 1)), token=f"token {number}"))

    with pytest.raises(MalformedReply, match=f"NextToken: seen a further page behind {MAX_PAGES}") as caught:
        list_members(api, CALLER)
    assert (len(api.asked), caught.value.request_id) == (MAX_PAGES, "request-1")


FAULTS = [
    pytest.param(Fault("error", status=403, code="NoPermission", action="ListAccounts"), "permission", id="denied"),
    pytest.param(Fault("error", status=503, code="ServiceUnavailable", action="ListAccounts"), "server", id="down"),
    pytest.param(Fault("error", status=400, code="Throttling.User", action="ListAccounts"), "throttled", id="limit"),
    pytest.param(Fault("html_502", action="ListAccounts"), "server", id="html"),
    pytest.param(Fault("reset", action="ListAccounts"), "network", id="reset"),
    pytest.param(Fault("truncated_json", action="ListAccounts"), "malformed", id="truncated"),
    pytest.param(Fault("wrong_shape", action="ListAccounts"), "malformed", id="shape"),
    pytest.param(Fault("oversized", action="ListAccounts"), "malformed", id="oversized"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_list_that_breaks_off_is_a_failure(
    simulator: Simulator, client: Client, manages: Callable[..., None], fault: Fault, reason: str
) -> None:
    """The first page answers and the second fails: that is no shorter list."""
    manages(*numbered(101))
    api = Then(client, lambda: simulator.set_fault(MANAGER.name, fault))

    with pytest.raises(ApiError) as caught:
        list_members(api, CALLER)
    assert caught.value.reason.value == reason


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_known_members_stay_when_a_list_breaks_off(
    simulator: Simulator, client: Client, manages: Callable[..., None], fault: Fault, reason: str
) -> None:
    """Neither those of the second page go, nor does the time of the last success move."""
    log = RecordingLog()
    now = [NOW]
    main = Directory(configured(), caller=lambda: CALLER, now=lambda: now[0], log=log)
    manages(*numbered(101))
    assert main.refresh(client)
    log.lines.clear()

    failing = Then(client, lambda: simulator.set_fault(MANAGER.name, fault))
    assert not main.refresh(failing)
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
    """Each change is told once, with who it is and of which directory."""
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
    """By whole names and whole ids; nobody else is spoken of."""
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

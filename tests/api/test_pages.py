"""Lists that come in pages: from the simulator, and from a server that pages as a test wants it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest

from exporter.api.body import REPLY_LIMIT
from exporter.api.call import Caller
from exporter.api.client import Client
from exporter.api.endpoints import Route
from exporter.api.errors import CallAborted, CallTimedOut, MalformedReply, PageRefused, Refused, ReplyTooLarge
from exporter.api.operation import LIST_ACCOUNTS, Operation, Pages
from exporter.api.rate_limit import Budgets
from exporter.core.model import FailureReason
from exporter.simulator import LIMITS, Account, Fault, Member, Scenario, Simulator
from tests.api.conftest import ACCOUNT_ID, NO_LIMIT, SECRET
from tests.api.raw_server import Peer, RawServer, reply
from tests.api.recording_observer import RecordingObserver

Serve = Callable[..., RawServer]
ListFrom = Callable[..., Any]
Payload = dict[str, Any]

METHODS: tuple[Literal["GET", "POST"], ...] = ("GET", "POST")
TURNS: tuple[Literal["PageNumber", "NextToken"], ...] = ("PageNumber", "NextToken")
BY_TOKEN = Pages("NextToken", ("Domains", "PageData"), size=2, most=4)
BY_NUMBER = replace(BY_TOKEN, turn="PageNumber")


class PagedServer:
    """Answers the request of each page with the next of these payloads, and keeps what was requested."""

    def __init__(self, *payloads: Payload, status: str = "200 OK") -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.heads: list[bytes] = []
        self.on_page: Callable[[], None] = lambda: None
        self._payloads = payloads
        self._status = status

    def __call__(self, peer: Peer) -> None:
        while head := peer.read_head():
            method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
            parameters = {name: value for name, (value,) in parse_qs(urlsplit(target).query).items()}
            payload = self.answer(parameters)
            self.requests.append((method, parameters))
            self.heads.append(head)
            self.on_page()
            peer.send(reply(json.dumps(payload).encode(), status=self._status))

    def answer(self, _parameters: dict[str, str]) -> Payload:
        return self._payloads[min(len(self.requests), len(self._payloads) - 1)]


def page(*rows: str, total: Any = None, token: Any = None) -> Payload:
    counted = {} if total is None else {"TotalCount": total}
    return {**counted, "NextToken": token, "RequestId": "R1", "Domains": {"PageData": list(rows), "Other": 1}}


@pytest.fixture
def list_from(connect: Callable[..., Client], serve: Serve, caller: Caller, operation: Operation) -> ListFrom:
    """Reads a list from a server of pages, by the operation's method and pages; returns the whole reply."""

    def read(server: PagedServer, pages: Pages = BY_NUMBER, *, method: Any = "GET", **parts: Any) -> Any:
        client = connect(serve(server).url, **parts)
        return client.ask(replace(operation, method=method, pages=pages), caller, {"CheckDomainShow": "true"})

    return read


@pytest.fixture
def members() -> Iterator[Callable[[int], tuple[Simulator, Client]]]:
    """A simulator whose account manages so many members, and a client of it."""
    alice = Account(name="alice", account_id=ACCOUNT_ID, access_key_id="LTAI5tAlice", access_key_secret=SECRET)
    with ExitStack() as running:

        def start(count: int) -> tuple[Simulator, Client]:
            simulator = running.enter_context(
                Simulator(Scenario("a directory", (alice,)), limits={**LIMITS, "ListAccounts": NO_LIMIT})
            )
            simulator.set_members("alice", [Member(str(number), f"m{number}") for number in range(1, count + 1)])
            client = Client(
                {"resource_directory": Route(simulator.url)},
                budgets=Budgets({"ListAccounts": NO_LIMIT}, clock=time.monotonic),
                observer=RecordingObserver(),
                deadline_s=20.0,
                pool_size=1,
                user_agent="tests",
            )
            running.callback(client.close)
            return simulator, client

        yield start


OPERATIONS = [
    replace(LIST_ACCOUNTS, method=method, pages=Pages(turn, ("Accounts", "Account"), size=100, most=3))
    for method in METHODS
    for turn in TURNS
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} by {each.pages.turn}")
@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (99, 1), (101, 2), (250, 3)])
def test_all_pages_are_one_reply(
    members: Callable[[int], tuple[Simulator, Client]], caller: Caller, operation: Operation, count: int, calls: int
) -> None:
    """Members of a directory come a hundred at a time, by either way of paging and signed for either method."""
    simulator, client = members(count)
    whole = client.ask(operation, caller).payload

    assert [row["AccountId"] for row in whole["Accounts"]["Account"]] == [str(n) for n in range(1, count + 1)]
    assert whole["TotalCount"] == count
    seen = [entry.method for entry in simulator.journal.entries(action="ListAccounts")]
    assert seen == [operation.method] * calls


def test_each_page_is_a_call_that_is_sent(members: Callable[[int], tuple[Simulator, Client]], caller: Caller) -> None:
    """Whom the call is made for counts them all, also those that are answered by an error."""
    sent: list[float] = []
    simulator, client = members(250)
    counted = replace(caller, sent=sent.append)
    client.ask(LIST_ACCOUNTS, counted)
    assert len(sent) == 3

    simulator.set_fault("alice", Fault("error", status=503, code="ServiceUnavailable", message="later"))
    with pytest.raises(Refused):
        client.ask(LIST_ACCOUNTS, counted)
    assert len(sent) == 4


def test_pages_by_number(list_from: ListFrom, observer: RecordingObserver) -> None:
    """Each is requested with its number, its size and the operation's own parameters, until all rows are there."""
    server = PagedServer(page("a", "b", total=5), page("c", "d", total=5), page("e", total=5))
    whole = list_from(server)

    assert whole.payload == page("a", "b", "c", "d", "e", total=5)
    assert server.requests == [
        ("GET", {"CheckDomainShow": "true", "PageNumber": str(number), "PageSize": "2"}) for number in (1, 2, 3)
    ]
    assert b"content-length" not in server.heads[0].lower()
    assert whole.duration_s >= sum(seconds for _, seconds in observer.calls) > 0
    assert len(observer.calls) == len(observer.waits) == 3


def test_pages_by_token(list_from: ListFrom) -> None:
    """The first page is requested by no token; an empty page is no end, an empty token is."""
    server = PagedServer(page("a", token="x"), page(token="y"), page("b", token=" "))
    whole = list_from(server, BY_TOKEN, method="POST")

    assert whole.payload["Domains"]["PageData"] == ["a", "b"]
    assert server.requests == [
        ("POST", {"CheckDomainShow": "true", "MaxResults": "2", **token})
        for token in ({}, {"NextToken": "x"}, {"NextToken": "y"})
    ]


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(page(total=0), id="empty"),
        pytest.param({"TotalCount": "0", "Domains": {"PageData": None}}, id="null"),
        pytest.param({"TotalCount": 0, "Domains": {}}, id="no-list"),
        pytest.param({"TotalCount": 0}, id="nothing"),
    ],
)
def test_a_list_without_rows(list_from: ListFrom, payload: Payload) -> None:
    """It may be missing where it is counted as empty; the reply has it all the same."""
    for pages in (BY_NUMBER, BY_TOKEN):
        assert list_from(PagedServer(payload), pages).payload["Domains"]["PageData"] == []


@pytest.mark.parametrize(
    ("payloads", "rows"),
    [
        pytest.param([page("a", "b", total=3), page("c", "d", total=4), page(total=4)], "abcd", id="a row came"),
        pytest.param([page("a", total=1)], "a", id="no change"),
        pytest.param([page("a", "b", total=3), page("b", "c", total=3), page(total=3)], "abbc", id="a row twice"),
        pytest.param([page("a", "b", total="3"), page("c", total="3")], "abc", id="counted in text"),
    ],
)
def test_a_list_that_grows_is_read_on(list_from: ListFrom, payloads: list[Payload], rows: str) -> None:
    """As long as there are as many rows as the largest count says; rows that come twice are the caller's."""
    assert list_from(PagedServer(*payloads)).payload["Domains"]["PageData"] == list(rows)


@pytest.mark.parametrize("counts", [(2, 2, 2), (0, 0, 0), (1, 3, 5), (2, 4, 4)], ids=str)
def test_a_count_that_is_too_low_ends_no_list(list_from: ListFrom, counts: tuple[int, ...]) -> None:
    """By number, a full page is followed by another request, whatever TotalCount says."""
    rows = (("a", "b"), ("c", "d"), ("e",))
    server = PagedServer(*(page(*names, total=total) for names, total in zip(rows, counts, strict=True)))

    assert list_from(server).payload["Domains"]["PageData"] == list("abcde")
    assert len(server.requests) == 3


def test_the_page_behind_the_last_one_may_be_the_last_one_again(list_from: ListFrom) -> None:
    """So a server answers that knows no further page; its rows count once, and it is asked for no other."""
    server = PagedServer(page("a", "b", total=4), page("c", "d", total=4))

    assert list_from(server).payload["Domains"]["PageData"] == list("abcd")
    assert len(server.requests) == 3


class ServerOfNames(PagedServer):
    """Pages of so many names, in which a page that has more rows than ``fits`` is larger than a reply may be."""

    def __init__(self, count: int, fits: Callable[[int, int], bool]) -> None:
        super().__init__()
        self.names = [f"n{number}" for number in range(count)]
        self._fits = fits

    def answer(self, parameters: dict[str, str]) -> Payload:
        size = int(parameters.get("PageSize") or parameters["MaxResults"])
        begin = int(parameters.get("NextToken", 0)) or (int(parameters.get("PageNumber", 1)) - 1) * size
        end = begin + size
        rows = self.names[begin:end]
        payload = page(*rows, total=len(self.names), token=str(end) if end < len(self.names) else None)
        return payload if self._fits(begin, len(rows)) else {**payload, "Padding": "x" * REPLY_LIMIT}


OF_SIX = replace(BY_NUMBER, size=6, smaller=2)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(
    ("count", "fits", "sizes"),
    [
        pytest.param(13, lambda _begin, rows: rows <= 2, [6, *[2] * 7], id="from the first page on"),
        pytest.param(13, lambda begin, rows: begin < 6 or rows <= 2, [6, 6, *[2] * 4], id="from the second"),
        pytest.param(5, lambda _begin, _rows: True, [6], id="none"),
    ],
)
def test_a_page_that_is_too_large_is_requested_again_in_smaller_ones(
    list_from: ListFrom, turn: Any, count: int, fits: Callable[[int, int], bool], sizes: list[int]
) -> None:
    """And the rest of the list with it; no row is lost, none comes twice."""
    server = ServerOfNames(count, fits)
    rows = list_from(server, replace(OF_SIX, turn=turn)).payload["Domains"]["PageData"]

    assert rows == server.names
    requested = [parameters.get("PageSize") or parameters["MaxResults"] for _, parameters in server.requests]
    assert requested == [str(size) for size in sizes]


def test_rows_of_a_page_that_smaller_ones_do_not_divide_are_read_again(list_from: ListFrom) -> None:
    """A server may have its own largest size: of 5 rows read, the next page of 2 begins with the last one."""
    server = ServerOfNames(9, lambda begin, rows: begin < 5 or rows <= 2)
    whole = list_from(server, replace(BY_NUMBER, size=5, smaller=2))

    assert whole.payload["Domains"]["PageData"] == server.names
    assert [parameters["PageNumber"] for _, parameters in server.requests] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("pages", "calls"),
    [
        pytest.param(OF_SIX, 2, id="the smaller one is too"),
        pytest.param(replace(OF_SIX, smaller=None), 1, id="there is none"),
    ],
)
def test_a_page_that_is_too_large_in_any_size_ends_the_list(list_from: ListFrom, pages: Pages, calls: int) -> None:
    """As a reply that is too large ends any other call."""
    server = ServerOfNames(3, lambda _begin, _rows: False)

    with pytest.raises(ReplyTooLarge, match="the reply is larger than 1048576 bytes"):
        list_from(server, pages)
    assert len(server.requests) == calls


def test_a_list_may_have_as_many_rows_in_smaller_pages(list_from: ListFrom) -> None:
    """The most that is read is a number of rows, in pages of any size."""
    pages = replace(OF_SIX, most=1)
    read, endless = (ServerOfNames(count, lambda _begin, rows: rows <= 2) for count in (5, 7))

    assert list_from(read, pages).payload["Domains"]["PageData"] == read.names
    with pytest.raises(MalformedReply, match="PageNumber: seen 3 pages and no end"):
        list_from(endless, pages)


@pytest.mark.parametrize("turn", TURNS)
def test_a_list_has_no_more_rows_than_it_may_in_pages_of_any_size(list_from: ListFrom, turn: Any) -> None:
    """A server that sends more rows than a page may have does not fill the memory with them."""
    endless = PagedServer(
        *(page(*(f"{number}-{row}" for row in "abcd"), total=99, token=str(number)) for number in range(9))
    )

    with pytest.raises(MalformedReply, match=f"{turn}: seen 2 pages and no end"):
        list_from(endless, replace(BY_TOKEN, turn=turn, size=2, most=3))
    assert len(endless.requests) == 2


REFUSED = [
    pytest.param(BY_TOKEN, [page("a", "b", total=3)], "TotalCount: seen 3 with 2 rows", id="cut"),
    pytest.param(BY_TOKEN, [page("a", total=3)], "TotalCount: seen 3 with 1 row;", id="cut to one"),
    pytest.param(BY_NUMBER, [page("a", "b", total=3), page(total=3)], "TotalCount: seen 3 with 2 rows", id="no more"),
    pytest.param(
        BY_NUMBER, [page("a", "b", total=3), page(total=2)], "TotalCount: seen 3 with 2 rows", id="a row went"
    ),
    pytest.param(
        BY_NUMBER,
        [page(str(n), total=9) for n in range(9)],
        "PageNumber: seen 4 pages and no end",
        id="too many pages",
    ),
    pytest.param(BY_NUMBER, [page("a", "b", total=4)], "TotalCount: seen 4 with 2 rows", id="the same page again"),
    pytest.param(
        BY_TOKEN, [page("a", token="again")], "NextToken: seen a token that an earlier page had", id="circle"
    ),
    pytest.param(
        BY_TOKEN, [page("a", token=str(n)) for n in range(9)], "NextToken: seen 4 pages and no end", id="endless"
    ),
    pytest.param(BY_NUMBER, [page("a")], "TotalCount: seen none", id="no count"),
    pytest.param(BY_NUMBER, [page("a", total=-1)], "TotalCount: seen int -1", id="negative"),
    pytest.param(BY_TOKEN, [page("a", total="9" * 5000)], "TotalCount: seen str '9999", id="a long count"),
    pytest.param(
        BY_TOKEN,
        [page("a", total=[1])],
        "TotalCount: seen list [1]; accepted: a number of rows",
        id="no number",
    ),
    pytest.param(BY_TOKEN, [page("a", token=[1])], "NextToken: seen list [1]", id="no token"),
    pytest.param(BY_TOKEN, [{"TotalCount": 1, "Domains": {}}], "Domains.PageData: seen NoneType None", id="no list"),
    pytest.param(
        BY_TOKEN, [{"TotalCount": 0, "Domains": {"PageData": {}}}], "Domains.PageData: seen dict", id="dict"
    ),
    pytest.param(BY_TOKEN, [{"Domains": [1]}], "Domains: seen list [1]", id="no object"),
]


@pytest.mark.parametrize(("pages", "payloads", "seen"), REFUSED)
def test_a_list_that_is_not_whole_is_none(
    list_from: ListFrom, pages: Pages, payloads: list[Payload], seen: str
) -> None:
    """Fewer rows than are counted, pages without an end, or what is no list."""
    server = PagedServer(*payloads)

    with pytest.raises(MalformedReply) as caught:
        list_from(server, pages)
    assert caught.value.explanation.startswith(seen)
    assert len(server.requests) <= pages.most


def test_a_page_that_is_refused_ends_the_list(
    members: Callable[[int], tuple[Simulator, Client]], caller: Caller
) -> None:
    """As any other call would; what came before it is no list."""
    simulator, client = members(101)
    simulator.set_fault("alice", Fault("error", status=403, code="NoPermission", action="ListAccounts"))

    with pytest.raises(Refused, match="NoPermission"):
        client.ask(LIST_ACCOUNTS, caller)


REFUSAL = {"Code": "DcdnServiceNotFound", "Message": "not activated", "RequestId": "R2"}


def test_a_refusal_of_a_further_page_is_an_error_of_its_own(list_from: ListFrom) -> None:
    """With the refusal's evidence; as rows came before it, it does not stand for a state without any."""
    with pytest.raises(PageRefused) as caught:
        list_from(PagedServer(page("a", "b", total=3), REFUSAL))

    assert caught.value.explanation == "page 2 of the list: DcdnServiceNotFound: not activated"
    evidence = (caught.value.reason, caught.value.code, caught.value.http_status, caught.value.request_id)
    assert evidence == (FailureReason.REJECTED, "DcdnServiceNotFound", 200, "R2")


@pytest.mark.parametrize("before", [[], [page(token="x")]], ids=["the first page", "no rows before"])
def test_a_refusal_before_any_row_is_that_of_the_list(list_from: ListFrom, before: list[Payload]) -> None:
    """It may stand for a state."""
    with pytest.raises(Refused, match="DcdnServiceNotFound"):
        list_from(PagedServer(*before, REFUSAL), BY_TOKEN)


def test_each_page_has_a_permit(list_from: ListFrom) -> None:
    """No two arrive closer than calls of the budget may be sent: 46.25 a second where 50 are permitted."""
    server = PagedServer(page("a", "b", total=5), page("c", "d", total=5), page("e", total=5))
    moments: list[float] = []
    server.on_page = lambda: moments.append(time.monotonic())
    list_from(server, permitted=50)

    assert len(moments) == 3
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 1 / 46.25


def test_a_list_takes_no_longer_than_it_may(list_from: ListFrom) -> None:
    """After its time no page is requested; the reply before it was still awaited."""
    now_s = [0.0]

    def thirty_seconds_later() -> None:
        now_s[0] += 30.0

    server = PagedServer(page("a", token="x"), page("b", token="y"), page("c"))
    server.on_page = thirty_seconds_later

    with pytest.raises(CallTimedOut, match=r"^no end of the list of DescribeDcdnIpaService within 60 s$"):
        list_from(server, BY_TOKEN, clock=lambda: now_s[0])
    assert len(server.requests) == 2


def test_a_permit_that_comes_too_late_is_not_waited_for(list_from: ListFrom) -> None:
    """At one call in 100 s the second page of a list has no time."""
    server = PagedServer(page("a", token="x"), page("b"))

    with pytest.raises(CallTimedOut, match="no end of the list"):
        list_from(server, BY_TOKEN, permitted=0.01)
    assert len(server.requests) == 1


def test_a_stop_ends_a_list(
    connect: Callable[..., Client], serve: Serve, caller: Caller, operation: Operation
) -> None:
    """Between two pages too."""
    server = PagedServer(page("a", token="x"), page("b"))
    client = connect(serve(server).url)
    server.on_page = client.close

    with pytest.raises(CallAborted):
        client.ask(replace(operation, pages=BY_TOKEN), caller)
    assert len(server.requests) == 1


@pytest.mark.parametrize("field", [{"rows": ()}, {"size": 0}, {"most": 0}, {"within_s": 0.0}])
def test_bad_pages_do_not_exist(field: dict[str, Any]) -> None:
    """A list has a place, and pages have bounds."""
    with pytest.raises(ValueError, match="pages have rows"):
        replace(BY_TOKEN, **field)


@pytest.mark.parametrize("smaller", [0, 2])
def test_smaller_pages_are_smaller(smaller: int) -> None:
    """Else nothing would change with them."""
    with pytest.raises(ValueError, match="smaller pages have fewer rows"):
        replace(BY_TOKEN, smaller=smaller)


def test_a_list_says_the_same_only_where_every_page_does(list_from: ListFrom) -> None:
    """The fingerprint is that of all pages, in their order; the request id is not in it."""
    first, second = page("a", "b", total=4), page("c", "d", total=4)
    last = page(total=4)
    same, other, turned, again = (
        list_from(PagedServer(*pages, last)).fingerprint
        for pages in (
            (first, second),
            (page("a", "x", total=4), second),
            (second, first),
            ({**first, "RequestId": "R2"}, {**second, "RequestId": "R3"}),
        )
    )
    assert same == again
    assert len({same, other, turned}) == 3

"""What the benchmarks of polling are made of, and each of them in a short form."""

from __future__ import annotations

import json
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from benchmarks.arithmetic import busiest_second, growth, lateness_s, quantile
from benchmarks.arrivals import POLL, Arrival, lateness_of, moments_of
from benchmarks.measured_daemon import Scrape
from benchmarks.played_api import PlayedApi
from benchmarks.upstream import Behaviour, Upstream
from exporter.accounts.members import parse_members
from exporter.api.call import Reply
from exporter.api.credentials.role import parse_assume_role
from exporter.api.operation import Pages
from exporter.api.pages import Listing
from exporter.probes.service_state import parse_service

if TYPE_CHECKING:
    from collections.abc import Mapping

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what is counted of a process comes from Linux")


def ask(upstream: Upstream, action: str, *, key: str = "LTAI", query: str = "") -> dict[str, object]:
    """What a call is answered with."""
    head = f"POST /?{query} HTTP/1.1\r\nx-acs-action: {action}\r\nAuthorization: A Credential={key},Signature=x\r\n"
    answer = upstream.call(head.encode())
    assert answer is not None
    payload = json.loads(answer[1].partition(b"\r\n\r\n")[2])
    assert isinstance(payload, dict)
    return payload


def test_a_quantile_is_a_value_that_was_measured() -> None:
    """All but one of a hundred are at most the 99th percentile; 1 is the largest; none at all has none."""
    hundred = [float(number) for number in range(100, 0, -1)]

    assert [quantile(hundred, part) for part in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert quantile([7.0], 0.01) == 7
    with pytest.raises(ValueError, match="0 values"):
        quantile([], 0.5)


def test_the_busiest_second_slides() -> None:
    """What the vendor counts: any second, not those of a clock, and one second apart is the next."""
    assert busiest_second([0.9, 0.1, 1.05, 1.0, 1.1]) == 4
    assert busiest_second([]) == 0


def test_lateness_is_counted_from_the_earliest_place_in_the_interval() -> None:
    """A first poll that was late itself makes no other one early, and a poll left out is no lateness."""
    assert lateness_s([100.5, 160.0, 280.0, 340.25], interval_s=60) == [0, 0.25, 0.5]


def test_growth_compares_quarters_after_the_beginning() -> None:
    """What a process takes while it starts is no growth, nor is one value above all others."""
    flat = [10.0, 50.0, *[100.0] * 7, 900.0]

    assert growth(flat, first=0.2) == 0
    assert growth([10.0, 50.0, *[100.0] * 4, *[101.0] * 4], first=0.2) == pytest.approx(0.01)


def test_arrivals_are_told_by_who_called_what() -> None:
    """Each account has its own places; other operations are not polls."""
    calls = [
        Arrival(0.0, POLL, "a"),
        Arrival(3.0, POLL, "b"),
        Arrival(3.5, "AssumeRole", "b"),
        Arrival(10.25, POLL, "a"),
    ]

    assert moments_of(calls) == {"a": [0, 10.25], "b": [3]}
    assert moments_of(calls, "AssumeRole") == {"b": [3.5]}
    assert lateness_of(calls, interval_s=10) == [0.25]


def test_values_are_read_from_a_page_by_account() -> None:
    """One family's values, and the value of one series; a longer name is another family."""
    page = Scrape(0, 0, b'a{account="x",product="p"} 1.5e+09\na_total{account="x"} 2\na{account="y"} 3\nb 4\n')

    assert page.by_account("a") == {"x": 1.5e9, "y": 3}
    assert page.value("b") == 4
    assert page.value('a{account="y"}') == 3
    with pytest.raises(LookupError):
        page.value("c")


def test_the_lean_server_answers_what_the_api_documents() -> None:
    """The exporter understands a service, a token that tells whose it is, and pages of members that end."""
    upstream = Upstream()
    upstream.control("PUT", "/_behaviour", Behaviour(members=("1", "2", "3")).to_json())

    assert parse_service(ask(upstream, POLL), None).state is not None
    arn = "acs:ram::123:role/reader"
    assert parse_assume_role(ask(upstream, "AssumeRole", query=f"RoleArn={arn}"), None).access_key_id == "STS.123"
    pages = Listing(Pages("NextToken", ("Accounts", "Account"), size=2, most=2), {})

    def page(parameters: Mapping[str, str]) -> Reply:
        payload = ask(upstream, "ListAccounts", query=urlencode(parameters))
        return Reply(payload, request_id=None, duration_s=0.0, access_key_id="", fingerprint=0)

    assert pages.read(page) is None
    whole = pages.read(page)
    assert whole is not None
    assert [member.account_id for member in parse_members(whole.payload, None)] == ["1", "2", "3"]


def test_the_lean_server_misbehaves_for_whom_it_should() -> None:
    """Some hang, some are refused, the others are answered, and all are noted with their moment, once."""
    upstream = Upstream()
    behaviour = Behaviour(hanging=frozenset({"h"}), failing=frozenset({"f"}))
    upstream.control("PUT", "/_behaviour", behaviour.to_json())
    assert Behaviour.from_json(behaviour.to_json()) == behaviour

    head = b"POST / HTTP/1.1\r\nx-acs-action: Describe\r\nAuthorization: A Credential=h,\r\n"
    assert upstream.call(head) is None
    assert ask(upstream, "Describe", key="f")["Code"] == "ServiceUnavailable"
    assert "Code" not in ask(upstream, "Describe", key="other")
    noted = json.loads(upstream.control("GET", "/_arrivals", b"").partition(b"\r\n\r\n")[2])
    assert [subject for _, _, subject in noted] == ["h", "f", "other"]
    assert json.loads(upstream.control("GET", "/_arrivals", b"").partition(b"\r\n\r\n")[2]) == []


@ON_LINUX
def test_the_lean_server_is_a_process_that_answers_over_http() -> None:
    """A call on a connection is answered and noted; a change of the behaviour holds for the next answer."""
    with PlayedApi(Behaviour(delay_s=0.01)) as api:
        connection = HTTPConnection(api.address, timeout=10)
        headers = {"x-acs-action": POLL, "Authorization": "ACS3-HMAC-SHA256 Credential=LTAI,SignedHeaders=host"}
        statuses = []
        for behaviour in (Behaviour(), Behaviour(failing=frozenset({"LTAI"}))):
            api.behave(behaviour)
            connection.request("POST", "/", headers=headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

        assert statuses == [200, 503]
        assert [(arrival.action, arrival.subject) for arrival in api.arrivals()] == [(POLL, "LTAI")] * 2
        assert api.arrivals() == []

"""A fault makes sense, or it does not exist."""

import threading
from typing import Any

import pytest

from exporter.simulator import FAULT_KINDS, Fault
from exporter.simulator.faults import FaultKind
from exporter.simulator.reading import LONGEST_S

NEEDED: dict[str, dict[str, Any]] = {"latency": {"seconds": 0.1}, "error": {"status": 500, "code": "InternalError"}}


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_every_kind_can_be_limited(kind: FaultKind) -> None:
    """A number of times and an operation go with every kind."""
    fault = Fault(kind, times=2, action="DescribeDcdnIpaService", **NEEDED.get(kind, {}))
    assert fault.times == 2


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param({"kind": "gremlin"}, "kind is 'gremlin'; accepted: latency, reset", id="unknown kind"),
        pytest.param({"kind": "latency"}, "latency needs seconds", id="latency without seconds"),
        pytest.param({"kind": "latency", "seconds": 0.0}, "seconds is 0; accepted", id="no latency"),
        pytest.param({"kind": "latency", "seconds": float("nan")}, "seconds is nan", id="latency that is no number"),
        pytest.param({"kind": "latency", "seconds": float("inf")}, "seconds is inf", id="endless latency"),
        pytest.param({"kind": "hang", "seconds": 1.0}, "hang takes no seconds", id="hang with seconds"),
        pytest.param({"kind": "trickle_body", "interval": -1.0}, "interval is -1; accepted", id="negative interval"),
        pytest.param(
            {"kind": "reset", "interval": 1.0, "code": "X"}, "takes no code, interval", id="reset with more"
        ),
        pytest.param({"kind": "error", "message": "m"}, "error needs code, status", id="error without status"),
        pytest.param({"kind": "error", "code": "X", "status": 100}, "status is 100", id="interim status"),
        pytest.param({"kind": "error", "code": "X", "status": 204}, "status is 204", id="status without body"),
        pytest.param({"kind": "echo", "field": "host"}, "field is 'host'; accepted: message", id="unknown field"),
        pytest.param({"kind": "oversized", "status": 200}, "oversized takes no status", id="oversized with status"),
        pytest.param(
            {"kind": "hang", "headers": {"A": "b"}}, "hang takes no headers", id="headers without an answer"
        ),
        pytest.param(
            {"kind": "echo", "headers": {"Content-Length": "1"}},
            "headers has the name 'Content-Length'; accepted: a header's name .*, but not connection, content-length",
            id="header of the framing",
        ),
        pytest.param(
            {"kind": "echo", "headers": {"A b": "c"}}, "headers has the name 'A b'; accepted", id="no header's name"
        ),
        pytest.param(
            {"kind": "echo", "headers": {"A": "b\r\nC: d"}},
            "headers.A is .*; accepted: one line",
            id="header of two lines",
        ),
        pytest.param({"kind": "echo", "headers": {"A": "中"}}, "headers.A is '中'; accepted: .*Latin-1", id="letter"),
        pytest.param({"kind": "echo", "headers": {"中": "a"}}, "headers has the name '中'; .* ASCII", id="name"),
        pytest.param(
            {"kind": "echo", "headers": {"Retry-After": "3", "retry-after": "4"}},
            "headers has 'Retry-After' and 'retry-after', which are one header",
            id="header twice",
        ),
        pytest.param({"kind": "latency", "seconds": 1e308}, "seconds is 1e.308; .*of ten years at most", id="aeon"),
        pytest.param({"kind": "trickle_body", "interval": 1e300}, "interval is 1e.300; accepted", id="slow"),
        pytest.param({"kind": "hang", "times": 0}, "times is 0; accepted: 1 or more", id="no times"),
    ],
)
def test_bad_faults_do_not_exist(parts: dict[str, Any], message: str) -> None:
    """What does not make sense together is refused with what is accepted."""
    with pytest.raises(ValueError, match=message):
        Fault(**parts)


def test_a_fault_has_all_of_its_problems() -> None:
    """Each is a line of the error."""
    with pytest.raises(
        ValueError, match=r"takes no interval\n.* needs code\n.*interval is -1.*\nstatus is 99.*\ntimes"
    ):
        Fault("error", status=99, interval=-1, times=0)


def test_the_longest_wait_can_be_waited() -> None:
    """A longer one than the system's would end the connection with an error."""
    assert Fault("latency", seconds=LONGEST_S).seconds == LONGEST_S < threading.TIMEOUT_MAX

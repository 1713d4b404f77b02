"""A state is answered in the documented form."""

from typing import Any

import pytest

from exporter.simulator import ChargeChange, ServiceState
from exporter.simulator.service_state import describe

CHANGES_AT = 1_522_512_000  # 2018-03-31T16:00:00Z


def test_the_documented_answer() -> None:
    """A locked service with a change pending is the vendor's own sample, less its request id."""
    state = ServiceState(
        charge_type="PayByTraffic", locks=("financial",), change=ChargeChange("PayByBandwidth", CHANGES_AT)
    )
    assert describe(state, now=CHANGES_AT - 0.1) == {
        "InstanceId": "1883927335936173",
        "OpeningTime": "2018-03-19T11:16:11Z",
        "InternetChargeType": "PayByTraffic",
        "OperationLocks": {"LockReason": [{"LockReason": "financial"}]},
        "ChangingChargeType": "PayByBandwidth",
        "ChangingAffectTime": "2018-03-31T16:00:00Z",
    }


def test_a_change_is_carried_out_at_its_moment() -> None:
    """From its moment on the new billing method is the current one and nothing is pending."""
    state = ServiceState(change=ChargeChange("PayByBandwidth", CHANGES_AT))
    assert describe(state, now=CHANGES_AT) == {
        "InstanceId": "1883927335936173",
        "OpeningTime": "2018-03-19T11:16:11Z",
        "InternetChargeType": "PayByBandwidth",
        "OperationLocks": {"LockReason": []},
    }


def test_locks_keep_their_order() -> None:
    """Every lock is a row of its own."""
    locks: Any = describe(ServiceState(locks=("security", "financial")), now=0)["OperationLocks"]
    assert locks == {"LockReason": [{"LockReason": "security"}, {"LockReason": "financial"}]}


def test_bad_states_do_not_exist() -> None:
    """A state without a billing method, or whose locks are one text, is refused."""
    text: Any = "financial"
    with pytest.raises(ValueError, match="charge type is empty"):
        ServiceState(charge_type="")
    with pytest.raises(ValueError, match="charge type of a change is empty"):
        ChargeChange("", CHANGES_AT)
    with pytest.raises(TypeError, match="tuple of reasons"):
        ServiceState(locks=text)

"""The answer that the vendor's documentation shows, as a server that is not our simulator sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.simulator import Account
from tests.end_to_end.sample_server import sample_server

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, Eventually, Serve

# https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
SAMPLE = (
    b'{"ChangingAffectTime": "2018-03-31T16:00:00Z", "RequestId": "EF2AEBC2-EDBD-41CF-BF64-7E095D42D6EF", '
    b'"ChangingChargeType": "PayByBandwidth", "OpeningTime": "2018-03-19T11:16:11Z", '
    b'"InternetChargeType": "PayByBandwidth", "InstanceId": "1883927335936173", '
    b'"OperationLocks": {"LockReason": [{"LockReason": "financial"}]}}'
)
# https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnsecservice
SAMPLE_OF_SECURE = (
    b'{"EndTime": "2021-09-26T16:00:00Z", "StartTime": "2021-08-26T02:52:08Z", '
    b'"ChangingAffectTime": "2021-09-30T16:00:00Z", "DomainNum": "130", "ChangingChargeType": "PayByBandwidth", '
    b'"RequestId": "E20B46E1-9BCD-10E5-AAEF-6D7B737467A1", "Version": "enterprise", '
    b'"RequestType": "PayBySecRequest", "FlowType": "PayBySecTraffic", "InternetChargeType": "PayByTraffic", '
    b'"InstanceId": "dcdn_dcdnsec_public_cn-123***", '
    b'"OperationLocks": {"LockReason": [{"LockReason": " financial"}]}}'
)
CHARGE_TYPES = (
    "PayByTraffic",
    "PayByBandwidth",
    "PayByBandwidth95",
    "PayByBandwidth_monthavg",
    "PayByBandwidth_month4th",
    "PayByBandwidth_monthday95avg",
    "PayByBandwidth_nighthalf95",
)


SAMPLES = {"DescribeDcdnIpaService 2018-01-15": SAMPLE, "DescribeDcdnsecService 2018-01-15": SAMPLE_OF_SECURE}


@pytest.mark.parametrize(
    ("product", "charge_type", "others"),
    [
        pytest.param(
            "dcdn_ipa",
            "PayByBandwidth",
            {
                ("dcdn_service_opening_timestamp_seconds",): 1521458171,
                ("dcdn_service_info", "1883927335936173"): 1,
            },
            id="IPA",
        ),
        pytest.param(
            "dcdn_sec",
            "PayByTraffic",
            {
                ("dcdn_service_opening_timestamp_seconds",): 1629946328,
                ("dcdn_service_info", "dcdn_dcdnsec_public_cn-123***"): 1,
                ("dcdn_service_end_timestamp_seconds",): 1632672000,
            },
            id="secure DCDN",
        ),
    ],
)
def test_the_vendors_sample_is_shown_whole(
    configure: Configure,
    serve: Serve,
    eventually: Eventually,
    *,
    product: str,
    charge_type: str,
    others: dict[tuple[str, ...], float],
) -> None:
    """The documented answer is a lock for payment, and a change that is past; its dates are UTC anywhere."""
    account = Account("sample", "1883927335936173", "LTAI5tSample", "secret-of-sample")
    with sample_server(lambda action, _query: SAMPLES.get(action)) as url:
        configuration = configure(url, account) | {"products": [product]}
        exporter = serve(configuration, TZ="Asia/Shanghai", LC_ALL="C.UTF-8")
        eventually("the answer is shown", lambda: exporter.scrape().status("sample", product))
        page = exporter.scrape()
    common = frozenset({"account": "sample", "product": product}.items())
    shown = {
        (name, *(value for _, value in labels - common)): value
        for (name, labels), value in page.samples.items()
        if name.startswith("dcdn_service_")
    }
    expected: dict[tuple[str, ...], float] = {
        ("dcdn_service_status", "active"): 0,
        ("dcdn_service_status", "locked"): 1,
        ("dcdn_service_status", "not_activated"): 0,
        ("dcdn_service_lock", "financial"): 1,
        **{("dcdn_service_charge_type", name): float(name == charge_type) for name in CHARGE_TYPES},
        **{("dcdn_service_next_charge_type", name): 0 for name in CHARGE_TYPES},
        **others,
    }
    assert shown == expected
    assert page.value("dcdn_poll_success", account="sample") == 1

"""The operations that the daemon knows: their limits, rights and endpoints."""

import re
from pathlib import Path

import pytest

from exporter.activation import OPEN_CDN_SERVICE
from exporter.api.endpoints import SITES, endpoints
from exporter.api.operation import Access, Operation
from exporter.config import Endpoints
from exporter.probes.table import OPERATIONS, vendor_limits
from exporter.simulator.operations import LIMITS as SIMULATED_LIMITS
from exporter.simulator.operations import OPERATIONS as SIMULATED_OPERATIONS

CONFIGURATION = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_limits_are_the_vendors() -> None:
    """Calls per second and account are those of the vendor's pages, or below them where others share a limit.

    DescribeUserCdnStatus, QueryAccountBalance and the lists of plans have none stated.
    """
    assert vendor_limits() == {
        "DescribeDcdnIpaService": 20,
        "DescribeDcdnService": 30,
        "DescribeCdnService": 30,
        "DescribeUserDcdnIpaStatus": 20,
        "DescribeUserDcdnStatus": 30,
        "DescribeUserCdnStatus": 20,
        "QueryAccountBalance": 10,
        "DescribeDcdnsecService": 20,
        "DescribeDcdnUserCertificateExpireCount": 50,
        "DescribeUserCertificateExpireCount": 50,
        "DescribeDcdnIpaUserDomains": 30,
        "DescribeDcdnUserDomains": 30,
        "DescribeUserDomains": 100,
        "DescribeDcdnUserResourcePackage": 30,
        "DescribeCdnUserResourcePackage": 30,
        "ListUserRatePlanInstances": 10,
        "ListPostpaidRatePlanInstances": 10,
        "GetCallerIdentity": 100,
        "AssumeRole": 50,
        "ListAccounts": 20,
    }


def test_every_right_is_documented() -> None:
    """What the simulator denies to those who lack it stands, in the vendor's spelling, among the rights to give."""
    actions = {operation.action for operation in OPERATIONS}
    rights = {row.right.casefold() for row in SIMULATED_OPERATIONS if row.action in actions and row.right}
    _, _, chapter = CONFIGURATION.read_text(encoding="utf-8").partition("\n## Rights\n")
    documented = re.findall(r"`(\w+:\w+)`", chapter.partition("\n## ")[0])
    assert {right.casefold() for right in documented} >= rights


def test_the_daemon_knows_reads_only() -> None:
    """No row changes an account: what it does not name has no budget in the daemon either."""
    assert {operation.access for operation in OPERATIONS} == {Access.READ}
    assert OPEN_CDN_SERVICE.access is Access.WRITE
    assert OPEN_CDN_SERVICE.calls_per_second == SIMULATED_LIMITS[OPEN_CDN_SERVICE.action]
    assert OPEN_CDN_SERVICE.action not in vendor_limits()


def test_versions_are_the_vendors() -> None:
    """Those of the simulator, which has read them off the vendor's pages by itself."""
    simulated = {(row.action, row.version) for row in SIMULATED_OPERATIONS}

    assert {(operation.action, operation.version) for operation in OPERATIONS} <= simulated


@pytest.mark.parametrize("operation", [pytest.param(operation, id=operation.action) for operation in OPERATIONS])
def test_every_operation_has_an_endpoint(operation: Operation) -> None:
    """One of the vendor's own on each site."""
    assert {operation.endpoint in endpoints(site) for site in SITES} == {True}


def test_sites_have_the_same_endpoints_at_addresses_of_their_own() -> None:
    """All are encrypted; where the vendor has another host abroad, it is that one."""
    china, international = (endpoints(site) for site in SITES)

    assert SITES == ("china", "international")
    assert set(china) == set(international) == {"dcdn", "cdn", "sts", "resource_directory", "bss", "esa"}
    assert {url.partition("//")[0] for site in SITES for url in endpoints(site).values()} == {"https:"}
    elsewhere = {name for name, url in china.items() if international[name] != url}
    assert elsewhere == {"cdn", "resource_directory", "bss", "esa"}
    assert (china["esa"], international["esa"]) == (
        "https://esa.cn-hangzhou.aliyuncs.com",
        "https://esa.ap-southeast-1.aliyuncs.com",
    )


def test_no_other_site_has_endpoints() -> None:
    """To ask for one is a defect."""
    with pytest.raises(KeyError):
        endpoints("moon")


def test_every_configured_endpoint_is_known() -> None:
    """No key of the configuration is left over."""
    assert set(Endpoints.model_fields) <= set(endpoints("china"))

import pytest

from exporter.api.endpoints import Route, ca_bundle, route

DCDN = "https://dcdn.aliyuncs.com"
PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("environ", "verify"),
    [
        pytest.param({}, True, id="packaged"),
        pytest.param({"REQUESTS_CA_BUNDLE": "/a.pem"}, "/a.pem", id="requests"),
        pytest.param({"CURL_CA_BUNDLE": "/b.pem"}, "/b.pem", id="curl"),
        pytest.param({"REQUESTS_CA_BUNDLE": "/a.pem", "CURL_CA_BUNDLE": "/b.pem"}, "/a.pem", id="both"),
        pytest.param({"REQUESTS_CA_BUNDLE": ""}, True, id="empty"),
    ],
)
def test_ca_bundle(environ: dict[str, str], *, verify: bool | str) -> None:
    """The environment names the CA bundle under the names that requests knows."""
    assert ca_bundle(environ) == verify


@pytest.mark.parametrize(
    ("url", "host"),
    [
        pytest.param(DCDN, "dcdn.aliyuncs.com", id="without-a-port"),
        pytest.param("http://127.0.0.1:10521", "127.0.0.1:10521", id="with-a-port"),
    ],
)
def test_host_header(url: str, host: str) -> None:
    """The Host header names the port where the URL does."""
    assert Route(url).host == host


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is what is passed in."""
    for name in ("https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "dcdn.aliyuncs.com")

    assert route(DCDN, {}) == Route(DCDN)
    assert route(DCDN, {"https_proxy": PROXY}) == Route(DCDN, proxies={"https": PROXY})
    assert ca_bundle({}) is True


def test_a_route_does_not_show_the_proxys_password() -> None:
    """A proxy's URL can hold a password, so that its repr leaves it out."""
    assert "hunter2" not in repr(route(DCDN, {"https_proxy": "http://user:hunter2@proxy:3128"}))

import pytest

from exporter.api.endpoints import Route, ca_bundle, route

DCDN = "https://dcdn.aliyuncs.com"
PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        pytest.param(DCDN, {}, None, id="nothing-set"),
        pytest.param(DCDN, {"https_proxy": PROXY}, PROXY, id="https-lower-case"),
        pytest.param(DCDN, {"HTTPS_PROXY": PROXY}, PROXY, id="https-upper-case"),
        pytest.param(DCDN, {"https_proxy": PROXY, "HTTPS_PROXY": "http://x"}, PROXY, id="lower-case-wins"),
        pytest.param(DCDN, {"https_proxy": "", "HTTPS_PROXY": PROXY}, PROXY, id="empty-is-not-set"),
        pytest.param(DCDN, {"http_proxy": PROXY}, None, id="proxy-of-the-other-scheme"),
        pytest.param(DCDN, {"all_proxy": PROXY}, PROXY, id="all"),
        pytest.param(DCDN, {"ALL_PROXY": PROXY}, PROXY, id="all-upper-case"),
        pytest.param(DCDN, {"all_proxy": "http://x", "https_proxy": PROXY}, PROXY, id="scheme-before-all"),
        pytest.param("http://10.0.0.1:8080", {"http_proxy": PROXY}, PROXY, id="plain-http"),
        pytest.param("http://127.0.0.1:8080", {"http_proxy": PROXY}, None, id="loopback"),
        pytest.param("http://127.1.2.3", {"all_proxy": PROXY}, None, id="loopback-network"),
        pytest.param("http://[::1]:8080", {"http_proxy": PROXY}, None, id="loopback-ipv6"),
        pytest.param("http://localhost:8080", {"http_proxy": PROXY}, None, id="localhost"),
    ],
)
def test_proxy_variables(url: str, environ: dict[str, str], proxy: str | None) -> None:
    """The variable of the URL's scheme names the proxy, else all_proxy; loopback is always direct."""
    assert route(url, environ) == Route(url, proxies={} if proxy is None else {url.partition(":")[0]: proxy})


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        pytest.param(DCDN, "", False, id="empty"),
        pytest.param(DCDN, "dcdn.aliyuncs.com", True, id="the-name"),
        pytest.param(DCDN, "DCDN.Aliyuncs.com", True, id="the-name-in-another-case"),
        pytest.param(DCDN, "aliyuncs.com", True, id="a-name-above"),
        pytest.param(DCDN, ".aliyuncs.com", True, id="a-name-above-with-a-dot"),
        pytest.param(DCDN, "yuncs.com", False, id="the-end-of-another-name"),
        pytest.param(DCDN, "x.dcdn.aliyuncs.com", False, id="a-name-below"),
        pytest.param(DCDN, "a.example, aliyuncs.com ,", True, id="in-a-list"),
        pytest.param(DCDN, "*", True, id="all"),
        pytest.param(DCDN, "a.example,*", True, id="all-in-a-list"),
        pytest.param(DCDN, "aliyuncs.com:443", True, id="the-schemes-port"),
        pytest.param(DCDN, "aliyuncs.com:80", False, id="another-port"),
        pytest.param("https://dcdn.aliyuncs.com:8443", "dcdn.aliyuncs.com:8443", True, id="a-port"),
        pytest.param("https://10.1.2.3", "10.0.0.0/8", True, id="network"),
        pytest.param("https://10.1.2.3", "10.1.2.9/8", True, id="network-with-host-bits"),
        pytest.param("https://11.1.2.3", "10.0.0.0/8", False, id="another-network"),
        pytest.param("https://10.1.2.3", "10.1.2.3", True, id="address"),
        pytest.param("https://10.1.2.3:8443", "10.1.2.3:8443", True, id="address-and-port"),
        pytest.param("https://10.1.2.3", "2.3", False, id="the-end-of-an-address"),
        pytest.param("https://[fd00::1]", "fd00::/8", True, id="network-ipv6"),
        pytest.param("https://[fd00::1]", "[fd00::1]", True, id="address-ipv6"),
        pytest.param("https://10.1.2.3", "300.0.0.0/8,aliyuncs.com", False, id="no-network"),
    ],
)
def test_exceptions_from_the_proxy(url: str, no_proxy: str, *, direct: bool) -> None:
    """no_proxy names what is reached directly, in either case of its own name."""
    for name in ("no_proxy", "NO_PROXY"):
        taken = route(url, {"https_proxy": PROXY, name: no_proxy})

        assert taken == Route(url, proxies={} if direct else {"https": PROXY})


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

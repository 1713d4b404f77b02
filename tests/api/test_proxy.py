"""The proxies of the environment."""

import pytest

from exporter.api.proxy import check_proxies, proxy_for

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
    assert proxy_for(url, environ) == proxy


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        pytest.param(DCDN, "", False, id="empty"),
        pytest.param(DCDN, "dcdn.aliyuncs.com", True, id="the-name"),
        pytest.param(DCDN, "DCDN.Aliyuncs.com", True, id="the-name-in-another-case"),
        pytest.param(DCDN, "aliyuncs.com", True, id="a-name-above"),
        pytest.param(DCDN, ".aliyuncs.com", True, id="a-name-above-with-a-dot"),
        pytest.param(DCDN, "*.aliyuncs.com", True, id="all-names-below"),
        pytest.param(DCDN, "*.dcdn.aliyuncs.com", True, id="all-names-below-is-the-name-too"),
        pytest.param(DCDN, "*.aliyuncs.com:443", True, id="all-names-below-and-the-port"),
        pytest.param(DCDN, "*.yuncs.com", False, id="all-names-below-the-end-of-another-name"),
        pytest.param(DCDN, "*.", False, id="below-nothing"),
        pytest.param(DCDN, ".", False, id="a-dot"),
        pytest.param(DCDN, "''", False, id="quotes-alone"),
        pytest.param(DCDN, "https://", False, id="a-scheme-alone"),
        pytest.param(DCDN, "aliyuncs.com.", True, id="a-dot-at-the-end"),
        pytest.param(DCDN, "*.aliyuncs.com.", True, id="all-names-below-and-a-dot-at-the-end"),
        pytest.param(DCDN, "https://dcdn.aliyuncs.com/", True, id="a-url"),
        pytest.param(DCDN, "https://dcdn.aliyuncs.com:443", True, id="a-url-with-a-port"),
        pytest.param(DCDN, "'aliyuncs.com'", True, id="quotes"),
        pytest.param(DCDN, '"a.example,aliyuncs.com"', True, id="quotes-around-a-list"),
        pytest.param(DCDN, "a.example aliyuncs.com", True, id="in-a-list-with-spaces"),
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
        pytest.param("https://[fd00::1]:8443", "[fd00::1]:8443", True, id="address-ipv6-and-port"),
        pytest.param("https://10.1.2.3", "300.0.0.0/8,aliyuncs.com", False, id="no-network"),
    ],
)
def test_exceptions_from_the_proxy(url: str, no_proxy: str, *, direct: bool) -> None:
    """no_proxy names what is reached directly, in either case of its own name."""
    for name in ("no_proxy", "NO_PROXY"):
        assert proxy_for(url, {"https_proxy": PROXY, name: no_proxy}) == (None if direct else PROXY)


USABLE = [
    pytest.param("squid:3128", "http://squid:3128", id="host-and-port"),
    pytest.param("squid", "http://squid", id="host"),
    pytest.param("user:pass@squid:3128", "http://user:pass@squid:3128", id="user-and-password"),
    pytest.param("10.0.0.1:3128", "http://10.0.0.1:3128", id="address"),
    pytest.param("[fd00::1]:3128", "http://[fd00::1]:3128", id="address-ipv6"),
    pytest.param("http://squid:3128/", "http://squid:3128/", id="http"),
    pytest.param("HTTPS://squid", "HTTPS://squid", id="https"),
    pytest.param(" http://squid:3128\r\n", "http://squid:3128", id="spaces-and-a-line-end-around"),
    pytest.param("http://user:p%40ss%2F@squid:3128", "http://user:p%40ss%2F@squid:3128", id="escaped-password"),
]


@pytest.mark.parametrize(("value", "proxy"), USABLE)
def test_a_proxy_without_a_scheme_speaks_http(value: str, proxy: str) -> None:
    """As curl and other programs read it; everything else stays as it is."""
    assert proxy_for(DCDN, {"HTTPS_PROXY": value}) == proxy
    check_proxies({"HTTPS_PROXY": value})


KIND = "seen a proxy of the kind {}://, which is not supported"
NONE = "seen a value that is no address of a proxy"
UNUSABLE = [
    pytest.param("socks5://u:planted@squid:1080", KIND.format("socks5"), id="socks5"),
    pytest.param("SOCKS5H://squid:1080", KIND.format("SOCKS5H"), id="socks5h"),
    pytest.param("socks4a://squid:1080", KIND.format("socks4a"), id="socks4"),
    pytest.param("ftp://squid", KIND.format("ftp"), id="another-scheme"),
    pytest.param("http://", NONE, id="no-host"),
    pytest.param("u:planted@", NONE, id="no-host-behind-a-password"),
    pytest.param("squid:proxy", NONE, id="no-port"),
    pytest.param("squid:65536", NONE, id="beyond-all-ports"),
    pytest.param("http://u:planted/1@squid:3128", NONE, id="slash-in-the-password"),
    pytest.param("http://u:planted#1@squid:3128", NONE, id="hash-in-the-password"),
    pytest.param("http://u:plant%E4%BB%98@squid:3128", NONE, id="password-that-no-header-can-hold"),
    pytest.param("http://squid:3128/path", NONE, id="path"),
    pytest.param("http://squid:3128/?planted", NONE, id="query"),
    pytest.param("http://squid:3128/#planted", NONE, id="fragment"),
    pytest.param("http://squid 3128", NONE, id="space"),
    pytest.param("http://squid:3128\nx", NONE, id="line-end"),
    pytest.param("http://squid:0", NONE, id="port-0"),
    pytest.param("http://[fd00::1:3128", NONE, id="half-a-bracket"),
    pytest.param(" ", NONE, id="nothing-but-space"),
]


@pytest.mark.parametrize(("value", "seen"), UNUSABLE)
@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used(name: str, value: str, seen: str) -> None:
    """The variable is named, with what is accepted, and nothing of its value but the scheme."""
    with pytest.raises(ValueError, match="accepted") as at_start:
        check_proxies({name: value})
    with pytest.raises(ValueError, match="accepted") as on_the_way:
        proxy_for(DCDN, {name: value})

    assert str(at_start.value) == str(on_the_way.value)
    assert str(at_start.value).startswith(f"{name}: {seen}; accepted: HOST:PORT, http://HOST:PORT or ")
    assert "plant" not in str(at_start.value)


@pytest.mark.parametrize(
    ("environ", "refused"),
    [
        pytest.param({}, [], id="nothing-set"),
        pytest.param({"https_proxy": "", "ALL_PROXY": ""}, [], id="empty-is-not-set"),
        pytest.param({"HTTP_PROXY": "socks5://a"}, ["HTTP_PROXY"], id="http: the vendor's library calls by it"),
        pytest.param(
            {"https_proxy": PROXY, "HTTPS_PROXY": "a b"}, ["HTTPS_PROXY"], id="the library prefers this case"
        ),
        pytest.param({"https_proxy": PROXY, "ALL_PROXY": "socks5://a"}, [], id="all is not read beside https"),
        pytest.param({"http_proxy": PROXY, "ALL_PROXY": "socks5://a"}, ["ALL_PROXY"], id="all is read for https"),
        pytest.param(
            {"http_proxy": "a b", "HTTPS_PROXY": "ftp://a", "no_proxy": "*"}, ["http_proxy", "HTTPS_PROXY"], id="two"
        ),
    ],
)
def test_all_proxies_that_are_read_are_checked(environ: dict[str, str], refused: list[str]) -> None:
    """In either case, each in a line of its own."""
    problems = ""
    try:
        check_proxies(environ)
    except ValueError as error:
        problems = str(error)

    assert [line.partition(":")[0] for line in problems.splitlines()] == refused

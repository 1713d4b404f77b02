"""The web configuration file, in the format of exporter-toolkit."""

import re
import subprocess
from pathlib import Path

import bcrypt
import pytest

from exporter.config import ConfigurationError, TlsServer, WebConfiguration, load_web, protection, web_summary
from exporter.config.web import Headers, HttpServer

HASH = "$2y$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


@pytest.fixture
def web_file(tmp_path: Path) -> Path:
    """A place for the file, beside files to name in it."""
    for name in ("server.crt", "server.key", "ca.crt"):
        (tmp_path / name).write_text("what stands in it is read later")
    return tmp_path / "web.yaml"


def read(web_file: Path, text: str) -> WebConfiguration:
    web_file.write_text(text)
    return load_web(web_file)


def test_what_is_said_of_a_bad_hash_makes_a_good_one(web_file: Path) -> None:
    """The command in the message asks for a password, and prints what the file may hold."""
    with pytest.raises(ConfigurationError) as caught:
        read(web_file, "basic_auth_users: {alice: hunter2}")
    command = str(caught.value).partition("prints one: ")[2]
    answer = subprocess.run(  # noqa: S602 — as somebody would paste it, with no terminal to ask on
        command, shell=True, input="hunter2\n", capture_output=True, text=True, check=True, start_new_session=True
    )
    made = read(web_file, f"basic_auth_users: {{alice: {answer.stdout.strip()}}}")

    assert bcrypt.checkpw(b"hunter2", made.basic_auth_users["alice"].get_secret_value().encode())


def test_an_empty_file_asks_nothing_of_anybody(web_file: Path) -> None:
    """Without keys there is no TLS, no password and no header."""
    configuration = read(web_file, "")

    assert (configuration.tls_server_config, configuration.headers) == (None, {})
    assert configuration.basic_auth_users == {}
    assert web_summary(configuration) == "web: plain HTTP, no TLS\n  no passwords"


def test_everything_that_can_be_said(web_file: Path) -> None:
    """Paths begin at the folder of the file; names are those of the format, and OpenSSL's are known for them."""
    configuration = read(
        web_file,
        TLS
        + """\
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [prometheus.example, 10.0.0.1]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256]
http_server_config:
  http2: false
  headers:
    Content-Security-Policy: default-src 'none'
    X-Frame-Options: sameorigin
    X-Content-Type-Options: nosniff
    X-XSS-Protection: "0"
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
"""
        + f"  alice: {HASH}\n",
    )

    tls = configuration.tls_server_config
    assert tls is not None
    assert (tls.cert_file, tls.key_file) == (web_file.parent / "server.crt", web_file.parent / "server.key")
    assert tls.client_allowed_sans == ("prometheus.example", "10.0.0.1")
    assert (tls.openssl_suites, tls.openssl_curve) == (("ECDHE-RSA-AES256-GCM-SHA384",), "prime256v1")
    assert configuration.headers == {
        "Content-Security-Policy": "default-src 'none'",
        "X-Frame-Options": "sameorigin",
        "X-Content-Type-Options": "nosniff",
        "X-XSS-Protection": "0",
        "Strict-Transport-Security": "max-age=31536000",
    }
    assert configuration.basic_auth_users["alice"].get_secret_value() == HASH
    assert HASH not in repr(configuration)
    assert web_summary(configuration).splitlines()[:2] == [
        "web: TLS (TLS12 to TLS13, RequireAndVerifyClientCert)",
        "  basic authentication: 1 user",
    ]


@pytest.mark.parametrize(
    ("text", "tls", "authentication"),
    [
        pytest.param("", "off", "none", id="nothing"),
        pytest.param(f"basic_auth_users: {{prometheus: {HASH}}}", "off", "password", id="password"),
        pytest.param(TLS, "on", "none", id="TLS"),
        pytest.param(
            f"{TLS}  client_ca: x\n  client_auth_type: VerifyClientCertIfGiven\n",
            "on",
            "none",
            id="certificate if given",
        ),
        pytest.param(
            f"{TLS}  client_ca: x\n  client_auth_type: RequireAndVerifyClientCert\n"
            f"basic_auth_users: {{prometheus: {HASH}}}",
            "on",
            "password and client certificate",
            id="both",
        ),
    ],
)
def test_the_protection_in_words(web_file: Path, text: str, tls: str, authentication: str) -> None:
    """What a client needs, as the start of serve logs it; without a file it needs nothing."""
    web_file.write_text(text)
    assert protection(load_web(web_file)) == {"tls": tls, "authentication": authentication}
    assert protection(None) == {"tls": "off", "authentication": "none"}


def test_an_empty_header_is_none(web_file: Path) -> None:
    """A header that is given as nothing leaves our own in place."""
    assert read(web_file, 'http_server_config: {headers: {X-Frame-Options: ""}}').headers == {}


CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n"
CA = "  client_ca_file: ca.crt\n"


@pytest.mark.parametrize(
    ("text", "line", "path", "words"),
    [
        pytest.param(
            "tls_server_confg: {}", 1, "tls_server_confg", "did you mean tls_server_config", id="unknown key"
        ),
        pytest.param(TLS + "  cert_fle: x", 4, "tls_server_config.cert_fle", "unknown key", id="unknown key of tls"),
        pytest.param("tls_server_config: {cert_file: server.crt}", 1, "key_file", "is required", id="no key file"),
        pytest.param(TLS.replace("server.crt", "none.crt"), 2, "cert_file", "no such file", id="no such file"),
        pytest.param(
            TLS + "  cert: PEM",
            4,
            "tls_server_config.cert",
            "inline certificates are not supported, use cert_file",
            id="inline certificate",
        ),
        pytest.param(
            TLS + "  key: PlantedSecret",
            4,
            "tls_server_config.key",
            "inline keys are not supported, use key_file",
            id="inline key",
        ),
        pytest.param("rate_limit: {burst: 1}", 1, "rate_limit", "not supported", id="rate limit"),
        pytest.param("http_server_config: {http2: true}", 1, "http2", "false", id="http2"),
        pytest.param(
            TLS + "  client_auth_type: RequireAnyClientCert",
            4,
            "client_auth_type",
            "not supported",
            id="any cert",
        ),
        pytest.param(TLS + "  client_auth_type: RequestClientCert", 4, "client_auth_type", "verify", id="request"),
        pytest.param(
            TLS + CLIENTS, 4, "client_auth_type", "needs client_ca or client_ca_file; none is set", id="no authority"
        ),
        pytest.param(TLS + CA, 1, "client_auth_type", "NoClientCert would not use it", id="no policy"),
        pytest.param(
            TLS + CA + CLIENTS + "  client_ca: x", 4, "client_ca_file", "both are set", id="two authorities"
        ),
        pytest.param(
            TLS + CA + "  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [a]",
            6,
            "client_allowed_sans",
            "RequireAndVerify",
            id="names of optional certificates",
        ),
        pytest.param(TLS + "  min_version: TLS10", 4, "min_version", "TLS12 or TLS13", id="TLS 1.0"),
        pytest.param(TLS + "  min_version: TLS11", 4, "min_version", "TLS12 or TLS13", id="TLS 1.1"),
        pytest.param(
            TLS + "  min_version: TLS13\n  max_version: TLS12",
            5,
            "max_version",
            "max_version is below min_version, TLS13",
            id="versions swapped",
        ),
        pytest.param(
            TLS + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", 4, "cipher_suites[0]", "one of TLS_", id="RC4"
        ),
        pytest.param(
            TLS + "  max_version: TLS12\n  cipher_suites: [TLS_AES_128_GCM_SHA256]",
            5,
            "cipher_suites",
            "no suite of TLS 1.2 is listed",
            id="no suite left",
        ),
        pytest.param(
            TLS + "  curve_preferences: [X25519, CurveP256]", 4, "curve_preferences", "several", id="two curves"
        ),
        pytest.param(TLS + "  curve_preferences: [CurveP999]", 4, "curve_preferences[0]", "one", id="new curve"),
        pytest.param("basic_auth_users: {a: PlantedSecret}", 1, "basic_auth_users.a", "bcrypt", id="plain password"),
        pytest.param(
            "basic_auth_users: {a: " + HASH.replace("$04$", "$31$") + "}",
            1,
            "basic_auth_users.a",
            "4 to 16",
            id="cost",
        ),
        pytest.param(
            "basic_auth_users: PlantedSecret", 1, "basic_auth_users", "a mapping of names", id="a password alone"
        ),
        pytest.param('basic_auth_users: {"a:b": ' + HASH + "}", 1, "basic_auth_users", "without a colon", id="colon"),
        pytest.param("basic_auth_users:", 1, "basic_auth_users", "this is empty", id="no users"),
        pytest.param("http_server_config: {headers: {Server: x}}", 1, "headers", "unknown key", id="sixth header"),
        pytest.param(
            "http_server_config: {headers: {X-Frame-Options: ALLOW}}", 1, "headers", "deny, sameorigin", id="frames"
        ),
        pytest.param(
            "http_server_config: {headers: {X-Content-Type-Options: sniff}}", 1, "headers", "nosniff", id="sniffing"
        ),
        pytest.param(
            'http_server_config: {headers: {X-XSS-Protection: "1\\nSet-Cookie: a"}}',
            1,
            "headers",
            "ASCII",
            id="split",
        ),
        pytest.param("[]", 1, "(top level)", "a mapping", id="a list"),
        pytest.param("a: [", 1, "(top level)", "broken YAML", id="broken"),
    ],
)
def test_bad_file(web_file: Path, text: str, line: int, path: str, words: str) -> None:
    """What cannot be used or offered is refused with its line, its key and what would do, and no secret is shown."""
    with pytest.raises(ConfigurationError) as refused:
        read(web_file, text)

    (problem,) = refused.value.problems
    assert problem.line == line
    assert path in problem.path
    assert words in str(problem)
    assert re.search(r"PlantedSecret|\$2y", str(refused.value)) is None


def test_all_problems_at_once(web_file: Path) -> None:
    """One problem hides no other."""
    with pytest.raises(ConfigurationError) as refused:
        read(web_file, "rate_limit: {}\nbasic_auth_users: {a: b}\nhttp_server_config: {http2: yes, http3: no}\n")

    assert [problem.path for problem in refused.value.problems] == [
        "rate_limit",
        "basic_auth_users.a",
        "http_server_config.http2",
        "http_server_config.http3",
    ]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is refused by its name."""
    with pytest.raises(ConfigurationError, match=r"web\.yaml: .*no such file"):
        load_web(tmp_path / "web.yaml")


def test_every_key_is_documented() -> None:
    """By its name, in the table of the keys."""
    text = (Path(__file__).parent.parent.parent / "docs" / "web.md").read_text(encoding="utf-8")
    models = (WebConfiguration, TlsServer, HttpServer, Headers)
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert sorted(key for key in keys if not re.search(rf"`(?:\w*\.)*{key}`|^{key}:", text, re.MULTILINE)) == []

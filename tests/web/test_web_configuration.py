"""The settings of the web configuration file, and how they follow the files."""

import itertools
import logging
import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from exporter.config import ConfigurationError
from exporter.web.web_configuration import WebConfigurationFile, WebSettings, names_in
from tests.recording_log import RecordingLog

HASH = "$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"
Put = Callable[[str, str | bytes], None]
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs."""
    return trustme.CA()


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes a file, with a time of its own: the clock of a file system may tick less often than a test writes."""
    moments = itertools.count(1)

    def write(name: str, content: str | bytes) -> None:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(file, ns=(moment := next(moments), moment))

    return write


@pytest.fixture
def renew(put: Put, authority: trustme.CA) -> Callable[[], None]:
    """Writes a new certificate with its key."""

    def write() -> None:
        certificate = authority.issue_cert("localhost")
        put("server.crt", certificate.cert_chain_pems[0].bytes())
        put("server.key", certificate.private_key_pem.bytes())

    return write


@pytest.fixture
def file(tmp_path: Path, renew: Callable[[], None], authority: trustme.CA) -> Path:
    """The place of the configuration file, beside a certificate."""
    renew()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    return tmp_path / "web.yaml"


def look_until_settled(web: WebConfigurationFile) -> None:
    """Twice: a change counts once it has stayed."""
    web.look()
    web.look()


def test_no_file_asks_nothing() -> None:
    """Without a file there is nothing to look at either."""
    log = RecordingLog()
    web = WebConfigurationFile(None, log=log)
    look_until_settled(web)

    assert (web.settings, log.lines) == (WebSettings(), [])


def test_terms_do_not_show_hashes(file: Path, put: Put) -> None:
    """Neither do they when printed."""
    put("web.yaml", USERS)
    assert HASH not in repr(WebConfigurationFile(file, log=RecordingLog()).settings)


def test_what_changed_holds_once_it_has_stayed(file: Path, put: Put) -> None:
    """A file that may still be written is left alone for one look; without a change nothing is read."""
    log = RecordingLog()
    put("web.yaml", USERS)
    web = WebConfigurationFile(file, log=log)
    before = web.settings
    look_until_settled(web)
    assert web.settings is before

    put("web.yaml", USERS.replace("alice", "someone"))
    web.look()
    assert web.settings is before
    web.look()
    assert web.settings.users == {"someone": HASH.encode()}
    assert log.above_debug() == [("web configuration reloaded", {"path": str(file)})]


def test_a_renewed_certificate_holds(file: Path, renew: Callable[[], None], put: Put) -> None:
    """The files that the file names are looked at, too; so are those that it names only now."""
    put("web.yaml", TLS + "}")
    web = WebConfigurationFile(file, log=RecordingLog())
    first = web.settings.context
    renew()
    look_until_settled(web)
    second = web.settings.context
    assert second is not first

    for name in ("server.crt", "server.key"):
        (file.parent / name).rename(file.parent / f"new-{name}")
    put("web.yaml", TLS.replace("server.", "new-server.") + "}")
    look_until_settled(web)
    third = web.settings.context
    assert third is not second
    os.utime(file.parent / "new-server.crt", ns=(1, 1))
    look_until_settled(web)
    assert web.settings.context is not third


def test_half_a_renewal_changes_nothing(file: Path, renew: Callable[[], None], put: Put) -> None:
    """A certificate without its key is logged once; the one before stays, and the key makes the new one hold."""
    log = RecordingLog()
    put("web.yaml", TLS + "}")
    web = WebConfigurationFile(file, log=log)
    before = web.settings
    old_key = (file.parent / "server.key").read_bytes()
    renew()
    new_key = (file.parent / "server.key").read_bytes()
    put("server.key", old_key)
    for _ in range(3):
        look_until_settled(web)
    assert web.settings is before
    ((level, event, fields),) = log.lines
    assert (level, event) == (logging.ERROR, "web configuration not reloaded")
    assert "tls_server_config.key_file: seen a key that does not belong to cert_file" in fields["explanation"]

    put("server.key", new_key)
    look_until_settled(web)
    assert web.settings is not before
    assert log.lines[1][1] == "web configuration reloaded"


def test_what_was_refused_is_tried_again(file: Path, put: Put) -> None:
    """A file named before it was there is found when it comes, though no file that was looked at has changed."""
    put("web.yaml", TLS + "}")
    web = WebConfigurationFile(file, log=RecordingLog())
    before = web.settings
    put("web.yaml", TLS + ", client_ca_file: late.crt, client_auth_type: RequireAndVerifyClientCert}")
    look_until_settled(web)
    assert web.settings is before

    (file.parent / "ca.crt").rename(file.parent / "late.crt")
    web.look()
    assert web.settings.context is not None
    assert web.settings.context.verify_mode == ssl.CERT_REQUIRED


CLIENTS = ", client_ca_file: ca.crt, client_auth_type: "


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param(USERS, "", "the last user cannot be removed while the exporter runs", id="empty file"),
        pytest.param(TLS + "}", "", "TLS cannot be switched on or off", id="no TLS"),
        pytest.param("", TLS + "}", "TLS cannot be switched on or off", id="new TLS"),
        pytest.param(
            TLS + CLIENTS + "RequireAndVerifyClientCert}",
            TLS + "}",
            "client certificates cannot stop being required",
            id="no client certificates",
        ),
        pytest.param(
            TLS + CLIENTS + "RequireAndVerifyClientCert}",
            TLS + CLIENTS + "VerifyClientCertIfGiven}",
            "client certificates cannot stop being required",
            id="optional client certificates",
        ),
        pytest.param(USERS, "basic_auth_users: {alice: hunter2}", "bcrypt", id="bad file"),
    ],
)
def test_a_door_is_not_opened_by_accident(file: Path, before: str, after: str, words: str, put: Put) -> None:
    """A file that would take a protection away is refused and changes nothing: a file cut short must not do that."""
    log = RecordingLog()
    put("web.yaml", before)
    web = WebConfigurationFile(file, log=log)
    settings = web.settings
    put("web.yaml", after)
    look_until_settled(web)

    assert web.settings is settings
    ((event, fields),) = log.above_debug()
    assert event == "web configuration not reloaded"
    assert words in fields["explanation"]
    assert "hunter2" not in str(log.lines)


def test_a_file_that_is_gone_changes_nothing(file: Path, put: Put) -> None:
    """The settings stay as they were."""
    put("web.yaml", USERS)
    web = WebConfigurationFile(file, log=RecordingLog())
    settings = web.settings
    file.unlink()
    look_until_settled(web)

    assert web.settings is settings


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("server.crt", "no PEM", "tls_server_config.cert_file: seen no certificate", id="certificate"),
        pytest.param("server.key", "PlantedSecret", "tls_server_config.cert_file: seen no certificate", id="key"),
        pytest.param("ca.crt", "no PEM", "tls_server_config.client_ca_file: seen no certificates", id="authorities"),
    ],
)
def test_files_of_no_use(file: Path, name: str, content: str, words: str, put: Put) -> None:
    """What is no certificate or key is refused before anything is served."""
    put("web.yaml", TLS + CLIENTS + "RequireAndVerifyClientCert}")
    put(name, content)

    with pytest.raises(ConfigurationError, match=words) as refused:
        WebConfigurationFile(file, log=RecordingLog())
    assert "PlantedSecret" not in str(refused.value)


def test_a_key_with_a_passphrase(file: Path, put: Put) -> None:
    """It is refused, and nobody is asked for the passphrase."""
    key = load_pem_private_key((file.parent / "server.key").read_bytes(), password=None)
    put("server.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    put("web.yaml", TLS + "}")

    with pytest.raises(ConfigurationError, match="without a passphrase"):
        WebConfigurationFile(file, log=RecordingLog())


def test_suites_and_versions(file: Path, put: Put) -> None:
    """The context speaks what the file says."""
    suites = "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], prefer_server_cipher_suites: false"
    put("web.yaml", f"{TLS}, max_version: TLS12, curve_preferences: [CurveP384], {suites}}}")
    context = WebConfigurationFile(file, log=RecordingLog()).settings.context
    assert context is not None
    assert (context.minimum_version, context.maximum_version) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    assert "ECDHE-ECDSA-AES256-GCM-SHA384" in {suite["name"] for suite in context.get_ciphers()}
    assert "ECDHE-RSA-AES256-GCM-SHA384" not in {suite["name"] for suite in context.get_ciphers()}
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE

    put("web.yaml", TLS + ", cipher_suites: [TLS_AES_128_GCM_SHA256]}")
    context = WebConfigurationFile(file, log=RecordingLog()).settings.context
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3


def test_names_of_a_certificate() -> None:
    """Alternative names of four kinds count, addresses in their short form."""
    certificate = {
        "subjectAltName": (
            ("DNS", "prometheus.example"),
            ("email", "ops@prometheus.example"),
            ("IP Address", "0:0:0:0:0:0:0:1"),
            ("IP Address", "10.0.0.1"),
            ("URI", "spiffe://prometheus.example/scraper"),
            ("DirName", "elsewhere"),
        )
    }
    assert names_in(certificate) == {
        "prometheus.example",
        "ops@prometheus.example",
        "::1",
        "10.0.0.1",
        "spiffe://prometheus.example/scraper",
    }
    assert names_in({}) == frozenset()

"""The same web configuration files, given to a real program of exporter-toolkit and to ours."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
import trustme
from click.testing import CliRunner

from exporter.cli import main

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "web.md"
HASH = bcrypt.hashpw(b"one", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = f"{TLS}  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n"
HEADERS = """\
http_server_config:
  headers:
    Content-Security-Policy: default-src 'none'
    X-Frame-Options: sameorigin
    X-Content-Type-Options: nosniff
    X-XSS-Protection: "0"
    Strict-Transport-Security: max-age=31536000
"""

ALIKE = {
    "nothing": "",
    "a certificate": TLS,
    "client certificates": CLIENTS,
    "optional client certificates": CLIENTS.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"),
    "versions": f"{TLS}  min_version: TLS12\n  max_version: TLS13\n",
    "a version that there is not": f"{TLS}  min_version: TLS14\n",
    "cipher suites": f"{TLS}  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n",
    "a cipher suite that there is not": f"{TLS}  cipher_suites: [TLS_NONE]\n",
    "a cipher suite without a list": f"{TLS}  cipher_suites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n",
    "whose order counts": f"{TLS}  prefer_server_cipher_suites: false\n",
    "whose order counts, as text": f"{TLS}  prefer_server_cipher_suites: maybe\n",
    "a curve": f"{TLS}  curve_preferences: [CurveP256]\n",
    "a curve that there is not": f"{TLS}  curve_preferences: [CurveP999]\n",
    "no HTTP/2": "http_server_config: {http2: false}\n",
    "HTTP/2, as text": "http_server_config: {http2: never}\n",
    "headers": HEADERS,
    "a value that a header cannot have": HEADERS.replace("sameorigin", "allow"),
    "a header that is not of the five": HEADERS.replace("X-XSS-Protection", "Server"),
    "a user": f"basic_auth_users: {{alice: {HASH}}}\n",
    "no users": "basic_auth_users: {}\n",
    "a password that is no hash": "basic_auth_users: {alice: one}\n",
    "a list of users": "basic_auth_users: [alice]\n",
    "an unknown key": "tls_server_confg: {}\n",
    "an unknown key of TLS": f"{TLS}  cert_fle: server.crt\n",
    "a key twice": "basic_auth_users: {}\nbasic_auth_users: {}\n",
    "TLS as a list": "tls_server_config: [server.crt]\n",
    "the whole as a list": "[]\n",
    "broken YAML": "tls_server_config: {",
    "no such certificate": TLS.replace("server.crt", "none.crt"),
    "a certificate that is none": TLS.replace("server.crt", "no.crt"),
    "the key of another certificate": TLS.replace("server.key", "other.key"),
    "no key": "tls_server_config: {cert_file: server.crt}\n",
    "no such authorities": CLIENTS.replace("ca.crt", "none.crt"),
    "authorities without a policy": f"{TLS}  client_ca_file: ca.crt\n",
    "a policy that there is not": CLIENTS.replace("RequireAndVerifyClientCert", "Sometimes"),
}
# By their names in the documentation.
DIFFERENT = {
    "TLS 1.0 or 1.1": f"{TLS}  min_version: TLS10\n",
    "versions the wrong way round": f"{TLS}  min_version: TLS13\n  max_version: TLS12\n",
    "a suite without forward secrecy": f"{TLS}  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n",
    "several curves": f"{TLS}  curve_preferences: [X25519, CurveP256]\n",
    "`http2: true`": f"{TLS}http_server_config: {{http2: true}}\n",
    "`RequestClientCert`": f"{TLS}  client_auth_type: RequestClientCert\n",
    "`RequireAnyClientCert`": f"{TLS}  client_auth_type: RequireAnyClientCert\n",
    "a policy without authorities": f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n",
    "authorities that are none": CLIENTS.replace("ca.crt", "no.crt"),
    "a hash of cost 17 or more": f"basic_auth_users: {{alice: {HASH.replace('$04$', '$17$')}}}\n",
    "a user name with a colon": f'basic_auth_users: {{"a:b": {HASH}}}\n',
    "a section that is empty": "tls_server_config:\n",
    "two documents": "http_server_config: {http2: false}\n---\nhttp_server_config: {http2: false}\n",
}
# Keys that older versions of the toolkit do not know.
DIFFERENT_BY_VERSION = {
    "`client_allowed_sans`": f"{CLIENTS}  client_allowed_sans: [prometheus.example]\n",
    "`rate_limit`": "rate_limit: {burst: 1, interval: 1s}\n",
    "`cert` and `key` inline": "tls_server_config:\n  cert: |\n    CERTIFICATE\n  key: |\n    KEY\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has the files that the configurations name."""
    made = tmp_path_factory.mktemp("web")
    authority = trustme.CA()
    certificate, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(made / "server.crt"))
    certificate.private_key_pem.write_to_path(str(made / "server.key"))
    other.private_key_pem.write_to_path(str(made / "other.key"))
    authority.cert_pem.write_to_path(str(made / "ca.crt"))
    (made / "no.crt").write_text("no certificate\n")
    return made


@pytest.fixture
def verdicts(folder: Path, tool: Callable[[str], str]) -> Callable[[str], tuple[bool, bool]]:
    """Whether a file is accepted: by ours, and by the other program."""
    program = tool("prometheus-node-exporter")

    def judge(text: str) -> tuple[bool, bool]:
        for name in ("CERTIFICATE", "KEY"):
            pem = (folder / ("server.crt" if name == "CERTIFICATE" else "server.key")).read_text()
            text = text.replace(f"    {name}\n", "".join(f"    {line}\n" for line in pem.splitlines()))
        file = folder / "web.yaml"
        file.write_text(text)
        result = CliRunner().invoke(main, ["check-config", "--web.config.file", str(file)])
        assert result.exit_code in (0, 2), result.output
        return result.exit_code == 0, starts(program, file)

    return judge


def starts(program: str, file: Path) -> bool:
    """Whether it says that TLS is enabled or disabled, which it does once it has read the file; else it exits."""
    command = [
        program,
        "--collector.disable-defaults",
        "--web.listen-address=127.0.0.1:0",
        f"--web.config.file={file}",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:  # noqa: S603 — a tool that the tests look for
        assert process.stderr is not None
        log = []
        for line in process.stderr:
            log.append(line)
            if "TLS is" in line:
                process.kill()
                return True
    assert process.returncode == 1, log
    return False


@pytest.mark.parametrize("name", ALIKE)
def test_files_are_accepted_and_refused_alike(verdicts: Callable[[str], tuple[bool, bool]], name: str) -> None:
    """Whatever key they set or miss, rightly or wrongly."""
    ours, theirs = verdicts(ALIKE[name])

    assert ours == theirs


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_we_refuse_and_they_accept(verdicts: Callable[[str], tuple[bool, bool]], name: str) -> None:
    """Each difference is one where ours accepts less; the documentation says why."""
    assert verdicts(DIFFERENT[name]) == (False, True)


@pytest.mark.parametrize("name", DIFFERENT_BY_VERSION)
def test_keys_that_not_all_of_their_versions_know(verdicts: Callable[[str], tuple[bool, bool]], name: str) -> None:
    """What ours does with them does not depend on the version that is installed."""
    assert verdicts(DIFFERENT_BY_VERSION[name])[0] is (name == "`client_allowed_sans`")


def test_the_differences_are_documented() -> None:
    """All that there are and no other, each with its reason."""
    _, _, section = DOCUMENTATION.read_text(encoding="utf-8").partition("\n## Differences from exporter-toolkit\n")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+\.) \|$", section.partition("\n## ")[0], re.MULTILINE)

    assert [name for name, _reason in rows] == [*DIFFERENT, *DIFFERENT_BY_VERSION]

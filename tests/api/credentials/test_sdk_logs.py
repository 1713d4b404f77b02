"""Nothing that the vendor's library handles is heard, whatever goes wrong: not on a stream, not in a log record."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.api.credentials.conftest import Run

# Everything that is logged goes to standard error, and the library's own debugging is on.
LISTENING = 'import logging; logging.basicConfig(level=logging.DEBUG, format="%(name)s %(threadName)s %(message)s")\n'
ODD_HEADERS = "/odd"


class Echo(BaseHTTPRequestHandler):
    """Answers as the worst server would: with all that it was sent, and a token."""

    def do_GET(self) -> None:
        said = {"Code": "planted-code-1", "SecurityToken": "planted-answer", "Message": self.path}
        body = json.dumps(said).encode()
        status = b"200 OK" if "junk" in self.path else b"400 Bad Request"
        odd = b"planted line without a colon\r\n" if ODD_HEADERS in self.path else b""
        length = b"Content-Length: %d\r\n" % len(body)
        self.wfile.write(b"HTTP/1.0 " + status + b"\r\n" + length + odd + b"\r\n" + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the standard library's name
        """Stay quiet."""


@pytest.fixture
def echo() -> Iterator[str]:
    """The address of a server that repeats what it is sent."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_each_source_fails_in_silence(run: Run, echo: str, tmp_path: Path) -> None:
    """Refusals, answers without sense, odd headers, dead connections, failing commands: only our words are logged."""
    token = tmp_path / "token"
    token.write_text("planted-oidc-token", encoding="ascii")
    profiles = [
        {"name": "echo", "mode": "External", "process_command": "sh -c 'echo planted-out; echo planted-err >&2'"},
        {"name": "fails", "mode": "External", "process_command": "sh -c 'echo planted-err >&2; exit 1'"},
    ]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"profiles": profiles}), encoding="utf-8")
    oidc = f'role_arn="acs:ram::1:role/x", provider_arn="acs:ram::1:oidc-provider/x", token_file=Path({str(token)!r})'
    expected = {
        f"oidc_role({oidc}, sts_endpoint={echo!r})": "HTTP 400",
        f'oidc_role({oidc}, sts_endpoint="http://127.0.0.1:1")': "cannot reach 127.0.0.1:1: Connection refused",
        f'oidc_role({oidc}, sts_endpoint="https://127.0.0.1:1")': "cannot reach 127.0.0.1:1: Connection refused",
        f'credentials_uri(Secret("{echo}/x?token=planted-token"))': "HTTP 400",
        f'credentials_uri(Secret("{echo}/junk?token=planted-token"))': (
            "the answer holds no credentials (CredentialException)"
        ),
        f'credentials_uri(Secret("{echo}{ODD_HEADERS}?token=planted-token"))': "HTTP 400",
        'credentials_uri(Secret("http://127.0.0.1:1/?token=planted-token"))': (
            "cannot reach 127.0.0.1:1: Connection refused"
        ),
        f'profile("echo", Path({str(config)!r}))': "the answer holds no credentials (CredentialException)",
        f'profile("fails", Path({str(config)!r}))': "the profile's command failed",
        f"default_chain(sts_endpoint={echo!r})": "the exchange of the OIDC token: HTTP 400; ~/.aliyun/config.json: ",
    }
    done = run(
        f"{LISTENING}for source in ({', '.join(expected)}): ask(source)",
        DEBUG="sdk",
        PATH="/usr/bin:/bin",
        **environment_of_the_chain(token, echo),
    )

    assert done.returncode == 0, done.stderr
    for line, reason in zip(done.stdout.splitlines(), expected.values(), strict=True):
        assert reason in line
    assert "planted" not in done.stdout
    assert done.stderr == ""


def environment_of_the_chain(token: Path, echo: str) -> dict[str, str]:
    """What makes the chain try everything that it can without a metadata server."""
    return {
        "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/x",
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/x",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token),
        "ALIBABA_CLOUD_CREDENTIALS_URI": f"{echo}/chain?token=planted-token",
    }


def test_a_proxy_of_the_library_is_named(run: Run) -> None:
    """Not with its password."""
    done = run('ask(credentials_uri(Secret("http://127.0.0.1:2/?x")))', HTTP_PROXY="http://user:planted@127.0.0.1:1")

    assert done.stdout.startswith(
        "the credentials URI: cannot reach 127.0.0.1:2 through the proxy 127.0.0.1:1: Connection refused; "
    )
    assert "planted" not in done.stdout + done.stderr

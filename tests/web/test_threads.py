"""Answers that need no thread but those that are there."""

import re
from collections.abc import Callable
from http.client import HTTPMessage
from pathlib import Path

import bcrypt
import pytest

from exporter.web.server import WebServer
from tests.no_new_threads import no_new_threads
from tests.waiting import soon

WEB = Path(__file__).parents[2] / "exporter" / "web"

Ask = Callable[..., tuple[int, HTTPMessage, bytes]]


class Large:
    """An exposition whose page is made in another thread and sent in pieces."""

    small = False

    def page(self, _exposition_format: object) -> list[bytes]:
        """3 MB."""
        return [b"a" * 1_000_000] * 3


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/metrics", "GET", {}),
        ("/metrics", "GET", {"Accept-Encoding": "gzip"}),
        ("/metrics", "HEAD", {}),
        ("/metrics", "HEAD", {"Accept-Encoding": "gzip"}),
        ("/", "GET", {}),
        ("/api/v1/status", "GET", {}),
        ("/-/healthy", "GET", {}),
        ("/-/ready", "GET", {}),
        ("/-/reload", "POST", {}),
    ],
)
def test_every_answer_without_a_thread_to_be_had(
    serve: Callable[..., WebServer],
    ask: Ask,
    caplog: pytest.LogCaptureFixture,
    *,
    path: str,
    method: str,
    headers: dict[str, str],
) -> None:
    """The server has all its threads when it listens, and starts none for an answer, be it the first one."""
    server = serve(exposition=Large(), reload=lambda: None)
    with no_new_threads():
        for _ in range(2):
            assert ask(server, path, method, headers)[0] == 200
    server.stop()
    assert caplog.records == []


def test_a_first_login_without_a_thread_to_be_had(serve: Callable[..., WebServer], ask: Ask, tmp_path: Path) -> None:
    """A password is checked, and a new web configuration read, by threads that are there."""
    file = tmp_path / "web.yaml"
    hashed = bcrypt.hashpw(b"one", bcrypt.gensalt(4)).decode()
    file.write_text(f"basic_auth_users: {{alice: {hashed}}}")
    server = serve(config_file=file)
    with no_new_threads():
        assert ask(server, "/metrics", headers={"Authorization": "Basic YWxpY2U6b25l"})[0] == 200
        assert ask(server, "/metrics", headers={"Authorization": "Basic YWxpY2U6dHdv"})[0] == 401
        file.write_text(f"basic_auth_users: {{carol: {hashed}}}")
        carol = {"Authorization": "Basic Y2Fyb2w6b25l"}
        assert soon(lambda: ask(server, "/metrics", headers=carol)[0] == 200)


def test_no_thread_but_our_own_is_asked_for() -> None:
    """Whatever starts threads on demand is used nowhere in the server, be it for what no test above asks for."""
    sources = "\n".join(file.read_text() for file in sorted(WEB.glob("*.py")))

    assert "run_in_executor(" in sources
    assert (
        re.findall(r"_in_threadpool|to_thread|run_in_executor\(None|ThreadPoolExecutor|getaddrinfo.*await", sources)
        == []
    )

"""A headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import websocket

from tests.waiting import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FLAGS = (
    "--headless",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    # It asks nobody but the servers of the test, which have names too: it trusts what is sent to 127.0.0.1 by number.
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# What is said to a page that a navigation has just replaced.
_LEFT = ("Inspected target navigated or closed", "Execution context was destroyed.")
# What repeats itself does so when the test says so.
_HELD_CLOCK = "window.setInterval = (work) => { window.repeat = work; return 1; };"


@dataclass(frozen=True, slots=True)
class Reader:
    """How a person's browser is set: the languages it asks for, the size of its window, and its colours."""

    languages: str = "en-US,en"
    width: int = 1280
    height: int = 900
    dark: bool = False


ENGLISH = Reader()


@contextmanager
def chromium(program: str, folder: Path) -> Iterator[Browser]:
    """A browser with a profile in the folder, gone at the end."""
    # Its sandbox is not to be had by root, nor in most containers; it opens our own pages only.
    command = [program, *_FLAGS, "--no-sandbox", f"--user-data-dir={folder}", "about:blank"]
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stderr, stderr=stderr, stdin=subprocess.DEVNULL)  # noqa: S603
    try:
        port, path = _told(folder / "DevToolsActivePort", process)
        address = f"ws://127.0.0.1:{port}{path}"
        with closing(websocket.create_connection(address, timeout=PATIENCE_S, suppress_origin=True)) as line:
            yield Browser(line)
    finally:
        process.kill()
        process.wait()


def _told(file: Path, process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Port and path, which the browser writes down once it listens."""

    def port_and_path() -> list[str] | None:
        assert process.poll() is None, (file.parent / "stderr").read_text()
        lines = file.read_text().split() if file.exists() else []
        return lines if len(lines) == 2 else None

    port, path = wait_until("the browser listens", port_and_path)
    return port, path


class Browser:
    """Opens pages."""

    def __init__(self, line: websocket.WebSocket) -> None:
        self._line = line
        self._number = 0
        self.complaints: dict[str, list[Any]] = defaultdict(list)
        """What each page wrote on its console, and errors that it did not catch, by the session of its tab."""

    def open(self, url: str, reader: Reader = ENGLISH) -> Page:
        """The page, loaded, as this reader sees it, with its clock held."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        page.call("Page.addScriptToEvaluateOnNewDocument", source=_HELD_CLOCK)
        page.is_read_by(reader)
        page.call("Page.navigate", url=url)
        page.wait_until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")
        return page

    def call(self, method: str, parameters: dict[str, Any], *, session: str | None = None) -> Any:
        """The result of the method."""
        self._number += 1
        request: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        self._line.send(json.dumps({**request, "sessionId": session} if session else request))
        while True:
            message = json.loads(self._line.recv())
            if message.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                self.complaints[message["sessionId"]].append(message["params"])
            if message.get("id") == self._number:
                if message.get("error", {}).get("message") in _LEFT:
                    raise LookupError(f"{method}: the page went to another one meanwhile")
                assert "error" not in message, (method, message)
                return message["result"]


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target

    def close(self) -> list[Any]:
        """The tab is gone, so that it asks nothing of a server that has left; returns what it complained of."""
        complaints = self._browser.complaints[self._session]
        self._browser.call("Target.closeTarget", {"targetId": self._target})
        return complaints

    def is_read_by(self, reader: Reader) -> None:
        """What is opened from now on is shown as this reader has set the browser, what is open in its size."""
        agent = self.see("navigator.userAgent")
        colours = {"name": "prefers-color-scheme", "value": "dark" if reader.dark else "light"}
        size = {"width": reader.width, "height": reader.height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=reader.languages)
        self.call("Emulation.setEmulatedMedia", features=[colours])
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of the method in this tab."""
        return self._browser.call(method, parameters, session=self._session)

    def see(self, expression: str) -> Any:
        """The value of an expression in the page, also one that it promises."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_until(self, expression: str) -> None:
        """The expression has become true."""
        wait_until(expression, lambda: self.see(expression))

    def type(self, text: str) -> None:
        """The text has been typed where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "") -> None:
        """The key has been pressed and let go."""
        for kind in ("keyDown", "keyUp"):
            letters = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **letters)

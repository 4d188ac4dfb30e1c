"""A real Chromium, driven over its DevTools pipe: no driver program, no package beside the browser itself."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 60.0


class Unavailable(Exception):
    """There is no Chromium here."""


def program() -> str:
    """The browser's path: ``DRIFTLINE_CHROMIUM``, else the first on the path."""
    given = os.environ.get("DRIFTLINE_CHROMIUM")
    found = given or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise Unavailable(f"none of {', '.join(NAMES)} is installed; on Debian: apt-get install chromium")
    return found


class Browser:
    """The process and its pipe: JSON messages, each ended by a NUL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0
        self.events: list[dict[str, Any]] = []
        read_there, self._write = os.pipe()
        self._read, write_there = os.pipe()
        flags = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
            "--font-render-hinting=none", "--hide-scrollbars", "--force-color-profile=srgb",
            f"--user-data-dir={self.folder}", "--remote-debugging-pipe",
        ]  # fmt: skip

        read_there, write_there = (_above_9(fd) for fd in (read_there, write_there))
        renumbered = [sys.executable, "-c", _RENUMBER, str(read_there), str(write_there)]
        with (self.folder / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*renumbered, program(), *flags, "about:blank"], stdout=log, stderr=log,
                pass_fds=(read_there, write_there),
            )  # fmt: skip
        os.close(read_there)
        os.close(write_there)
        self._waiting = b""

    def close(self) -> None:
        """End the browser."""
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """A command and its result; events that come in between are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        os.write(
            self._write, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        )
        number = self.number
        answer = self.until(lambda m: m.get("id") == number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read on until a message is there; events are kept."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            message = self._next(deadline)
            if "method" in message:
                self.events.append(message)
            if wanted(message):
                return message

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise TimeoutError(
                    f"Chromium does not answer: {(self.folder / 'chromium.log').read_text()[-2000:]}"
                )
            received = os.read(self._read, 1 << 20)
            if not received:
                raise ConnectionError(f"Chromium ended: {(self.folder / 'chromium.log').read_text()[-2000:]}")
            self._waiting += received
        raw, self._waiting = self._waiting.split(b"\0", 1)
        message: dict[str, Any] = json.loads(raw)
        return message


_RENUMBER = (
    "import os, sys; [os.dup2(int(sys.argv[n]), n + 2) for n in (1, 2)]; os.execv(sys.argv[3], sys.argv[3:])"
)


def _above_9(fd: int) -> int:
    """The same file at a number that is not one of the two that Chromium reads and writes."""
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD, 10)
    os.close(fd)
    return copy


class Page:
    """One tab, as wide and in the colour scheme that the test wants."""

    def __init__(self, browser: Browser, width: int = 1400, height: int = 900, scheme: str = "light") -> None:
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command to this tab."""
        return self._browser.call(method, self._session, **params)

    def goto(self, url: str) -> None:
        """Open an address, until everything of it is loaded."""
        seen = len(self._browser.events)
        self.call("Page.navigate", url=url)
        loaded = {"method": "Page.loadEventFired", "sessionId": self._session}

        def is_loaded(message: dict[str, Any]) -> bool:
            return loaded == {k: message.get(k) for k in loaded}

        if not any(is_loaded(event) for event in self._browser.events[seen:]):
            self._browser.until(is_loaded)

    def run(self, expression: str) -> Any:
        """The value of a script, promises awaited. The page's policy does not bind the test."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """A key, down and up."""
        codes = {"Tab": 9, "Enter": 13}
        for type_ in ("rawKeyDown", "char", "keyUp") if key == "Enter" else ("rawKeyDown", "keyUp"):
            text = {"text": "\r"} if type_ == "char" else {}
            self.call(
                "Input.dispatchKeyEvent",
                type=type_,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                **text,
            )

    def picture(self, *, whole: bool = False, height: int | None = None, width: int = 1400) -> bytes:
        """A PNG of what is seen, of so many pixels from the top, or of the whole page."""
        if whole:
            height = int(self.run("document.documentElement.scrollHeight"))
            width = int(self.run("innerWidth"))
        clip = (
            {} if height is None else {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}
        )
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, **clip)
        return base64.b64decode(shot["data"])

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [
            e["params"] for e in self._browser.events if (e["method"], e.get("sessionId")) == (method, self._session)
        ]  # fmt: skip

    def requests(self) -> list[str]:
        """Every address that was asked for."""
        return [e["request"]["url"] for e in self._events("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """What the console holds of errors and warnings, and exceptions."""
        logged = [e["entry"] for e in self._events("Log.entryAdded")]
        said = [
            f"{e['level']}: {e['text']} {e.get('url', '')}"
            for e in logged
            if e["level"] in ("error", "warning")
        ]
        said += [f"{e['type']}: {e['args']}" for e in self._events("Runtime.consoleAPICalled")]
        return said + [str(e["exceptionDetails"]) for e in self._events("Runtime.exceptionThrown")]

    def close(self) -> None:
        """Close the tab."""
        self._browser.call("Target.closeTarget", targetId=self._target)

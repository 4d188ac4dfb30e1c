"""Make docs/status-page.png: the page in Chromium, of Elec2 on the day when F1 has been too low for a week."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from types import ModuleType

from driftline.web.server import Server

ROOT = Path(__file__).parents[1]
UNTIL = "1997-03-25T12:00:00Z"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "web" / f"{name}.py")
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture() -> bytes:
    """The page from its top to the end of the model's card."""
    elec2_view, chromium = _module("elec2_view"), _module("chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        view = elec2_view.view(Path(folder), UNTIL)
        server, browser = Server(lambda: view, "127.0.0.1", 0), chromium.Browser(Path(folder))
        server.start()
        try:
            page = chromium.Page(browser, width=1280)
            page.goto(f"http://127.0.0.1:{server.port}/")
            bottom = page.run("document.querySelector('.card').getBoundingClientRect().bottom")
            png: bytes = page.picture(height=int(bottom) + 24, width=1280)
            return png
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    (ROOT / "docs" / "status-page.png").write_bytes(picture())

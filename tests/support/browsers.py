"""A browser for tests of pages, and a page in it that may fetch nothing but its own file."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

LOADED = """async () => {
  for (let calm = 0; calm < 2; calm++) {
    await new Promise((done) => setTimeout(done, 10));
    if (document.querySelector("[aria-busy]")) calm = -1;
  }
}"""
"""Returns when no part of a page is loading: a part that came may begin to load others at once."""
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser; without one the test is skipped, in CI it fails."""
    if CHROMIUM is None:
        why = "no browser: apt-get install chromium"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


def wait_for_parts(page: Page) -> None:
    """Wait until the parts of a page that load by themselves are there: until the network is idle
    would take half a second of each page."""
    page.evaluate(LOADED)


@contextmanager
def offline_page(browser: Browser, file: Path, width: int) -> Iterator[Page]:
    """Open a file as a page of a width in pixels; whatever it would fetch fails the test."""
    fetched: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert fetched == [file.as_uri()]

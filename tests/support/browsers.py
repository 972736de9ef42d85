"""A browser for tests of pages, and a page in it that may fetch nothing but its own file."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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


@contextmanager
def offline_page(browser: Browser, file: Path, width: int) -> Iterator[Page]:
    """Open a file as a page of a width in pixels; whatever it would fetch fails the test."""
    fetched: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert fetched == [file.as_uri()]

"""Take the screenshots of README and docs: `make screenshots`, after `make demo`.

Starts a service over a copy of the demo's home, logs in and photographs pages of the console.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from browsers import chromium
from playwright.sync_api import Page

from features.settings import Settings, load
from serving.records.database import Records
from serving.records.users.users import add_user

FOLDER = Path(__file__).parents[2] / "docs" / "images"
CONDITION = "星级 ≥ 3 且 续保概率 < 70% 且 (渠道 = 代理 或 渠道 = 直销)"
SECONDS = 120


def build_list(page: Page) -> None:
    """Type a condition, and see its preview."""
    page.goto("/console/list-builder")
    page.fill("#where", CONDITION)
    page.wait_for_selector("#look .big")
    page.click("text=预览瀑布")
    page.wait_for_selector("#look table")


def open_monday(page: Page) -> None:
    """Open the report of the week."""
    page.goto("/console/monday")
    page.wait_for_selector("main table")


def open_today(page: Page) -> None:
    """Open the state of the day."""
    page.goto("/console/today")


SHOTS = {"console-today": open_today, "console-list": build_list, "console-monday": open_monday}


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(load().home, home, ignore=shutil.ignore_patterns("mlflow", "truth"))
        password = secrets.token_urlsafe(12)
        records = Records(Settings(home=home))
        records.migrate()
        with records.writing() as connection:
            at = datetime.now(UTC)
            add_user(
                connection, "shots", password, ["administrator"], None, full_name="王主任",
                by="screenshots", at=at,
            )  # fmt: skip
        records.close()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        service = subprocess.Popen(
            [str(Path(sys.executable).with_name("guanjia")), "serve", "--port", str(port)],
            env=os.environ | {"GUANJIA_HOME": str(home)},
        )
        try:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                try:
                    urllib.request.urlopen(f"{url}/readyz").close()
                    break
                except OSError:
                    time.sleep(0.5)
            take(url, password)
        finally:
            service.terminate()
            service.wait()


def take(url: str, password: str) -> None:
    """Log in, and photograph each page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page(base_url=url, viewport={"width": 1280, "height": 900})
        page.set_default_timeout(SECONDS * 1000)
        page.goto("/console/login")
        page.fill("#user_name", "shots")
        page.fill("#password", password)
        page.click("button")
        for name, open_page in SHOTS.items():
            open_page(page)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=FOLDER / f"{name}.png")
            print(f"{FOLDER.name}/{name}.png")


if __name__ == "__main__":
    main()

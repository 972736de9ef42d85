"""Users of the console: in a browser, as a client that sends forms, and who trains a challenger."""

import json
import re
import tempfile
from pathlib import Path

import httpx
import pandas as pd
from browsers import wait_for_parts
from english_runs import english_of
from playwright.sync_api import Browser, Page

from features.lake import Lake, sha256_of
from features.settings import Settings
from training.registry import registration, versions
from training.registry.champions import fetch, fetch_judged

PASSWORD = "correct horse battery staple"
SECONDS = 120_000
"""Milliseconds that a page may take on a busy machine."""
MODEL = "churn"


def challenge(home: Path, calibration: str = "") -> str:
    """Register version 1 again, judged as it was or with another calibration: the challenger."""
    lake = Lake(Settings(home=home))
    first = versions.read_version(lake, MODEL, "1")
    kept = ("gate", "mlflow", "act", "who", "why", "when")
    with tempfile.TemporaryDirectory() as folder:
        judged = fetch_judged(lake, first, Path(folder) / "judged")
        if calibration:
            (judged / "calibration.json").write_text(calibration, "utf-8")
            spec = json.loads((judged / "spec.json").read_text("utf-8"))
            spec["sha256"] = {name: sha256_of(judged / name) for name in spec["sha256"]}
            (judged / "spec.json").write_text(json.dumps(spec), "utf-8")
        bundle = fetch(lake, MODEL, "1")
        columns = json.loads((bundle / "spec.json").read_text("utf-8"))["features"]
        return registration.register(
            lake, MODEL, bundle, parameters=first.parameters, metrics={},
            tags={name: text for name, text in first.tags.items() if not name.startswith(kept)},
            files=[], example=pd.DataFrame({name: [0.0] for name in columns}),
            judged_bundle=judged,
        )  # fmt: skip


class Walk:
    """A browser of one user that remembers the words of every page it was on, and what English it
    saw on them."""

    def __init__(self, browser: Browser, url: str, user: str) -> None:
        self.context = browser.new_context(base_url=url, accept_downloads=True)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(SECONDS)
        self.words = ""
        self.english: set[str] = set()
        self.user = user

    def log_in(self) -> None:
        self.page.goto("/console")
        self.page.fill("#user_name", self.user)
        self.page.fill("#password", PASSWORD)
        self.click("button:has-text('登录')")

    def look(self) -> None:
        self.words += self.page.locator("body").inner_text()
        self.english |= {f"{self.page.url}: {run}" for run in english_of(self.page)}

    def click(self, selector: str) -> None:
        self.look()
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state()
        self.look()

    def open(self, path: str) -> None:
        self.page.goto(path)
        wait_for_parts(self.page)
        self.look()


class Desk:
    """A client that is signed in, and sends forms with the key of its session."""

    def __init__(self, url: str, user: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=120)
        form = {"user_name": user, "password": PASSWORD}
        assert self.client.post("/console/login", data=form).status_code == 303

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def send(self, path: str, **fields: str) -> httpx.Response:
        key = re.findall(r'name="form_key" value="([0-9a-f]+)"', self.get("/console/style").text)
        return self.client.post(path, data={**fields, "form_key": key[0]})

    def wait(self, path: str) -> str:
        """The page of a piece of work once it is done, failed or lost."""
        while True:
            answer = self.get(path)
            assert answer.status_code == 200, answer.text
            if "refresh" not in answer.headers:
                return answer.text

    def act(self, act: str, why: str = "秋季样本更新") -> str:
        begun = self.send(f"/console/models/{MODEL}/{act}", why=why)
        assert begun.status_code == 303, begun.text
        return self.wait(begun.headers["location"])

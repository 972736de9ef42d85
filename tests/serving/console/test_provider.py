"""Logging in through a certified OpenID Connect provider, which the test starts."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from playwright.sync_api import Browser, Page

SOURCE = Path(__file__).parents[2] / "support" / "oidc"
PEOPLE = {
    "zhao": {"name": "赵敏", "groups": ["营销部", "食堂"], "branches": []},
    "qian": {"groups": ["食堂"]},
}
SECRET = "a secret of tests"


class Running(Protocol):
    """What the fixture `service` gives."""

    url: str
    home: Path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Start the provider for the address of a return: `provider(url) -> issuer`."""
    if shutil.which("npm") is None:
        why = "no npm: apt-get install nodejs npm"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    folder = tmp_path_factory.mktemp("oidc")
    for name in ("package.json", "package-lock.json", ".npmrc", "provider.js"):
        shutil.copyfile(SOURCE / name, folder / name)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"the provider cannot be installed from here: {done.stderr[-500:]}")
    started: list[subprocess.Popen[bytes]] = []

    def start(back: str) -> str:
        port = free_port()
        people = os.environ | {"PEOPLE": json.dumps(PEOPLE)}
        command = ["node", "provider.js", str(port), back]
        started.append(subprocess.Popen(command, cwd=folder, env=people))
        issuer = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                httpx.get(f"{issuer}/.well-known/openid-configuration")
                return issuer
            except httpx.TransportError:
                time.sleep(0.1)
        pytest.fail("the provider does not start")

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def vouching(
    demo: tuple[Path, object],
    provider: Callable[[str], str],
    serving: Callable[..., object],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of a service whose users log in at the provider alone."""
    home, folder = tmp_path_factory.mktemp("vouching") / "home", tmp_path_factory.mktemp("runs")
    shutil.copytree(demo[0], home, ignore=shutil.ignore_patterns("mlflow", "reports", "truth"))
    with serving(home, folder, GUANJIA_CONSOLE_SECRET=SECRET) as url:  # type: ignore[attr-defined]
        issuer = provider(f"{url}/console/provider/return")
        (home / "console.toml").write_text(
            f'passwords = false\n[provider]\nissuer = "{issuer}"\nclient_id = "guanjia"\n'
            'branches_claim = "branches"\n[provider.roles]\n"营销部" = "marketer"\n',
            encoding="utf-8",
        )
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def log_in(page: Page, url: str, person: str) -> None:
    page.goto(f"{url}/console/tags")
    page.click("text=统一身份认证")
    page.fill("input[name=login]", person)
    page.fill("input[name=password]", "anything")
    page.click("button[type=submit]")
    page.click("button[type=submit]")  # consents


def test_a_person_of_a_known_group_comes_back_to_the_page(vouching: str, page: Page) -> None:
    log_in(page, vouching, "zhao")
    page.wait_for_url(f"{vouching}/console/tags")
    assert "赵敏" in page.locator("nav").inner_text()
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert "guanjia_login" not in cookies
    # Groups that have no role give nothing; an empty claim of branches shows nobody.
    assert page.goto(f"{vouching}/console/compliance").status == 403  # type: ignore[union-attr]
    page.goto(f"{vouching}/console/customers?q=C0")
    assert "没有符合的客户" in page.locator("main").inner_text()


def test_a_person_without_a_role_is_refused_in_words(vouching: str, page: Page) -> None:
    log_in(page, vouching, "qian")
    assert "您所在的组在管家里没有角色" in page.locator("[role=alert]").inner_text()
    assert page.goto(f"{vouching}/console/tags").url.startswith(f"{vouching}/console/login")  # type: ignore[union-attr]


def test_a_login_that_was_not_begun_here_is_refused(vouching: str) -> None:
    back = f"{vouching}/console/provider/return"
    for cookie in ("", "forged"):
        answer = httpx.get(
            back, params={"code": "x", "state": "y"}, headers={"Cookie": f"guanjia_login={cookie}"}
        )
        assert answer.status_code == 401
        assert "guanjia_session" not in answer.headers.get("set-cookie", "")
    begun = httpx.get(f"{vouching}/console/provider")
    memory = begun.cookies["guanjia_login"]
    answer = httpx.get(
        back, params={"code": "x", "state": "y"}, headers={"Cookie": f"guanjia_login={memory}"}
    )
    assert answer.status_code == 401, "another state is another login"


def test_passwords_are_refused_where_they_are_turned_off(vouching: str) -> None:
    form = {"user_name": "administrator", "password": "correct horse battery staple"}
    answer = httpx.post(f"{vouching}/console/login", data=form)
    assert answer.status_code == 401
    assert "这里不用口令" in answer.text

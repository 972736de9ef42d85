"""Which days a report may be asked for: the same in pages, endpoints and commands."""

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

import httpx
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.reports.kinds import EARLIEST, REPORTS, day_of_report, first_day_of_report

Enter = Callable[[str], httpx.Client]
PAGES = ("monday", "experience", "stars", "relationship")
DAYS = ("0001-01-01", "9999-12-31", "2026-02-30", "1899-12-31", "tomorrow")


class Running(Protocol):
    """What the fixture `service` gives."""

    url: str
    token: str


def addresses() -> list[str]:
    """Every page, part and file of a report with every day that it cannot be made of."""
    found = []
    for kind in PAGES:
        first = "week" if kind == "monday" else "since"
        for day in DAYS:
            found += [f"/console/{kind}?{name}={day}" for name in (first, "as_of")]
            for name in ("since", "as_of"):
                found.append(f"/console/reports/{kind}/part?{name}={day}")
                found.append(f"/console/reports/{kind}/file?format=txt&{name}={day}")
        found.append(f"/console/reports/{kind}/part?since=2026-06-30&as_of=2026-06-30")
        found.append(f"/console/reports/{kind}/part?since=2026-06-30&as_of=2026-05-31")
    return [*found, "/console/monday?week=2026-06-29&as_of=2026-06-28"]


def test_no_page_of_a_report_fails_on_a_day(enter: Enter) -> None:
    client = enter("manager")
    for address in addresses():
        answer = client.get(address)
        assert answer.status_code == 422, f"{address}: {answer.status_code}"
        assert 'role="alert"' in answer.text or "notice bad" in answer.text, address


def test_the_api_refuses_the_same_days(service: Running, client: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {service.token}"}
    for name in ("funnel", "monday", "service", "stars", "stages"):
        for day in DAYS:
            answer = client.get(f"/v1/reports/{name}", params={"as_of": day}, headers=headers)
            assert answer.status_code == 422, (name, day)
            assert answer.json()["faults"][0]["fault"]


def test_a_page_that_is_mailed_names_its_day(enter: Enter) -> None:
    page = enter("manager").get("/console/stars", params={"as_of": "2026-05-31"}).text
    assert "/console/stars?by=branch&amp;as_of=2026-05-31" in page
    assert "/console/reports/stars/part?by=branch&amp;as_of=2026-05-31" in page


def test_a_home_without_any_day_says_so(tmp_path: Any) -> None:
    lake = Lake(Settings(home=tmp_path))
    with pytest.raises(GuanjiaError, match="there are no tags of any day"):
        day_of_report(lake)
    assert day_of_report(lake, EARLIEST) == EARLIEST
    assert day_of_report(lake, week=date(2026, 6, 30)) == date(2026, 6, 28)
    assert first_day_of_report(None, EARLIEST) is None
    assert {*PAGES, "funnel"} == set(REPORTS)

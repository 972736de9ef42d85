"""Days with online rows in Redis, records in Postgres, and a campaign that runs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from zoneinfo import ZoneInfo

import pytest
from campaign_plans import halves, plan_fields
from small_days import CUSTOMERS, day_of, deliver, history, outcomes, prepare, published

from features.lake import Lake
from features.online.reader import read_tags
from features.settings import Settings
from serving.campaigns.planning import launch_campaign, plan_campaign
from serving.campaigns.store import find_campaign, read_drawn
from serving.records.contacts.elsewhere import ExternalContact, insert_external
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import Records

Run = Callable[..., "CompletedProcess[str]"]
ZONE = ZoneInfo("Asia/Shanghai")
LAUNCHED = datetime(2024, 6, 1, 4, tzinfo=UTC)
PLAN = plan_fields(
    campaign="calls",
    label="六月续保外呼",
    arms=halves("phone"),
    starts_on=str(day_of(0)),
    ends_on=str(day_of(60)),
    effect=0.10,
)


def launch(home: Path) -> Records:
    """Launch a campaign to which every customer that is called refuses the next call."""
    lake = Lake(Settings(home=home))
    records = Records(lake.settings)
    records.migrate()
    members = [{"客户号": f"C{number:02}"} for number in range(CUSTOMERS)]
    plan_campaign(
        lake, records, PLAN, members, "tests", LAUNCHED, salt="s", in_holdout=lambda _: False
    )
    launch_campaign(records, "calls", "tests", LAUNCHED)
    at = LAUNCHED + timedelta(hours=1)
    with records.reading() as connection:
        drawn = list(read_drawn(connection, "calls"))
    called = sorted(row["customer_id"] for row in drawn if row["arm"] == "call")
    assert len(called) >= 20
    with records.writing() as connection:
        for number, customer in enumerate(called):
            made = ExternalContact(f"{number:08x}", customer, "renewal_30d", "renewal", "marketing",
                                   "phone", at, campaign="calls")  # fmt: skip
            insert_external(connection, [made], {None: ZONE})
            note_outcome(connection, Outcome("refused", at, made.contact_id), at)
    return records


def tags_of(home: Path, number: int) -> dict[str, bytes]:
    """The files of a day's snapshot."""
    found = sorted((home / "tags").rglob(f"as_of={day_of(number)}.parquet"))
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in found}


@pytest.mark.slow
def test_days_on_servers_are_those_of_files_and_a_campaign_that_harms_is_stopped(
    tmp_path: Path,
    quiet_home: Path,
    redis_url: str,
    postgres: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "servers"
    monkeypatch.setenv("GUANJIA_ONLINE", redis_url)
    monkeypatch.setenv("GUANJIA_DATABASE", postgres)
    prepare(home)
    first = run(home, "daily", "--as-of", str(day_of(0)))
    assert first.returncode == 0, first.stdout + first.stderr
    records = launch(home)
    deliver(home, 1)
    second = run(home, "daily", "--as-of", str(day_of(1)))
    assert second.returncode == 0, second.stdout + second.stderr
    assert not (home / "records.db").exists()
    assert published(home) == str(day_of(1))
    assert outcomes(history(home, 0)[-1]).get("measurement") != "done", "no campaign was running"
    assert outcomes(history(home, 1)[-1])["measurement"] == "done"
    with records.reading() as connection:
        campaign = find_campaign(connection, "calls")
    records.close()
    assert campaign.state == "stopped"
    assert campaign.close_reason is not None
    assert "拒绝" in campaign.close_reason
    page = (home / "days" / f"{day_of(1)}.html").read_text("utf-8")
    assert "六月续保外呼" in page
    expected = tags_of(quiet_home, 1)
    assert expected
    assert tags_of(home, 1) == expected
    names = [f"C{number:02}" for number in range(CUSTOMERS)]
    read = read_tags(Lake(Settings(home=home)), names, ["claim_count_ever"])
    assert {row["as_of"] for row in read} == {day_of(1)}
    # C00 has a claim of the first delivery and one of day 0, C01 that of day 1.
    assert [row["claim_count_ever"] for row in read[:3]] == [2, 1, 0]

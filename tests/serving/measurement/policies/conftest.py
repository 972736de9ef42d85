"""A home with a weekly cap, records that are empty, and a month of decisions."""

from datetime import timedelta
from pathlib import Path

import pytest
from decided_month import (
    CALL,
    CARE,
    NOON,
    decide,
    facts_of,
)

from features.lake import Lake
from features.settings import Settings
from serving.decision.gates import Permission
from serving.records.database import Records

CAPS = """
[rules.a_week]
label = "每周"
purpose = "marketing"
most = {most}
per = "week"
"""


@pytest.fixture
def lake(tmp_path: Path, database: str | None) -> Lake:
    (tmp_path / "home").mkdir()
    off = "".join(
        f"{name} = false\n"
        for name in ("marketing_day", "marketing_week", "marketing_month", "marketing_sms_month",
                     "marketing_phone_week", "wecom_day", "wecom_month", "campaign_week")
    )  # fmt: skip
    text = f"[rules]\n{off}{CAPS.format(most=2)}"
    (tmp_path / "home" / "contact_caps.toml").write_text(text, encoding="utf-8")
    return Lake(Settings(home=tmp_path / "home", database=database))


@pytest.fixture
def month(records: Records) -> Records:
    """C1 is called twice for 10 yuan, C2 once; C3 refuses, C4 is not worth it, C5 is served."""
    day = timedelta(days=1)
    decide(records, facts_of("C1", 110.0, CALL))
    decide(records, facts_of("C1", 110.0, CALL), NOON + 2 * day)
    decide(records, facts_of("C2", 60.0, CALL))
    decide(records, facts_of("C3", 110.0, CALL, permission=Permission({"phone": False}, True)))
    decide(records, facts_of("C4", 5.0, CALL))
    decide(records, facts_of("C5", 110.0, CARE))
    return records

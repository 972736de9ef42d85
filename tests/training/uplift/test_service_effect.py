"""The effect of services on literal frames: what confounds is taken out, what decides, refused."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from training.uplift.service_effect import estimate, used_and_renewed

EFFECT = 0.05
STAMP = pa.timestamp("us", "UTC")
VERSION = [("recorded_at", STAMP), ("superseded_at", STAMP)]
POLICIES = pa.schema(
    [("policy_id", pa.string()), ("customer_id", pa.string()), ("vehicle_id", pa.string()),
     ("line", pa.string()), ("signed_at", STAMP), ("inception", pa.date32()),
     ("expiry", pa.date32()), ("cancelled_on", pa.date32()), *VERSION]
)  # fmt: skip
ENTITLEMENTS = pa.schema([("customer_id", pa.string()), ("used_at", STAMP), *VERSION])


def terms(pull: float, seed: int = 1, rows: int = 12_000) -> tuple[pd.DataFrame, list[str]]:
    """Loyal customers use services more, by `pull`, and renew more; use adds five points."""
    draw = np.random.default_rng(seed)
    loyal, other = draw.normal(size=rows), draw.normal(size=rows)
    used = draw.random(rows) < 1 / (1 + np.exp(-pull * loyal))
    renews = 0.45 + 0.12 * np.clip(loyal, -2, 2) + EFFECT * used
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{one // 2}" for one in range(rows)],
            "other": other,
            "channel": draw.choice(["agent", "online"], rows),
            "used": used,
            "label": draw.random(rows) < renews,
        }
    )
    frame["loyal"] = loyal
    return frame, ["loyal", "other", "channel"]


def test_what_was_known_beforehand_is_taken_out_of_the_difference():
    found = estimate(*terms(pull=1.0))
    assert found.label == "observational"
    assert found.raw.low > EFFECT + 0.05  # loyalty passes for an effect
    assert found.adjusted.low < EFFECT < found.adjusted.high
    assert found.adjusted.high - found.adjusted.low < 0.06
    assert (found.differs_most, found.imbalance > 0.5) == ("loyal", True)
    assert found.imbalance_left < 0.1
    assert 0.9 < found.overlap <= 1


def test_where_use_is_all_but_decided_nothing_is_told():
    with pytest.raises(GuanjiaError, match=r"for \d\d% of the terms .* Remind customers"):
        estimate(*terms(pull=12.0))


def test_where_nothing_confounds_both_are_the_effect():
    found = estimate(*terms(pull=0.0))
    assert found.raw.low < EFFECT < found.raw.high
    assert found.adjusted.value == pytest.approx(found.raw.value, abs=0.02)


def test_too_few_uses_say_so():
    frame, features = terms(pull=0.0, rows=500)
    frame["used"] = np.arange(500) < 50
    with pytest.raises(GuanjiaError, match="has 50 terms with a use and 450 without"):
        estimate(frame, features)


@pytest.mark.parametrize(
    ("used_at", "used"),
    [
        # The first day of the term ends in Shanghai at 16:00 UTC; 30 days before expiry is
        # 11 December.
        ("2024-01-10T15:59:59", False),
        ("2024-01-10T16:00:00", True),
        ("2024-12-11T15:59:59", True),
        ("2024-12-11T16:00:00", False),
        (None, False),
    ],
)
def test_a_use_counts_from_after_the_first_day_to_thirty_days_before_expiry(
    tmp_path, used_at, used
):
    lake = Lake(Settings(home=tmp_path, memory_limit="1GB"))
    signed = datetime(2024, 1, 1, tzinfo=UTC)
    term = {"policy_id": "P1", "customer_id": "C1", "vehicle_id": "V1", "line": "motor_commercial",
            "signed_at": signed, "inception": date(2024, 1, 10), "expiry": date(2025, 1, 10),
            "recorded_at": signed}  # fmt: skip
    when = None if used_at is None else datetime.fromisoformat(used_at).replace(tzinfo=UTC)
    granted = {"customer_id": "C1", "used_at": when, "recorded_at": signed}
    lake.checked("policies").parent.mkdir()
    for name, row, schema in (
        ("policies", term, POLICIES),
        ("entitlements", granted, ENTITLEMENTS),
    ):
        pq.write_table(pa.Table.from_pylist([row], schema), lake.checked(name))
    (row,) = used_and_renewed(lake, date(2025, 6, 30)).to_pandas().to_dict("records")
    assert (row["used"], row["label"]) == (used, False)
    assert str(pd.Timestamp(row["as_of"]).date()) == "2024-01-10"

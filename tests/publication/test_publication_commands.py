"""What `guanjia publish`, `published` and `withdraw` say, and how they end."""

import json
from pathlib import Path
from typing import Any

from published_homes import CUSTOMERS, FIRST, SECOND, write_day


def test_publish_and_withdraw_by_the_command_line(home: Path, guanjia: Any) -> None:
    first, second = str(FIRST), str(SECOND)
    write_day(home, FIRST, star=3)
    assert "Nothing is published" in guanjia("published").stdout
    done = guanjia("publish", "--as-of", first)
    assert done.returncode == 0, done.stderr
    assert f"{first} ({first}-1) is visible now, everywhere." in done.stdout
    write_day(home, SECOND, star=4, customers=CUSTOMERS[:2])
    refused = guanjia("publish", "--as-of", second)
    assert refused.returncode == 1
    assert "rows of policies" in refused.stdout
    assert f"{second} is not published: {first} ({first}-1) is still visible" in refused.stdout
    answer = json.loads(guanjia("publish", "--json").stdout)
    assert answer["outcome"] == "refused"
    assert answer["findings"][0]["thing"] == "rows of customers"
    lacks = guanjia("publish", "--accept", "sold")
    assert lacks.returncode == 2
    assert 'Give --accept "REASON" --who NAME' in lacks.stderr
    taken = guanjia("publish", "--accept", "sold", "--who", "Li")
    assert taken.returncode == 0
    assert "accepted and on record" in taken.stdout
    # The tags of a day that is not the visible one are not loaded under the feet of readers.
    other = guanjia("materialize", "--as-of", first)
    assert other.returncode == 2
    assert f"day {first}: is not the published one, which is {second}" in other.stderr
    assert guanjia("materialize").returncode == 0
    state = json.loads(guanjia("published", "--now", "2026-07-03T12:00+08:00", "--json").stdout)
    assert state["visible"]["as_of"] == second
    assert state["missing"] == ["2026-07-01", "2026-07-02"]
    assert state["before"] == [f"{first}-1"]
    back = guanjia("withdraw", "--who", "Li", "--why", "sold too much")
    assert f"{first} ({first}-1) is visible again, everywhere." in back.stdout
    older = guanjia("publish", "--as-of", "2026-06-01")
    assert older.returncode == 0
    assert "nothing changed" in older.stdout

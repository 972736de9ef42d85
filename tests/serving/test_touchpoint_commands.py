"""`guanjia touchpoints` and `guanjia triggers`, as they are typed."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

DAY = date(2026, 6, 30)
Command = Callable[..., Any]
Write = Callable[..., None]


def test_triggers_count_by_touchpoint_and_say_what_comes_next(
    guanjia: Command, home: Path, snapshot: Write
) -> None:
    customers = {
        f"C{n}": {"days_to_unrenewed_expiry": 46 + n, "star_level": n} for n in range(1, 5)
    }
    snapshot(home, DAY, {**customers, "C9": {}})
    (home / "touchpoints.toml").write_text(
        "[renewal_30d.trigger.window]\nfirst = 47\nlast = 46\n", encoding="utf-8"
    )
    done = guanjia("triggers", "--as-of", "2026-06-30", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["customers"], told["due"], told["contacts"]) == (5, 6, "not recorded")
    assert {one["touchpoint"]: one["customers"] for one in told["counts"]} == {
        "renewal_60d": 4,
        "renewal_30d": 2,
    }
    shown = guanjia("triggers", "--as-of", "2026-06-30", "--touchpoint", "renewal_30d")
    assert shown.returncode == 0, shown.stderr
    assert "到期前30天续保" in shown.stdout
    assert "到期前60天续保" not in shown.stdout
    assert "未续保车险距到期天数 46" in " ".join(shown.stdout.split())
    assert "Warning: contacts are not recorded" in shown.stdout
    assert "triggers/as_of=2026-06-30.parquet" in shown.stdout.replace("\n", "")
    assert list(home.glob("triggers/*")) == [home / "triggers" / "as_of=2026-06-30.parquet"]


def test_what_is_wrong_is_told_without_a_traceback(guanjia: Command) -> None:
    for words, fault in (
        (("triggers", "--as-of", "2026-06-30"), "snapshot of 2026-06-30: is not there"),
        (("triggers", "--as-of", "2026-06-30", "--touchpoint", "birthdy"), "mean birthday"),
        (("touchpoints", "--stage", "trusted"), "stage trusted: is not known"),
    ):
        done = guanjia(*words)
        assert done.returncode == 2
        assert fault in done.stderr
        assert "Traceback" not in done.stderr


def test_the_catalogue_as_it_is_for_a_branch(guanjia: Command, home: Path, tmp_path: Path) -> None:
    home.mkdir()
    own = "[branch.B01]\nholiday = false\n[branch.B01.birthday]\nchannels = ['mail']\n"
    (home / "touchpoints.toml").write_text(own, encoding="utf-8")
    page = tmp_path / "page.md"
    done = guanjia("touchpoints", "--branch", "B01", "--out", str(page), "--json")
    told = json.loads(done.stdout)
    assert "holiday" not in told
    assert told["birthday"]["channels"] == ["mail"]
    assert "At branch B01: left out" in page.read_text(encoding="utf-8")
    one = guanjia("touchpoints", "birthday").stdout
    assert "生日当天送上祝福" in one
    assert "拒收请回复R" in one
    assert "wecom 0.20" in one

"""The commands of imports, as a person types them."""

import json
from pathlib import Path

import pytest

from features.contracts.tables import CONTRACTS
from guanjia.cli import main
from guanjia.jobs.import_costs import missing_costs

CUSTOMERS = "客户编号,客户姓名,手机号码,建档时间\nC1,甲一,13800000001,2022-01-05 10:00:00\n"
POLICIES = (
    "保单号,客户编号,车架号,险种名称,使用性质,签单时间,保险起期,保险止期,签单保费\n"
    "P1,C1,V1,商业险,家庭自用,2024-07-01 09:00:00,2024-07-01,2025-07-01,3000.00\n"
)
CLAIMS = "报案号,保单号,出险时间,报案时间\nK1,P1,2024-09-01 08:00:00,2024-09-01 09:00:00\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("客户", CUSTOMERS), ("保单", POLICIES), ("理赔", CLAIMS)):
        path = tmp_path / "exports" / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="gb18030")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUANJIA_HOME", str(tmp_path / "home"))
    return tmp_path


def guanjia(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run a command; return its exit code."""
    monkeypatch.setattr("sys.argv", ["guanjia", *words])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_plan_check_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guanjia(monkeypatch, "import", "plan", "exports") == 0
    shown = capsys.readouterr().out
    assert "13*******01" in shown
    assert "13800000001" not in shown
    page = (folder / "mapping.html").read_text("utf-8")
    assert "13*******01" in page
    assert "13800000001" not in page
    assert "claim_movements" in page

    assert guanjia(monkeypatch, "import", "check", "mapping.toml") == 0
    assert "Nothing was written" in capsys.readouterr().out
    assert not (folder / "home" / "raw").exists()

    words = ("import", "run", "mapping.toml", "--delivered", "2026-06-30", "--json")
    assert guanjia(monkeypatch, *words) == 0
    assert json.loads(capsys.readouterr().out)["written"] is True
    assert guanjia(monkeypatch, *words) == 0
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert guanjia(monkeypatch, "check") == 0


def test_a_delivery_that_is_not_as_before_ends_with_exit_code_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guanjia(monkeypatch, "import", "plan", "exports") == 0
    words = ("import", "run", "mapping.toml", "--delivered")
    assert guanjia(monkeypatch, *words, "2026-06-30") == 0
    assert "delivered = new + changed" in capsys.readouterr().out
    (folder / "next").mkdir()
    for name, text in (("客户", CUSTOMERS), ("保单", POLICIES), ("理赔", CLAIMS)):
        changed = text.replace("手机号码", "手机") if name == "客户" else text
        (folder / "next" / f"{name}.csv").write_text(changed, encoding="gb18030")
    next_day = (*words, "2026-07-01", "--folder", "next")
    assert guanjia(monkeypatch, "import", "check", "mapping.toml", "--folder", "next") == 1
    assert not (folder / "import-drift.html").exists()
    capsys.readouterr()
    assert guanjia(monkeypatch, *next_day) == 1
    shown = capsys.readouterr().out
    assert "nothing was written, what is known stays" in shown
    assert "列名疑似改了" in (folder / "import-drift.html").read_text("utf-8")
    text = (folder / "mapping.toml").read_text("utf-8")
    (folder / "mapping.toml").write_text(text.replace('drift = "ask"', 'drift = "take"'), "utf-8")
    assert guanjia(monkeypatch, *next_day) == 0
    assert "Raw tables written" in capsys.readouterr().out


def test_a_mapping_that_is_there_is_not_replaced_unasked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mapping.toml").write_text("# mine\n")
    assert guanjia(monkeypatch, "import", "plan", "exports") == 2
    assert "is there, perhaps with your changes" in capsys.readouterr().err
    assert (folder / "mapping.toml").read_text() == "# mine\n"


def test_a_missing_table_costs_tags_and_stars() -> None:
    costs = {cost.missing: cost for cost in missing_costs({
        "policies": [CONTRACTS["policies"].key],
        "quotes": [CONTRACTS["quotes"].key],
        "vehicles": ["list_price"],
    })}  # fmt: skip
    assert costs["policies"].star == "no star"
    assert costs["quotes"].star == ""
    assert costs["quotes"].models["renewal"] > 10
    price = costs["vehicles.list_price"]
    assert (price.tags_null, price.tags_poorer > 0) == (0, True)
    assert next(iter(costs)) == "policies"


def test_check_says_what_run_refuses(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    consents = "客户编号,授权用途,是否同意,授权时间\nC1,营销,拒收,2024-09-01 08:00:00\n"
    (folder / "exports" / "授权.csv").write_text(consents, encoding="gb18030")
    assert guanjia(monkeypatch, "import", "plan", "exports") == 0
    assert 'name = "consents"' in (folder / "mapping.toml").read_text("utf-8")
    capsys.readouterr()
    assert guanjia(monkeypatch, "import", "check", "mapping.toml") == 2
    shown = " ".join(capsys.readouterr().out.split())
    assert "`guanjia import run` will refuse it: table consents" in shown
    assert "拒收" in shown
    assert guanjia(monkeypatch, "import", "run", "mapping.toml") == 2
    assert not (folder / "home" / "raw").exists()

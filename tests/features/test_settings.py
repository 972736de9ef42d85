"""Settings come from the environment where they are not given, and are refused where wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from features import settings
from features.errors import GuanjiaError
from features.settings import Settings


def test_the_environment_stands_in_for_what_is_not_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GUANJIA_THREADS", "3")
    monkeypatch.setenv("GUANJIA_COSTS_REPEAT_DETAILS", "false")
    monkeypatch.setenv("GUANJIA_TOKEN_KEY", "a key")
    monkeypatch.setenv("GUANJIA_NO_SUCH_SETTING", "1")
    read = settings.load()
    assert (read.threads, read.costs_repeat_details, read.rate_burst) == (3, False, 1000)
    assert read.token_key is not None
    assert "a key" not in repr(read)
    assert Settings(home=tmp_path, threads=1).threads == 1
    monkeypatch.delenv("GUANJIA_THREADS")
    assert settings.load().threads == 2


@pytest.mark.parametrize(("name", "value"), [("THREADS", "0"), ("EXPENSE_SHARE", "much")])
def test_a_wrong_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GUANJIA_{name}", value)
    with pytest.raises(GuanjiaError, match=f"GUANJIA_{name}"):
        settings.load()


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings(home=tmp_path).threads = 5

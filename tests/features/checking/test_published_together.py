"""All tables are published or none, one check at a time, with a list of what was read."""

import fcntl
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from features.checking import check as checking
from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.checked_tables import check_lock, unfinished_check

Check = Callable[..., dict[str, Any]]


def contents(lake: Lake) -> dict[str, bytes]:
    files = [*lake.checked("x").parent.glob("*"), *lake.quarantine("x").parent.glob("*")]
    return {str(path): path.read_bytes() for path in files}


def test_a_table_that_fails_leaves_all_as_they_were(
    check: Check, lake: Lake, base: dict[str, str]
) -> None:
    check()
    before = contents(lake)
    (lake.raw("customers") / "a.csv").write_text(base["customers"].replace("甲一", "甲二"))
    (lake.raw("claim_movements") / "a.csv").write_bytes(base["claim_movements"].encode("utf-16"))
    with pytest.raises(GuanjiaError, match="UTF-16"):
        check_tables(lake)
    assert contents(lake) == before


def test_a_check_that_is_cut_off_is_seen(
    check: Check, lake: Lake, base: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after any number of files: the mixture is not read until the next check."""
    check()
    assert lake.require("policies").exists()
    replace = Path.replace
    for published in range(1, 10):
        name = f"甲{published}"
        (lake.raw("customers") / "a.csv").write_text(base["customers"].replace("甲一", name))
        replaced: list[Path] = []

        def killed(
            self: Path, target: Path, replaced: list[Path] = replaced, most: int = published
        ) -> Path:
            if target.suffix == ".parquet":
                replaced.append(target)
                if len(replaced) > most:
                    raise KeyboardInterrupt
            return replace(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                check_tables(lake)
        with pytest.raises(GuanjiaError, match=r"the last one was cut off\. Run `guanjia check`"):
            lake.require("policies")
        check_tables(lake)
        assert lake.require("policies").exists()


def test_a_reader_waits_for_a_check_that_is_publishing(check: Check, lake: Lake) -> None:
    check()
    unfinished_check(lake.home).touch()
    with ThreadPoolExecutor(1) as pool, check_lock(lake.home).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reader = pool.submit(lake.require, "policies")
        with pytest.raises(TimeoutError):
            reader.result(timeout=0.2)
        unfinished_check(lake.home).unlink()
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert reader.result(timeout=60) == lake.checked("policies")


def test_one_check_at_a_time(check: Check, lake: Lake) -> None:
    check()
    with check_lock(lake.home).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GuanjiaError, match="is being checked by another process"):
            check_tables(lake)
    check_tables(lake)


def test_the_manifest_says_what_was_read(check: Check, lake: Lake, base: dict[str, str]) -> None:
    check(policies=base["policies"] + base["policies"].splitlines()[-1] + "\n")
    manifest = json.loads((lake.home / checking.MANIFEST).read_text())
    assert manifest["tables"]["policies"] == {
        "rows": 5, "good": 4, "quarantined": 0, "repeated": 1, "settled": 0,
        "of_erased_customers": 0,
    }  # fmt: skip
    (file,) = (file for file in manifest["files"] if file["file"] == "raw/vehicles/a.csv")
    content = base["vehicles"].encode()
    assert file["bytes"] == len(content)
    assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_file_that_grows_meanwhile_is_not_published(
    check: Check, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    check()
    before = contents(lake)
    check_table = checking.check_table

    def grows(*given: Any) -> Any:
        path = lake.raw("customers") / "a.csv"
        path.write_text(path.read_text() + "\n")
        return check_table(*given)

    monkeypatch.setattr(checking, "check_table", grows)
    with pytest.raises(GuanjiaError, match=r"a\.csv: changed while it was checked"):
        check_tables(lake)
    assert contents(lake) == before

"""What is written once stays written once: each rule by a pattern and the file that may match."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for room in ("features", "training", "serving", "guanjia", "benchmarks")
    for path in sorted((ROOT / room).rglob("*.py"))
]


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        (r"\bdifflib\b", "features/errors.py"),
        (r"\btomllib\b", "features/declared.py"),
        (r"\bthreading\.Thread\(", "serving/periodic.py"),
        (r"\bisfinite\(.* else None", "features/jsonable.py"),
        (r"// (TICK|timedelta\(microseconds=1\))", "features/instants.py"),
        (r"_right\b", "features/lake/joins.py"),
        (
            r"(engine\.to_pyarrow|\b(self|lake)\.arrow)\(.*\)\.to_pylist|plain_rows\((self|lake)\.arrow",
            "features/lake/connection.py",
        ),
        (r"LONGEST_LEAD =|clip\(7, 60\)|le=60", "training/labels/leads.py"),
        (r"30, 40, 50, 60\b", "training/evaluation/slices.py"),
    ],
    ids=[
        "nearest spellings",
        "reading TOML",
        "repeating threads",
        "JSON of a number",
        "instants as numbers",
        "joins without doubles",
        "rows as dicts",
        "lead times",
        "age bands",
    ],
)
def test_it_is_in_one_file(pattern: str, place: str) -> None:
    matching = [path for path in FILES if re.search(pattern, path.read_text(encoding="utf-8"))]
    assert [path.relative_to(ROOT).as_posix() for path in matching] == [place]


def test_the_logistic_function_is_scipys() -> None:
    # One way to compute it: the paths of one row and of many then agree bit for bit.
    pattern = r"1(\.0)? / \(1(\.0)? \+ (np\.|math\.)?exp\(|exp\(\w+\) / \(1 \+ "
    own = [path for path in FILES if re.search(pattern, path.read_text(encoding="utf-8"))]
    assert [path.relative_to(ROOT).as_posix() for path in own] == []

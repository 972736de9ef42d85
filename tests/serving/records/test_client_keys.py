"""Keys of two callers never meet, and those of earlier releases keep their meaning."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from features.settings import Settings
from serving.records.database import Records
from serving.records.idempotency import caller_key

EARLIER = Path(__file__).parents[2] / "golden" / "e1ac05b" / "records.db"
TEXTS = st.text("ab %2", min_size=1, max_size=6)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_keys_of_two_callers_never_meet(one: str, key: str, other: str, another: str) -> None:
    same = (one, key) == (other, another)
    assert (caller_key(one, key) == caller_key(other, another)) == same


def test_keys_of_an_earlier_release_are_found_again(home: Path) -> None:
    """Whoever sends a request of before again gets the answer of before."""
    asked = {
        ("app", "4711-1"): "app 4711-1",
        ("mini app", "4711-2"): "mini app 4711-2",
        ("app", "mini 4711-3"): "app mini 4711-3",
        ("50%", "4711-4"): "50% 4711-4",
        ("a%20b", "4711-5"): "a%20b 4711-5",
        ("a b", "4711-5"): "a b 4711-5",
    }
    home.mkdir(parents=True)
    shutil.copyfile(EARLIER, home / "records.db")
    with closing(sqlite3.connect(home / "records.db")) as connection, connection:
        for table, key in (("decisions", "decision_id"), ("outcomes", "outcome_id")):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            (row,) = connection.execute(f"SELECT * FROM {table} LIMIT 1")
            for (subject, _), stored in asked.items():
                new = dict(zip(names, row, strict=True)) | {key: stored, "client_key": stored}
                if table == "decisions":
                    new["document"] = json.dumps({"asked_by": subject})
                marks = ", ".join("?" * len(names))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", list(new.values()))
            if table == "decisions":
                for (subject, _), stored in asked.items():
                    connection.execute(
                        "UPDATE decisions SET document = json_set(document, '$.asked_by', ?)"
                        " WHERE decision_id = ?",
                        [subject, stored],
                    )
    records = Records(Settings(home=home))
    records.migrate()
    records.close()
    with closing(sqlite3.connect(home / "records.db")) as connection:
        decided = dict(connection.execute("SELECT decision_id, client_key FROM decisions"))
        told = dict(connection.execute("SELECT outcome_id, client_key FROM outcomes"))
    for (subject, key), stored in asked.items():
        assert decided[stored] == caller_key(subject, key)
        # Where no record says who asked, a key has no space.
        if " " not in key:
            assert told[stored] == caller_key(subject, key)
    assert told["app mini 4711-3"] == caller_key("app mini", "4711-3")

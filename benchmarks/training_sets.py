"""A training set of the renewal model: `feast_client.history` against a bare ASOF join in DuckDB.

Timed on both sides: from the labels (a pandas frame of customers and instants) and the files under
`tags/` to a pandas frame with a column for each tag of the model, its rows in the order of the
labels. Ours goes through Feast with its two rules: a tag older than 31 days counts as absent, and
what was written after the instant asked for does not exist. The peer is one `ASOF LEFT JOIN` a
group of tags, without those rules; on this history they change nothing, and before anything is
timed both must give identical values.

Not timed: making the labels, and computing the tags at their instants.
"""

import sys
from datetime import date

import pandas as pd
from measuring import Measured, alternate, arguments, compared, finish, insurer, say, seconds

from features.lake import Lake
from features.online import feast_client
from features.sql import sql_text
from features.tags.catalogue import groups
from training.fitting import datasets
from training.models import MODELS

KNOWN_BY = date(2026, 6, 30)
LIMIT = 2.0
MODEL = MODELS["renewal"]


def main() -> int:
    """Verify that both agree, then measure."""
    asked = arguments(__doc__ or "", customers=100_000, repeats=5)
    with insurer(asked) as lake:
        labels = asked_instants(lake)
        mine = feast_client.history(lake, labels, MODEL.tag_set.tags)
        agree(mine, asof(lake, labels))
        say(f"{len(MODEL.tag_set.tags)} tags at {len(mine):,} instants agree in every value")
        ours, peer = alternate(
            lambda: seconds(lambda: feast_client.history(lake, labels, MODEL.tag_set.tags)),
            lambda: seconds(lambda: asof(lake, labels)),
            asked.repeats,
        )
    lines: list[Measured] = [
        compared(f"{len(mine):,} rows, bare ASOF join", "s", ours, peer, at_most=LIMIT)
    ]
    return finish("training_sets", asked.customers, lines, asked.json)


def asked_instants(lake: Lake) -> pd.DataFrame:
    """Customers and instants of all labels of the model; their tags are computed if need be."""
    say("labels, and the tags at their instants")
    ((labelled),) = datasets.build(lake, [MODEL], KNOWN_BY, row_limit=10**9)
    frame = labelled.frame[["customer_id", "event_timestamp"]]
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def asof(lake: Lake, labels: pd.DataFrame) -> pd.DataFrame:
    """The peer: each group's tags as of each label's instant."""
    wanted = MODEL.tag_set.tags
    asked = labels.assign(place=range(len(labels)))
    joins, columns = [], []
    for name, group in groups().items():
        tags = [tag for tag in wanted if tag in group.tags]
        if tags:
            files = sql_text(lake.tags(name) / "*.parquet")
            chosen = ", ".join(["customer_id", "event_timestamp", *tags])
            joins.append(
                f"ASOF LEFT JOIN (SELECT {chosen} FROM read_parquet({files})) AS {name}"
                f" ON asked.customer_id = {name}.customer_id"
                f" AND asked.event_timestamp >= {name}.event_timestamp"
            )
            columns += [f"{name}.{tag}" for tag in tags]
    with lake.con.cursor() as cursor:
        cursor.register("asked", asked)
        query = f"SELECT {', '.join(columns)} FROM asked {' '.join(joins)} ORDER BY place"
        found: pd.DataFrame = cursor.sql(query).df()
    return pd.concat([labels, found[list(wanted)]], axis=1)


def agree(mine: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Same rows, same values, same nulls; types are pandas' own on the side of the peer."""
    for name in mine.columns:
        left, right = mine[name], theirs[name]
        if name in MODEL.tag_set.tags and left.dtype != object:
            right = right.astype("float64")
        same = (left == right) | (left.isna() & right.isna())
        assert same.all(), f"{name} differs from the bare join in {(~same).sum()} rows"


if __name__ == "__main__":
    sys.exit(main())

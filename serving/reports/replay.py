"""Predict renewals and margins as of past dates: the tags are replayed, as training does it."""

from typing import TYPE_CHECKING

from features.lake import Lake
from features.lake.spine import spine_of
from features.progress import quiet
from features.snapshots.tag_queries import group_queries
from features.tags.catalogue import catalogue, with_sources
from serving.predictions.margin import FREQUENCY, SEVERITY, expected_cost_and_margin
from serving.predictions.probabilities import load_models, needed_tags, predict
from serving.predictions.scoring import readable_frame

if TYPE_CHECKING:
    import pyarrow as pa

RENEWAL = "renewal"
PAIRS = "report_pairs"


def replay_predictions(lake: Lake, pairs: str, pool_days: int) -> "pa.Table":
    """Predict for customers as of dates, from what was known at the end of each.

    Parameters
    ----------
    lake : Lake
        The home with checked tables and champions.
    pairs : str
        Query of `customer_id`, `as_of`, `cutoff` (its instant) and `at_entry`: true if the question
        is asked on the day a term enters the pool, else the days to the expiry are those of the
        date.
    pool_days : int
        Days from the entry into the pool to the expiry.

    Returns
    -------
    pyarrow.Table
        `customer_id`, `as_of`, `at_entry`, `p` (probability of renewal), `margin` (expected margin
        of the coming term, yuan); null where the question does not arise.

    Raises
    ------
    GuanjiaError
        If the renewal model has no champion.
    """
    import numpy as np
    import pyarrow as pa

    models = load_models(lake, [RENEWAL])
    others = load_models(lake)
    models |= {name: others[name] for name in (FREQUENCY, SEVERITY) if name in others}
    names, known = needed_tags(models, explain=False), catalogue()
    lake.con.execute(f"CREATE OR REPLACE TEMP TABLE {PAIRS} AS {pairs}")
    try:
        spine = spine_of(lake.engine.table(PAIRS))
        with group_queries(lake, spine, quiet, chosen=with_sources(names)) as queries:
            columns, joins = ["p.customer_id", "p.as_of", "p.at_entry"], [f"FROM {PAIRS} p"]
            for place, (group, query) in enumerate(queries.items()):
                own = [f"g{place}.{name}" for name in names if known[name].group == group]
                if own:
                    columns += own
                    joins.append(f"LEFT JOIN ({query}) g{place} USING (customer_id, as_of)")
            table = lake.con.execute(f"SELECT {', '.join(columns)} {' '.join(joins)}")
            rows = table.to_arrow_table()
    finally:
        lake.con.execute(f"DROP TABLE IF EXISTS {PAIRS}")
    frame = readable_frame(
        pa.RecordBatch.from_struct_array(rows.to_struct_array().combine_chunks())
    )
    p, margin = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    entering = np.asarray(rows["at_entry"].to_numpy(zero_copy_only=False), bool)
    for lead, chosen in ((pool_days, entering), (None, ~entering)):
        if chosen.any():
            part = frame[chosen].reset_index(drop=True)
            answers = predict(models, part, lead)
            p[chosen] = answers[RENEWAL]
            margin[chosen] = expected_cost_and_margin(part, answers, lake.settings.expense_share)[1]
    return pa.table(
        {
            **{name: rows[name] for name in ("customer_id", "as_of", "at_entry")},
            "p": pa.array(p, pa.float64(), from_pandas=True),
            "margin": pa.array(margin, pa.float64(), from_pandas=True),
        }
    )

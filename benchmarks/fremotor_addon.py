"""Cross-sell of an optional cover on a public French motor portfolio, 2003 and 2004.

fremotor1prem0304a and fremotor1freq0304a of the R package CASdatasets, written as Parquet (in R:
`arrow::write_parquet(fremotor1prem0304a, "prem0304a.parquet")`, and so `freq0304a.parquet`). Asked
of each policy of both years, at the end of 2003: is an optional cover (windscreen, damage, fire,
theft, accident 1 and 2) paid for in 2004 that was not in 2003? 388 of 19,826 say yes, 1.96%.

Features are those of 2003 alone: risk, premium of each cover, claim counts, policies of the client.
What is paid for claims of 2003 is left out: the day it became known is not published. There is one
period, so the split is by client (the number before the dot of `IDpol`), 5 folds, repeated; the
candidates compete by client within the rows to learn from. Repeats are judged together: a client's
rows of all repeats are drawn as one.

    python benchmarks/fremotor_addon.py FOLDER   # with the two files
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from honest import (
    Answers,
    Judged,
    Leak,
    arguments,
    as_json,
    ask_folds,
    by_customer,
    fail,
    files_in,
    judge,
    leak_table,
    plain,
    table,
    verdict,
)
from measuring import say

from features.errors import GuanjiaError
from training.models import find

FILES = ("prem0304a.parquet", "freq0304a.parquet")
OPTIONAL = ("Windscreen", "DamAll", "Fire", "Theft", "Acc1", "Acc2")
CLAIMS = ["Damage", "Fire", "Other", "Theft", "TPL", "Windscreen"]
FOLDS = 5
SUSPICIOUS = 0.80


def renewed_policies(premiums: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """One row a policy of both years: features of 2003, `later_` columns of 2004, and the label.

    Parameters
    ----------
    premiums, counts : pandas.DataFrame
        fremotor1prem0304a and fremotor1freq0304a; of a policy stated twice the first row counts.
    """
    tables = []
    for source in (premiums, counts):
        text = source.select_dtypes("category").columns
        tables.append(source.astype(dict.fromkeys(text, object)).drop_duplicates(["IDpol", "Year"]))
    years = {
        year: tables[0][tables[0]["Year"] == year]
        .drop(columns="Year")
        .merge(tables[1][tables[1]["Year"] == year].drop(columns="Year"), on="IDpol", how="left")
        for year in (2003, 2004)
    }
    client = years[2003]["IDpol"].str.split(".").str[0]
    known = years[2003].assign(customer_id=client, policies=client.map(client.value_counts()))
    known[CLAIMS] = known[CLAIMS].fillna(0)
    for cover in OPTIONAL:
        known[f"holds_{cover}"] = (known[f"Prem{cover}"] > 0).astype(float)
    known["optional"] = known[[f"holds_{cover}" for cover in OPTIONAL]].sum(axis=1)
    later = years[2004].set_index("IDpol").add_prefix("later_")
    frame = known.merge(later, left_on="IDpol", right_index=True, validate="one_to_one")
    frame = frame.sort_values("IDpol", ignore_index=True)
    added = [(frame[f"later_Prem{cover}"] > 0) & (frame[f"Prem{cover}"] <= 0) for cover in OPTIONAL]
    return frame.assign(
        label=np.any(added, axis=0),
        as_of=pd.Timestamp("2003-12-31"),
        matures=pd.Timestamp("2004-12-31"),
    )


def features_of(frame: pd.DataFrame) -> list[str]:
    """Columns known at the end of 2003."""
    apart = {"IDpol", "customer_id", "label", "as_of", "matures"}
    return [name for name in frame if name not in apart and not name.startswith("later_")]


def repeated(frame: pd.DataFrame, features: list[str], repeats: int, threads: int) -> Judged:
    """The folds drawn anew each time; all answers judged together."""
    model = find("cross_sell_accident")
    rounds: list[Answers] = []
    for number in range(repeats):
        say(f"repeat {number + 1} of {repeats}")
        fold = by_customer(frame, FOLDS, seed=7 + number)
        rounds.append(ask_folds(model, frame, features, fold, threads))
    names = rounds[0].told
    together = Answers(
        {name: np.concatenate([one.told[name] for one in rounds]) for name in names},
        [trial for one in rounds for trial in one.trials],
    )
    rows = pd.concat([frame[["customer_id", "label"]]] * repeats, ignore_index=True)
    split = f"by client, {FOLDS} folds, {repeats} times"
    return judge(split, rows["customer_id"], rows["label"].to_numpy(bool), together)


def leaks(frame: pd.DataFrame, features: list[str], repeats: int, threads: int) -> list[Leak]:
    """The same untuned LightGBM, honest and then not."""
    claims = [f"later_{name}" for name in CLAIMS]
    policy = frame.assign(customer_id=frame["IDpol"])
    asked = (
        ("honest", frame, features, "only what was known at the end of 2003"),
        (
            "folds by policy", policy, features,
            "policies of one client lie on both sides: where one adds, 22% of its others do",
        ),
        (
            "+ premium of 2004", frame, [*features, "later_PremTot"],
            "it contains the cover that was added",
        ),
        (
            "+ claims of 2004", frame, [*features, *claims],
            "a claim on a cover could tell that it is held; it hardly does",
        ),
    )  # fmt: skip
    return [plain(*one, folds=FOLDS, repeats=repeats, threads=threads) for one in asked]


def main() -> int:
    """Print the tables; 1 if a peer wins or anything is too good, 2 if the files are not there."""
    asked = arguments(__doc__ or "", repeats=3)
    try:
        files: list[Path] = files_in(asked.folder, FILES)
    except GuanjiaError as error:
        return fail(error)
    frame = renewed_policies(*(pd.read_parquet(file) for file in files))
    features = features_of(frame)
    judged = repeated(frame, features, asked.repeats, asked.threads)
    found = leaks(frame, features, asked.repeats, asked.threads)
    print(
        f"benchmarks/fremotor_addon.py: an optional cover added, {frame['label'].sum():,} of "
        f"{len(frame):,} policies, {len(features)} features\n"
    )
    print(table(judged))
    print("\nLeaks on purpose, untuned LightGBM\n\n" + leak_table(found))
    if asked.json:
        content = {"splits": [as_json(judged)], "leaks": [vars(one) for one in found]}
        asked.json.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return verdict([judged], SUSPICIOUS)


if __name__ == "__main__":
    sys.exit(main())

"""Renewal on the public portfolio: our model against an untuned LightGBM, on the honest split.

The split is the one published with the data: renewals offered at least 300 days into the contract,
trained on those before 2018 and tested on January to September 2018 (later lapses are recorded
late). The peer reads the portfolio's own columns, without those that leak (docs/lledo-pavia.md).
Ours is the declared renewal model on tags, as `guanjia train renewal` prepares them, asked 60 days
before expiry, when the offer goes out. Both are tested on the same rows; the limit is that ours is
no worse, and that neither is better than honest: above 0.70 something leaks.

    python benchmarks/lledo_pavia.py FOLDER   # with the two published files
"""

import argparse
import json
import sys
import tempfile
from datetime import date
from pathlib import Path

import duckdb
import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from features.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.lledo_pavia import import_lledo_pavia
from training.datasets import Dataset, build, held_back
from training.estimators import CalibratedModel
from training.models import find

FILES = ("Motor vehicle insurance data.csv", "sample type claim.csv")
TEST_FROM, TEST_TO = pd.Timestamp("2018-01-01"), pd.Timestamp("2018-10-01")
KNOWN_BY = date(2018, 10, 30)  # renewals of September are decided by then
OFFER_LEAD = 60
SUSPICIOUS = 0.70
RESAMPLES = 300

ROWS = """
WITH years AS (
    SELECT *, strptime(Date_last_renewal, '%d/%m/%Y')::DATE AS offered,
        strptime(Date_start_contract, '%d/%m/%Y')::DATE AS began FROM source
)
SELECT 'C' || ID AS customer_id, offered,
    coalesce(try_strptime(Date_lapse, '%d/%m/%Y')::DATE = offered, false) AS lost,
    Distribution_channel::INT AS channel, Type_risk::INT AS risk, Area::INT AS area,
    Second_driver::INT AS second_driver, Year_matriculation::INT AS matriculated,
    Power::DOUBLE AS power, Cylinder_capacity::DOUBLE AS capacity, Value_vehicle::DOUBLE AS price,
    N_doors::INT AS doors, (Type_fuel = 'P')::INT AS petrol, (Type_fuel = 'D')::INT AS diesel,
    Length::DOUBLE AS length, Weight::DOUBLE AS weight,
    offered - try_strptime(Date_birth, '%d/%m/%Y')::DATE AS age,
    offered - try_strptime(Date_driving_licence, '%d/%m/%Y')::DATE AS licence,
    offered - began AS tenure, Premium::DOUBLE AS premium,
    lag(Premium::DOUBLE) OVER contract AS last_premium,
    Premium::DOUBLE / nullif(lag(Premium::DOUBLE) OVER contract, 0) AS change,
    lag(N_claims_year::INT) OVER contract AS last_claims,
    lag(Cost_claims_year::DOUBLE) OVER contract AS last_cost
FROM years WINDOW contract AS (PARTITION BY ID ORDER BY offered)
QUALIFY offered - began >= 300
"""


def peer(portfolio: Path, threads: int) -> pd.DataFrame:
    """The test rows with what an untuned LightGBM on the portfolio's columns tells of them."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE VIEW source AS SELECT * FROM read_csv($$" + str(portfolio) + "$$, delim=';', "
            "header=true, all_varchar=true, nullstr=['', 'NA'])"
        )
        rows = connection.execute(ROWS).df()
    rows["offered"] = pd.to_datetime(rows["offered"])
    features = [name for name in rows if name not in {"customer_id", "offered", "lost"}]
    train = rows[rows["offered"] < TEST_FROM]
    test = rows[(rows["offered"] >= TEST_FROM) & (rows["offered"] < TEST_TO)]
    settings = {"objective": "binary", "verbosity": -1, "seed": 7, "num_threads": threads}
    data = lgb.Dataset(train[features], train["lost"].astype(float))
    told = lgb.train({**settings, "deterministic": True}, data, 100).predict(test[features])
    return test[["customer_id", "offered", "lost"]].assign(peer=told)


def ours(data: Dataset, threads: int) -> pd.DataFrame:
    """The test rows with what the declared renewal model, trained before 2018, tells of them."""
    model = find("renewal")
    frame = data.frame.assign(offered=pd.to_datetime(data.frame["expiry"]))
    train = frame[frame["offered"] < TEST_FROM]
    later = (frame["offered"] >= TEST_FROM) & (frame["offered"] < TEST_TO)
    test = frame[later & (frame["lead_days"] == OFFER_LEAD)]
    fitted = CalibratedModel(model.parameters, threads=threads)
    fitted.fit(train, train["label"].to_numpy(bool), held_back(train), data.features)
    return test[["customer_id", "offered"]].assign(ours=1 - fitted.raw(test))


def compare(rows: pd.DataFrame) -> dict[str, float]:
    """AUC of both and of their difference, with 95% of bootstrap resamples of the rows."""
    lost = rows["lost"].to_numpy(bool)
    told = {name: rows[name].to_numpy() for name in ("ours", "peer")}
    draw = np.random.default_rng(7)
    gaps = []
    for _ in range(RESAMPLES):
        some = draw.integers(0, len(rows), len(rows))
        auc = {name: roc_auc_score(lost[some], told[name][some]) for name in told}
        gaps.append(auc["ours"] - auc["peer"])
    auc = {name: float(roc_auc_score(lost, told[name])) for name in told}
    low, high = np.percentile(gaps, [2.5, 97.5])
    gap = auc["ours"] - auc["peer"]
    return {"rows": len(rows), "lost": float(lost.mean()), **auc, "gap": gap,
            "gap_low": float(low), "gap_high": float(high)}  # fmt: skip


def main() -> int:
    """Run the comparison; 1 if ours is worse or if anything is too good to be honest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the two published files lie")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        lake = Lake(Settings(home=Path(home)))
        sys.stderr.write("import and check ...\n")
        import_lledo_pavia(lake, *(asked.folder / name for name in FILES))
        check_tables(lake)
        sys.stderr.write("labels and tags ...\n")
        (data,) = build(lake, [find("renewal")], KNOWN_BY)
        sys.stderr.write("training ...\n")
        mine = ours(data, lake.settings.threads)
        theirs = peer(asked.folder / FILES[0], lake.settings.threads)
    rows = theirs.merge(mine, on=["customer_id", "offered"], validate="one_to_one")
    found = compare(rows) | {"rows_of_the_split": len(theirs)}
    print(f"rows           {found['rows']:,} of the {len(theirs):,} of the split")
    print(f"not renewed    {found['lost']:.2%}")
    print(f"AUC ours       {found['ours']:.4f}")
    print(f"AUC untuned    {found['peer']:.4f}")
    print(
        f"difference     {found['gap']:+.4f} ({found['gap_low']:+.4f} to {found['gap_high']:+.4f})"
    )
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return int(found["gap"] < 0 or max(found["ours"], found["peer"]) > SUSPICIOUS)


if __name__ == "__main__":
    sys.exit(main())

"""How good the sensitivity tags are: their order of customers beside that of the latent traits.

Ours: the scores of `features/tags/groups/sensitivity.py`. Peers: the counts and shares that one
would use without them. All are Spearman's rank correlations with the truth of the simulated
insurer, on the customers that a tag has a value for, with 95% bootstrap intervals. A correlation
below its floor is exit code 1. On an insurer's own data there is no truth: only the constants are
printed, as declared and as this data has them.
"""

import argparse
import sys
import warnings
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pandas as pd
from measuring import insurer
from traits import estimate

from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.snapshots.compute import compute_group
from features.tags.groups.behaviour import INCREASE
from features.tags.groups.sensitivity import USUAL
from features.tags.relations.relations import RELATIONS
from training.evaluation.truth import correlate_with_trait

AS_OF = date(2026, 6, 30)
FLOORS = {"price_sensitivity": 0.28, "service_sensitivity": 0.48}
EVIDENCE = {
    "price_sensitivity": ((1, 1), (2, 2), (3, 3), (4, None)),
    "service_sensitivity": ((1, 3), (4, 9), (10, 15), (16, None)),
}


def main() -> int:
    """Print both tables; 1 if a floor broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated insurer")
    parser.add_argument("--home", type=Path, help="use this home, and make what it lacks")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    with insurer(asked) as lake:
        tags = snapshot(lake)
        broken = [trait for trait in FLOORS if not compared(lake, tags, trait)]
        constants(lake)
    return 1 if broken else 0


def snapshot(lake: Lake) -> pd.DataFrame:
    """The tags to compare, by customer number."""
    spine = spine_of_customers(lake, [AS_OF])
    rows = compute_group(lake, spine, "behaviour").to_pandas()
    rows = rows.set_index("customer_id")
    offers = lake.engine.to_pyarrow(RELATIONS["renewal_offers"].build(lake, spine)).to_pandas()
    change = offers["offered"].astype("float64") / offers["premium"].astype("float64")
    dearer = offers[change > INCREASE]
    rows["left_at_rise"] = 1 - dearer.groupby("customer_id")["renewed"].mean()
    count = rows["service_sensitivity_observations"]
    rows["use_share"] = (rows["services_used_ever"] / count).where(count > 0)
    seen = rows["price_sensitivity_observations"] > 0
    rows["quotes_asked"] = rows["further_quotes_asked"].where(seen)
    rows["services_used"] = rows["services_used_ever"].where(count > 0)
    return rows


def compared(lake: Lake, tags: pd.DataFrame, trait: str) -> bool:
    """One tag's table; false if its correlation is below the floor."""
    score, count = tags[f"{trait}_score"], tags[f"{trait}_observations"]
    lines = {"all with evidence": score}
    for low, high in EVIDENCE[trait]:
        name = f"{low} or more" if high is None else f"{low}" if low == high else f"{low}-{high}"
        lines[f"  {name} observations"] = score.where(count.between(low, high or count.max()))
    if trait == "price_sensitivity":
        lines["peer: further quotes asked"] = tags["quotes_asked"]
        lines["peer: share left at a rise"] = tags["left_at_rise"]
    else:
        lines["peer: services used"] = tags["services_used"]
        lines["peer: share of services used"] = tags["use_share"]
    share = score.notna().mean()
    print(
        f"{trait}_score, {len(tags):,} customers, {share:.0%} with a value, mean {score.mean():.3f}"
    )
    for name, told in lines.items():
        found = correlate_with_trait(lake, trait, told)
        if found is None:
            print("  no truth in this home")
            return True
        between = f"{found.low:.2f}..{found.high:.2f}"
        print(f"  {name:32}{found.customers:>7,}  {found.correlation:5.2f}  {between}")
    found = correlate_with_trait(lake, trait, score)
    kept = found is not None and found.correlation >= FLOORS[trait]
    print(f"  floor {FLOORS[trait]}: {'kept' if kept else 'BROKEN'}")
    return kept


def constants(lake: Lake) -> None:
    """The population's constants, declared and measured."""
    print("constant                declared  on this data")
    here = asdict(estimate(lake, AS_OF))
    for name, declared in asdict(USUAL).items():
        print(f"  {name:20}  {_number(declared):>18}  {_number(here[name])}")


def _number(value: float | tuple[float, ...]) -> str:
    values = value if isinstance(value, tuple) else (value,)
    return " ".join(f"{one:.3f}" for one in values)


if __name__ == "__main__":
    sys.exit(main())

"""Ask `/decide` for customers at every decision point, and show what came of it: docs/plausible.md.

No speed is measured here and there is no peer. The same customers, drawn by the hash of their
number, are asked at each decision point of a home, in this process, at 10:00 on the day after its
snapshot. Every decision point begins with the home's records as they are, so that what one of them
gives does not fill the caps of the next; nothing is written to the home.

    python benchmarks/decisions.py --home .guanjia --customers 5000
"""

import argparse
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from statistics import fmean

from features.lake import Lake
from features.settings import Settings
from serving.decision.decider import Decider
from serving.decision.reports.summary import DecisionSummary, summarise
from serving.decision.reports.survey import survey
from serving.decision.schemas import DecideRequest
from serving.decision.touchpoint_source import TouchpointSource
from serving.predictions.service import PredictionService
from serving.records.database import Records
from serving.touchpoints.catalogue import load_touchpoints


def main() -> None:
    """Ask, summarise and print Markdown; `--json` writes the tables for a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="A home made by `guanjia demo`.")
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    lake = Lake(Settings(home=asked.home))
    customers, at = survey(lake, asked.customers)
    summary = DecisionSummary()
    service = PredictionService(lake)
    for point in load_touchpoints(lake.home).shared.decision_points:
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder)
            if (lake.home / "records.db").exists():
                shutil.copy(lake.home / "records.db", own)
            records = Records(Settings(home=own))
            records.migrate()
            decider = Decider(service, records, TouchpointSource(lake))
            for customer in customers:
                decider.decide(DecideRequest(customer_id=customer, decision_point=point), at)
            summary.places |= (found := summarise(records, days=1)).places
            summary.actions |= found.actions
            records.close()
    if asked.json:
        print(json.dumps(summary.tables(), ensure_ascii=False, indent=2))
    else:
        print("\n\n".join(markdown(table) for table in shown(summary)))


def shown(summary: DecisionSummary) -> list[list[dict[str, object]]]:
    """Arrange a summary in three tables: decision points, what silence rests on, touchpoints."""
    gates = Counter(gate for place in summary.places.values() for gate in place.silence.elements())
    places = [place.row(name) for name, place in summary.places.items()]
    silence: list[dict[str, object]] = [
        {"decision_point": name} | {gate: place.silence[gate] for gate, _ in gates.most_common()}
        for name, place in summary.places.items()
    ]
    found: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
    values: dict[tuple[str, str], list[float]] = {}
    for (point, touchpoint, channel, offer), worth in summary.actions.items():
        found.setdefault((point, touchpoint), Counter())[channel, offer] += len(worth)
        known = [value for value in worth if value is not None]
        values.setdefault((point, touchpoint), []).extend(known)
    order = list(summary.places)
    touchpoints: list[dict[str, object]] = [
        {
            "decision_point": key[0],
            "touchpoint": key[1],
            "contacts": counts.total(),
            "channels": ", ".join(f"{channel} {n}" for channel, n in by_channel(counts)),
            "offers": sum(count for (_, offer), count in counts.items() if offer),
            "mean value": f"{fmean(values[key]):.2f}" if values[key] else "service",
        }
        for key, counts in sorted(
            found.items(), key=lambda item: (order.index(item[0][0]), -item[1].total())
        )
    ]
    return [places, silence, touchpoints]


def by_channel(counts: Counter[tuple[str, str]]) -> list[tuple[str, int]]:
    """Sum contacts by channel, the most frequent first."""
    channels = Counter[str]()
    for (channel, _), count in counts.items():
        channels[channel] += count
    return channels.most_common()


def markdown(rows: list[dict[str, object]]) -> str:
    """Write rows as a table of Markdown."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()

"""Customers in segments: by rules that people wrote, and in clusters that were learned."""

from datetime import date
from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, MaybeAsOf, day, lake, latest
from guanjia.terminal.output import emit, from_here, progress, table

OVERLAPS_SHOWN = 3
TRAITS_SHOWN = 4
Against = Annotated[
    date | None,
    typer.Option(
        "--against", parser=day, metavar="YYYY-MM-DD", help="An earlier date to compare with."
    ),
]


def segments(as_of: MaybeAsOf = None, against: Against = None, json: Json = False) -> None:
    """Put customers into declared segments: size, overlap, moves."""
    from features.segments.segments import write_segments

    home = lake()
    on = as_of or latest(home, "snapshots", "run `guanjia tags --as-of DATE`")
    with progress(json) as report:
        done = write_segments(home, on, against, report)
    rows = [
        {
            "segment": one.segment,
            "label": one.label,
            "about": one.about,
            "customers": one.customers,
            "share": percent(one.share),
        }
        for one in done.segments
    ]
    overlap = [
        {"segment": one.segment, "most of its customers also in": _overlaps(one.also_in)}
        for one in done.segments
    ]
    shown: list[Any] = [
        table(f"{done.customers:,} customers by segment as of {on}", rows),
        table("Overlap", overlap),
    ]
    if done.against:
        steady = [
            {
                "segment": one.segment,
                "before": one.before,
                "stayed": percent(one.stayed_share),
                "left": one.left,
                "entered": one.entered,
                "after": one.after,
            }
            for one in done.stability
        ]
        shown.append(table(f"From {done.against} to {on}", steady))
    warnings = [f"Warning: {warning}" for warning in done.warnings]
    emit(done, json, *shown, *warnings, f"Who is in which: {from_here(done.path)}")


def clusters(
    as_of: MaybeAsOf = None,
    against: Against = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Learn the clusters anew from this date's tags.")
    ] = False,
    json: Json = False,
) -> None:
    """Put customers into learned clusters; say what sets them apart."""
    from training.clusters.customer_groups import write_clusters

    home = lake()
    on = as_of or latest(home, "snapshots", "run `guanjia tags --as-of DATE`")
    with progress(json) as report:
        done = write_clusters(home, on, against, learn, report)
    found = done.segmentation
    steady = {one.segment: one for one in done.stability}
    rows = [
        {
            "cluster": one.cluster,
            "label": one.label,
            "name": one.name,
            "customers": one.customers,
            "share": percent(one.share),
            **({"stayed": percent(steady[str(one.cluster)].stayed_share)} if steady else {}),
        }
        for one in done.clusters
    ]
    apart = [
        {
            "cluster": one.cluster if place == 0 else None,
            "tag": f"{trait.label} {trait.tag}",
            "mean": _number(trait.mean),
            "of the rest": _number(trait.mean_rest),
            "unit": trait.unit,
            "difference": f"{trait.difference:+.2f}",
        }
        for one in done.clusters
        for place, trait in enumerate(one.traits[:TRAITS_SHOWN])
    ]
    tried = ", ".join(f"{count}: {value:.3f}" for count, value in found.silhouette.items())
    agreed = found.seeds_agree
    said = [
        f"{done.without:,} customers without motor cover are in none.",
        f"Clusters {found.version}, {'learned now' if done.learned else 'learned earlier'} "
        f"from {found.customers:,} customers; mean silhouette by number of clusters: {tried}.",
        f"Adjusted Rand index between seeds: mean {sum(agreed) / len(agreed):.3f}, "
        f"least {min(agreed):.3f}.",
    ]
    if done.agreement is not None:
        said.append(
            f"From {done.against} to {on}: {percent(done.same_share)} of those with a cluster on "
            f"both dates are in the same one, adjusted Rand index {done.agreement:.3f}."
        )
    said += [f"Warning: {tag} is the same for everyone and left out" for tag in found.left_out]
    emit(
        done,
        json,
        table(f"{done.customers:,} customers with motor cover by cluster as of {on}", rows),
        table("What sets clusters apart (difference in standard deviations)", apart),
        *said,
        f"Who is in which: {from_here(done.path)}",
    )


def percent(share: float | None) -> str:
    """A share as people read it."""
    return "-" if share is None else f"{share:.1%}"


def _overlaps(also_in: dict[str, float]) -> str:
    largest = sorted(also_in.items(), key=lambda pair: (-pair[1], pair[0]))[:OVERLAPS_SHOWN]
    return ", ".join(f"{other} {share:.0%}" for other, share in largest if share > 0)


def _number(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:,.0f}" if abs(mean) >= 100 else f"{mean:,.2f}"

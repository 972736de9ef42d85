"""Commands to put customers into declared segments and into learned clusters."""

from datetime import date
from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, MaybeAsOf, latest_date, open_lake, parse_day
from guanjia.terminal.output import emit, progress, short_path, table

OVERLAPS_SHOWN = 3
TRAITS_SHOWN = 4
AGAINST = "An earlier date to compare with."


def segments(
    as_of: MaybeAsOf = None,
    against: Annotated[
        date | None,
        typer.Option("--against", parser=parse_day, metavar="YYYY-MM-DD", help=AGAINST),
    ] = None,
    json: Json = False,
) -> None:
    """Put customers into declared segments: size, overlap, moves."""
    from features.segments.segments import write_segments

    lake = open_lake()
    on = as_of or latest_date(lake, "snapshots", "run `guanjia tags --as-of DATE`")
    with progress(json) as report:
        assignment = write_segments(lake, on, against, report)
    rows = [
        {
            "segment": segment.segment,
            "label": segment.label,
            "about": segment.about,
            "customers": segment.customers,
            "share": percent(segment.share),
        }
        for segment in assignment.segments
    ]
    overlap = [
        {"segment": segment.segment, "most of its customers also in": _overlaps(segment.also_in)}
        for segment in assignment.segments
    ]
    shown: list[Any] = [
        table(f"{assignment.customers:,} customers by segment as of {on}", rows),
        table("Overlap", overlap),
    ]
    if assignment.against:
        steady = [
            {
                "segment": segment.segment,
                "before": segment.before,
                "stayed": percent(segment.stayed_share),
                "left": segment.left,
                "entered": segment.entered,
                "after": segment.after,
            }
            for segment in assignment.stability
        ]
        shown.append(table(f"From {assignment.against} to {on}", steady))
    warnings = [f"Warning: {warning.english}" for warning in assignment.warnings]
    emit(assignment, json, *shown, *warnings, f"Who is in which: {short_path(assignment.path)}")


def clusters(
    as_of: MaybeAsOf = None,
    against: Annotated[
        date | None,
        typer.Option("--against", parser=parse_day, metavar="YYYY-MM-DD", help=AGAINST),
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Learn the clusters anew from this date's tags.")
    ] = False,
    json: Json = False,
) -> None:
    """Put customers into learned clusters; show what sets them apart."""
    from training.clusters.customer_groups import write_clusters

    lake = open_lake()
    on = as_of or latest_date(lake, "snapshots", "run `guanjia tags --as-of DATE`")
    with progress(json) as report:
        assignment = write_clusters(lake, on, against, learn, report)
    learned = assignment.segmentation
    steady = {moves.segment: moves for moves in assignment.stability}
    rows = [
        {
            "cluster": cluster.cluster,
            "label": cluster.label,
            "name": cluster.name,
            "customers": cluster.customers,
            "share": percent(cluster.share),
            **({"stayed": percent(steady[str(cluster.cluster)].stayed_share)} if steady else {}),
        }
        for cluster in assignment.clusters
    ]
    apart = [
        {
            "cluster": cluster.cluster if place == 0 else None,
            "tag": f"{trait.label} {trait.tag}",
            "mean": _number(trait.mean),
            "of the rest": _number(trait.mean_rest),
            "unit": trait.unit,
            "difference": f"{trait.difference:+.2f}",
        }
        for cluster in assignment.clusters
        for place, trait in enumerate(cluster.traits[:TRAITS_SHOWN])
    ]
    tried = ", ".join(f"{count}: {value:.3f}" for count, value in learned.silhouette.items())
    rand_indices = learned.seeds_agree
    notes = [
        f"{assignment.without:,} customers without motor cover are in none.",
        f"Clusters {learned.version}, {'learned now' if assignment.learned else 'learned earlier'} "
        f"from {learned.customers:,} customers; mean silhouette by number of clusters: {tried}.",
        f"Adjusted Rand index between seeds: mean {sum(rand_indices) / len(rand_indices):.3f}, "
        f"least {min(rand_indices):.3f}.",
    ]
    if assignment.agreement is not None:
        notes.append(
            f"From {assignment.against} to {on}: {percent(assignment.same_share)} of those with a "
            "cluster on both dates are in the same one, adjusted Rand index "
            f"{assignment.agreement:.3f}."
        )
    notes += [f"Warning: {tag} is the same for everyone and left out" for tag in learned.left_out]
    emit(
        assignment,
        json,
        table(f"{assignment.customers:,} customers with motor cover by cluster as of {on}", rows),
        table("What sets clusters apart (difference in standard deviations)", apart),
        *notes,
        f"Who is in which: {short_path(assignment.path)}",
    )


def percent(share: float | None) -> str:
    """Format a share as a percentage."""
    return "-" if share is None else f"{share:.1%}"


def _overlaps(also_in: dict[str, float]) -> str:
    largest = sorted(also_in.items(), key=lambda pair: (-pair[1], pair[0]))[:OVERLAPS_SHOWN]
    return ", ".join(f"{other} {share:.0%}" for other, share in largest if share > 0)


def _number(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:,.0f}" if abs(mean) >= 100 else f"{mean:,.2f}"

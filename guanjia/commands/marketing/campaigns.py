"""Commands about campaigns: check, plan, launch, stop, list, and tell a customer's arms."""

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from guanjia.terminal.options import AsOf, Json, MaybeNow, open_published, open_records
from guanjia.terminal.output import emit, table


def check(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="The plan of the campaign.")],
    members: Annotated[
        Path | None,
        typer.Option("--members", metavar="FILE", help="A list as a file, .csv or .xlsx."),
    ] = None,
    released: Annotated[
        str | None,
        typer.Option("--list", metavar="NAME", help="A released list; its latest release."),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", metavar="ID", help="Another release of the list.")
    ] = None,
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Tell what a campaign could see, without planning it."""
    from serving import clock
    from serving.campaigns.planning import check_plan

    lake = open_published()
    with open_records(lake) as records:
        fields, rows = _read_plan(lake, records, plan, members, released, release)
    checked, shown = check_plan(lake, fields, rows, now or clock.now(lake.settings))
    arms = [{"arm": arm.name, "gets": arm.kind, "share": arm.share} for arm in checked.arms]
    emit(
        {"arms": arms, "check": shown.document()},
        json,
        table(f"{checked.campaign} {checked.label}: {shown.members:,} members", arms),
        *check_lines(shown.document()),
    )


def plan(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="The plan of the campaign.")],
    members: Annotated[
        Path | None,
        typer.Option("--members", metavar="FILE", help="A list as a file, .csv or .xlsx."),
    ] = None,
    released: Annotated[
        str | None,
        typer.Option("--list", metavar="NAME", help="A released list; its latest release."),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", metavar="ID", help="Another release of the list.")
    ] = None,
    who: Annotated[
        str | None, typer.Option(help="Who does it; default: the user of this machine.")
    ] = None,
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Plan a campaign: draw its members by lot, and check that it can be judged.

    Refused if its power is below one half and the plan does not say why (weak_because).
    """
    from serving import clock
    from serving.campaigns.planning import plan_campaign
    from serving.decision.lots import in_holdout
    from serving.decision.worth.policy import load_policy

    lake = open_published()
    policy = load_policy(lake.home)
    with open_records(lake) as records:
        fields, rows = _read_plan(lake, records, plan, members, released, release)
        at = now or clock.now(lake.settings)
        cycle = policy.cycle(at.astimezone(ZoneInfo(lake.settings.timezone)).date())
        planned = plan_campaign(
            lake,
            records,
            fields,
            rows,
            who or getpass.getuser(),
            at,
            salt=policy.salt,
            in_holdout=lambda customer: in_holdout(
                policy.salt, customer, cycle, policy.holdout_share
            ),
        )
    _show(planned, json)


def launch(
    name: Annotated[str, typer.Argument(help="Name of the campaign.")],
    because: Annotated[
        str | None, typer.Option(help="Why it is launched though it can hardly be judged.")
    ] = None,
    who: Annotated[
        str | None, typer.Option(help="Who does it; default: the user of this machine.")
    ] = None,
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Start a planned campaign: from now on decisions keep its members in their arms."""
    from serving import clock
    from serving.campaigns.planning import launch_campaign

    lake = open_published()
    with open_records(lake) as records:
        at, by = now or clock.now(lake.settings), who or getpass.getuser()
        launched = launch_campaign(records, name, by, at, because)
    _show(launched, json)


def stop(
    name: Annotated[str, typer.Argument(help="Name of the campaign.")],
    because: Annotated[str, typer.Option(help="Why it is stopped; kept with it.")],
    who: Annotated[
        str | None, typer.Option(help="Who does it; default: the user of this machine.")
    ] = None,
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Stop a running campaign."""
    from serving import clock
    from serving.campaigns.states import close
    from serving.campaigns.store import find_campaign

    lake = open_published()
    with open_records(lake) as records, records.writing(durable=True) as connection:
        at, by = now or clock.now(lake.settings), who or getpass.getuser()
        stopped = close(connection, find_campaign(connection, name), by, at, because)
    _show(stopped, json)


def list_all(json: Json = False) -> None:
    """List campaigns, those planned last at the head."""
    from serving.campaigns.store import STATE_LABELS, list_campaigns

    lake = open_published()
    with open_records(lake) as records, records.reading() as connection:
        stored = list_campaigns(connection)
    rows = [
        {
            "campaign": row.plan.campaign,
            "label": row.plan.label,
            "state": f"{row.state} {STATE_LABELS[row.state]}",
            "touchpoint": row.plan.touchpoint,
            "days": f"{row.plan.starts_on} - {row.plan.ends_on}",
            "members": sum(row.draw["arms"].values()),
            "priority": row.plan.priority,
        }
        for row in stored
    ]
    shown = table("Campaigns", rows) if rows else "No campaign was planned yet."
    emit({"campaigns": [_document(row) for row in stored]}, json, shown)


def show(
    name: Annotated[str, typer.Argument(help="Name of the campaign.")], json: Json = False
) -> None:
    """Show a campaign: its arms, its power and how it stands."""
    from serving.campaigns.store import find_campaign

    lake = open_published()
    with open_records(lake) as records, records.reading() as connection:
        shown = find_campaign(connection, name)
    _show(shown, json)


def arms(
    customer_id: Annotated[str, typer.Argument(help="The customer.")],
    as_of: AsOf,
    json: Json = False,
) -> None:
    """Tell in which arms a customer was on a date."""
    from features.settings import cutoff
    from serving.campaigns.membership import past_memberships

    lake = open_published()
    with open_records(lake) as records, records.reading() as connection:
        at = cutoff(as_of, lake.settings.timezone)
        memberships = past_memberships(connection, customer_id, at, as_of)
    rows = [asdict(row) for row in memberships]
    shown = table(f"{customer_id} on {as_of}", rows) if rows else "In no campaign by then."
    emit({"as_of": as_of, "arms": rows}, json, shown)


def import_outcomes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the desk sent back.")],
    campaign: Annotated[
        str | None, typer.Option(help="The campaign that the list was made for.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(help="File for rows that are not imported.")
    ] = None,
    now: MaybeNow = None,
    json: Json = False,
) -> None:
    """Import outcomes from a file that a desk sent back, each row once."""
    from serving import clock
    from serving.campaigns.outcome_import import OutcomeImporter

    lake = open_published()
    at = now or clock.now(lake.settings)
    with open_records(lake) as records:
        done = OutcomeImporter(lake, records, campaign).run(file, at, rejected)
    lines = [
        f"{done.rows:,} rows with a result: {done.new:,} new, {done.repeated:,} known before; "
        f"{done.open:,} not worked yet; {done.contacts:,} contacts learned of"
    ]
    lines += [f"{arm}: {count:,} rows" for arm, count in done.arms.items()]
    if done.rejected is not None:
        lines.append(f"{len(done.faults):,} rows are not imported: {done.rejected}")
    emit(done, json, *lines)


def check_lines(check: dict[str, Any]) -> list[str]:
    """Write a power check in sentences.

    Parameters
    ----------
    check : dict of str to object
        `CampaignCheck.document`.
    """
    return [
        f"Of {check['compared']:,} compared, {check['control_share']:.0%} are left alone; "
        f"{check['rate']:.0%} would renew anyway.",
        f"The smallest effect it sees: {check['visible_effect'] * 100:.1f} points, "
        f"{check['visible_yuan']:,.1f} yuan a member; it pays from "
        f"{check['break_even_effect'] * 100:.1f} points on.",
        f"An effect of {check['effect'] * 100:.1f} points is seen {check['power']:.0%} of the time."
        f" {check['advice']['zh']} ({check['advice']['en']}).",
    ]


def _read_plan(
    lake: Any,
    records: Any,
    plan: Path,
    members: Path | None,
    released: str | None,
    release: str | None,
) -> tuple[dict[str, Any], list[Any]]:
    """Read a plan and its members: of a released list, or of a file."""
    from features.declared import read_toml
    from serving.lists.released.reading import released_members
    from serving.lists.service import ListService
    from serving.measurement.released_lists import campaign_of_release

    if (members is None) == (released is None):
        raise typer.BadParameter("give --list NAME or --members FILE, one of them")
    fields = read_toml(plan)
    if released is None:
        return fields, _read_members(members)
    found_release = ListService(lake, records).find(released, release)
    return campaign_of_release(fields, found_release, released_members(lake, found_release))


def _read_members(path: Path | None) -> list[Any]:
    from serving.campaigns.members import HEADINGS
    from serving.campaigns.table_file import read_table

    assert path is not None  # the caller has looked
    _, rows = read_table(path, (*HEADINGS["customer_id"], "customer_id"))
    return [row.cells for row in rows]


def _document(campaign: Any) -> dict[str, Any]:
    fields = {name: value for name, value in vars(campaign).items() if name != "plan"}
    document: dict[str, Any] = campaign.plan.model_dump(mode="json") | fields
    return document


def _show(campaign: Any, json: bool) -> None:
    plan, draw = campaign.plan, campaign.draw
    rows = [
        {
            "arm": arm.name,
            "gets": arm.kind,
            "share": arm.share,
            "members": draw["arms"].get(arm.name, 0),
        }
        for arm in plan.arms
    ]
    left = "; ".join(f"{count:,} left out: {why}" for why, count in draw["left_out"].items())
    lines = [f"{plan.touchpoint}, {plan.starts_on} to {plan.ends_on}, {campaign.state}."]
    lines += [left] if left else []
    lines += check_lines(campaign.check)
    if campaign.close_reason:
        lines.append(f"Closed by {campaign.closed_by}: {campaign.close_reason}")
    emit(_document(campaign), json, table(f"{plan.campaign} {plan.label}", rows), *lines)

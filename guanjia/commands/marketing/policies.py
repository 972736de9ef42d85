"""Commands that ask what other rules would be worth: by simulation, and by what was observed."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from guanjia.terminal.options import AsOf, Json, open_published, open_records, parse_month
from guanjia.terminal.output import emit, table


def simulate_policy(
    month: Annotated[
        date,
        typer.Option(
            "--month", parser=parse_month, metavar="YYYY-MM", help="Month of the decisions."
        ),
    ],
    edited: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder with the edited files of rules."),
    ] = None,
    json: Json = False,
) -> None:
    """Decide a month again under edited rules: contacts, yuan, silence by gate.

    Rules are policy.toml, contact_caps.toml, capacity.toml and touchpoints.toml.

    Without --edited it explains the silence of the month, and what each gate keeps.
    """
    from features.settings import month_span
    from serving.measurement.simulation.edited_rules import EditedRules, read_edited
    from serving.measurement.simulation.policy_simulation import simulate_policy as simulate

    lake = open_published()
    zone = lake.settings.timezone
    rules = EditedRules() if edited is None else read_edited(edited, zone)
    with open_records(lake) as records:
        outcome = simulate(lake, records, rules, *month_span(month, zone))
    document = outcome.document()
    worlds = [{"rules": "as they are", **document["before"]}]
    if outcome.edited:
        worlds.append({"rules": f"edited {', '.join(outcome.edited)}", **document["after"]})
    lines: list[Any] = [
        table(f"Decisions of {month:%Y-%m} made again", worlds),
        table("Silence, and what lifting a gate is worth at most, yuan", document["silence"]),
    ]
    lines.append(
        f"{document['before']['as_recorded']:.1%} are decided as the records say: the rest is what "
        "the simulation cannot know."
    )
    if outcome.timed_as_edited:
        names = ", ".join(outcome.timed_as_edited)
        lines.append(f"Due by their edited triggers: {names}.")
    if outcome.timed_as_recorded:
        names = ", ".join(outcome.timed_as_recorded)
        lines.append(
            f"Due as recorded, where a record lacks what the edited trigger reads: {names}."
        )
    emit(document, json, *lines)


def policy_value(
    month: Annotated[
        date,
        typer.Option(
            "--month", parser=parse_month, metavar="YYYY-MM", help="Month of the decisions."
        ),
    ],
    as_of: AsOf,
    edited: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder with the edited files of rules."),
    ] = None,
    json: Json = False,
) -> None:
    """Tell what another policy would have gained, by decisions that were drawn by lot."""
    from features.settings import month_span
    from serving.decision.worth.policy import load_policy
    from serving.measurement.off_policy import value_policy

    lake = open_published()
    policy = load_policy(edited or lake.home)
    with open_records(lake) as records:
        begin, end = month_span(month, lake.settings.timezone)
        outcome = value_policy(lake, records, policy, begin, end, as_of)
    value = outcome.value
    lines = [
        f"{value.decisions:,} decisions drawn by lot, {value.effective:,.0f} of them support the "
        "other policy" + ("." if value.credible else ": too few to be believed."),
        f"As it was {value.logged.value:,.2f} yuan a decision, under the policy "
        f"{value.new.value:,.2f} ({value.new.low:,.2f} to {value.new.high:,.2f}).",
        f"Gain {value.gain.value:+,.2f} yuan a decision "
        f"({value.gain.low:+,.2f} to {value.gain.high:+,.2f}).",
    ]
    emit(outcome, json, *lines)

"""Command to learn what a contact or an offer adds to renewals, and for whom."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, latest_date, open_published, parse_day
from guanjia.terminal.output import emit, progress, short_path, table

NOTE = """Measured on the latest ripe outcomes, unseen by any step before; brackets: 95% intervals.
loss: squared distance from later outcomes, less that of telling everybody the average.
renewal: percent of all that renew under the rule. gained: points of it that are due to the rule.
yuan: worth of the renewals gained less the cost, a customer."""


def uplift(
    treatment: Annotated[
        str, typer.Option(help="contact, service_pack or cover_review: an arm of the trial.")
    ] = "contact",
    known_by: Annotated[
        date | None,
        typer.Option(
            "--known-by", parser=parse_day, metavar="YYYY-MM-DD", help="Outcomes recorded by then."
        ),
    ] = None,
    worth: Annotated[
        float, typer.Option(min=0, help="Of a renewal, as a share of the commercial premium.")
    ] = 0.10,
    json: Json = False,
) -> None:
    """Learn what a contact or an offer adds to renewals.

    Refused where customers were not drawn by lot.
    """
    from training.uplift.randomised_trials import find

    trial, lake = find(treatment), open_published()
    from training.uplift.study import learn

    by = known_by or latest_date(lake, "snapshots", "give --known-by DATE")
    with progress(json) as report:
        study = learn(lake, trial, by, report, worth)
    emit(study, json, *show_study(study))


def show_study(study: Any) -> Sequence[Any]:
    """Show the results of a study."""
    lot, dogs, truth = study.randomisation, study.sleeping_dogs, study.truth
    arms = [
        {"arm": arm, "rows": rows, "stated": lot.probabilities[arm]}
        for arm, rows in lot.rows.items()
    ]
    tried = [
        {"learner": name, "loss": f"{loss:+.5f}", "chosen": name == study.learner}
        for name, loss in study.losses.items()
    ]
    ruled = [
        {
            "treat": rule.name,
            "share": f"{rule.treated:.0%}",
            "renewal": _number(rule.renewal, 1, 100),
            "gained": _points(rule.gained),
            "yuan": _number(rule.yuan),
        }
        for rule in study.policies
    ]
    qini = f"Qini {_number(study.qini, 4)}, chance 0"
    if truth is not None:
        qini += (
            f"; by the true effects {truth.qini:.4f}, the best there is {truth.oracle_qini:.4f}: "
            f"{truth.share:.0%} ({truth.share_low:.0%} to {truth.share_high:.0%})"
        )
    lines = [
        f"A lot, as far as tags tell: they tell the arms with an AUC of {lot.auc:.3f}, "
        f"chance stays below {lot.auc_limit:.3f}.",
        f"Average effect {_points(study.average)} points of renewal.",
        table("Learners", tried),
        f"{qini}. AUUC {study.auuc:.4f}.",
        table(f"Whom to treat, {study.test_rows:,} terms", ruled),
        _dogs(dogs, truth),
        f"{study.train_rows:,} rows taught; effect model {study.version} in "
        f"{short_path(study.folder)}",
        NOTE,
    ]
    return [f"{study.treatment} {study.label}, drawn by lot", table("Arms", arms), *lines]


def _dogs(dogs: Any, truth: Any) -> str:
    if dogs.effect is None:
        return "Sleeping dogs: none; nobody has a predicted effect below zero."
    sentence = (
        f"Sleeping dogs: {dogs.customers:,} ({dogs.share:.0%}) have a predicted effect below zero, "
        f"{dogs.predicted * 100:+.1f} points on average; it was {_points(dogs.effect)}, "
        f"{'below zero for certain' if dogs.proven else 'not proven below zero'}"
    )
    if not dogs.proven:
        sentence += f", which at such an effect would take {dogs.needed:,} of them"
    if truth is not None:
        sentence += f"; in truth {truth.told_below_zero * 100:+.1f}"
    return sentence + "."


def _points(figure: Any) -> str:
    return f"{figure.value * 100:+.1f} ({figure.low * 100:+.1f} to {figure.high * 100:+.1f})"


def _number(figure: Any, places: int = 1, scale: int = 1) -> str:
    low, high = (f"{value * scale:.{places}f}" for value in (figure.low, figure.high))
    return f"{figure.value * scale:.{places}f} ({low} to {high})"

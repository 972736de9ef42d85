"""Render a plan as one HTML page (`page.html` filled in) that needs no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.contracts.tables import CONTRACTS
from features.imports.overview import column_rows
from features.imports.plan import Plan
from features.imports.plan_page import chinese
from features.publishing import published


def write_page(
    plan: Plan, costs: Sequence[Any], path: Path, models: Mapping[str, str] | None = None
) -> None:
    """Publish the page of a plan, in Chinese.

    Parameters
    ----------
    plan : Plan
        What was understood.
    costs : sequence of object
        What is missing and what that costs (`guanjia.jobs.import_costs`).
    path : Path
        The file.
    models : mapping of str to str, optional
        Model -> its Chinese label.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters |= {
        "chinese": chinese.sentence,
        "meaning": chinese.value,
        "notes": chinese.notes,
        "model": lambda name: (models or {}).get(name, name),
    }
    html = environment.get_template("page.html").render(
        plan=plan,
        columns=column_rows(plan),
        doubts=chinese.doubts(plan),
        origin=chinese.origin,
        form=chinese.form,
        field=chinese.field,
        costs=costs,
        contracts=CONTRACTS,
        prepared={table.table: table for table in plan.tables},
    )
    with published(path) as draft:
        draft.write_text(html, encoding="utf-8")

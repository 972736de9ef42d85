"""Write docs/raw-tables.md from the contracts: `python -m guanjia.jobs.raw_tables FILE`."""

import sys
from pathlib import Path

import ibis.expr.datatypes as dt

from features.contracts.contract import Contract
from features.contracts.example_rows import EXAMPLE_ROWS
from features.contracts.tables import CONTRACTS
from features.markdown import list_item
from guanjia.jobs.import_costs import MissingCost, missing_costs

HEAD = """# Raw tables 原始表

Generated from `features/contracts/` and the expressions of the tags by `make docs`; a test fails
when it is not current.

What an insurer delivers: as CSV or Parquet in these columns under `<home>/raw/<table>/`
([data-flow.md](data-flow.md)), or in any other form by a mapping ([import.md](import.md)).
`guanjia tables --template FOLDER` writes empty workbooks with these headings, `guanjia tables
--odcs FILE.yaml` the contracts in the Open Data Contract Standard.

- A row is never changed in place: a change is a new row with the same key and a later
  `recorded_at`, the instant at which it became known. In an import it need not be delivered
  ([import.md](import.md#since-when-a-row-is-known)).
- Days are the insurer's civil days, an instant without a zone is the insurer's civil time, money
  is in yuan.
- A *milestone* is an instant that is known only from the moment it happens; it is filled in later
  in the same row.
- "May be absent" says what absence means. A wrong cell that may be absent is left out, and its
  row stays.
- "Needed by" counts the tags that are computed with a column, says whether the star is, and names
  the models that read such tags. A column without these words is shown, checked or kept, and
  nothing is computed with it.

| table | label | columns | needed |
|---|---|---|---|
{index}
"""
TYPES = {
    dt.Timestamp: "instant",
    dt.Date: "day",
    dt.Decimal: "amount",
    dt.Int64: "whole number",
    dt.Float64: "number",
    dt.Boolean: "true or false",
    dt.String: "text",
}
STARS = {"no star": "there is no star", "poorer": "the star is poorer"}
MOST_MODELS = 6


def render() -> str:
    """Render the page as Markdown."""
    index = "\n".join(
        f"| [{name}](#{name}-{contract.label}) | {contract.label} | {len(contract.columns)} |"
        f" {'always' if contract.required else 'for its tags'} |"
        for name, contract in CONTRACTS.items()
    )
    return "\n".join([HEAD.format(index=index), *map(_section, CONTRACTS.values())])


def _section(contract: Contract) -> str:
    (cost,) = missing_costs({contract.name: list(contract.columns)}) or (None,)
    lines = [
        f"## {contract.name} {contract.label}",
        "",
        " ".join(contract.grain.split()),
        f"Key: `{contract.key}`; it happened at: `{contract.event_time}`.",
    ]
    if cost is not None:
        lines.append(f"Without the table: {_without(cost)}.")
    lines += ["", *(_entry(contract, name) for name in contract.columns)]
    if contract.rules:
        lines += ["", "Rules of a row:", ""]
        lines += [
            list_item(
                f"{rule.sentence} {rule.chinese}"
                + (f" (else `{rule.leaves_out}` is left out)" if rule.leaves_out else "")
            )
            for rule in contract.rules
        ]
    return "\n".join([*lines, ""])


def _without(cost: MissingCost) -> str:
    parts = [f"{cost.tags_null} tags are null"] if cost.tags_null else []
    parts += [f"{cost.tags_poorer} are poorer"] if cost.tags_poorer else []
    parts += [STARS[cost.star]] if cost.star else []
    parts += [f"{len(cost.models)} models lose tags"] if cost.models else []
    return ", ".join(parts)


def _entry(contract: Contract, name: str) -> str:
    declared, type_ = contract.declared[name], contract.columns[name]
    kind = next(word for known, word in TYPES.items() if isinstance(type_, known))
    facts = [kind]
    facts += [declared.unit] if declared.unit else []
    facts += ["key"] if name == contract.key else []
    facts += ["milestone"] if declared.milestone else []
    facts += ["personal"] if declared.personal else []
    text = f"`{name}` {declared.label} ({', '.join(facts)})."
    if declared.allowed:
        text += f" One of {', '.join(f'`{code}`' for code in declared.allowed)}."
    if declared.at_least is not None:
        text += f" At least {declared.at_least}."
    if declared.above is not None:
        text += f" Above {declared.above}."
    if declared.between is not None:
        text += f" Between {declared.between[0]} and {declared.between[1]}."
    if declared.null is not None:
        text += f" May be absent: {declared.null.english} {declared.null.chinese}."
    if example := EXAMPLE_ROWS[contract.name][name]:
        text += f" Such as `{example}`."
    return list_item(text + _needed_by(contract, name))


def _needed_by(contract: Contract, name: str) -> str:
    """Say which tags, stars and models need a column; nothing for the key, which all need."""
    if name in (contract.key, "recorded_at"):
        return ""
    costs = missing_costs({contract.name: [name]})
    if not costs:
        return ""
    (cost,) = costs
    number = cost.tags_null + cost.tags_poorer
    parts = ["1 tag" if number == 1 else f"{number} tags"]
    parts += ["the star"] if cost.star else []
    models = list(cost.models)
    if len(models) > MOST_MODELS:
        parts.append(f"{len(models)} models")
    elif models:
        parts.append(f"models {', '.join(f'`{model}`' for model in models)}")
    return f" Needed by {', '.join(parts)}."


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")

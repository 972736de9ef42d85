"""Judge a plan of an export: columns right at first sight, and whether "sure" is right."""

from dataclasses import dataclass, field

from exports.systems import File, System
from features.contracts.tables import CONTRACTS
from features.imports.mapping import UNKNOWN, ColumnMap, Mapping

SHARED = {"customer_id", "policy_id", "vehicle_id", "claim_id", "branch", "account_manager_id",
          "line", "channel", "recorded_at"}  # fmt: skip
"""Columns that are the same in whichever table they stand."""
ALSO = {
    "vehicles.vin": ("vehicle_id",), "vehicles.plate": ("vehicle_id",),
    "made.identity": ("customer_id",), "sums.paid": ("claim_movements.paid_change",),
    "sums.outstanding": ("claim_movements.outstanding_change",),
    "customers.account_manager_id": ("account_manager_id",),
    "made.gross": ("policies.written_premium",), "made.keyed_at": ("policies.signed_at",),
}  # fmt: skip

DATES = ("_at", "_on", "_date", "inception", "expiry", "first_registered")


def accepted(name: str) -> set[str]:
    """Return the columns, as `table.column`, for which a field is a right source."""
    table, _, column = name.partition(".")
    if table in ("jq", "sy"):
        table = "policies"
    wanted = {*ALSO.get(name, ()), *({f"{table}.{column}"} if table in CONTRACTS else ())}
    out = {name for name in wanted if "." in name}
    for column in {name.rpartition(".")[2] for name in wanted} & SHARED:
        out |= {f"{table}.{column}" for table in CONTRACTS if column in (
            *CONTRACTS[table].columns, "recorded_at")}  # fmt: skip
    if name == "claims.claim_id":
        out.add("claim_movements.movement_id")  # Where one movement is made of a claim's sums.
    return out


@dataclass
class Score:
    """What a plan has right of one system."""

    columns: int = 0
    right: int = 0
    others: int = 0
    others_unused: int = 0
    sure: int = 0
    sure_correct: int = 0
    wrong: list[str] = field(default_factory=list)

    def share(self) -> float:
        """Return the share of columns that are right."""
        return self.right / max(1, self.columns)

    def sure_share(self) -> float:
        """Return the share of what is marked "sure" that is right."""
        return self.sure_correct / max(1, self.sure)

    def add(self, other: "Score") -> None:
        """Add another score's counts."""
        for name in ("columns", "right", "others", "others_unused", "sure", "sure_correct"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def score(mapping: Mapping, system: System) -> Score:
    """Count the columns of a system's export that a mapping has right.

    A column that belongs to one of ours is right if the mapping takes it for that, and for nothing
    else, and reads its codes, unit and order of days as the system wrote them (a code that is
    asked is not wrong). One that belongs to none is right if nothing is taken from it.
    """
    out = Score()
    for file in system.files:
        for heading, marked in file.columns.items():
            uses = _uses(mapping, system, file, heading)
            fits = accepted(marked.lstrip("-?"))
            faults = [
                f"{target} ({column.confidence}) from {heading}"
                for target, column in uses.items()
                if target not in fits or not _reads(column, system, file, marked.lstrip("-?"))
            ]
            if _repeated(system, file, marked):
                continue
            if marked.startswith("-"):
                out.others += 1
                out.others_unused += not uses
            elif not marked.startswith("?"):
                out.columns += 1
                out.right += bool(uses) and not faults
                if not uses:
                    out.wrong.append(f"{file.name}: nothing from {heading} ({marked})")
            out.wrong += [f"{file.name}: {fault}" for fault in faults]
            for column in uses.values():
                out.sure += column.confidence == "sure"
            out.sure_correct += sum(column.confidence == "sure" for column in uses.values()) - sum(
                "(sure)" in fault for fault in faults
            )
    return out


def _repeated(system: System, file: File, name: str) -> bool:
    """Whether another file tells it already: a name beside a policy, the plate of a claim's car.

    Whether such a column is used does not matter.
    """
    table = name.partition(".")[0]
    if file.rows == "claims" and table == "vehicles":
        return True
    return file.rows != table and any(
        other.rows == table and name in other.columns.values() for other in system.files
    )


def _uses(mapping: Mapping, system: System, file: File, heading: str) -> dict[str, ColumnMap]:
    """Return what is taken from a heading: `table.column` -> how."""
    headings = set(file.columns)
    uses = {}
    for table in mapping.tables:
        source = mapping.sources[table.source]
        if not headings <= set(source.columns):
            continue
        for name, column in table.columns.items():
            if column.heading == heading:
                uses[f"{table.name}.{name}"] = column
    return uses


def _reads(column: ColumnMap, system: System, file: File, name: str) -> bool:
    """Whether a column is read as it was written."""
    written = file.codes.get(name, system.codes.get(name))
    if written is not None and column.codes is not None:
        meanings = {code: value for value, code in written.items()}
        if any(value not in (UNKNOWN, meanings.get(code)) for code, value in column.codes.items()
               if code in meanings):  # fmt: skip
            return len(set(written.values())) < len(written)
    if name == "policies.expiry" and column.last_day != system.last_day:
        return False
    if name.endswith(("premium", "paid", "outstanding", "list_price", "sum_insured")):
        return column.unit == system.unit and column.decimal == system.decimal
    dated = name.endswith(DATES)
    return not dated or column.order in (system.order, "ask")

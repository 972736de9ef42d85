"""Read the triggers of a date page by page, as `guanjia triggers` published them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.errors import UnknownNameError
from features.lake import Lake
from features.sql import sql_text
from serving.touchpoints.triggers import triggers_path

BRANCH_GROUP = "underwriting"
COLUMNS = (
    "customer_id",
    "touchpoint",
    "reason",
    "due_on",
    "window_end",
    "kind",
    "by",
    "channels",
    "service",
    "star",
)


@dataclass(frozen=True)
class TriggerPage:
    """Rows of the triggers of a date, by customer and touchpoint.

    Attributes
    ----------
    as_of : date
        Date of the tags.
    snapshot_id : str or None
        The snapshot that they were found from; None if there is no row.
    rows : list of dict
        With the columns `COLUMNS`.
    more : bool
        Whether there may be rows behind the last one.
    """

    as_of: date
    snapshot_id: str | None
    rows: list[dict[str, Any]]
    more: bool


def latest_triggers(lake: Lake) -> date | None:
    """Find the latest date whose triggers are published."""
    names = (path.stem.removeprefix("as_of=") for path in (lake.data / "triggers").glob("as_of=*"))
    return max(map(date.fromisoformat, names), default=None)


def read_triggers(
    lake: Lake,
    as_of: date | None,
    most: int,
    *,
    touchpoint: str | None = None,
    branches: Collection[str] | None = None,
    customer: str | None = None,
    after: tuple[str, str] = ("", ""),
) -> TriggerPage:
    """Read a page of the triggers of a date.

    Parameters
    ----------
    lake : Lake
        The home with the published files.
    as_of : date or None
        Date of the tags; None: the latest.
    most : int
        Rows of a page.
    touchpoint : str, optional
        Only this touchpoint. Default: all.
    branches : collection of str, optional
        Only customers who belonged to one of these branches on that date. Default: all.
    customer : str, optional
        Only this customer. Default: all.
    after : (str, str)
        Customer and touchpoint of the last row of the page before.

    Raises
    ------
    UnknownNameError
        If the triggers of the date are not published.
    """
    day = as_of or latest_triggers(lake)
    if day is None or not triggers_path(lake, day).exists():
        which = "triggers" if day is None else f"triggers of {day}"
        cure = "run `guanjia triggers`" + ("" if day is None else f" --as-of {day}")
        chinese = "到期触点" if day is None else f"{day} 的到期触点", "没有", "请运行人员先完成日批"
        raise UnknownNameError(which, "are not there", cure, chinese=chinese)
    conditions = ["(customer_id, touchpoint) > (?, ?)"]
    parameters: list[Any] = [*after]
    if touchpoint is not None:
        conditions.append("touchpoint = ?")
        parameters.append(touchpoint)
    if customer is not None:
        conditions.append("customer_id = ?")
        parameters.append(customer)
    if branches is not None:
        tags = lake.tags(BRANCH_GROUP) / f"as_of={day}.parquet"
        conditions.append(
            f"customer_id IN (SELECT customer_id FROM read_parquet({sql_text(tags)})"
            " WHERE list_contains(?, branch))"
        )
        parameters.append(sorted(branches))
    columns = ", ".join(f'"{name}"' for name in (*COLUMNS, "snapshot_id"))
    query = (
        f"SELECT {columns} FROM read_parquet({sql_text(triggers_path(lake, day))})"
        f" WHERE {' AND '.join(conditions)} ORDER BY customer_id, touchpoint LIMIT {int(most)}"
    )
    rows = lake.con.cursor().execute(query, parameters).to_arrow_table().to_pylist()
    ids = [row.pop("snapshot_id") for row in rows]
    return TriggerPage(day, ids[0] if ids else None, rows, more=len(rows) == most)

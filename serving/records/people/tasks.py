"""What account managers are to do for customers."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from features.errors import GuanjiaError
from serving.records.columns import new_id
from serving.records.tables import tasks

_t = tasks.c
_INSERT = insert(tasks)
_OPEN = (
    select(tasks)
    .where(_t.account_manager_id == bindparam("account_manager_id"), _t.state == "open")
    .order_by(_t.due_on, _t.task_id)
)
_CLOSE = update(tasks).where(_t.task_id == bindparam("one"), _t.state == "open")
_STATE = select(_t.state).where(_t.task_id == bindparam("one"))


@dataclass(frozen=True)
class Task:
    """Something to do for a customer by a day."""

    customer_id: str
    branch: str
    account_manager_id: str
    touchpoint: str
    due_on: date
    decision_id: str | None = None
    contact_id: str | None = None
    note: str | None = None


def open_task(connection: Connection, task: Task, at: datetime) -> str:
    """Keep a task; its number."""
    task_id = new_id(at)
    row = vars(task) | {"task_id": task_id, "state": "open", "opened_at": at}
    connection.execute(_INSERT, row)
    return task_id


def open_tasks(connection: Connection, account_manager_id: str) -> list[RowMapping]:
    """An account manager's open tasks, those due first at the top."""
    given = {"account_manager_id": account_manager_id}
    return list(connection.execute(_OPEN, given).mappings())


def close_task(
    connection: Connection, task_id: str, how: Literal["done", "dropped"], at: datetime
) -> bool:
    """Close a task; False if it was closed in that way before.

    Raises
    ------
    GuanjiaError
        If there is no such task, or it was closed in the other way.
    """
    if connection.execute(_CLOSE, {"one": task_id, "state": how, "closed_at": at}).rowcount == 1:
        return True
    state = connection.execute(_STATE, {"one": task_id}).scalar()
    if state == how:
        return False
    fault = "is not known" if state is None else f"is {state}"
    raise GuanjiaError(f"task {task_id}", fault, "take one of those that are open")

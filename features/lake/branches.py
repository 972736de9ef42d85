"""Check that a branch is one that customers of a home belong to."""

from features.errors import unknown_name
from features.lake.connection import Lake
from features.sql import sql_text


def require_branch(lake: Lake, branch: str) -> None:
    """Refuse a branch that no customer belongs to; where nothing was checked yet, take any.

    Raises
    ------
    UnknownNameError
        If customers are known and none of them is of this branch; it names similar branches.
    """
    if not lake.has("customers"):
        return
    customers = sql_text(lake.checked("customers"))
    query = f"SELECT DISTINCT branch FROM read_parquet({customers}) WHERE branch IS NOT NULL"
    known = sorted(name for (name,) in lake.con.execute(query).fetchall())
    if branch not in known:
        raise unknown_name("branch", branch, known)

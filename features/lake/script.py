"""Write the SQL of a computation in steps, to be stored and run by processes without Ibis."""

from typing import TYPE_CHECKING

from features.lake.connection import Lake
from features.sql import quoted

if TYPE_CHECKING:
    import ibis.expr.types as ir


class ScriptLake(Lake):
    """A lake that writes down how its temporary tables are computed, and computes none.

    What is built over it sees empty tables of the right columns.

    Parameters
    ----------
    lake : Lake
        The home and its engine.
    prefix : str
        Begins the names of the tables that have no name of their own.
    """

    def __init__(self, lake: Lake, prefix: str) -> None:
        super().__init__(lake.settings, lake.day)
        self._con, self._engine = lake.con, lake.engine
        self._prefix = prefix
        self._statements: list[str] = []

    def keep(self, rows: "ir.Table | str") -> "ir.Table":
        """Write down a temporary table, as `create`, named by its place in the script."""
        return self.create(f"{self._prefix}_{len(self._statements) // 2}", rows)

    def create(self, name: str, rows: "ir.Table | str") -> "ir.Table":
        """Write down how a temporary table is computed, and open it empty.

        Parameters
        ----------
        name : str
            Name of the table; the script replaces one of that name.
        rows : ibis.Table or str
            Its rows, or a query for them in SQL.
        """
        self.con.execute(f"DROP TABLE IF EXISTS {name}")
        if isinstance(rows, str):
            self.con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM ({rows}) LIMIT 0")
        else:
            self.engine.create_table(name, schema=rows.schema(), temp=True)
        query = rows if isinstance(rows, str) else self.sql(rows)
        described = self.con.execute(f"DESCRIBE {name}").fetchall()
        # With their types: DuckDB has a timestamp where Ibis, adding days to a date, says date.
        columns = ", ".join(f"{quoted(column)} {type_}" for column, type_, *_ in described)
        self._statements += [
            f"CREATE OR REPLACE TEMP TABLE {name} ({columns})",
            f"INSERT INTO {name} {query}",
        ]
        return self.engine.table(name)

    @property
    def script(self) -> str:
        """The SQL that computes all tables, in the order in which they were written down."""
        return ";\n".join(self._statements)

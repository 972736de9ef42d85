"""Compute tags with Spark: the same tables and expressions as on DuckDB, on a cluster.

For insurers whose tables outgrow one machine. Home must be a folder that driver and executors all
reach under one path. The files written are the same as DuckDB's (`docs/operations.md`).
"""

import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, partial
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake, Moments, Opener
from features.lake.checked_tables import LATER_COLUMNS
from features.settings import Settings

SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""Environment variable that is set if `spark-submit` started this process: it configures Spark."""


class SparkLake(Lake):
    """A lake whose tags Spark computes; DuckDB still checks tables and reads small files.

    Parameters
    ----------
    settings : Settings
        `spark_master` names the cluster (default: this machine with `threads` cores),
        `memory_limit` bounds the driver's memory.

    Raises
    ------
    GuanjiaError
        If pyspark or Java is not installed.
    """

    name = "spark"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._spark: Any = None

    @property
    def spark(self) -> Any:
        """The Ibis backend over one Spark session, started at first use."""
        if self._spark is None:
            self._spark = ibis.pyspark.connect(spark_session(self.settings))
        return self._spark

    def read(self, path: str, name: str | None = None) -> ir.Table:
        """Open a Parquet file as a table of Spark."""
        table: ir.Table = self.spark.read_parquet(path, table_name=name)
        later = LATER_COLUMNS.get((name or "").removeprefix("checked_"), {})
        absent = [column for column in later if column not in table.columns]
        if not absent:
            return table
        frame = self.spark._session.read.parquet(path)
        for column in absent:
            frame = frame.selectExpr("*", f"CAST(NULL AS STRING) AS {column}")
        frame.createOrReplaceTempView(name)
        return self.spark.table(name)

    def open_by_name(self, table: str) -> None:
        """Open the good rows of a table for stored SQL."""
        self.table(table)

    def sql(self, rows: ir.Table) -> str:
        """Write an expression as Spark's SQL."""
        return str(ibis.to_sql(rows, dialect="pyspark", pretty=False))

    def moments(self, dates: Sequence[tuple[date, datetime]]) -> Moments:
        """Express dates and their cutoffs as constants."""
        return tuple(
            (ibis.literal(day, "date"), ibis.literal(end, "timestamp('UTC', 6)"))
            for day, end in dates
        )

    @contextmanager
    def materialised(self, name: str, rows: ir.Table | str) -> Iterator[Opener]:
        """Materialise an expression or a query on the executors, as a view dropped on exit."""
        frame = self.spark._session.sql(rows if isinstance(rows, str) else self.sql(rows)).cache()
        frame.createOrReplaceTempView(name)
        try:
            yield cache(partial(self.spark.table, name))
        finally:
            self.spark._session.catalog.dropTempView(name)
            frame.unpersist()

    @contextmanager
    def batches(self, query: str) -> Iterator[Iterable[pa.RecordBatch]]:
        """Stream the rows of a query in batches, in the order of the query.

        Executors write files and the driver reads them: collecting the rows would need memory for
        all of them in the driver.
        """
        folder = self.home / "tmp" / f"spark-{uuid.uuid4().hex}"
        try:
            self.spark._session.sql(query).write.parquet(str(folder))
            parts = sorted(folder.glob("part-*.parquet"))
            yield (batch for part in parts for batch in pq.ParquetFile(part).iter_batches())
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def spark_session(settings: Settings) -> Any:
    """Return the Spark session of this process, started at first use.

    Raises
    ------
    GuanjiaError
        If pyspark or Java is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise GuanjiaError(
            "engine spark", "is not installed", "pip install 'guanjia[spark]'"
        ) from None
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        raise GuanjiaError("engine spark", "finds no Java", "install Java 17, or set JAVA_HOME")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("guanjia")
    for name, value in {
        "spark.sql.session.timeZone": "UTC",
        # Spark's own default is a type that nobody else reads.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(name, value)
    if settings.spark_master is None and SUBMITTED not in os.environ:
        memory = settings.memory_limit.upper().removesuffix("B").lower()
        for name, value in {
            "spark.driver.memory": memory,
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": str(2 * settings.threads),
        }.items():
            builder = builder.config(name, value)
        builder = builder.master(f"local[{settings.threads}]")
    elif settings.spark_master is not None:
        builder = builder.master(settings.spark_master)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session

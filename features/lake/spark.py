"""The lake on Spark: the same tables, the same expressions, another engine.

For insurers whose tables outgrow one machine. Home must be a folder that driver and executors all
reach under one path. What is written is what DuckDB writes (`docs/operations.md`).
"""

import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import GuanjiaError
from features.lake import Lake, Moments
from features.settings import Settings

SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""In the environment where `spark-submit` started this process and configured the session."""


class SparkLake(Lake):
    """A lake whose tags Spark computes; checks, star settings and files stay as they are.

    Parameters
    ----------
    settings : Settings
        `spark_master` says which cluster (default: this machine, `threads` cores), `memory_limit`
        what the driver may take.

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
        """A Parquet file as a table of this engine."""
        table: ir.Table = self.spark.read_parquet(path, table_name=name)
        return table

    def sql(self, rows: ir.Table) -> str:
        """An expression as Spark's SQL."""
        return str(ibis.to_sql(rows, dialect="pyspark", pretty=False))

    def moments(self, dates: Sequence[tuple[date, datetime]]) -> Moments:
        """Dates and their cutoffs as expressions; here they are constants."""
        return tuple(
            (ibis.literal(day, "date"), ibis.literal(end, "timestamp('UTC', 6)"))
            for day, end in dates
        )

    @contextmanager
    def held(self, name: str, rows: ir.Table | str) -> Iterator[ir.Table]:
        """Rows, or what a query gives, computed once and kept by the executors."""
        frame = self.spark._session.sql(rows if isinstance(rows, str) else self.sql(rows)).cache()
        frame.createOrReplaceTempView(name)
        try:
            yield self.spark.table(name)
        finally:
            self.spark._session.catalog.dropTempView(name)
            frame.unpersist()

    @contextmanager
    def batches(self, query: str) -> Iterator[Iterable[pa.RecordBatch]]:
        """What a query gives, in its order, a batch at a time.

        By way of files that executors write and the driver reads: collecting would take the whole
        result into the driver's memory.
        """
        folder = self.home / "tmp" / f"spark-{uuid.uuid4().hex}"
        try:
            self.spark._session.sql(query).write.parquet(str(folder))
            parts = sorted(folder.glob("part-*.parquet"))
            yield (batch for part in parts for batch in pq.ParquetFile(part).iter_batches())
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def spark_session(settings: Settings) -> Any:
    """The Spark session of this process, started at first use.

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

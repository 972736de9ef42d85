"""Read the tags of all customers and dates of a training run once, for all its models."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.lake import Lake
from features.online import feast_client
from features.tags.catalogue import catalogue

PORTION = 500_000
"""Rows read from the feature store at once; with 160 tags they take 0.7 GB."""
KEYS = ["customer_id", "event_timestamp"]


def recorded_tags(histories: Sequence[Path], names: Sequence[str]) -> pd.DataFrame:
    """Read some tags of all rows of the files of a history.

    Parameters
    ----------
    histories : sequence of pathlib.Path
        Files of the tag groups, with the same rows in the same order.
    names : sequence of str
        Tags that are computed there.

    Returns
    -------
    pandas.DataFrame
        `customer_id`, `event_timestamp` (UTC) and a column per tag, as `feast_client.tags_at`
        returns them.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    for path in histories:
        there = set(pq.read_schema(path).names)
        present = [name for name in (*KEYS, *names) if name in there and name not in columns]
        if present:
            columns |= dict(zip(present, pq.read_table(path, columns=present).columns, strict=True))
    declared = catalogue()
    tags = {name: feast_client.plain_column(columns[name], declared[name].type) for name in names}
    return pa.table({name: columns[name] for name in KEYS} | tags).to_pandas()


class SharedTags:
    """Tags of many rows, from which each model selects its rows and its tags.

    They lie in a memory-mapped Arrow file, so that the system can take the memory back.

    Parameters
    ----------
    lake : Lake
        Home with the tag histories.
    moments : pandas.DataFrame
        `customer_id` and `event_timestamp`, each pair once.
    names : sequence of str
        Tags that any of the models reads.
    file : pathlib.Path
        Path of the Arrow file; the caller removes it.
    """

    def __init__(self, lake: Lake, moments: pd.DataFrame, names: Sequence[str], file: Path) -> None:
        self._places = moments[KEYS].assign(place=range(len(moments)))
        writer = None
        for start in range(0, len(moments), PORTION):
            tags = feast_client.tags_at(lake, moments.iloc[start : start + PORTION], names)
            writer = writer or pa.ipc.new_file(file, tags.schema)
            writer.write_table(tags)
        if writer is not None:
            writer.close()
        self._table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()

    def join(self, rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Add tags to rows as columns.

        Parameters
        ----------
        rows : pandas.DataFrame
            `customer_id` and `event_timestamp`, among the `moments`, and other columns.
        names : sequence of str
            Tags to add.

        Returns
        -------
        pandas.DataFrame
            The columns of `rows`, then the tags; the index is that of `rows`.
        """
        places = rows[KEYS].merge(self._places, on=KEYS, how="left", validate="many_to_one")
        positions = pa.array(places["place"].to_numpy())
        columns = dict(rows.items()) | {
            name: self._table[name].take(positions).to_pandas().to_numpy()
            for name in dict.fromkeys(names)
        }
        return pd.DataFrame(columns, index=rows.index, copy=False)

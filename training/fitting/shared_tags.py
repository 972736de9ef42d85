"""The tags of all customers and dates that the models of one run ask about, read once for all."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from features.lake import Lake
from features.online import feast_client as store

PORTION = 500_000
"""Rows read from the feature store at once: 160 tags of them take 0.7 GB."""
KEYS = ["customer_id", "event_timestamp"]


class SharedTags:
    """Tags of many rows, of which each model takes its rows and its tags.

    They lie in an Arrow file that is mapped and not read, so that the memory they take is the
    system's to take back.

    Parameters
    ----------
    lake : Lake
        Whose tags.
    moments : pandas.DataFrame
        `customer_id` and `event_timestamp`, each pair once.
    names : sequence of str
        The tags that any model reads.
    file : pathlib.Path
        Where they go; whoever gives it removes it.
    """

    def __init__(self, lake: Lake, moments: pd.DataFrame, names: Sequence[str], file: Path) -> None:
        self._places = moments[KEYS].assign(place=range(len(moments)))
        writer = None
        for start in range(0, len(moments), PORTION):
            known = store.tags_at(lake, moments.iloc[start : start + PORTION], names)
            writer = writer or pa.ipc.new_file(file, known.schema)
            writer.write_table(known)
        if writer is not None:
            writer.close()
        self._table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()

    def join(self, rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Put tags beside rows.

        Parameters
        ----------
        rows : pandas.DataFrame
            `customer_id` and `event_timestamp`, both among those given before, and other columns.
        names : sequence of str
            The tags wanted.

        Returns
        -------
        pandas.DataFrame
            As `feast_client.history` returns it.
        """
        places = rows[KEYS].merge(self._places, on=KEYS, how="left", validate="many_to_one")
        taken = pa.array(places["place"].to_numpy())
        columns = {
            name: self._table[name].take(taken).to_pandas().to_numpy()
            for name in dict.fromkeys(names)
        }
        tags = pd.DataFrame(columns, index=rows.index, copy=False)
        return pd.concat([rows, tags], axis=1)

"""Read the values of a condition that stand in a field of their own, as a page has them."""

from features.condition_forms.reader import Reader
from features.condition_forms.structure import Value
from features.condition_forms.vocabulary import Column, Vocabulary
from features.conditions import LONGEST


def read_values(text: str, column: Column, vocabulary: Vocabulary) -> list[Value]:
    """Read values of a column as they are typed in a field of their own: `30天`, `1、2`.

    Parameters
    ----------
    text : str
        The values.
    column : Column
        The column they are compared with.
    vocabulary : Vocabulary
        The columns that a condition may name; none of them is a value.

    Raises
    ------
    GuanjiaError
        As `read_text`, and if more than values is written.
    """
    reader = Reader(text[: LONGEST + 1], vocabulary)
    values = reader.values(column)
    if reader.rest():
        raise reader.fault()
    return values

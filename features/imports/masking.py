"""Mask personal data in samples that a plan shows."""

from features.contracts.contract import Column
from features.imports.matching.evidence import is_identity_number


def mask(text: str, declared: Column, *, personal: bool = False) -> str:
    """Mask a sample if its column is personal, or if it looks like a number of a person.

    Parameters
    ----------
    text : str
        The sample.
    declared : Column
        Its declaration.
    personal : bool
        True if the same heading gives a personal column too.

    Examples
    --------
    >>> from features.contracts.tables import CONTRACTS
    >>> mask("13800000001", CONTRACTS["customers"].declared["phone"])
    '13*******01'
    >>> mask("2,802.5", CONTRACTS["policies"].declared["written_premium"])
    '2,802.5'
    """
    hidden = personal or declared.personal or is_identity_number(text)
    if not hidden:
        return text
    if len(text) <= 3:
        return text[:1] + "*" * (len(text) - 1)
    return text[:2] + "*" * (len(text) - 4) + text[-2:]

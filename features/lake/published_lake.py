"""Open a home as its readers see it: the published day, or the working area of before."""

from features.lake.connection import Lake
from features.lake.pointer import read_pointer
from features.settings import Settings


def published_lake(settings: Settings) -> Lake:
    """Open what is published of a home; where nothing ever was, its working area.

    Parameters
    ----------
    settings : Settings
        Name the home.

    Returns
    -------
    Lake
        It stays at the day that is published now, also when another one is published later.

    Raises
    ------
    GuanjiaError
        If the pointer is damaged.
    """
    return Lake(settings, read_pointer(settings.home))

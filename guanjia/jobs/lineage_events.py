"""Tell a catalogue of data what a command reads and writes, if `GUANJIA_OPENLINEAGE` names one."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from uuid import uuid4

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import cutoff
from guanjia.terminal.options import read_clock

LOGGER = logging.getLogger(__name__)


@contextmanager
def lineage_events(lake: Lake, job: str, as_of: date | None = None) -> Iterator[None]:
    """Send the OpenLineage events of the job that runs in the block: its start and its end.

    The job does not depend on them: where they cannot be sent, a warning says so and it goes on.

    Parameters
    ----------
    lake : Lake
        The home; `settings.openlineage` names an address or a file, None: nothing is sent.
    job : str
        One of `serving.lineage.openlineage.JOBS`.
    as_of : date, optional
        The date that the job computes.
    """
    target = lake.settings.openlineage
    if target is None:
        yield
        return
    from serving.lineage.openlineage import State, flow_of, run_event
    from serving.lineage.sending import send

    run_id, flow = str(uuid4()), flow_of(lake, job)
    nominal = None if as_of is None else cutoff(as_of, lake.settings.timezone)

    def tell(state: State) -> None:
        try:
            send(target, [run_event(state, read_clock(), run_id, job, flow, nominal)])
        except GuanjiaError as error:
            LOGGER.warning(
                "OpenLineage event %s of %s was not sent: %s %s; the job goes on. To mend it, %s",
                state, job, error.thing, error.fault, error.cure,
            )  # fmt: skip

    tell("START")
    try:
        yield
    except BaseException:
        tell("FAIL")
        raise
    tell("COMPLETE")

"""Follow in the records what today has used: the holdout's share of customers, and capacity.

Only the process that shows the metrics reads them, once a minute, by keys that sort by time: of
today's decisions each is read once.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, func, select

from features.errors import GuanjiaError
from features.settings import Settings
from serving import clock
from serving.decision.capacity.settings import Capacity
from serving.decision.worth.policy import Policy
from serving.exporter.gauges import Sample
from serving.records.columns import first_id
from serving.records.contacts.made_contacts import COUNTS
from serving.records.database import Records
from serving.records.tables import contacts, decisions

_d, _k = decisions.c, contacts.c
_DECIDED = select(_d.customer_id, _d.holdout).where(_d.decision_id >= bindparam("since"))
_USED = (
    select(_k.branch, _k.channel, func.count())
    .where(
        _k.contact_id >= bindparam("since"),
        (_k.local_day == bindparam("day")) | (_k.planned_day == bindparam("day")),
        COUNTS,
    )
    .group_by(_k.branch, _k.channel)
)
PLANNED_AHEAD = timedelta(days=2)
"""How long before its day a contact gets its place at the most: quiet hours move it by a night."""
REFRESH_SECONDS = 60.0
LATE = timedelta(seconds=60)
"""How long after its instant a decision may be committed."""
READ_SECONDS = 30.0
"""How long to wait for the records: nobody waits for the metrics."""


class Today:
    """What today's decisions and contacts add up to; refreshed in the background.

    Parameters
    ----------
    records : Records
        The records, of all services of the insurer.
    settings : Settings
        Settings with the time zone and the clock.
    policy : Policy
        States the share of the holdout.
    capacity : Capacity
        States what branches can do in a day.
    """

    def __init__(
        self, records: Records, settings: Settings, policy: Policy, capacity: Capacity
    ) -> None:
        self._records, self._settings = records, settings
        self._policy, self._capacity = policy, capacity
        self._zone = ZoneInfo(settings.timezone)
        self._day: date | None = None
        self._read_until: datetime | None = None
        self._seen: set[int] = set()
        self._counts = Counter[bool]()
        self._samples: list[Sample] = []

    def samples(self) -> list[Sample]:
        """Return the gauges as of the last refresh."""
        return [("guanjia_holdout_share_stated", (), self._policy.holdout_share), *self._samples]

    def refresh(self) -> None:
        """Read what was decided since the last refresh, and what of today's capacity is left.

        If the records do not answer, the gauges of today are absent until they do.
        """
        at = clock.now(self._settings)
        try:
            with self._records.reading(READ_SECONDS) as connection:
                samples = [*self._holdout(connection, at), *self._left(connection, at)]
        except GuanjiaError:
            self._samples = [("guanjia_records_up", (), 0.0)]
            return
        self._samples = [("guanjia_records_up", (), 1.0), *samples]

    def _holdout(self, connection: Connection, at: datetime) -> list[Sample]:
        """Count today's customers by holdout; each once, whatever they were asked."""
        day = at.astimezone(self._zone).date()
        since = self._beginning(day)
        if day != self._day:
            self._day, self._seen, self._counts = day, set(), Counter()
        elif self._read_until is not None:
            since = max(since, self._read_until - LATE)
        for customer_id, holdout in connection.execute(_DECIDED, {"since": first_id(since)}):
            # Hashes: a day of half a million customers takes 30 MB.
            if (customer := hash(customer_id)) not in self._seen:
                self._seen.add(customer)
                self._counts[bool(holdout)] += 1
        self._read_until = at
        return [
            ("guanjia_holdout_customers", (str(holdout).lower(),), float(self._counts[holdout]))
            for holdout in (False, True)
        ]

    def _left(self, connection: Connection, at: datetime) -> list[Sample]:
        """Subtract today's contacts from what branches can do; of branches that made any."""
        day = at.astimezone(self._zone).date()
        since = first_id(self._beginning(day) - PLANNED_AHEAD)
        rows = connection.execute(_USED, {"since": since, "day": day, "at": at}).all()
        used = {(branch, channel): number for branch, channel, number in rows}
        samples: list[Sample] = []
        for branch in sorted({branch for branch, _ in used if branch is not None}):
            for channel, most in self._capacity.limits_for(branch).items():
                left = most - used.get((branch, channel), 0)
                samples.append(("guanjia_capacity_contacts", (branch, channel), float(most)))
                samples.append(("guanjia_capacity_left_contacts", (branch, channel), float(left)))
        return samples

    def _beginning(self, day: date) -> datetime:
        return datetime.combine(day, datetime.min.time(), self._zone)

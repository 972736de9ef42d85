"""Import what desks send back: outcomes of contacts, each row once however often the file comes.

A row about a contact that the records do not have (a desk that works from a list asks no `/decide`)
makes that contact too, so that it counts under the caps and belongs to its campaign.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, bindparam, select

from features.erased import Erased
from features.errors import GuanjiaError
from features.lake import Lake
from features.sql import sql_text
from serving.campaigns.outcome_words import HEADINGS, DeskOutcome, read_outcome
from serving.campaigns.store import Campaign, find_campaign
from serving.campaigns.table_file import TableRow, read_table
from serving.records.campaign_tables import campaign_members
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.contacts.elsewhere import ExternalContact, insert_external
from serving.records.contacts.made_contacts import REACHED, release_reserved
from serving.records.contacts.outcomes import TRIED, Outcome, note_outcome
from serving.records.database import LONG_SECONDS, Records
from serving.records.tables import contacts
from serving.spreadsheet import write_csv
from serving.touchpoints.catalogue import Catalogue, load_touchpoints
from serving.touchpoints.endings import ENDINGS, Won, ended_touchpoints
from serving.touchpoints.fields import Touchpoint

BATCH_ROWS = 500
REASON = "未导入原因"
STRANGER = "not drawn"
"""Arm of customers that the campaign did not draw."""
_k = contacts.c
_CONTACTS = (
    select(_k.contact_id, _k.channel, _k.local_day, _k.state)
    .where(_k.customer_id == bindparam("customer_id"), _k.campaign == bindparam("campaign"))
    .order_by(_k.contact_id.desc())
)


@dataclass
class OutcomeImport:
    """What an import of outcomes did.

    Attributes
    ----------
    rows : int
        Rows with a result.
    new, repeated : int
        Outcomes that were stored, and that an earlier import had stored.
    open : int
        Rows without a result: the desk has not worked them yet.
    contacts : int
        Contacts that the records learned of by the file.
    arms : dict of str to int
        Rows by arm of the campaign; a row of a silent arm spoils the comparison and is counted.
    faults : list of (int, str)
        Line and reason of each row that was not imported.
    rejected : Path or None
        The file with these rows and their reasons.
    """

    rows: int = 0
    new: int = 0
    repeated: int = 0
    open: int = 0
    contacts: int = 0
    arms: dict[str, int] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)
    rejected: Path | None = None


class OutcomeImporter:
    """Import outcomes of one file into the records.

    Parameters
    ----------
    lake : Lake
        The home: its customers, touchpoints and time zone.
    records : Records
        Where outcomes are stored.
    campaign : str, optional
        The campaign that the list was made for. Default: rows name contacts, or are about the
        customer alone.
    """

    def __init__(self, lake: Lake, records: Records, campaign: str | None = None) -> None:
        self._lake, self._records = lake, records
        self._catalogue: Catalogue = load_touchpoints(lake.home)
        self._zone = ZoneInfo(lake.settings.timezone)
        zones = load_contact_caps(lake.home).time_zones
        self._zones: dict[str | None, ZoneInfo] = {
            branch: ZoneInfo(zone) for branch, zone in zones.items()
        }
        self._zones[None] = self._zone
        self._campaign: Campaign | None = None
        if campaign is not None:
            with records.reading(LONG_SECONDS) as connection:
                self._campaign = find_campaign(connection, campaign)

    def run(self, path: Path, at: datetime, rejected: Path | None = None) -> OutcomeImport:
        """Import the rows of a file; a second run stores nothing twice.

        Parameters
        ----------
        path : Path
            The file that the desk sent back.
        at : datetime
            Now.
        rejected : Path, optional
            File for rows that are not imported. Default: beside the file.

        Raises
        ------
        GuanjiaError
            If the file cannot be read.
        """
        headings, rows = read_table(path, HEADINGS["customer_id"])
        if not any(heading in HEADINGS["kind"] for heading in headings):
            fault, cure = "has no column for the result", "name it 结果"
            raise GuanjiaError(f"file {path}", fault, cure)
        done, refused = OutcomeImport(), list[tuple[TableRow, str]]()
        read: list[tuple[TableRow, DeskOutcome]] = []
        for row in rows:
            try:
                outcome = read_outcome(row, self._zone)
            except GuanjiaError as error:
                refused.append((row, str(error)))
                continue
            if outcome is None:
                done.open += 1
            else:
                read.append((row, outcome))
        arms: Counter[str] = Counter()
        known = self._known_customers([outcome.customer_id for _, outcome in read])
        for start in range(0, len(read), BATCH_ROWS):
            refused += self._store_batch(read[start : start + BATCH_ROWS], known, at, done, arms)
        done.rows = len(read)
        done.arms = dict(sorted(arms.items()))
        done.faults = sorted((row.line, reason) for row, reason in refused)
        if refused:
            done.rejected = rejected or path.with_name(f"{path.stem}-rejected.csv")
            _write_rejected(done.rejected, headings, refused)
        return done

    def _store_batch(
        self,
        batch: Sequence[tuple[TableRow, DeskOutcome]],
        known: Mapping[str, str | None],
        at: datetime,
        done: OutcomeImport,
        arms: Counter[str],
    ) -> list[tuple[TableRow, str]]:
        """Store outcomes, each in its own transaction; return the rows that were refused."""
        refused: list[tuple[TableRow, str]] = []
        for row, outcome in batch:
            if outcome.customer_id not in known:
                refused.append((row, f"customer {outcome.customer_id} is not known"))
                continue
            if outcome.occurred_at > at:
                refused.append((row, f"{outcome.occurred_at:%Y-%m-%d %H:%M} lies ahead of now"))
                continue
            try:
                with self._records.writing(LONG_SECONDS) as connection:
                    self._store(connection, outcome, known[outcome.customer_id], at, done, arms)
            except GuanjiaError as error:
                refused.append((row, str(error)))
        return refused

    def _store(
        self,
        connection: Connection,
        desk: DeskOutcome,
        branch: str | None,
        at: datetime,
        done: OutcomeImport,
        arms: Counter[str],
    ) -> None:
        contact_id, made = desk.contact_id, 0
        if self._campaign is not None and contact_id is None:
            contact_id, made = self._contact(connection, self._campaign, desk, branch)
        outcome = Outcome(
            kind=desk.kind,
            occurred_at=desk.occurred_at,
            channel=desk.channel,
            contact_id=contact_id,
            customer_id=None if contact_id else desk.customer_id,
        )
        stored = note_outcome(connection, outcome, at, client_key=f"file {self._key(desk)}")
        if not stored.repeated and desk.kind in ENDINGS:
            name = self._campaign.plan.touchpoint if self._campaign else None
            won = Won(desk.kind, name, desk.occurred_at)
            release_reserved(connection, desk.customer_id, ended_touchpoints(self._catalogue, won))
        done.repeated += stored.repeated
        done.new += not stored.repeated
        done.contacts += made
        if self._campaign is not None:
            arms[self._arm(connection, self._campaign, desk.customer_id)] += 1

    def _contact(
        self, connection: Connection, campaign: Campaign, desk: DeskOutcome, branch: str | None
    ) -> tuple[str | None, int]:
        """Find the contact of a row, or make it; return its id and how many were made."""
        plan = campaign.plan
        given = {"customer_id": desk.customer_id, "campaign": plan.campaign}
        rows = connection.execute(_CONTACTS, given).mappings().all()
        found = self._matching(rows, desk, branch)
        if found is not None or desk.kind not in REACHED | TRIED:
            return found, 0
        declared: Touchpoint = self._catalogue.touchpoints_for()[plan.touchpoint]
        channels = [arm.channel for arm in plan.arms if arm.channel]
        contact = ExternalContact(
            contact_id=hashlib.blake2b(self._key(desk).encode(), digest_size=16).hexdigest(),
            customer_id=desk.customer_id,
            touchpoint=plan.touchpoint,
            family=declared.family,
            purpose=declared.kind,
            channel=desk.channel or (channels or list(declared.channels_for(None)))[0],
            made_at=desk.occurred_at,
            branch=branch,
            campaign=plan.campaign,
        )
        made = insert_external(connection, [contact], self._zones)
        return (contact.contact_id if made else found), made

    def _matching(
        self, rows: Sequence[RowMapping], desk: DeskOutcome, branch: str | None
    ) -> str | None:
        """Choose the contact that a row is about: of its day if it was made, else the last."""
        same = [row for row in rows if desk.channel in (None, row["channel"])]
        if desk.kind in REACHED | TRIED:
            day = desk.occurred_at.astimezone(self._zones.get(branch, self._zone)).date()
            # A contact that still waits is the one the desk has made now.
            same = [row for row in same if row["local_day"] == day or row["state"] == "reserved"]
        return str(same[0]["contact_id"]) if same else None

    def _key(self, desk: DeskOutcome) -> str:
        name = self._campaign.plan.campaign if self._campaign else ""
        said = (name, desk.customer_id, desk.kind, desk.occurred_at.isoformat(), desk.channel or "")
        words = "\x1f".join((*said, desk.contact_id or ""))
        return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _arm(self, connection: Connection, campaign: Campaign, customer_id: str) -> str:
        m = campaign_members.c
        query = select(m.arm).where(
            m.campaign == campaign.plan.campaign, m.customer_id == customer_id
        )
        return str(connection.execute(query).scalar() or STRANGER)

    def _known_customers(self, customers: Sequence[str]) -> dict[str, str | None]:
        """Read the branches of the customers who are known and not erased."""
        names = sorted(set(customers))
        gone = Erased(self._lake.settings).among(names)
        listed = ", ".join(map(sql_text, names)) or "NULL"
        query = (
            "SELECT customer_id, arg_max(branch, recorded_at) FROM "
            f"read_parquet({sql_text(self._lake.require('customers'))}) "
            f"WHERE customer_id IN ({listed}) GROUP BY customer_id"
        )
        rows = self._lake.con.execute(query).fetchall()
        return {customer: branch for customer, branch in rows if customer not in gone}


def _write_rejected(
    path: Path, headings: Sequence[str], refused: Sequence[tuple[TableRow, str]]
) -> None:
    rows = [
        [row.line, *(row.cells.get(heading, "") for heading in headings), reason]
        for row, reason in sorted(refused, key=lambda pair: pair[0].line)
    ]
    write_csv(path, ["行号", *headings, REASON], rows)

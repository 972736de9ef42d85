"""Show the raw tables as they were known on a date, and count, add up and choose over them."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

KEYS = {
    "customers": "customer_id",
    "vehicles": "vehicle_id",
    "policies": "policy_id",
    "quotes": "quote_id",
    "claims": "claim_id",
    "claim_movements": "movement_id",
    "interactions": "interaction_id",
    "entitlements": "entitlement_id",
    "trips": "trip_id",
    "surveys_and_complaints": "case_id",
    "consents": "consent_id",
}
EVENTS = {
    "quotes": "quoted_at",
    "claims": "occurred_at",
    "claim_movements": "moved_at",
    "interactions": "occurred_at",
    "entitlements": "granted_at",
    "trips": "ended_at",
    "surveys_and_complaints": "occurred_at",
    "consents": "changed_at",
}
MILESTONES = (
    *("delivered_at", "viewed_at", "surveyed_at", "assessed_at", "adjusted_at", "paid_at"),
    *("closed_at", "notified_at", "activated_at", "used_at", "resolved_at"),
    *("mini_program_bound_at", "wecom_added_at"),
)
MOTOR = ("motor_compulsory", "motor_commercial")
Frame = Any
"""A pandas DataFrame, or a Series of it."""


class View:
    """The raw tables as known at the end of a day.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Rows with their versions; dates as day numbers of numpy, instants in UTC.
    day : str
        The date, in ISO form.
    zone : str
        The insurer's time zone.
    """

    def __init__(self, tables: dict[str, Frame], day: str, zone: str) -> None:
        self.day = pd.Timestamp(day)
        self.zone = zone
        self.cutoff = (self.day + pd.Timedelta(days=1)).tz_localize(zone).tz_convert("UTC")
        self.from_36m = self.day - pd.DateOffset(months=36)
        self._tables = tables
        self.customers = sorted(self.known("customers").customer_id)

    def known(self, table: str) -> Frame:
        """Select the last version of each row recorded before the cutoff, without the future."""
        rows = self._tables[table]
        rows = rows[rows.recorded_at < self.cutoff].sort_values("recorded_at", kind="stable")
        rows = rows.groupby(KEYS[table], sort=False).tail(1).copy()
        for name in set(MILESTONES) & set(rows):
            rows[name] = rows[name].where(rows[name] < self.cutoff)
        for name in [name for name in rows if name.endswith("_at")]:
            civil = rows[name].dt.tz_convert(self.zone).dt.tz_localize(None)
            rows[name.removesuffix("_at") + "_on"] = civil.dt.normalize()
            rows[name.removesuffix("_at") + "_hour"] = civil.dt.hour
        return rows

    def versions(self, table: str) -> Frame:
        """Select all versions recorded before the cutoff."""
        rows = self._tables[table]
        return rows[rows.recorded_at < self.cutoff]

    def happened(self, table: str) -> Frame:
        """Select the known rows whose event lies before the cutoff; `ago` is days since."""
        rows, event = self.known(table), EVENTS[table]
        rows = rows[rows[event] < self.cutoff].copy()
        rows["ago"] = self.since(rows[event.removesuffix("_at") + "_on"])
        rows["in_36m"] = rows[event.removesuffix("_at") + "_on"] > self.from_36m
        return rows

    def since(self, days: Frame) -> Frame:
        """Count the days from each day to the date."""
        return (self.day - days).dt.days

    def ages(self, first: Frame) -> Frame:
        """Count whole years; from 29 February they are complete on 1 March."""
        before = (self.day.month * 100 + self.day.day) < (first.dt.month * 100 + first.dt.day)
        return self.day.year - first.dt.year - before.where(first.notna()).astype(float)

    def count(self, rows: Frame, where: Frame = None) -> Frame:
        """Count rows, 0 for a customer without any."""
        return (
            self._chosen(rows, where)
            .groupby("customer_id")
            .size()
            .reindex(self.customers, fill_value=0)
        )

    def different(self, rows: Frame, column: str, where: Frame = None) -> Frame:
        """Count the different known values."""
        chosen = self._chosen(rows, where)
        return self.spread(chosen.groupby("customer_id")[column].nunique()).fillna(0)

    def total(self, rows: Frame, column: str, where: Frame = None, empty: Any = 0.0) -> Frame:
        """Add up known amounts; `empty` where none is known."""
        chosen = self._chosen(rows, where)
        chosen = chosen[chosen[column].notna()]
        added = chosen.groupby("customer_id")[column].sum()
        added = self.spread(added.map(float))
        return added if empty is None else added.fillna(empty)

    def mean(self, rows: Frame, column: str, where: Frame = None) -> Frame:
        """Average known amounts; null without any."""
        chosen = self._chosen(rows, where)
        known = self.count(chosen, chosen[column].notna())
        return ratio(self.total(chosen, column), known)

    def least(self, rows: Frame, column: str, where: Frame = None) -> Frame:
        """Take the least known value."""
        chosen = self._chosen(rows, where).dropna(subset=[column])
        return self.spread(chosen.groupby("customer_id")[column].min())

    def greatest(self, rows: Frame, column: str, where: Frame = None) -> Frame:
        """Take the greatest known value."""
        chosen = self._chosen(rows, where).dropna(subset=[column])
        return self.spread(chosen.groupby("customer_id")[column].max())

    def any(self, rows: Frame, where: Frame, among: Frame = None) -> Frame:
        """Check whether a row meets a condition; null where `among` leaves no row."""
        chosen = self._chosen(rows.assign(_met=where.eq(True)), among)
        return self.spread(chosen.groupby("customer_id")._met.any())

    def last(self, rows: Frame, column: str, by: list[str], where: Frame = None) -> Frame:
        """Take a value of the row that is last by some columns."""
        chosen = self._chosen(rows, where).sort_values(by)
        return self.spread(chosen.groupby("customer_id").tail(1).set_index("customer_id")[column])

    def first(self, rows: Frame, column: str, by: list[str], where: Frame = None) -> Frame:
        """Take a value of the row that is first by some columns."""
        chosen = self._chosen(rows, where).sort_values(by)
        return self.spread(chosen.groupby("customer_id").head(1).set_index("customer_id")[column])

    def spread(self, values: Frame) -> Frame:
        """Give each customer a value, null where there is none."""
        return values.reindex(self.customers)

    @staticmethod
    def _chosen(rows: Frame, where: Frame) -> Frame:
        return rows if where is None else rows[where.eq(True)]


def ratio(part: Frame, whole: Frame) -> Frame:
    """Divide; null where what stands below the line is 0, negative or unknown."""
    part, whole = part.astype(float), whole.astype(float)
    return (part / whole.where(whole > 0)).where(part.notna())


def exact(values: Frame) -> Frame:
    """Convert amounts to floats, null where unknown."""
    return values.map(lambda value: float(value) if isinstance(value, Decimal) else value).astype(
        float
    )


def anniversary(first: Frame, years: Frame) -> Frame:
    """Find the day so many years after a day; 29 February becomes 28 where there is none."""
    days = [
        day + pd.DateOffset(years=int(number)) if pd.notna(day) and pd.notna(number) else pd.NaT
        for day, number in zip(first, years, strict=True)
    ]
    return pd.Series(pd.to_datetime(days), index=first.index)


def most(scores: dict[str, Frame]) -> Frame:
    """Name the highest score above 0; of equals the first."""
    table = pd.DataFrame(scores).fillna(0).astype(float)
    return pd.Series(
        np.where(table.max(axis=1) > 0, table.idxmax(axis=1), None), index=table.index, dtype=object
    )

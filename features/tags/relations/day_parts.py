"""Derive parts of the day and of the week from civil hours and days."""

import ibis
import ibis.expr.types as ir

PARTS = {"morning": "上午", "afternoon": "下午", "evening": "晚上", "night": "夜间"}
"""Parts of the day in order: from 6, 12, 18 and 22 o'clock."""
SATURDAY = 5


def part_of_day(hour: ir.Value) -> ir.Value:
    """Name the part of the day in which an hour (0 to 23) lies; null if the hour is null."""
    return ibis.cases(
        (hour.isnull(), ibis.null("string")),
        (hour.between(6, 11), "morning"),
        (hour.between(12, 17), "afternoon"),
        (hour.between(18, 21), "evening"),
        else_="night",
    )


def on_weekend(day: ir.Value) -> ir.Value:
    """Check whether a civil day is a Saturday or a Sunday.

    Engines number the days of the week differently; Ibis counts from Monday, 0, on all of them.
    """
    return day.day_of_week.index() >= SATURDAY

"""Hand the period, the customer and the account asked for to the session, as variables.

The SQL of an account reads them there, so one stored text serves every period and customer
(`features.lake.compiled`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import cutoff
from features.sql import instant_sql, sql_text

BEFORE, SINCE, UNTIL = "account_before", "account_since", "account_until"
"""Variables of the session: the day before the period, its first day and its last day."""
OPENS, CLOSES = "account_opens", "account_closes"
"""Variables of the session: the instants at which the first day begins and the last day ends."""
CUSTOMER, KEY = "account_customer", "account_key"
"""Variables of the session: a customer, and the key of the account that is theirs."""


@dataclass(frozen=True)
class Period:
    """The civil days `since` to `as_of`, both included, with what is known at the end of `as_of`.

    Raises
    ------
    GuanjiaError
        If it ends before it begins.
    """

    since: date
    as_of: date

    def __post_init__(self) -> None:
        if self.since > self.as_of:
            raise GuanjiaError(
                f"period {self.since} to {self.as_of}",
                "ends before it begins",
                "give a --from that is not after --as-of",
                chinese=(f"{self.since} 至 {self.as_of}", "结束早于开始", "请对调两个日期"),
            )

    def set_in(self, lake: Lake) -> None:
        """Set the variables that the SQL of accounts reads in the session of a lake."""
        before = self.since - timedelta(1)
        days = {BEFORE: before, SINCE: self.since, UNTIL: self.as_of}
        for name, day in days.items():
            lake.con.execute(f"SET VARIABLE {name} = DATE '{day}'")
        for name, day in {OPENS: before, CLOSES: self.as_of}.items():
            instant = instant_sql(cutoff(day, lake.settings.timezone))
            lake.con.execute(f"SET VARIABLE {name} = {instant}")


def set_text(lake: Lake, name: str, text: str | None) -> None:
    """Set a variable of a lake's session to a text, or to none.

    Parameters
    ----------
    lake : Lake
        The lake whose session it is.
    name : str
        Name of the variable.
    text : str, optional
        Its value; None is null.
    """
    value = "NULL::VARCHAR" if text is None else sql_text(text)
    lake.con.execute(f"SET VARIABLE {name} = {value}")

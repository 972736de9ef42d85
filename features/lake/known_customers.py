"""Refuse customers who are not known as of a date, before anything is computed for them."""

from datetime import date

from features.errors import GuanjiaError
from features.lake.connection import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import sql_text


def refuse_unknown(lake: Lake, customer_id: str, as_of: date) -> None:
    """Refuse a customer who is not known as of a date.

    Parameters
    ----------
    lake : Lake
        Holds the checked table `customers`.
    customer_id : str
        The customer.
    as_of : date
        The date.

    Raises
    ------
    GuanjiaError
        If the customer is not known as of that date.
    """
    known = (
        f"SELECT 1 FROM read_parquet({sql_text(lake.require('customers'))}) "
        f"WHERE customer_id = {sql_text(customer_id)} "
        f"AND {known_sql(cutoff(as_of, lake.settings.timezone))}"
    )
    if lake.con.execute(known).fetchone() is None:
        raise GuanjiaError(
            f"customer {customer_id}",
            f"is not known as of {as_of.isoformat()}",
            "check the customer id, or choose a later date",
            chinese=(
                f"客户 {customer_id}",
                f"在 {as_of.isoformat()} 还查不到",
                "请核对客户号，或选晚一些的日期",
            ),
        )

"""Close the consent of a customer whose change of consent cannot be read.

A withdrawal in words that nobody foresaw must not leave the customer on lists. So each row of
`consents` that goes into quarantine closes, from its instant on, the purpose and the channel that
it names, or every purpose or channel if it names none that is known; a readable change that came
later opens it again, as always. Once the row is delivered anew, the next check reads it, and what
stood for it is gone.
"""

from features.checking.queries import BROKEN, KNOWN, ROW, TYPED, Counts, count_where, fetch
from features.contracts.contract import Contract
from features.errors import GuanjiaError
from features.lake import Lake
from features.sql import quoted, sql_text

CONSENTS = "consents"
CLOSED = "a change of consent that cannot be read closes the consent until it is delivered anew"


def count_closed(lake: Lake, contract: Contract) -> Counts:
    """Count the rows in quarantine that close a consent of a known customer, under CLOSED.

    Raises
    ------
    GuanjiaError
        If such a row has no instant that can be read: nobody can say which change came later.
    """
    if contract.name != CONSENTS:
        return {}
    undated = fetch(
        lake,
        f"SELECT {ROW} FROM {_unread()} WHERE changed_at IS NULL AND recorded_at IS NULL"
        f" ORDER BY {ROW} LIMIT 1",
    )
    if undated:
        place = str(undated[0][0])
        raise GuanjiaError(
            f"change of consent in {place}",
            "cannot be read, nor can its instant: who may be contacted is not known",
            "mend the line, or take it out of the delivery",
        )
    return count_where(lake, _unread(), {CLOSED: "true"})


def closed_rows(contract: Contract) -> str:
    """Write the query of the rows that stand for those that cannot be read."""
    purposes, channels = (
        ", ".join(map(sql_text, contract.declared[name].allowed)) for name in ("purpose", "channel")
    )
    values = {
        "consent_id": f"concat('unreadable:', {ROW}, ':', purpose)",
        "granted": "false",
        "changed_at": "coalesce(changed_at, recorded_at)",
        "recorded_at": "greatest(recorded_at, changed_at)",
    }
    cells = ", ".join(f"{values.get(name, name)} AS {quoted(name)}" for name in contract.columns)
    return (
        f"SELECT {cells} FROM (SELECT u.* EXCLUDE (purpose, channel),"
        f" CASE WHEN u.purpose = 'marketing' AND u.channel IN ({channels}) THEN u.channel END"
        f" AS channel, unnest(CASE WHEN u.purpose IN ({purposes}) THEN [u.purpose]"
        f" ELSE [{purposes}] END) AS purpose FROM {_unread()} u)"
    )


def _unread() -> str:
    return (
        f"(SELECT * FROM {TYPED} SEMI JOIN (FROM {BROKEN} WHERE NOT settled) USING ({ROW})"
        f" SEMI JOIN {KNOWN} USING (customer_id))"
    )

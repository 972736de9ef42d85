"""A real public portfolio as raw tables: Lledó and Pavía, Mendeley Data 5cxyb5fp4f.

One source row is one policy (ID) and year. Where every source column goes, and why some go nowhere,
is in `docs/lledo-pavia.md`; columns that were taken at extraction are never read. Of `Date_lapse`
one bit is used: whether it equals `Date_last_renewal`, that is, the offered year was not taken up.
"""

from dataclasses import dataclass
from pathlib import Path

from features.contracts.contract_sql import sql_type
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published_folder
from features.sources.raw_source import prepare_raw_for
from features.sql import sql_text

QUOTE_DAYS = 60
KILOWATT_PER_HORSEPOWER = 0.73549875
PORTFOLIO_COLUMNS = (
    "ID",
    "Date_start_contract",
    "Date_last_renewal",
    "Date_next_renewal",
    "Date_birth",
    "Date_driving_licence",
    "Distribution_channel",
    "Date_lapse",
    "Premium",
    "Cost_claims_year",
    "N_claims_year",
    "Type_risk",
    "Area",
    "Second_driver",
    "Year_matriculation",
    "Power",
    "Cylinder_capacity",
    "Value_vehicle",
    "N_doors",
    "Type_fuel",
    "Length",
    "Weight",
)
CLAIM_COLUMNS = ("ID", "Cost_claims_year", "Cost_claims_by_type", "Claims_type")


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Attributes
    ----------
    counts : dict of str to int
        Raw table -> rows.
    left_out : dict of str to int
        Why, as a sentence -> source rows or claims that reached no raw table.
    """

    counts: dict[str, int]
    left_out: dict[str, int]


def import_lledo_pavia(
    lake: Lake, portfolio: Path, claims: Path, report: Report = quiet
) -> Imported:
    """Map the published files to raw tables; earlier raw files of these tables are replaced.

    Parameters
    ----------
    lake : Lake
        Where the raw tables go.
    portfolio : Path
        "Motor vehicle insurance data.csv", as published or a part of it.
    claims : Path
        "sample type claim.csv".
    report : Report
        Told after each table.

    Raises
    ------
    GuanjiaError
        If a file or a column is missing, or the raw tables there have another source.
    """
    _load(lake, portfolio, PORTFOLIO_COLUMNS, "lp_portfolio")
    _load(lake, claims, CLAIM_COLUMNS, "lp_sample")
    prepare_raw_for(lake, "lledo-pavia")
    for name, query in STAGES.items():
        lake.engine.raw_sql(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
    counts = {}
    for done, (table, query) in enumerate(TABLES.items()):
        report("import", done, len(TABLES))
        counts[table] = _write(lake, table, query)
    report("import", len(TABLES), len(TABLES))
    left_out = {sentence: _count(lake, query) for sentence, query in LEFT_OUT.items()}
    for name in [*STAGES, "lp_portfolio", "lp_sample"]:
        lake.engine.raw_sql(f"DROP TABLE {name}")
    return Imported(counts, {sentence: number for sentence, number in left_out.items() if number})


def _load(lake: Lake, path: Path, columns: tuple[str, ...], name: str) -> None:
    """Read the named columns of a published file, and no others, as text."""
    cure = "pass the two files as published: the portfolio, then the claim types"
    if not path.is_file():
        raise GuanjiaError(f"file {path}", "does not exist", cure)
    with path.open(encoding="utf-8-sig") as text:
        header = text.readline().strip().replace('"', "").split(";")
    missing = [column for column in columns if column not in header]
    if missing:
        raise GuanjiaError(f"file {path}", f"has no column {', '.join(missing)}", cure)
    lake.engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {', '.join(columns)} FROM read_csv("
        f"{sql_text(path)}, delim=';', header=true, all_varchar=true,"
        " nullstr=['', 'NA'])"
    )


def _write(lake: Lake, table: str, query: str) -> int:
    """Write a raw table: the contract's columns in order, absent ones null, one row order."""
    contract = CONTRACTS[table]
    lake.engine.raw_sql(f"CREATE OR REPLACE TEMP VIEW lp_out AS {query}")
    given = {str(row[0]) for row in lake.engine.raw_sql("DESCRIBE lp_out").fetchall()}
    columns = ", ".join(
        f"CAST({name if name in given else 'NULL'} AS {sql_type(type_)}) AS {name}"
        for name, type_ in contract.columns.items()
    )
    with published_folder(lake.raw(table)) as draft:
        lake.engine.raw_sql(
            f"COPY (SELECT {columns} FROM lp_out ORDER BY customer_id, {contract.key}, recorded_at)"
            f" TO {sql_text(draft / 'part-0.parquet')}"
            " (FORMAT parquet, COMPRESSION zstd)"
        )
    rows = _count(lake, "SELECT count(*) FROM lp_out")
    lake.engine.raw_sql("DROP VIEW lp_out")
    return rows


def _count(lake: Lake, query: str) -> int:
    return int(lake.engine.raw_sql(query).fetchone()[0])


def _noon(day: str) -> str:
    """The instant of a civil day: noon UTC lies on that day in nearly every time zone."""
    return f"(({day}) + INTERVAL 12 HOUR)::TIMESTAMP::TIMESTAMPTZ"


def _day(column: str) -> str:
    return f"try_strptime({column}, '%d/%m/%Y')::DATE"


STAGES = {
    # Typed source rows; `offered` is the premium of the year that begins at Date_last_renewal.
    "lp_years": f"""
        SELECT ID AS id, 'C' || ID AS customer_id, 'V' || ID AS vehicle_id,
            {_day("Date_start_contract")} AS contract_start,
            {_day("Date_last_renewal")} AS inception,
            coalesce({_day("Date_next_renewal")},
                ({_day("Date_last_renewal")} + INTERVAL 1 YEAR)::DATE) AS expiry,
            {_day("Date_birth")} AS birth_date, {_day("Date_driving_licence")} AS licence_date,
            CASE Distribution_channel WHEN '0' THEN 'agent' WHEN '1' THEN 'broker' END AS channel,
            coalesce({_day("Date_lapse")} = {_day("Date_last_renewal")}, false) AS not_taken_up,
            try_cast(Premium AS DECIMAL(14,2)) AS offered,
            try_cast(Cost_claims_year AS DECIMAL(14,2)) AS claims_cost,
            coalesce(try_cast(N_claims_year AS BIGINT), 0) AS claim_count,
            Type_risk AS risk,
            CASE Area WHEN '0' THEN 'rural' WHEN '1' THEN 'urban' END AS garage_area,
            Second_driver = '1' AS second_driver,
            make_date(try_cast(Year_matriculation AS BIGINT), 1, 1) AS first_registered,
            round(try_cast(Power AS DOUBLE) * {KILOWATT_PER_HORSEPOWER}, 1) AS power_kw,
            try_cast(Cylinder_capacity AS DOUBLE) AS engine_cc,
            try_cast(Value_vehicle AS DECIMAL(14,2)) AS list_price,
            try_cast(N_doors AS BIGINT) AS doors,
            CASE Type_fuel WHEN 'P' THEN 'petrol' WHEN 'D' THEN 'diesel' END AS energy,
            try_cast(Length AS DOUBLE) AS length_m, try_cast(Weight AS DOUBLE) AS weight_kg
        FROM lp_portfolio
        WHERE ID IS NOT NULL AND {_day("Date_last_renewal")} IS NOT NULL
        """,
    # Every year with its place in the contract: the first one of a contract that is older than it
    # follows a term that we did not see, the first one of a new contract follows none.
    "lp_placed": """
        SELECT *, row_number() OVER w = 1 AS first_seen,
            coalesce(lag(expiry) OVER w = inception, contract_start < inception) AS renews,
            id || '-' || strftime(inception, '%Y%m%d') AS term
        FROM lp_years WINDOW w AS (PARTITION BY id ORDER BY inception)
        """,
    "lp_terms": """
        SELECT *, 'P' || term AS policy_id, offered AS written_premium FROM lp_placed
        WHERE NOT not_taken_up
        UNION ALL BY NAME
        SELECT * REPLACE (before AS inception, inception AS expiry, 0 AS claim_count,
                NULL AS second_driver),
            'P' || id || '-' || strftime(before, '%Y%m%d') AS policy_id
        FROM (SELECT *,
                greatest(contract_start, (inception - INTERVAL 1 YEAR)::DATE) AS before
            FROM lp_placed WHERE first_seen AND contract_start < inception)
        """,
    "lp_quotes": f"""
        SELECT placed.*, 'Q' || placed.term AS quote_id, expiring.policy_id AS expiring_id,
            CASE WHEN placed.renews THEN greatest(
                (placed.inception - INTERVAL {QUOTE_DAYS} DAY)::DATE,
                coalesce(expiring.inception, DATE '0001-01-01'))
                ELSE placed.inception END AS quoted_on
        FROM lp_placed placed LEFT JOIN lp_terms expiring
            ON expiring.id = placed.id AND expiring.expiry = placed.inception
        """,
    "lp_first": """
        SELECT customer_id, min(day) AS registered_on FROM (
            SELECT customer_id, inception AS day FROM lp_terms
            UNION ALL SELECT customer_id, quoted_on FROM lp_quotes
            UNION ALL SELECT customer_id, contract_start FROM lp_years
        ) GROUP BY customer_id
        """,
    "lp_kinds": """
        SELECT ID AS id, try_cast(Cost_claims_year AS DECIMAL(14,2)) AS claims_cost,
            list(Claims_type ORDER BY try_cast(Cost_claims_by_type AS DECIMAL(14,2)) DESC,
                Claims_type) AS kinds
        FROM lp_sample GROUP BY ALL
        """,
    # The days of claims are unknown: all at mid-term, paid by expiry. Odd cents go to the first.
    "lp_claims": """
        SELECT terms.*, number, 'K' || term || '-' || number AS claim_id,
            (inception + to_days(((expiry - inception) // 2)::INTEGER))::DATE AS reported_on,
            CASE WHEN len(kinds) = 1 THEN kinds[1] ELSE kinds[number] END AS kind,
            CASE WHEN number = 1
                THEN claims_cost - (claim_count - 1) * share ELSE share END AS cost
        FROM (SELECT *, (floor(claims_cost * 100 / claim_count) / 100)::DECIMAL(14,2) AS share,
                unnest(generate_series(1, claim_count)) AS number
            FROM lp_terms WHERE claim_count > 0) AS terms
        LEFT JOIN lp_kinds USING (id, claims_cost)
        """,
}

TABLES = {
    "customers": f"""
        SELECT customer_id, {_noon("min(registered_on)")} AS registered_at,
            min(birth_date) AS birth_date, min(licence_date) AS licence_date,
            {_noon("min(registered_on)")} AS recorded_at
        FROM lp_years JOIN lp_first USING (customer_id) GROUP BY customer_id
        """,
    "vehicles": f"""
        SELECT vehicle_id, customer_id, {_noon("registered_on")} AS acquired_at,
            CASE risk WHEN '1' THEN 'motorbike' WHEN '2' THEN 'van' WHEN '3' THEN 'car'
                WHEN '4' THEN 'agricultural' END AS kind,
            energy, first_registered, list_price, power_kw, weight_kg, length_m, engine_cc, doors,
            garage_area, {_noon("quoted_on")} AS recorded_at
        FROM lp_quotes JOIN lp_first USING (customer_id)
        """,
    # A term that no offer followed ends as a term that was cancelled to its expiry, which is known
    # on the day on which the other customers' offers went out.
    "policies": f"""
        WITH versions AS (
            SELECT *, NULL::DATE AS cancelled_on, inception AS known_on FROM lp_terms
            UNION ALL BY NAME
            SELECT *, expiry AS cancelled_on, greatest((expiry - INTERVAL {QUOTE_DAYS} DAY)::DATE,
                (inception + INTERVAL 1 DAY)::DATE) AS known_on
            FROM lp_terms terms
            WHERE expiry <= (SELECT max(inception) FROM lp_years) AND NOT EXISTS (
                FROM lp_years years
                WHERE years.id = terms.id AND years.inception = terms.expiry)
        )
        SELECT policy_id, customer_id, vehicle_id, 'motor_commercial' AS line,
            risk = '3' AS private_car, {_noon("inception")} AS signed_at, inception, expiry,
            cancelled_on, written_premium, channel,
            CASE WHEN contract_start < inception THEN 'renewal'
                WHEN contract_start = inception THEN 'new' END AS business_type,
            second_driver, CASE WHEN contract_start <= inception THEN contract_start END
                AS contract_start,
            {_noon("known_on")} AS recorded_at
        FROM versions
        """,
    "quotes": f"""
        SELECT quote_id, customer_id, expiring_id AS policy_id, vehicle_id,
            'motor_commercial' AS line, channel, {_noon("quoted_on")} AS quoted_at,
            offered AS premium, {_noon("quoted_on")} AS recorded_at
        FROM lp_quotes
        """,
    "claims": f"""
        SELECT claim_id, customer_id, policy_id, vehicle_id, kind, kind = 'injuries' AS injury,
            {_noon("reported_on")} AS occurred_at, {_noon("reported_on")} AS reported_at,
            {_noon("expiry")} AS paid_at, {_noon("expiry")} AS closed_at,
            {_noon("reported_on")} AS recorded_at
        FROM lp_claims
        """,
    "claim_movements": f"""
        SELECT claim_id || '-1' AS movement_id, claim_id, customer_id,
            {_noon("reported_on")} AS moved_at, 0 AS paid_change, cost AS outstanding_change,
            {_noon("reported_on")} AS recorded_at FROM lp_claims
        UNION ALL
        SELECT claim_id || '-2', claim_id, customer_id, {_noon("expiry")}, cost, -cost,
            {_noon("expiry")} FROM lp_claims
        """,
}

LEFT_OUT = {
    "source rows without an ID or a date of last renewal": (
        "SELECT (SELECT count(*) FROM lp_portfolio) - (SELECT count(*) FROM lp_years)"
    ),
    "claims of years that were not taken up": (
        "SELECT coalesce(sum(claim_count), 0) FROM lp_years WHERE not_taken_up"
    ),
}

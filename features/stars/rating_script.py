"""Write the SQL that rates customers with the arithmetic, for `features.stars.explain` to run."""

from features.lake import Lake
from features.lake.script import ScriptLake
from features.lake.spine import spine_of
from features.stars.settings import StarSettings
from features.stars.value import claim_costs, motor_terms, rate


def rating_script(
    lake: Lake, pairs: str, settings: StarSettings, results: tuple[str, str, str]
) -> str:
    """Write the SQL that computes ratings, motor terms and claims of customers.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    pairs : str
        Name of a table of customers and dates (customer_id, as_of, cutoff).
    settings : StarSettings
        The star rule.
    results : tuple of str
        Names for the tables that the SQL creates: ratings, motor terms, claims. Without the table
        `claim_movements` there are no claims.
    """
    writer = ScriptLake(lake, "rating")
    spine = spine_of(lake.engine.table(pairs))
    ratings, terms, claims = results
    writer.create(ratings, rate(writer, spine, settings))
    motor = motor_terms(writer, spine, settings)
    writer.create(terms, motor)
    if lake.has("claim_movements"):
        writer.create(claims, claim_costs(writer, spine, motor, settings))
    return writer.script

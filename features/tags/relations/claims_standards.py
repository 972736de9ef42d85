"""Declare how many days each step of the claims chain 报案-查勘-定损-理算-赔付 may take.

The defaults are ours; a file `claims.toml` in the home folder overrides any of them. They follow
the motor clauses, which ask for notice within 48 hours of the accident, and article 23 of the
Insurance Law, which asks for an assessment within 30 days and for payment within 10 days of the
agreement. If nobody is hurt, insurers commonly set themselves shorter terms.
"""

from pathlib import Path

from pydantic import Field

from features.declared import Declared, load_layered

STEPS = ("report", "survey", "assess", "adjust", "pay")


class Standard(Declared):
    """Days after the step before by which a step is in time; the last of these days counts."""

    property_days: int = Field(ge=0, le=365, description="Where nobody is hurt.")
    injury_days: int = Field(ge=0, le=365, description="Where a person is hurt.")


def _days(property_days: int, injury_days: int) -> Standard:
    return Standard(property_days=property_days, injury_days=injury_days)


class ClaimsStandards(Declared):
    """The standard of each step.

    Examples
    --------
    >>> ClaimsStandards().pay
    Standard(property_days=3, injury_days=10)
    >>> ClaimsStandards().horizons
    (2, 4, 8, 11, 31)
    """

    report: Standard = Field(default=_days(2, 2), description="Report 报案, after the accident.")
    survey: Standard = Field(default=_days(1, 3), description="Survey 查勘, after the report.")
    assess: Standard = Field(default=_days(7, 30), description="Assessment 定损, after the survey.")
    adjust: Standard = Field(
        default=_days(3, 10), description="Adjustment 理算, after the assessment."
    )
    pay: Standard = Field(default=_days(3, 10), description="Payment 赔付, after the adjustment.")

    def standard_for(self, step: str) -> Standard:
        """Return the standard of a step of `STEPS`."""
        standard: Standard = getattr(self, step)
        return standard

    @property
    def horizons(self) -> tuple[int, ...]:
        """Days after a step on which the next one becomes overdue: tags may change then."""
        due = [self.standard_for(step) for step in STEPS[1:]]
        return tuple(sorted({n + 1 for s in due for n in (s.property_days, s.injury_days)}))


def load_claims_standards(home: Path) -> ClaimsStandards:
    """Read the standards of `<home>/claims.toml`; the defaults if there is no file.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown step, or a value is out of range.
    """
    return load_layered(ClaimsStandards, home / "claims.toml", manual="docs/tag-rules.md")

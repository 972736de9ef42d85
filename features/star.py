"""Stars of customers: `rate` for many at once."""

from features.star_settings import StarSettings, load_star_settings
from features.star_value import rate

__all__ = ["StarSettings", "load_star_settings", "rate"]

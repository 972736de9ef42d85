"""Declare the settings of an installation, read from environment variables.

Importing this module reads nothing; `load()` does, each time it is called, so that a test can set
`GUANJIA_HOME`. The clock is not a setting: dates are parameters everywhere.
"""

import os
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from features.errors import GuanjiaError

PREFIX = "GUANJIA_"


class Settings(BaseModel):
    """Settings of an installation, each an environment variable `GUANJIA_<NAME>`."""

    model_config = ConfigDict(frozen=True)

    home: Path = Field(default=Path(".guanjia"), description="Folder of all state.")
    timezone: str = Field(
        default="Asia/Shanghai",
        description="The insurer's time zone: a date D ends when D ends there.",
    )
    threads: int = Field(default=2, ge=1, description="Threads DuckDB and LightGBM may use.")
    memory_limit: str = Field(default="6GB", description="Memory DuckDB may use before it spills.")
    offline: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="What joins training sets: Feast's DuckDB or Spark store."
    )
    online: str = Field(
        default="sqlite",
        repr=False,  # an address may hold a password
        description="Where online tags are: `sqlite` under home, or redis://host:port/database.",
    )
    database: str | None = Field(
        default=None,
        repr=False,  # an address may hold a password
        description="Where operational records are: postgresql://user:password@host/database; "
        "default: SQLite under home.",
    )
    erasure_key: SecretStr | None = Field(
        default=None,
        description="Key of the hash that stands for an erased customer; default: a key file under "
        "home.",
    )
    erasures_copy: Path | None = Field(
        default=None,
        description="File outside home, on another disk, in which every erasure is noted too, for "
        "restores: whom to erase anew (docs/backup.md).",
    )
    clock_skew_seconds: int = Field(
        default=300, ge=0, description="How far ahead of our clock an event's own time may be."
    )
    clock_ahead_seconds: float = Field(
        default=0.0, description="How far the service's clock is ahead, for simulated insurers."
    )
    spark_master: str | None = Field(
        default=None, description="Spark cluster of `--engine spark`; default: this machine."
    )
    costs_repeat_details: bool = Field(
        default=True,
        description="Whether service and contact costs booked to customers are those of their "
        "entitlements and interactions once more (docs/account.md).",
    )
    expense_share: float = Field(
        default=0.28, ge=0, lt=1, description="Expenses of a motor term as a share of its premium."
    )
    release_alone: int | None = Field(
        default=None,
        ge=0,
        description="Customers of a list that its author may release alone; more need the approval "
        "of a second person (docs/lists.md). Default: any number.",
    )
    mlflow_tracking_uri: str | None = Field(
        default=None, description="MLflow server; default: SQLite under the home folder."
    )
    model_refresh_seconds: float = Field(
        default=5.0, gt=0, description="How often a service asks for newly promoted models."
    )
    read_ahead: bool = Field(
        default=True,
        description="Whether a service makes reports and reads what is counted when a day is "
        "published, before somebody asks.",
    )
    token_key: SecretStr | None = Field(
        default=None, description="Key that signs API tokens; default: a key file under home."
    )
    jwks: str | None = Field(
        default=None,
        min_length=1,
        description="File or https address of the public keys of the issuer of API tokens; "
        "default: Guanjia issues them.",
    )
    token_issuer: str | None = Field(
        default=None, min_length=1, description="Issuer that API tokens must name."
    )
    token_audience: str = Field(
        default="guanjia-api", min_length=1, description="Audience that API tokens must name."
    )
    console_secret: SecretStr | None = Field(
        default=None,
        description="Secret of the console as a client of the identity provider that console.toml "
        "declares (docs/console.md).",
    )
    rate_per_second: float = Field(
        default=500.0,
        gt=0,
        description="Requests a second of one subject, in each process of the service.",
    )
    rate_burst: int = Field(
        default=1000, ge=1, description="Requests of one subject that may come at once."
    )
    most_concurrent: int = Field(
        default=64, ge=1, description="Requests that a process of the service works on at once."
    )

    openlineage: str | None = Field(
        default=None,
        min_length=1,
        description="Address or file that takes OpenLineage events of the daily commands; default: "
        "none are sent.",
    )
    log: Literal["text", "json"] = Field(
        default="text", description="How services and commands log: as text, or as JSON lines."
    )
    access_log: bool = Field(
        default=False, description="Whether the service logs each request in one line."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port on which the service shows its metrics to Prometheus; default: none.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address of this machine that has the port of the metrics."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take from the environment what is not given."""
        variables = {name: PREFIX + name.upper() for name in cls.model_fields}
        read = {name: os.environ[key] for name, key in variables.items() if key in os.environ}
        return {**read, **given}

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{timezone} is no time zone; name it as Asia/Shanghai or Europe/Madrid"
            ) from None
        return timezone

    def model_post_init(self, _context: object) -> None:
        object.__setattr__(self, "home", self.home.expanduser().resolve())


def load() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    GuanjiaError
        If a variable has a value that its setting cannot have.
    """
    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        variable = f"GUANJIA_{'_'.join(map(str, fault['loc'])).upper()}"
        message = fault["msg"].removeprefix("Value error, ")
        raise GuanjiaError(variable, message, "set it right, or unset it") from error


@lru_cache(maxsize=4096)
def cutoff(as_of: date, timezone: str) -> datetime:
    """Compute the instant (UTC) at which the date `as_of` ends in `timezone`.

    Rows recorded strictly before it are known as of that date; others are not.

    Examples
    --------
    >>> cutoff(date(2026, 6, 30), "Asia/Shanghai").isoformat()
    '2026-06-30T16:00:00+00:00'
    """
    midnight = datetime.combine(as_of + timedelta(days=1), time(), tzinfo=ZoneInfo(timezone))
    return midnight.astimezone(UTC)


def month_span(month: date, timezone: str) -> tuple[datetime, datetime]:
    """Compute the instants (UTC) at which the month of a day begins and ends in `timezone`.

    Examples
    --------
    >>> [at.isoformat() for at in month_span(date(2026, 7, 9), "Asia/Shanghai")]
    ['2026-06-30T16:00:00+00:00', '2026-07-31T16:00:00+00:00']
    """
    first = month.replace(day=1)
    day, after = timedelta(days=1), (first + timedelta(days=31)).replace(day=1)
    return cutoff(first - day, timezone), cutoff(after - day, timezone)

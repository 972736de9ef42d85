"""Settings that a company writes in a TOML file of its home folder: read whole, refused by name."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import GuanjiaError


class Declared(BaseModel):
    """Settings do not change after they are read, and a misspelt name is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=Declared)


def read_declared(path: Path, model: type[Model], whole: str) -> Model:
    """Settings of a TOML file; the defaults where there is no file.

    Parameters
    ----------
    path : Path
        The file.
    model : type of Declared
        What it may say.
    whole : str
        The setting to name when the fault is in how several fit together.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown setting, or a value is out of range.
    """
    if not path.exists():
        return model()
    try:
        # A number of 1.1 is a decimal; as a float it would be 1.100000000000000088817...
        found = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return model.model_validate(found)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise GuanjiaError(str(path), f"is not valid TOML: {fault}", "mend the line") from fault
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or whole
        raise GuanjiaError(
            f"setting {where} in {path}", first["msg"], "mend it, or delete it to have the default"
        ) from fault

"""Publish the report on service as a file, and read it back for the API and for branches."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter

from features.errors import UnknownNameError
from features.jsonable import jsonable
from features.lake import Lake
from features.publishing import published
from serving.measurement.service_figures import ServiceReport


def service_path(home: Path, as_of: date) -> Path:
    """Return where the report on service of a date is published."""
    return home / "reports" / "service_effect" / f"{as_of}.json"


def publish_service(lake: Lake, report: ServiceReport) -> Path:
    """Publish the report on service as JSON, and return its path.

    Parameters
    ----------
    lake : Lake
        The home.
    report : ServiceReport
        Of all branches.
    """
    path = service_path(lake.home, report.as_of)
    path.parent.mkdir(parents=True, exist_ok=True)
    with published(path) as draft:
        draft.write_text(json.dumps(jsonable(report), ensure_ascii=False) + "\n", "utf-8")
    return path


def read_service(
    home: Path, as_of: date | None = None, branches: Collection[str] | None = None
) -> ServiceReport:
    """Read the report on service of a date, or the latest one.

    Parameters
    ----------
    home : pathlib.Path
        Home folder.
    as_of : date, optional
        Date of the report; default: the latest there is.
    branches : collection of str, optional
        Only the groups of these branches: figures of all are of other branches too.

    Raises
    ------
    UnknownNameError
        If there is no such report.
    """
    folder = service_path(home, date.min).parent
    dates = sorted(date.fromisoformat(path.stem) for path in folder.glob("*-*-*.json"))
    if not dates or (as_of is not None and as_of not in dates):
        thing = "report on service" if as_of is None else f"report on service as of {as_of}"
        known = f"; there are {', '.join(map(str, dates))}" if dates else ""
        chinese = (
            "服务效果报告" if as_of is None else f"{as_of} 的服务效果报告",
            "没有",
            f"现有：{'、'.join(map(str, dates))}"
            if dates
            else "请运行人员先运行 guanjia service-effect",
        )
        cure = f"run `guanjia service-effect`{known}"
        raise UnknownNameError(thing, "is not published", cure, chinese=chinese)
    path = service_path(home, as_of or dates[-1])
    report = TypeAdapter(ServiceReport).validate_json(path.read_bytes())
    if branches is None:
        return report
    seen = [g for g in report.groups if g.breakdown == "branch" and g.level in branches]
    return replace(report, groups=seen)

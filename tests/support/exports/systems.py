"""Export the simulated insurer as core systems do: their headings, codes, joins and bytes.

A `System` is data: files, each a heading -> field mapping. A field is `table.column` of the raw
tables, or one of `joined`: sums of a claim, and what a core system has and Guanjia does not
(`made.*`, an engine number). A mark before the field says how `scoring` judges the column:
`-` it belongs to no column of ours; `?` whichever way it is used, it is not counted.
"""

import csv
import gzip
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from exports import latest_rows, raw_rows
from features.contracts.tables import CONTRACTS

Row = dict[str, Any]
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class File:
    """A file or a sheet.

    Attributes
    ----------
    name : str
        Of the file without its ending, or of the sheet.
    rows : {"customers", "vehicles", "policies", "vehicle_years", "claims", ...}
        What a row is; `vehicle_years` has compulsory and commercial cover together.
    columns : mapping of str to str
        Heading -> field, with `-` or `?` before it.
    codes : mapping of str to mapping
        Field -> value -> what the system writes; over those of the system.
    monthly : str
        Field of the instant by whose month the file is split; empty: one file.
    """

    name: str
    rows: str
    columns: Mapping[str, str]
    codes: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    monthly: str = ""


@dataclass(frozen=True)
class System:
    """A core system's way to export: files, and how cells and bytes are written."""

    name: str
    files: Sequence[File]
    write: Callable[[Path, str, Sequence[str], Sequence[Sequence[str]]], None]
    codes: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    day: Callable[[date], str] = str
    instant: Callable[[datetime], str] = lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S")
    money: Callable[[Decimal], str] = str
    flag: Mapping[bool, str] = field(default_factory=lambda: {True: "1", False: "0"})
    last_day: bool = False
    decimal: str = "."
    order: str = "ymd"
    unit: str = "yuan"
    close: Callable[[Path], None] | None = None


def export(home: Path, folder: Path, system: System) -> None:
    """Write the insurer of a home as a system exports it."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World(home)
    for file in system.files:
        rows = world.rows(file.rows)
        headings = list(file.columns)
        parts: dict[str, list[list[str]]] = {}
        for row in rows:
            month = f"{row[file.monthly]:_%Y%m}" if file.monthly else ""
            parts.setdefault(month, []).append(
                [cell(system, file, name, row) for name in file.columns.values()]
            )
        for month, cells in sorted(parts.items()):
            system.write(folder, file.name + month, headings, cells)
    if system.close is not None:
        system.close(folder)


def cell(system: System, file: File, marked: str, row: Row) -> str:
    """Write one cell."""
    name = marked.lstrip("-?")
    value = row.get(name)
    codes = file.codes.get(name, system.codes.get(name))
    if value is None:
        return ""
    if codes is not None:
        return codes[value]
    written: str = str(value)
    if isinstance(value, bool):
        written = system.flag[value]
    elif isinstance(value, datetime):
        written = system.instant(value.astimezone(ZONE).replace(tzinfo=None))
    elif isinstance(value, date):
        ends = system.last_day and name.endswith("policies.expiry")
        written = system.day(value - timedelta(days=1) if ends else value)
    elif isinstance(value, Decimal):
        written = system.money(value)
    return written


SUMS = ("sums.paid", "sums.outstanding")


class World:
    """The latest rows of an insurer, joined as core systems join them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.of: dict[str, dict[str, Row]] = {}
        for table in ("customers", "vehicles", "policies", "claims", "quotes"):
            key = CONTRACTS[table].key
            rows = latest_rows(raw_rows(home, table), key)
            self.of[table] = {row[key]: row for row in rows}
        self.sums: dict[str, Row] = {}
        for row in raw_rows(home, "claim_movements"):
            sums = self.sums.setdefault(row["claim_id"], dict.fromkeys(SUMS, Decimal("0.00")))
            sums["sums.paid"] += row["paid_change"]
            sums["sums.outstanding"] += row["outstanding_change"]

    def rows(self, kind: str) -> list[Row]:
        """Rows of a kind, each with everything it names."""
        if kind == "vehicle_years":
            return self._vehicle_years()
        if kind not in self.of:
            key = CONTRACTS[kind].key
            listed = latest_rows(raw_rows(self.home, kind), key)
        else:
            listed = list(self.of[kind].values())
        joined = [self._joined(kind, row) for row in listed]
        return [{**row, "made.row": number} for number, row in enumerate(joined, 1)]

    def _joined(self, kind: str, row: Row) -> Row:
        out = {f"{kind}.{name}": value for name, value in row.items()}
        if kind == "claims":
            out.update(self._joined("policies", self.of["policies"][row["policy_id"]]))
            out.update({f"claims.{name}": value for name, value in row.items()})
            out.update(self.sums.get(row["claim_id"], {}))
        if kind != "customers" and row.get("customer_id") in self.of["customers"]:
            of = self.of["customers"][row["customer_id"]]
            out.update({f"customers.{name}": value for name, value in of.items()})
        if kind != "vehicles" and row.get("vehicle_id") in self.of["vehicles"]:
            of = self.of["vehicles"][row["vehicle_id"]]
            out.update({f"vehicles.{name}": value for name, value in of.items()})
        out.update(made(out))
        return out

    def _vehicle_years(self) -> list[Row]:
        years: dict[Any, dict[str, Row]] = {}
        for row in self.of["policies"].values():
            if row["line"].startswith("motor_"):
                year = years.setdefault((row["vehicle_id"], row["inception"]), {})
                year[row["line"]] = row
        out = []
        for number, year in enumerate(years.values(), 1):
            both = self._joined("policies", next(iter(year.values())))
            for line, mark in (("motor_compulsory", "jq"), ("motor_commercial", "sy")):
                term = year.get(line, {})
                both.update({f"{mark}.{name}": value for name, value in term.items()})
            out.append({**both, "made.row": number})
        return out


WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VALUES = dict(zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
                  (*range(10), 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
                  strict=True))  # fmt: skip


def vin_of(number: int) -> str:
    """Make a vehicle's number with its check digit (GB 16735)."""
    body = f"LSVAB4BR0EN{number % 1_000_000:06d}"
    rest = sum(VALUES[sign] * weight for sign, weight in zip(body, WEIGHTS, strict=True)) % 11
    return body[:8] + ("X" if rest == 10 else str(rest)) + body[9:]


def identity_of(born: date, number: int) -> str:
    """Make a citizen's identity number with its check digit (GB 11643)."""
    body = f"44010{number % 9 + 1}{born:%Y%m%d}{number % 1000:03d}"
    factors = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(int(sign) * factor for sign, factor in zip(body, factors, strict=True)) % 11
    return body + "10X98765432"[rest]


def made(row: Row) -> Row:
    """Make what a core system has beside our columns; the same for the same customer or car."""
    person = int((row.get("customers.customer_id") or "C0")[1:])
    car = int((row.get("vehicles.vehicle_id") or "V0")[1:])
    term = row.get("policies.policy_id") or ""
    claim = row.get("claims.claim_id") or ""
    draw = random.Random(f"{person} {car} {term} {claim}")
    born = row.get("customers.birth_date") or date(1980, 1, 1)
    signed = row.get("policies.signed_at")
    out: Row = {
        "made.identity": identity_of(born, person),
        "made.address": f"{draw.choice('东西南北中')}{draw.choice('湖山河江城')}区解放路{person}号",
        "made.email": f"user{person}@example.com",
        "made.occupation": draw.choice(("职员", "教师", "个体", "其他")),
        "made.operator": f"U{draw.randint(1000, 9999)}",
        "made.operator_name": draw.choice(("李敏", "赵强", "孙丽", "周涛")),
        "made.agent_code": f"A{draw.randint(100000, 999999)}",
        "made.proposal": f"T{draw.randint(10**17, 10**18 - 1)}",
        "made.confirm_code": f"02PICC{draw.randint(10**17, 10**18 - 1)}",
        "made.currency": "CNY",
        "made.hour": "0",
        "made.end_hour": "24",
        "made.one": "1",
        "made.rate": f"0.{draw.randint(10, 29)}",
        "made.commission": Decimal(draw.randint(1000, 30000)) / 100,
        "made.status": draw.choice(("有效", "有效", "终止")),
        "made.case_status": draw.choice(("已决", "未决", "注销")),
        "made.report_no": f"R{draw.randint(10**11, 10**12 - 1)}",
        "made.place": f"{draw.choice('东西南北')}环路与人民路口",
        "made.driver": draw.choice(("张伟", "王芳", "李娜", "刘洋")),
        "made.remark": draw.choice(("", "", "无异议", "已电话告知")),
        "made.phone": f"020{draw.randint(10**7, 10**8 - 1)}",
        "customers.phone": f"13{8 - person % 3}{person % 10**8:08d}" if person else None,
    }
    if car:
        out.update({
            "vehicles.vin": vin_of(car), "made.engine": f"EA{car % 10**6:06d}B",
            "made.tax": Decimal(random.Random(car).choice((30000, 42000, 90000))) / 100,
            "made.brand": random.Random(car).choice(("大众牌SVW71810", "丰田牌CA6460")),
            "made.colour": random.Random(car).choice(("白", "黑", "银")),
            "made.tonnes": "0", "made.litres": random.Random(car).choice(("1.4", "1.5", "2.0")),
        })  # fmt: skip
    if signed is not None:
        out["made.keyed_at"] = signed - timedelta(days=1)
        out["made.approved_at"] = signed + timedelta(hours=2)
        out["made.printed_on"] = (signed + timedelta(days=1)).date()
        out["made.paid_on"] = signed.date()
        out["made.gross"] = (row["policies.written_premium"] * Decimal("1.06")).quantize(
            Decimal("0.01")
        )
    if row.get("claims.reported_at") is not None:
        out["made.registered_at"] = row["claims.reported_at"] + timedelta(hours=3)
    return out


def text_file(
    encoding: str, delimiter: str = ",", ending: str = ".csv", quoting: int = csv.QUOTE_MINIMAL
) -> Callable[[Path, str, Sequence[str], Iterable[Sequence[str]]], None]:
    """Return a writer of text files.

    Parameters
    ----------
    encoding, delimiter : str
        Of the file.
    ending : str
        Of its name; `.gz` at its end compresses.
    quoting : int
        Of the csv module.
    """

    def write(
        folder: Path, name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> None:
        path = folder / f"{name}{ending}"
        opened = gzip.open if ending.endswith(".gz") else open
        with opened(path, "wt", encoding=encoding, newline="") as stream:  # type: ignore[operator]
            writer = csv.writer(stream, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
            writer.writerows([headings, *rows])

    return write

"""Read exports: encodings beside charset-normalizer, and speed beside DuckDB's bare `read_csv`.

Encodings: generated files of Chinese policies in seven encodings. Ours may ask, but never read
wrongly; the peer's best guess counts as wrong if the text differs from what was written.
Speed: a GB18030 file of policies with its mapping, against a bare `read_csv` into a table of the
same file in UTF-8, the only encoding of the two that DuckDB reads without an extension; in
processor seconds of one process, in turn. Ours may take 3 x.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from charset_normalizer import from_bytes
from measuring import alternate, compared, finish, processor_seconds

from features.imports.mapping import ColumnMap, Mapping, TableMap
from features.imports.reading.describe import describe
from features.imports.reading.encodings import ASK, decode_pieces, find_encoding, read_pieces
from features.imports.reading.readers import files_of, read_source
from features.imports.reading.text_tables import drop_view
from features.imports.rows import drop_rows, prepare_rows
from features.lake import Lake
from features.settings import Settings
from features.sql import sql_text

LIMIT = 3.0
SURNAMES = "王李张刘陈杨黄赵周吴徐孙朱马胡林郭何高罗"
GIVEN = "伟芳娜敏静强磊军洋勇艳杰涛明超霞平刚桂英华文建国"
RARE = "㐀㛃䶮𠀀𬇕䲟"
HEADINGS = "保单号,被保险人,险种名称,使用性质,签单时间,保险起期,保险止期,签单保费,车架号,客户编号"
TRADITIONAL = (
    "保單號,被保險人,險種名稱,使用性質,簽單時間,保險起期,保險止期,簽單保費,車架號,客戶編號"
)
ENCODINGS = ("gbk", "gb18030", "gb18030 rare", "big5", "utf-8", "utf-8-sig", "utf-16")


def policies(rows: int, seed: int, kind: str) -> str:
    """Write policies as CSV text; Big5 has traditional headings and names, "rare" rare names."""
    draw = random.Random(seed)
    big5 = kind == "big5"
    lines = [TRADITIONAL if big5 else HEADINGS]
    for number in range(rows):
        name = draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=draw.choice((1, 2))))
        if big5:
            name = (
                draw.choice("陳林黃張李王吳劉蔡楊")
                + draw.choice("志淑美俊雅家")
                + draw.choice("明芬玲宏婷豪")
            )
        if kind.endswith("rare") and number % 7 == 0:
            name += draw.choice(RARE)
        line = "強制險" if big5 else draw.choice(("交强险", "商业险"))
        use = "自用" if big5 else "家庭自用"
        month, day = draw.randint(1, 12), draw.randint(1, 28)
        lines.append(
            f"PDAA2024{number:010d},{name},{line},{use},2024-{month:02d}-{day:02d} 10:11:12,"
            f'2024/{month}/{day},2025/{month}/{day},"{draw.randint(1, 9)},{draw.randint(100, 999)}'
            f'.{draw.randint(10, 99)}",LSV{number:014d},C{number % 400_000:08d}'
        )
    return "\n".join(lines) + "\n"


def rows_of(number: int) -> int:
    """Return the rows of a file: most are small, 1 of 50 has 10,000 and 1 of 300 has 100,000."""
    if number % 300 == 299:
        return 100_000
    if number % 50 == 49:
        return 10_000
    return (10, 30, 100, 1000)[number // len(ENCODINGS) % 4]


def decodings(folder: Path, files: int) -> list[dict[str, object]]:
    """Count right, asked and wrong decodings of ours, and wrong ones of the peer."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in ENCODINGS}
    path = folder / "a.csv"
    for number in range(files):
        kind = ENCODINGS[number % len(ENCODINGS)]
        rows = rows_of(number)
        text = policies(rows, number, kind)
        path.write_bytes(text.encode(kind.partition(" ")[0]))
        encoding = find_encoding(path).encoding
        if encoding == ASK:
            counts[kind]["asked"] += 1
        else:
            read = b"".join(decode_pieces(path, encoding, read_pieces(path, encoding))).decode()
            counts[kind]["right" if read == text else "wrong"] += 1
        guess = from_bytes(path.read_bytes()).best()
        guessed = None if guess is None else str(guess).removeprefix("\ufeff")
        counts[kind]["peer wrong" if guessed != text else "peer right"] += 1
    return [{"encoding": kind, **counts[kind]} for kind in ENCODINGS]


def main() -> int:
    """Print the table of encodings and measure the speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = decodings(folder, asked.files)
        for line in results:
            print(line)
        (folder / "a.csv").unlink(missing_ok=True)
        wrong = sum(int(str(line.get("wrong", 0))) for line in results)
        lake = Lake(Settings(home=folder / "home"))
        ours, peer = _readers(lake, folder, asked.rows)
        times = alternate(ours, peer, asked.repeats)
        lines = [compared("read with its mapping", "processor s", *times, at_most=LIMIT)]
        code = finish("imports", asked.rows, lines, asked.json, of="rows")
    print(f"wrong decodings: {wrong} of {asked.files:,}")
    return code or (1 if wrong else 0)


def _readers(lake: Lake, folder: Path, rows: int):  # type: ignore[no-untyped-def]
    """Make the two readers of one file."""
    exports = folder / "exports"
    exports.mkdir()
    text = policies(rows, 1, "gb18030")
    (exports / "policies.csv").write_text(text, encoding="gb18030")
    (folder / "utf8.csv").write_text(text, encoding="utf-8")
    (lake.home / "tmp").mkdir(parents=True)
    (source,) = describe(lake, exports).sources.values()
    headings = {
        "policy_id": "保单号", "customer_id": "客户编号", "vehicle_id": "车架号",
        "line": "险种名称", "private_car": "使用性质", "signed_at": "签单时间",
        "inception": "保险起期", "expiry": "保险止期", "written_premium": "签单保费",
    }  # fmt: skip
    codes = {
        "line": {"交强险": "motor_compulsory", "商业险": "motor_commercial"},
        "private_car": {"家庭自用": True},
    }
    columns = {
        name: ColumnMap.model_validate({"from": heading, "codes": codes.get(name)})
        for name, heading in headings.items()
    }
    table = TableMap(name="policies", source="policies", columns=columns)
    mapping = Mapping(folder=".", sources={"policies": source}, tables=(table,))

    def ours() -> float:
        def read() -> None:
            texts = read_source(lake, "policies", source, files_of(source, exports))
            prepared = prepare_rows(lake, mapping, {"policies": texts}, [])
            assert prepared["policies"].good == rows
            drop_rows(lake, prepared)
            drop_view(lake.con, texts)

        return processor_seconds(read)

    def peer() -> float:
        path = sql_text(folder / "utf8.csv")
        return processor_seconds(lambda: lake.con.execute(
            f"CREATE OR REPLACE TEMP TABLE bare AS FROM read_csv({path})"
        ))  # fmt: skip

    return ours, peer


if __name__ == "__main__":
    sys.exit(main())

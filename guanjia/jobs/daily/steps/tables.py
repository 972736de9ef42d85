"""Bring in what was delivered: finish erasures, import, check."""

from typing import Any

from features.contracts.reasons import reason_of
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.sources.raw_source import source_of
from features.texts import Sentence
from guanjia.jobs.daily.identity import events_identity
from guanjia.jobs.daily.steps.step import Day, Identities, Step, StepResult
from serving.identity import (
    ABSENT,
    code_identity,
    combined,
    file_identity,
    files_identity,
    folder_identity,
    settings_identity,
)


def _erase(day: Day) -> StepResult:
    from features.erased import Erased
    from serving.records.people.pending_erasures import pending_marks, take_over_receipts

    erased = Erased(day.lake.settings)
    take_over_receipts(erased, day.records)
    if not pending_marks(erased):
        return StepResult(Sentence("nobody is waiting to be erased", "没有待删除的客户"), 0)
    from serving.records.people.erase_everywhere import finish_erasure

    finished = finish_erasure(day.lake, day.records, day.now, day.report)
    count = len(finished.receipts)
    findings = tuple(
        {
            "subject": "stray file",
            "english": f"{path} was not written by Guanjia and still names them: remove it",
            "chinese": f"文件 {path} 不是本系统生成的，里面仍有已删除客户，请人工清理",
        }
        for path in finished.left
    )
    summary = Sentence(
        f"{count:,} customers were erased from all files", f"已从全部文件中删除 {count:,} 位客户"
    )
    return StepResult(summary, count, findings)


def _unknown(_day: Day) -> None:
    """Say that only the records know who waits: it is asked every time."""


def _mapping_identities(day: Day) -> Identities | None:
    from features.imports.mapping import load_mapping

    path = day.settings.mapping(day.lake.home)
    assert path is not None  # else the step is not of this day
    mapping = load_mapping(path)
    if any(source.kind == "database" for source in mapping.sources.values()):
        return None
    folder = day.settings.folder(day.lake.home, day.as_of) or path.parent / mapping.folder
    files = [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    return {
        "mapping": file_identity(path),
        "delivery": files_identity(folder, files),
        "code": code_identity(),
    }


def _import(day: Day) -> StepResult:
    from datetime import timedelta

    from features.imports.deliveries.page import publish_drift_page
    from features.imports.run import run
    from features.settings import cutoff

    path = day.settings.mapping(day.lake.home)
    assert path is not None
    folder = day.settings.folder(day.lake.home, day.as_of)
    if folder is not None and not folder.is_dir():
        cure = "deliver it, then run the day again; what was published stays"
        raise GuanjiaError(f"delivery of {day.as_of}", f"is not there: {folder}", cure)
    # The last second of the day for the insurer: what changed is known as of its end.
    delivered = cutoff(day.as_of, day.lake.settings.timezone) - timedelta(seconds=1)
    delivery = run(day.lake, path, delivered, day.report, folder)
    publish_drift_page(delivery, path)
    if delivery.verdict.stopped:
        raise GuanjiaError(
            f"delivery of {day.as_of}",
            "is not as those before; nothing was written",
            f"see the page beside {path}, answer in the mapping, and run the day again",
        )
    new = sum(versions.new + versions.changed for versions in delivery.versions)
    findings: list[dict[str, Any]] = [
        {
            "subject": finding.table,
            "english": f"{finding.table}: {finding.fault}; {finding.effect} "
            f"({finding.rows:,} rows)",
            "chinese": f"{_label(finding.table)}：{finding.rows:,} 行读取时有疑问，详见导入页面",
        }
        for finding in delivery.findings
    ]
    summary = Sentence(f"{new:,} new or changed rows", f"新增或变更 {new:,} 行")
    return StepResult(summary, new, tuple(findings))


def _no_mapping(day: Day) -> Sentence | None:
    if day.settings.delivery is not None:
        return None
    return Sentence(
        "no mapping is declared in daily.toml: raw/ is filled by others",
        "daily.toml 未声明导入映射，原始数据由其他程序写入",
    )


def raw_identities(lake: Lake) -> Identities:
    """Return the identity of the files of each raw table that has any."""
    tables = {
        name: folder_identity(lake.raw(name)) for name in CONTRACTS if lake.raw(name).is_dir()
    }
    return {f"raw/{name}": identity for name, identity in tables.items() if identity != ABSENT}


def checked_identity(lake: Lake) -> str:
    """Return the identity of all checked tables together."""
    files = (lake.checked(name) for name in CONTRACTS)
    return combined({path.stem: file_identity(path) for path in files if path.exists()})


def quarantine_identity(lake: Lake) -> str:
    """Return the identity of all rows in quarantine."""
    files = (lake.quarantine(name) for name in CONTRACTS)
    return combined({path.stem: file_identity(path) for path in files if path.exists()})


def _check_inputs(day: Day) -> Identities:
    lake = day.lake
    return {
        **raw_identities(lake),
        "events": events_identity(lake),
        "erased customers": file_identity(lake.home / "erased.json"),
        "settled rows": file_identity(lake.home / "quarantine" / "settled.parquet"),
        "settings": settings_identity(lake),
    }


def _check_outputs(day: Day) -> Identities:
    return {
        "checked": checked_identity(day.lake),
        "quarantine": quarantine_identity(day.lake),
        "check.json": file_identity(day.lake.home / "check.json"),
    }


def _check(day: Day) -> StepResult:
    from features.checking.check import check_tables
    from features.lake.merged_numbers import latest_owners

    # A portfolio of ours may lie ahead of the clock.
    checks = check_tables(day.lake, day.report, None if source_of(day.lake) else day.now)
    if owners := latest_owners(day.lake):
        from serving.records.people.merged_customers import follow_merges

        with day.records.writing(durable=True) as connection:
            follow_merges(connection, owners, day.now)
    rows, bad = (sum(getattr(check, name) for check in checks) for name in ("rows", "bad"))
    findings = tuple(
        {
            "subject": check.table,
            "english": f"{check.table}: {count:,} rows in quarantine: {rule}",
            "chinese": f"{_label(check.table)}：{count:,} 行被隔离，"
            f"{reason_of(check.table, rule).chinese}",
            "rows": count,
        }
        for check in checks
        for rule, count in check.reasons.items()
    )
    english = f"{rows:,} rows of {len(checks)} tables, {bad:,} in quarantine"
    chinese = f"{len(checks)} 张表 {rows:,} 行，隔离 {bad:,} 行"
    return StepResult(Sentence(english, chinese), rows, findings)


def _label(table: str) -> str:
    """Return the Chinese name of a table."""
    return CONTRACTS[table].label if table in CONTRACTS else table


ERASE = Step("erase", "删除客户", _erase, _unknown)
IMPORT = Step("import", "导入数据", _import, _mapping_identities, not_today=_no_mapping)
CHECK = Step("check", "检查数据", _check, _check_inputs, _check_outputs, needs=("erase", "import"))

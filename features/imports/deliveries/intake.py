"""Read the files of a delivery: those that are new, whole, and laid out as the mapping says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from features.imports.deliveries.drift import Drift
from features.imports.deliveries.files import (
    FileState,
    choose_files,
    look_at_files,
    look_at_rows,
    refuse_changed,
    refuse_half,
)
from features.imports.deliveries.layouts import compare_layout
from features.imports.deliveries.ledger import DeliveredFile, Ledger, fingerprint
from features.imports.mapping import Mapping, Source
from features.imports.mapping_text import toml_key, toml_value
from features.imports.reading.readers import files_of, read_source
from features.imports.reading.text_tables import Part, TextTable, drop_view
from features.lake import Lake
from features.progress import Report


@dataclass
class Intake:
    """The files of a delivery as they were read.

    Attributes
    ----------
    mapping : Mapping
        Without the sources of which nothing was read.
    sources : dict of str to TextTable
        The rows of each source, in the engine.
    states : dict of str to list of FileState
        Source -> the files that were read.
    skipped : dict of str to str
        Files that were not read again -> why.
    drifts : list of Drift
        How the files are not as before.
    partial : set of str
        Sources of which known files were left out, so that what they lack has not vanished.
    """

    mapping: Mapping
    sources: dict[str, TextTable] = field(default_factory=dict)
    states: dict[str, list[FileState]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    drifts: list[Drift] = field(default_factory=list)
    partial: set[str] = field(default_factory=set)

    @property
    def parts(self) -> list[Part]:
        """All files that were read."""
        return [part for source in self.sources.values() for part in source.parts]

    def delivered(self, mapping: Mapping, source: str) -> list[DeliveredFile]:
        """Describe the files of a source for the ledger."""
        read_by = fingerprint(mapping, source)
        return [
            DeliveredFile(source, state.name, state.bytes, state.sha256, part.rows, read_by)
            for state, part in zip(self.states[source], self.sources[source].parts, strict=True)
        ]


@contextmanager
def read_files(
    lake: Lake, mapping: Mapping, folder: Path, ledger: Ledger, report: Report
) -> Iterator[Intake]:
    """Read the files of a delivery into the engine; they are dropped at the end of the block.

    Parameters
    ----------
    lake : Lake
        The home.
    mapping : Mapping
        What the files hold.
    folder : Path
        The delivery.
    ledger : Ledger
        What was delivered before.
    report : Report
        Progress: called with a step, parts done and parts in all.

    Raises
    ------
    GuanjiaError
        If a file cannot be read, is not whole, or changes meanwhile; or there is no file of a
        source that was never delivered.
    """
    intake = Intake(mapping)
    try:
        for done, (name, source) in enumerate(mapping.sources.items()):
            report("read files", done, len(mapping.sources))
            _read(lake, mapping, folder, ledger, name, source, intake)
        report("read files", len(mapping.sources), len(mapping.sources))
        intake.mapping = mapping.without(set(mapping.sources) - set(intake.sources))
        yield intake
    finally:
        for text_table in intake.sources.values():
            drop_view(lake.con, text_table)


def _read(
    lake: Lake,
    mapping: Mapping,
    folder: Path,
    ledger: Ledger,
    name: str,
    source: Source,
    intake: Intake,
) -> None:
    """Read the files of one source, if there are any that say something."""
    if source.kind == "database":
        text_table = read_source(lake, name, source, files_of(source, folder))
        intake.sources[name] = text_table
        intake.states[name] = [look_at_rows(lake.con, text_table)]
        return
    files = files_of(source, folder, may_lack=ledger.latest(name) is not None)
    if not files:
        if source.delivery == "dump":
            intake.drifts.append(_no_file(mapping, name, source))
        else:
            intake.skipped[", ".join(source.files)] = "no file today"
        return
    choice = choose_files(
        name, source, look_at_files(files, folder), ledger, fingerprint(mapping, name)
    )
    intake.skipped |= choice.skipped
    if choice.mixed:
        intake.drifts.append(_mixed(mapping, name, choice.skipped, choice.read))
        intake.partial.add(name)
    layouts: dict[Path, Source] = {}
    states = []
    for state in choice.read:
        layout = compare_layout(lake, mapping, name, state)
        intake.drifts += layout.drifts
        if layout.readable:
            layouts[state.path] = layout.source
            states.append(state)
        else:
            intake.skipped[state.name] = "its headings are not those of the mapping"
            intake.partial.add(name)
    if not states:
        return
    text_table = read_source(lake, name, source, [state.path for state in states], layouts)
    intake.sources[name], intake.states[name] = text_table, states
    refuse_changed(states)
    for part in text_table.parts:
        refuse_half(part, layouts[part.path])


def _no_file(mapping: Mapping, name: str, source: Source) -> Drift:
    return Drift(
        "no_file", name, tuple(mapping.tables_of(name)), before=", ".join(source.files),
        now="no file", effect="what is known stays",
        section=f"[[tables]] {', '.join(mapping.tables_of(name))}", line='drift = "take"',
    )  # fmt: skip


def _mixed(mapping: Mapping, name: str, skipped: dict[str, str], read: list[FileState]) -> Drift:
    return Drift(
        "earlier_files", name, tuple(mapping.tables_of(name)), before=", ".join(skipped),
        now=", ".join(state.name for state in read), effect="the new files alone are read",
        section=f"[sources.{toml_key(name)}]",
        line=f"earlier_files = {toml_value('skip')}  # parts of one dump: read",
    )  # fmt: skip

"""Write the generated part of `docs/robustness.md` from the table of faults.

python tests/support/fault_page.py docs/robustness.md
"""

import ast
import sys
import textwrap
from itertools import groupby
from pathlib import Path

from fault_table import FAULTS, Fault

ROOT = Path(__file__).parents[2]
BEGIN = "<!-- From tests/support/fault_table.py, by `make docs`. -->"
END = "<!-- To here. -->"
WIDTH = 118


def render(page: str) -> str:
    """Return the page with its generated part written anew.

    Raises
    ------
    ValueError
        If the marks of the generated part are not there.
    """
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{_overview()}\n\n{_sections()}\n\n{END}{after}"


def missing_tests(faults: tuple[Fault, ...] = FAULTS) -> list[str]:
    """List the tests that the table names and that are not there."""
    return sorted(
        {test for fault in faults for test in fault.tests if not _is_there(*test.split("::"))}
    )


def _is_there(path: str, name: str) -> bool:
    file = ROOT / path
    if not file.exists():
        return False
    tree = ast.parse(file.read_text("utf-8"))
    return name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _overview() -> str:
    """Write all faults in one table."""
    lines = ["| what | fails so | `/predict` | `/decide` |", "|---|---|---|---|"]
    lines += [
        f"| {fault.component} | {fault.name} | {fault.predict} | {fault.decide} |"
        for fault in FAULTS
    ]
    return "\n".join(lines)


def _sections() -> str:
    """Write a section a component, a paragraph a fault."""
    parts = []
    for component, faults in groupby(FAULTS, lambda fault: fault.component):
        parts.append(f"### {component}")
        parts.append("\n".join(_item(fault) for fault in faults))
    return "\n\n".join(parts)


def _item(fault: Fault) -> str:
    name = fault.name[0].upper() + fault.name[1:]
    tests = ", ".join(f"`{test.rpartition('::')[2]}`" for test in dict.fromkeys(fault.tests))
    word = "Test" if len(fault.tests) == 1 else "Tests"
    recovery = fault.recovery[0].lower() + fault.recovery[1:]
    text = f"- **{name}.** {fault.meaning} *Ends* {recovery} {word}: {tests}."
    return textwrap.fill(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(render(target.read_text("utf-8")), "utf-8")

"""Write the map of the code in docs/architecture.md from the docstrings of the rooms.

`python -m guanjia.jobs.architecture docs/architecture.md` replaces the part between two marks; the
rest of the page is written by hand.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("features", "training", "serving", "guanjia")
BEGIN = "<!-- From the docstrings of the rooms by `make docs`; a test holds it current. -->"
END = "<!-- End of the generated part. -->"


def render(page: str) -> str:
    """Return the page with the map of the code between its marks.

    Parameters
    ----------
    page : str
        The page as it is, with both marks.
    """
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, "", *_lines(), END + after])


def _lines() -> Iterator[str]:
    for package in PACKAGES:
        yield f"### `{package}/`"
        yield ""
        yield from _description(ROOT / package)
        yield ""
        for room in _rooms(ROOT / package):
            yield f"#### `{room.relative_to(ROOT).as_posix()}/`"
            yield ""
            yield from _description(room)
            for inner in sorted(path.parent for path in room.glob("*/__init__.py")):
                yield ""
                yield f"**`{inner.relative_to(ROOT).as_posix()}/`**"
                yield ""
                yield from _description(inner)
            yield ""


def _description(folder: Path) -> Iterator[str]:
    """Format the docstring of a room: a list item for each of its parts."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    words = ast.get_docstring(tree) or ""
    for line in words.splitlines():
        begins = line.startswith(("In: ", "Out: ", "Read first: "))
        yield f"- {line}" if begins else f"  {line}" if line and _continues(words, line) else line


def _continues(words: str, line: str) -> bool:
    """Check whether a line continues a list item."""
    return words.find(line) > words.find("In: ")


def _rooms(package: Path) -> list[Path]:
    """List the folders of a package in the order of its `ROOMS`, bottom first."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ROOMS":
            return [package / name for name in ast.literal_eval(node.value) if name]
    raise LookupError(f"{package.name}/__init__.py states no ROOMS")


def main(paths: list[str]) -> None:
    """Rewrite the pages."""
    for name in paths:
        path = Path(name)
        path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

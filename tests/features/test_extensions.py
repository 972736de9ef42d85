"""Extensions: what they declare is known, and what they break is said with file and line."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.snapshots.definitions import definitions
from features.tags import extensions
from features.tags.catalogue import catalogue, every_tag
from features.tags.extensions import load_extensions
from features.tags.groups import claims
from training import models
from training.fitting.provenance import code_identity
from training.registry.champions import family

HEAD = "from features.tags.groups.claims import GROUP\n"
TAG = HEAD + (
    '@GROUP.tag("无责案件数", unit="claims", relation="claims", type="int64", empty=0)\n'
    "def claims_without_fault(t):\n"
    '    """{definition}"""\n'
    "    return t.count(where=~t.at_fault.fill_null(True))\n"
)
NO_DEFINITION = HEAD + (
    '@GROUP.tag("无责案件数", unit="claims", relation="claims", type="int64", empty=0)\n'
    "def claims_without_fault(t):\n"
    "    return t.count()\n"
)
LIST = (
    "from training.model_spec import TargetList\n"
    "from training.models import declare_list\n"
    'declare_list("renewal", TargetList(name="{name}", label="老客续保", effect="lowers",'
    ' order="renewal asc", where="tenure_years >= 3"))\n'
)


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    """What a test declares is gone after it."""
    declared, tags = dict(models.MODELS), dict(claims.GROUP.tags)
    loaded = dict(extensions._loaded)
    yield
    for kept, before in (
        (models.MODELS, declared), (claims.GROUP.tags, tags), (extensions._loaded, loaded),
    ):  # fmt: skip
        kept.clear()
        kept.update(before)  # type: ignore[arg-type]
    every_tag.cache_clear()


def written(home: Path, code: str, name: str = "mine.py") -> Path:
    """A file in the home's folder of extensions."""
    folder = home / "extensions"
    folder.mkdir(parents=True, exist_ok=True)
    for place in (home, folder):
        place.chmod(0o700)
    (folder / name).write_text(code, encoding="utf-8")
    (folder / name).chmod(0o600)
    return folder / name


def test_a_tag_of_the_home_is_in_the_catalogue(home: Path) -> None:
    written(home, TAG.format(definition="Number of claims that were somebody else's fault."))
    assert "claims_without_fault" not in every_tag().columns
    (one,) = load_extensions(home)
    assert (one.name, one.tags) == ("mine.py", ("claims_without_fault",))
    assert catalogue()["claims_without_fault"].group == "claims"
    assert "claims_without_fault" in every_tag().columns
    assert load_extensions(home) == [one]  # once in a process


def test_a_list_of_the_home_is_drawn_from_a_model_that_is_there(home: Path) -> None:
    written(home, LIST.format(name="loyal_renewal"))
    load_extensions(home)
    assert [one.name for one in models.find("renewal").lists] == ["renewal_risk", "loyal_renewal"]
    assert family("renewal") == "renewal"


def test_snapshots_are_computed_anew_when_a_tag_of_an_extension_changes(home: Path) -> None:
    """A carried snapshot would hold what the former code counted."""
    lake = Lake(Settings(home=home))
    hashes = [definitions(lake)]
    for code in (TAG.format(definition="One."), TAG.format(definition="Another.")):
        extensions._loaded.clear()
        claims.GROUP.tags.pop("claims_without_fault", None)
        written(home, code)
        load_extensions(home)
        hashes.append(definitions(lake))
    assert len(set(hashes)) == 3
    extensions._loaded.clear()
    written(home, LIST.format(name="loyal_renewal"))
    load_extensions(home)
    assert definitions(lake) == hashes[0]  # a list moves no tag
    assert "extension mine.py" in code_identity()  # but a run says with which code it was made


MODEL = (
    "from dataclasses import replace\n"
    "from training.models import declare, find\n"
    'declare(replace(find("churn"), name="{name}"))\n'
)
BROKEN = {
    "a name of a shipped tag": (
        HEAD + '@GROUP.tag("x", unit="claims", relation="claims")\n'
        'def open_claims(t):\n    """Open."""\n    return t.count()\n',
        r"mine\.py, line 2\): ValueError: tag open_claims is declared twice in group claims",
    ),
    "a name of a tag in another group": (
        HEAD + '@GROUP.tag("x", unit="claims", relation="claims")\n'
        'def tenure_years(t):\n    """Years."""\n    return t.count()\n',
        "tag tenure_years is in both",
    ),
    "a tag without a definition": (NO_DEFINITION, r"line 2\).*has no docstring, which is its defi"),
    "a library that is not there": (
        "import no_such_library\n", r"mine\.py, line 1\): ModuleNotFoundError.*[Mm]end it, or move",
    ),
    "a slip of the pen": ("x = 1\ndef (\n", r"mine\.py, line 2\): SyntaxError"),
    "a way out": ("import sys\nsys.exit(0)\n", r"mine\.py, line 2\): SystemExit"),
    "a name of a shipped model": (
        MODEL.format(name="renewal"),
        r"mine\.py, line 3\): model renewal is declared already.*another name",
    ),
    "a name of a family": (MODEL.format(name="claims"), "model claims is declared already"),
    "lists of names that are taken": (
        MODEL.format(name="churn_too"), "list churn_risk is declared already",
    ),
    "a list of a shipped name": (LIST.format(name="churn_risk"), "list churn_risk is declared"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_an_extension_breaks_is_said(case: str, home: Path) -> None:
    code, words = BROKEN[case]
    written(home, code)
    with pytest.raises(GuanjiaError, match=words) as raised:
        load_extensions(home)
    assert raised.value.thing == "extension mine.py"


@pytest.mark.parametrize("place", ["file", "folder", "home"])
def test_what_others_could_have_written_does_not_run(place: str, home: Path) -> None:
    path = written(home, "raise AssertionError('it ran')\n")
    {"file": path, "folder": path.parent, "home": home}[place].chmod(0o720)
    with pytest.raises(GuanjiaError, match=r"can be written by other users.*chmod go-w"):
        load_extensions(home)


def test_an_installed_package_is_loaded(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "acme_tags").mkdir(parents=True)
    (site / "acme_tags" / "__init__.py").write_text("")
    (site / "acme_tags" / "claims.py").write_text(TAG.format(definition="Not at fault."))
    described = site / "acme_tags-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tags\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[guanjia.extensions]\nclaims = acme_tags.claims\n")
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    (one,) = load_extensions(home)
    assert (one.name, one.tags) == ("package acme-tags, claims", ("claims_without_fault",))
    (site / "acme_tags" / "claims.py").write_text("import no_such_library\n")
    extensions._loaded.clear()
    claims.GROUP.tags.pop("claims_without_fault")
    for name in [name for name in sys.modules if name.startswith("acme_tags")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(GuanjiaError, match=r"package acme-tags, claims: cannot.*uninstall the"):
        load_extensions(home)


@pytest.mark.slow
def test_a_command_ends_with_2_and_the_place_and_help_does_not_wait(home: Path) -> None:
    written(home, "import no_such_library\n")

    def guanjia(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", "from guanjia.cli import main; main()", *words],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    done = guanjia("catalogue")
    assert done.returncode == 2
    assert "mine.py, line 1" in done.stderr
    assert "Traceback" not in done.stderr
    for words in (("--help",), ("catalogue", "--help")):
        assert guanjia(*words).returncode == 0

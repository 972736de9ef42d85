"""The version stands in one place, and the changelog knows every release."""

import re
import tomllib
from pathlib import Path

from packaging.version import Version

from guanjia.terminal.home_format import release

ROOT = Path(__file__).parents[2]


def stated() -> Version:
    """The version that `pyproject.toml` states."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return Version(project["version"])


def test_the_installed_release_is_the_stated_one() -> None:
    assert Version(release()) == stated(), "run `make install`"


def test_the_changelog_has_the_releases_in_order() -> None:
    page = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"(?m)^## (.+)$", page)
    unreleased = headings[0] == "Unreleased"
    releases = [
        re.fullmatch(r"(\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d", heading)
        for heading in headings[unreleased:]
    ]
    assert all(releases)
    versions = [Version(match.group(1)) for match in releases if match is not None]
    assert versions == sorted(versions, reverse=True)
    assert stated() > versions[0] if unreleased else stated() == versions[0]

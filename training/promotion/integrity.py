"""Check that the bundle of a version is intact: its files, that it loads, and what it reads."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.tags.catalogue import catalogue
from training.estimators.bundle import verify
from training.model_spec import ModelSpec
from training.promotion.verdicts import Verdict, say_verdict
from training.registry import versions
from training.registry.champions import family, fetch
from training.registry.load_check import LateError, try_loading
from training.registry.mlflow_client import RegistryAwayError
from training.registry.versions import Version

MOST_COLUMNS = 10
"""Columns that differ and are named."""


def check_integrity(
    lake: Lake, model: ModelSpec, version: Version, served: bool = False
) -> list[Verdict]:
    """Check file hashes, trial load and signature of a version, up to the first that fails.

    Parameters
    ----------
    lake : Lake
        Home with the bundles and the registry.
    model : ModelSpec
        The model as declared now.
    version : Version
        The version to check.
    served : bool
        True if the version was champion before: it may read tags that its tag set no longer
        lists, as long as they are still computed.

    Raises
    ------
    RegistryAwayError
        If the registry does not answer.
    LateError
        If the machine is too slow to try the version now.
    """
    cure = f"run `guanjia train {family(model.name)}` again"
    try:
        folder = fetch(lake, model.name, version.version)
        stated = version.tags.get(versions.SPEC_HASH)
        if stated is not None and sha256_of(folder / "spec.json") != stated:
            raise GuanjiaError(f"model bundle {folder}", "spec.json was altered", cure)
    except RegistryAwayError:
        raise
    except GuanjiaError as error:
        return [_failed("file hashes", "files_differ", error, model)]
    spec = verify(folder)
    files = len(spec["sha256"]) + 1
    verdicts = [say_verdict("file hashes", "files_as_registered", True, {"files": files})]
    try:
        loaded = try_loading(folder)
    except LateError:
        raise
    except GuanjiaError as error:
        return [*verdicts, _failed("trial load", "does_not_load", error, model)]
    verdicts.append(say_verdict("trial load", "loads", True, {}, bundle=loaded))
    return [*verdicts, _signature(lake, model, version, spec, served)]


def _signature(
    lake: Lake, model: ModelSpec, version: Version, spec: Mapping[str, Any], served: bool
) -> Verdict:
    """Compare the columns registered, those the bundle reads, and those of the tag set."""
    with tempfile.TemporaryDirectory() as folder:
        path = versions.download(lake, version.run, "signature.json", Path(folder))
        inputs = json.loads(json.loads(path.read_text("utf-8"))["inputs"])
    if not served and spec.get("given", "") != model.given:
        return say_verdict("signature", "other_question", False, {}, family=family(model.name))
    registered = [column["name"] for column in inputs]
    reads = list(spec["features"])
    expected = model.features
    words = {
        "against": f"the tag set {model.tag_set.name}",
        "chinese_against": f"标签集 {model.tag_set.name} ",
        "family": family(model.name),
    }
    if served:
        computed = {*catalogue(), *(feature.name for feature in model.extra)}
        expected = [name for name in reads if name in computed]
        words |= {"against": "the tags that are computed", "chinese_against": "现在计算的标签"}
    differing = sorted({*registered, *reads} ^ set(expected))
    disordered = not differing and not registered == reads == expected
    figures = {"columns": float(len(reads)), "differing": float(len(differing) or disordered)}
    if not differing and not disordered:
        return say_verdict("signature", "same_columns", True, figures, **words)
    words["differing_columns"] = ", ".join(differing[:MOST_COLUMNS]) or "their order"
    words["chinese_columns"] = "、".join(differing[:MOST_COLUMNS]) or "列的顺序"
    return say_verdict("signature", "other_columns", False, figures, **words)


def _failed(gate: str, kind: str, error: GuanjiaError, model: ModelSpec) -> Verdict:
    """Write the verdict of a gate that an error closes."""
    sentence, train = f"{error.thing} {error.fault}", family(model.name)
    return say_verdict(gate, kind, False, {}, error=sentence, cure=error.cure, family=train)

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
from training.promotion.gates import Verdict
from training.registry import versions
from training.registry.champions import family, fetch
from training.registry.load_check import LateError, try_loading
from training.registry.mlflow_client import RegistryAwayError
from training.registry.versions import Version


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
        return [Verdict("file hashes", False, _sentence(error), error.cure, {})]
    spec = verify(folder)
    files = len(spec["sha256"]) + 1
    verdicts = [Verdict("file hashes", True, f"{files} files as registered", "", {"files": files})]
    try:
        loaded = try_loading(folder)
    except LateError:
        raise
    except GuanjiaError as error:
        return [*verdicts, Verdict("trial load", False, _sentence(error), error.cure, {})]
    verdicts.append(Verdict("trial load", True, f"bundle {loaded} loads and predicts", "", {}))
    return [*verdicts, _signature(lake, model, version, spec, served)]


def _signature(
    lake: Lake, model: ModelSpec, version: Version, spec: Mapping[str, Any], served: bool
) -> Verdict:
    """Compare the columns registered, those the bundle reads, and those of the tag set."""
    with tempfile.TemporaryDirectory() as folder:
        path = versions.download(lake, version.run, "signature.json", Path(folder))
        inputs = json.loads(json.loads(path.read_text("utf-8"))["inputs"])
    if not served and spec.get("given", "") != model.given:
        sentence = "its question is that of an earlier release: what it takes for granted differs"
        cure = f"run `guanjia train {family(model.name)}` with this release"
        return Verdict("signature", False, sentence, cure, {})
    registered = [column["name"] for column in inputs]
    reads = list(spec["features"])
    expected = model.features
    against = f"the tag set {model.tag_set.name}"
    if served:
        computed = {*catalogue(), *(feature.name for feature in model.extra)}
        expected = [name for name in reads if name in computed]
        against = "the tags that are computed"
    differing = sorted({*registered, *reads} ^ set(expected))
    if not differing and not registered == reads == expected:
        differing = ["their order"]
    figures = {"columns": float(len(reads)), "differing": float(len(differing))}
    if differing:
        sentence = f"differs from {against}: {', '.join(differing[:10])}"
        cure = f"run `guanjia train {family(model.name)}` with this release"
        return Verdict("signature", False, sentence, cure, figures)
    return Verdict("signature", True, f"{len(reads)} columns, as {against}", "", figures)


def _sentence(error: GuanjiaError) -> str:
    return f"{error.thing} {error.fault}"

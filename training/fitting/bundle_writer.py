"""Write the bundle of a fitted model as text files: equal fits give equal bytes."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import lightgbm as lgb

from features.lake import sha256_of
from training.estimators.bundle import PARTS
from training.estimators.candidates import CalibratedModel
from training.model_spec import ModelSpec


def write_bundle(
    folder: Path, model: ModelSpec, fitted: CalibratedModel, tags: Sequence[str]
) -> Path:
    """Write the bundle of a fitted model. It holds no date and no path: equal fits, equal bytes.

    Parameters
    ----------
    folder : Path
        Folder of the bundle, made if it is missing.
    model : ModelSpec
        The model's declaration.
    fitted : CalibratedModel
        Parts and calibration.
    tags : sequence of str
        Tags it was trained on; they are part of its version.

    Returns
    -------
    Path
        `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table, scorer = fitted.calibration_, fitted.scorer_
    weights = {}
    contents = {
        "calibration.json": _json({"kind": table.kind, "x": table.x, "y": table.y}),
        "encoding.json": _json(
            {"features": scorer.encoding.features, "categories": scorer.encoding.categories}
        ),
    }
    if scorer.linear:
        weights["linear"] = scorer.linear[1]
        contents[PARTS["linear"]] = _json(scorer.linear[0].to_json())
    if scorer.trees:
        weights["trees"] = scorer.trees[1]
        contents[PARTS["trees"]] = str(cast(lgb.Booster, scorer.trees[0]).model_to_string())
    hashes = {}
    for name, text in contents.items():
        (folder / name).write_bytes(text.encode("utf-8"))
        hashes[name] = sha256_of(folder / name)
    margin = fitted.level_margin_
    level = {} if margin is None else {"level_margin": margin}
    given = {"given": model.given} if model.given else {}
    parts = {"name": model.name, "files": hashes, "tags": list(tags), "weights": weights}
    identity = _json(parts | given)
    spec = {
        "name": model.name,
        "label": model.label,
        "service": model.tag_set.name,
        "eligible": model.eligible,
        "kind": scorer.kind,
        "candidate": fitted.candidate.name,
        "parts": dict(fitted.candidate.weights),
        "weights": weights,
        "features": scorer.encoding.features,
        "extra": [feature.name for feature in model.extra],
        "ranges": {feature.name: [feature.lowest, feature.highest] for feature in model.extra},
        "version": hashlib.sha256(identity.encode()).hexdigest()[:12],
        "sha256": hashes,
        **level,
        **given,
    }
    (folder / "spec.json").write_bytes(_json(spec).encode("utf-8"))
    return folder


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

"""The plain service: FastAPI, Feast's SDK and LightGBM, as a competent engineer puts them together.

`POST /predict {"customer_id": ...}` reads what the trees of three models split on, by one
request to the online store, makes one vector a model and asks its `Booster`. Nothing
is looked up, parsed or converted in a request that can be done before it. `MODELS` is a folder of
trees as LightGBM's text with `about.json`; `GUANJIA_HOME` has the online store.
"""

import json
import os
from pathlib import Path

import lightgbm
import numpy as np
from fastapi import FastAPI
from feast import FeatureStore
from pydantic import BaseModel

from features.lake import Lake
from features.online.feast_home import feast_config
from features.settings import load

FOLDER = Path(os.environ["MODELS"])
ABOUT = json.loads((FOLDER / "about.json").read_text("utf-8"))
MODELS = {name: lightgbm.Booster(model_file=str(FOLDER / f"{name}.txt")) for name in ABOUT}
STORE = FeatureStore(config=feast_config(Lake(load())))
SPLIT_ON = {tag for about in ABOUT.values() for tag in about["used"]}


READ = [
    f"{view.name}:{field.name}"
    for view in STORE.list_feature_views(allow_cache=True)
    for field in view.features
    if field.name in SPLIT_ON
]
app = FastAPI()


class Ask(BaseModel):
    """One customer."""

    customer_id: str


@app.post("/predict")
def predict(ask: Ask) -> dict[str, float]:
    """What each model tells."""
    read = STORE.get_online_features(READ, [{"customer_id": ask.customer_id}]).to_dict()
    told = {}
    for name, booster in MODELS.items():
        about = ABOUT[name]
        vector = np.full((1, about["width"]), np.nan)
        for tag, place in about["used"].items():
            (value,) = read.get(tag, (None,))
            codes = about["categories"].get(tag)
            vector[0, place] = value if codes is None else codes.get(value, np.nan)
        told[name] = float(booster.predict(vector, num_threads=1)[0])
    return told

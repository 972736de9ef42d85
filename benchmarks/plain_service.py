"""The plain service: FastAPI, Feast's SDK and mlflow.pyfunc, as their tutorials put them together.

`POST /predict {"customer_id": ...}` reads the tags of three models by a feature service and asks
each model. `MODELS` is a folder of models that `mlflow.lightgbm` saved; `GUANJIA_HOME` has the
online store.
"""

import json
import os
from pathlib import Path

import mlflow.pyfunc
import pandas as pd
from fastapi import FastAPI
from feast import FeatureStore
from pydantic import BaseModel

from features.lake import Lake
from features.online.feast_home import feast_config
from features.settings import load

FOLDER = Path(os.environ["MODELS"])
ABOUT = json.loads((FOLDER / "about.json").read_text("utf-8"))
MODELS = {name: mlflow.pyfunc.load_model(str(FOLDER / name)) for name in ABOUT}
STORE = FeatureStore(config=feast_config(Lake(load())))

app = FastAPI()


class Ask(BaseModel):
    """One customer."""

    customer_id: str


@app.post("/predict")
def predict(ask: Ask) -> dict[str, float]:
    """What each model tells."""
    told = {}
    for name, model in MODELS.items():
        about = ABOUT[name]
        service = STORE.get_feature_service(about["service"], allow_cache=True)
        rows = STORE.get_online_features(service, [{"customer_id": ask.customer_id}]).to_df()
        for column, codes in about["categories"].items():
            rows[column] = rows[column].map(codes)
        frame = rows.reindex(columns=about["features"]).apply(pd.to_numeric, errors="coerce")
        told[name] = float(model.predict(frame.astype("float64"))[0])
    return told

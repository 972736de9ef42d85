"""What the API answers: predictions, star, freshness and reasons of a few customers.

Tags come from the online store, star settings are loaded once, models whenever they change. The
probabilities themselves are made by `serving.probabilities`, as in bulk scoring.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from features.conditions import UnknownNameError, unknown_name
from features.errors import GuanjiaError
from features.lake import Lake
from features.star import load_star_settings
from features.store import online
from features.tags.catalogue import catalogue
from serving.current_models import CurrentModels
from serving.margin import COST, FREQUENCY, MARGIN, SEVERITY, expected
from serving.probabilities import (
    Served,
    churn_by_month,
    model_frame,
    needed_tags,
    predict,
)
from serving.reasons import explain
from serving.schemas import (
    Claims,
    Explanation,
    Freshness,
    Prediction,
    PredictRequest,
    PredictResponse,
    Reason,
    Star,
)
from serving.scoring import STAR_TAGS
from training.models import find

BRANCH = "branch"
MOST_REASONS = 3


class UnknownCustomerError(UnknownNameError):
    """Some of the customers asked for have no tags online."""


class Door:
    """Everything a request needs; loaded before the first one comes."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.current = CurrentModels(lake)
        self.stars = load_star_settings(lake.home)
        self.tags = catalogue()
        self._snapshots: dict[date, str | None] = {}

    def answer(
        self, request: PredictRequest, branches: frozenset[str] | None = None
    ) -> PredictResponse:
        """Answer one request.

        Parameters
        ----------
        branches : frozenset of str, optional
            Whose customers may be seen; others are not known. Default: those of every branch.

        Raises
        ------
        UnknownCustomerError
            If any customer is not in the online store, or of another branch; it names them.
        GuanjiaError
            If a model is not served, or the online store cannot answer.
        """
        # Taken once: a promotion meanwhile is for the requests that come after.
        current = self.current.now
        models = _asked(current.models, request.models)
        tags = self._tags(request.customer_ids, models, branches)
        lead = request.context.lead_days
        answers = predict(models, tags, lead)
        claims, months = self._claims(models, tags, answers), churn_by_month(models, tags, answers)
        why = self._explained(models, tags, lead, answers) if request.explain else None
        predictions = [
            Prediction(
                customer_id=str(row["customer_id"]),
                probabilities={
                    name: _number(answers[name][i])
                    for name in models
                    if find(name).kind == "probability"
                },
                claims=claims[i],
                churn_by_month=None
                if months is None or np.isnan(months[i, 0])
                else months[i].tolist(),
                star=self._star(row),
                tags=self._freshness(row),
                reasons=None if why is None else {name: one[0] for name, one in why[i].items()},
                explanations=None if why is None else {n: one[1] for n, one in why[i].items()},
            )
            for i, row in enumerate(tags.to_dict("records"))
        ]
        versions = {name: served.version for name, served in models.items()}
        return PredictResponse(
            model_versions=versions, models_confirmed=current.confirmed, predictions=predictions
        )

    def _tags(
        self, ids: list[str], models: Mapping[str, Served], branches: frozenset[str] | None
    ) -> pd.DataFrame:
        """Tags of the models, the star and the rules of eligibility, one row an id."""
        names = list(dict.fromkeys([*STAR_TAGS, BRANCH, *needed_tags(models)]))
        try:
            rows = online(self.lake, ids, names)
        except (KeyError, sqlite3.Error) as fault:
            # Tags younger than what was loaded, or a store that is damaged, locked or gone.
            cure = "run `guanjia tags` and `guanjia materialize`, then start the service again"
            raise GuanjiaError("the online store", f"cannot answer ({fault})", cure) from fault
        # Read first and judged afterwards: another branch's customer takes as long as nobody.
        missing = list(
            dict.fromkeys(
                row["customer_id"]
                for row in rows
                if not row["known"] or not (branches is None or row[BRANCH] in branches)
            )
        )
        if missing:
            named = ", ".join(missing[:5]) + (" and others" if len(missing) > 5 else "")
            cure = "check the number, or run `guanjia tags` and `guanjia materialize`"
            raise UnknownCustomerError(f"customer {named}", "is not known", cure)
        return pd.DataFrame(rows)

    def _star(self, row: dict[Any, Any]) -> Star | None:
        if pd.isna(row["star_level"]):
            return None
        tier = self.stars.tier(int(row["star_level"]))
        return Star(
            level=tier.level,
            name=tier.label,
            name_english=tier.name,
            value=str(Decimal(row["customer_value_exact"])),
            lapsed=bool(row["lapsed"]),
            entitlements={
                "steward": tier.steward,
                "online_claims": tier.online_claims,
                "a_services": tier.a_services,
                "b_services": tier.b_services,
                "c_services": tier.c_services,
            },
        )

    def _freshness(self, row: dict[Any, Any]) -> Freshness:
        as_of = row["as_of"]
        until = pd.Timestamp(row["freshness"]).to_pydatetime()
        return Freshness(as_of=as_of, known_until=until, snapshot_id=self._snapshot(as_of))

    def _snapshot(self, as_of: date) -> str | None:
        if as_of not in self._snapshots:
            path = self.lake.home / "snapshots" / f"{as_of.isoformat()}.json"
            found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            self._snapshots[as_of] = found.get("snapshot_id")
        return self._snapshots[as_of]

    def _claims(
        self,
        models: Mapping[str, Served],
        tags: pd.DataFrame,
        answers: Mapping[str, np.ndarray],
    ) -> Sequence[Claims | None]:
        """Expected claims and margin of each customer, as far as the models asked tell them."""
        if not {FREQUENCY, SEVERITY} & models.keys():
            return [None] * len(tags)
        told = expected(tags, answers, self.lake.settings.expense_share)
        unknown = np.full(len(tags), np.nan)
        columns = {
            "frequency": answers.get(FREQUENCY, unknown),
            "severity": answers.get(SEVERITY, unknown),
            "cost": told[COST],
            "margin": told[MARGIN],
        }
        return [
            Claims(**{name: _number(column[i]) for name, column in columns.items()})
            for i in range(len(tags))
        ]

    def _explained(
        self,
        models: Mapping[str, Served],
        tags: pd.DataFrame,
        lead: int | None,
        answers: dict[str, np.ndarray],
    ) -> list[dict[str, tuple[list[Reason], Explanation]]]:
        """Of each customer and model whose question arose: the reasons, and the whole sum."""
        found: list[dict[str, tuple[list[Reason], Explanation]]] = [{} for _ in range(len(tags))]
        for name, served in models.items():
            spec = find(name)
            asked, kind = np.flatnonzero(spec.asks(tags)), spec.kind
            if not len(asked):
                continue
            frame = model_frame(served, tags.iloc[asked], lead)
            moved = served.predictor.contributions(frame)
            values = frame.astype(object).to_dict("records")
            for i, row, weights in zip(asked, values, moved, strict=True):
                told = explain(served.features, row, weights, kind=kind, known=self.tags)
                sums = asdict(told) | {"prediction": float(answers[name][i])}
                explanation = Explanation.model_validate(sums)
                strongest = [share.strongest for share in explanation.shares[:MOST_REASONS]]
                found[i][name] = strongest, explanation
        return found


def _asked(models: Mapping[str, Served], names: list[str] | None) -> Mapping[str, Served]:
    """The models a request names; all of them where it names none."""
    if names is None:
        return models
    for name in names:
        if name not in models:
            raise unknown_name("model", name, models)
    return {name: models[name] for name in names}


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)

"""What the API answers: predictions, star, freshness and reasons of a few customers.

Tags come from the online store, star settings are loaded once, models whenever they change. The
probabilities themselves are made by `serving.predictions.probabilities`, as in bulk scoring.
"""

import json
import logging
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from features.erased import Erased
from features.errors import GuanjiaError, UnknownNameError, unknown_name
from features.lake import Lake
from features.online.reader import TagReader
from features.snapshots.lookup import SnapshotLookup
from features.snapshots.snapshots import snapshot_dates
from features.stars.explain import load_star_settings
from features.tags.catalogue import catalogue
from serving import clock
from serving.breaker import Breaker
from serving.predictions.current_models import CurrentModels
from serving.predictions.margin import FREQUENCY, SEVERITY, expected, number_or_none
from serving.predictions.probabilities import (
    Served,
    churn_by_month,
    model_frame,
    needed_tags,
    predict_one,
)
from serving.predictions.reasons import explain
from serving.predictions.scoring import STAR_TAGS
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
from training.models import find

logger = logging.getLogger(__name__)

BRANCH = "branch"
MOST_REASONS = 3
MOST_READERS = 100
STORE_PAUSE_SECONDS = 1.0

_Listed = dict[tuple[tuple[str, ...], bool], tuple[str, ...]]
"""Tags by models asked, and whether they explain."""


class UnknownCustomerError(UnknownNameError):
    """Some of the customers asked for have no tags online."""


class PredictionService:
    """Everything a request needs; loaded before the first one comes."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.current = CurrentModels(lake)
        self.stars = load_star_settings(lake.home)
        self.catalogue = catalogue()
        self.erased = Erased(lake.settings)
        self._snapshots: dict[date, str | None] = {}
        self._readers: dict[tuple[str, ...], TagReader] = {}
        self._lookup = SnapshotLookup(lake)
        self._listed: tuple[Mapping[str, Served], _Listed] = ({}, {})
        self._store = Breaker(STORE_PAUSE_SECONDS)

    @property
    def is_local(self) -> bool:
        """Whether tags are a file of this machine that answers: no wait for a network or a lake."""
        return self.lake.settings.online == "sqlite" and self._store.fine

    def get_ready(self) -> None:
        """Have at hand what answers while the online store is away, if there is a snapshot."""
        if snapshot_dates(self.lake):
            self._lookup.get_ready()

    def answer(
        self, request: PredictRequest, branches: Collection[str] | None = None
    ) -> PredictResponse:
        """Answer one request.

        Parameters
        ----------
        branches : collection of str, optional
            Customers of other branches are unknown to the caller.

        Raises
        ------
        UnknownCustomerError
            If any customer is not in the online store; it names them.
        GuanjiaError
            If a model is not served, or the online store cannot answer.
        """
        # Taken once: a promotion meanwhile is for the requests that come after.
        current = self.current.now
        models = _asked(current.models, request.models)
        names = self._names(current.models, models, request.explain)
        rows, degraded = self.tags(request.customer_ids, names, branches)
        lead = request.context.lead_days
        told = [predict_one(models, row, lead) for row in rows]
        why = self._explained(models, rows, lead, told) if request.explain else None
        predictions = [
            Prediction(
                customer_id=str(row["customer_id"]),
                probabilities={
                    name: answers[name] for name in models if find(name).kind == "probability"
                },
                claims=self._claims(models, row, answers),
                churn_by_month=churn_by_month(models, row, answers),
                star=self.star(row),
                tags=self.freshness(row),
                reasons=None if why is None else {name: one[0] for name, one in why[i].items()},
                explanations=None if why is None else {n: one[1] for n, one in why[i].items()},
            )
            for i, (row, answers) in enumerate(zip(rows, told, strict=True))
        ]
        versions = {name: served.version for name, served in models.items()}
        return PredictResponse(
            model_versions=versions,
            models_confirmed=current.confirmed,
            degraded=degraded,
            predictions=predictions,
        )

    def tags(
        self,
        ids: Sequence[str],
        names: Sequence[str],
        branches: Collection[str] | None = None,
    ) -> tuple[list[dict[str, Any]], bool]:
        """Tags of customers, one row an id; and whether they are the latest snapshot's instead.

        Parameters
        ----------
        branches : collection of str, optional
            Customers of other branches are unknown to the caller.

        Raises
        ------
        UnknownCustomerError
            If any customer is not known; it names them.
        GuanjiaError
            If neither the online store nor the snapshot can be read.
        """
        asked = tuple(names) if BRANCH in names else (*names, BRANCH)
        found = self._online(ids, asked)
        rows = self._lookup.read(ids, asked) if found is None else found
        # Whatever still holds them, a row pushed at the same moment or the snapshot of yesterday.
        erased = self.erased.among(ids)
        missing = [
            row["customer_id"]
            for row in rows
            if not row["known"]
            or row["customer_id"] in erased
            or (branches is not None and row[BRANCH] not in branches)
        ]
        if missing:
            raise unknown_customers(missing)
        return rows, found is None

    def _online(self, ids: Sequence[str], names: tuple[str, ...]) -> list[dict[str, Any]] | None:
        """Tags from the online store; None where it cannot answer, now or a moment ago."""
        if not self._store.may_ask(clock.ticks()):
            return None
        reader = self._reader(names)
        try:
            rows = reader.read(ids)
        except (GuanjiaError, KeyError, sqlite3.Error) as fault:
            # Redis that is away, a file that is damaged, locked or gone.
            logger.warning("the online store cannot answer, the snapshot does: %s", fault)
            self._store.failed(clock.ticks())
            return None
        self._store.answered()
        return rows

    def _names(
        self, served: Mapping[str, Served], models: Mapping[str, Served], explain: bool
    ) -> tuple[str, ...]:
        """Tags that an answer of some of the served models reads; listed once for all requests."""
        of, known = self._listed
        if of is not served or len(known) >= MOST_READERS:
            known = {}
            self._listed = served, known
        asked = tuple(models), explain
        if asked not in known:
            tags = [*STAR_TAGS, *needed_tags(models, explain=explain), BRANCH]
            known[asked] = tuple(dict.fromkeys(tags))
        return known[asked]

    def _reader(self, names: tuple[str, ...]) -> TagReader:
        """The reader of these tags; a service is asked for few different ones."""
        if names not in self._readers:
            if len(self._readers) >= MOST_READERS:
                self._readers.clear()
            self._readers[names] = TagReader(self.lake, names)
        return self._readers[names]

    def star(self, row: Mapping[str, Any]) -> Star | None:
        """The star of a customer with these tags, and what it grants."""
        if row["star_level"] is None:
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

    def freshness(self, row: Mapping[str, Any]) -> Freshness:
        """As of when a customer's tags are."""
        as_of, until = row["as_of"], row["freshness"]
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
        row: Mapping[str, Any],
        answers: Mapping[str, float | None],
    ) -> Claims | None:
        """Expected claims and margin of a customer, as far as the models asked tell them."""
        if not {FREQUENCY, SEVERITY} & models.keys():
            return None
        cost, margin = expected(row, answers, self.lake.settings.expense_share)
        return Claims(
            frequency=answers.get(FREQUENCY),
            severity=answers.get(SEVERITY),
            cost=number_or_none(cost),
            margin=number_or_none(margin),
        )

    def _explained(
        self,
        models: Mapping[str, Served],
        rows: list[dict[str, Any]],
        lead: int | None,
        told: list[dict[str, float | None]],
    ) -> list[dict[str, tuple[list[Reason], Explanation]]]:
        """Of each customer and model whose question arose: the reasons, and the whole sum."""
        found: list[dict[str, tuple[list[Reason], Explanation]]] = [{} for _ in rows]
        tags = pd.DataFrame(rows)
        for name, served in models.items():
            kind = find(name).kind
            asked = [i for i, answers in enumerate(told) if answers[name] is not None]
            if not asked:
                continue
            frame = model_frame(served, tags.iloc[asked], lead)
            moved = served.predictor.contributions(frame)
            values = frame.astype(object).to_dict("records")
            for i, row, weights in zip(asked, values, moved, strict=True):
                words = explain(served.features, row, weights, kind=kind, known=self.catalogue)
                sums = asdict(words) | {"prediction": told[i][name]}
                explanation = Explanation.model_validate(sums)
                strongest = [share.strongest for share in explanation.shares[:MOST_REASONS]]
                found[i][name] = strongest, explanation
        return found


def unknown_customers(customer_ids: Sequence[str]) -> UnknownCustomerError:
    """The refusal of customers whom we, or the caller, do not know."""
    ids = list(dict.fromkeys(customer_ids))
    named = ", ".join(ids[:5]) + (" and others" if len(ids) > 5 else "")
    cure = "check the number, or run `guanjia tags` and `guanjia materialize`"
    return UnknownCustomerError(f"customer {named}", "is not known", cure)


def _asked(models: Mapping[str, Served], names: list[str] | None) -> Mapping[str, Served]:
    """The models a request names; all of them where it names none."""
    if names is None:
        return models
    for name in names:
        if name not in models:
            raise unknown_name("model", name, models)
    return {name: models[name] for name in names}

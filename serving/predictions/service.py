"""Answer prediction requests: predictions, star, freshness and reasons of a few customers.

Tags come from the online store, star settings are loaded once, models whenever they change. The
probabilities come from `serving.predictions.probabilities`, as in bulk scoring.
"""

import json
import logging
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from features.erased import Erased
from features.errors import GuanjiaError
from features.lake import Lake
from features.online.reader import TagReader
from features.snapshots.lookup import SnapshotLookup
from features.snapshots.snapshots import manifest_path, snapshot_dates
from features.stars.explain import load_star_settings
from features.tags.catalogue import catalogue
from serving import clock
from serving.breaker import Breaker
from serving.predictions.by_month import churn_by_month
from serving.predictions.current_models import CurrentModels
from serving.predictions.lost_rows import require_rows
from serving.predictions.margin import FREQUENCY, SEVERITY, expected_cost_and_margin, number_or_none
from serving.predictions.probabilities import (
    ServedModel,
    customer_columns,
    needed_tags,
    predict_one,
    requested_models,
)
from serving.predictions.reasons import explain
from serving.predictions.scoring import STAR_TAGS
from serving.predictions.sense import staying_direction
from serving.predictions.unknown_customers import unknown_customers
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
from serving.telemetry.tracing import span
from training.models import find

logger = logging.getLogger(__name__)

BRANCH = "branch"
MOST_REASONS = 3
MOST_READERS = 100
STORE_PAUSE_SECONDS = 1.0

_TagLists = dict[tuple[tuple[str, ...], bool], tuple[str, ...]]
"""(Names of models, whether to explain) -> names of the tags to read."""


class PredictionService:
    """Answer prediction requests; loaded before the first one, shared by threads.

    Parameters
    ----------
    lake : Lake
        The home with tags, models and settings.

    Attributes
    ----------
    current : CurrentModels
        The models that answer now.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.current = CurrentModels(lake)
        self.stars = load_star_settings(lake.home)
        self.catalogue = catalogue()
        self.erased = Erased(lake.settings)
        self._snapshots: dict[Path, str | None] = {}
        self._readers: dict[tuple[str, ...], TagReader] = {}
        self._lookup = SnapshotLookup(lake)
        self._tag_lists: tuple[Mapping[str, ServedModel], _TagLists] = ({}, {})
        self._store = Breaker(STORE_PAUSE_SECONDS)

    @property
    def is_local(self) -> bool:
        """True if tags are read from local SQLite: a call may run on the event loop."""
        return self.lake.settings.online == "sqlite" and self._store.fine

    def get_ready(self) -> None:
        """Prepare the snapshot that answers while the online store does not, if there is one."""
        if snapshot_dates(self.lake):
            self._lookup.get_ready()

    def answer(
        self, request: PredictRequest, at: datetime, branches: Collection[str] | None = None
    ) -> PredictResponse:
        """Answer one request.

        Parameters
        ----------
        request : PredictRequest
            Customers, models, and whether to explain.
        at : datetime
            Now, by which the tags are old or new.
        branches : collection of str, optional
            Branches whose customers the caller sees; others are unknown to them. Default: all.

        Raises
        ------
        UnknownCustomerError
            If any customer is not known; it names them.
        GuanjiaError
            If a model is not served, or neither the online store nor the snapshot can be read.
        """
        # Taken once: a promotion meanwhile is for the requests that come after.
        current = self.current.now
        models = requested_models(current.models, request.models)
        names = self._tag_names(current.models, models, request.explain)
        with span("tags"):
            rows, degraded = self.tags(request.customer_ids, names, branches)
        lead = request.context.lead_days
        day = at.astimezone(ZoneInfo(self.lake.settings.timezone)).date()
        with span("models"):
            predicted = [predict_one(models, row, lead) for row in rows]
            explained = self._explain(models, rows, lead, predicted) if request.explain else None
        predictions = [
            Prediction(
                customer_id=str(row["customer_id"]),
                probabilities={
                    name: answers[name] for name in models if find(name).kind == "probability"
                },
                claims=self._claims(models, row, answers),
                churn_by_month=churn_by_month(models, row, answers),
                star=self.star(row),
                tags=self.freshness(row, day),
                reasons=None
                if explained is None
                else {name: reasons for name, (reasons, _) in explained[i].items()},
                explanations=None
                if explained is None
                else {name: explanation for name, (_, explanation) in explained[i].items()},
            )
            for i, (row, answers) in enumerate(zip(rows, predicted, strict=True))
        ]
        return PredictResponse(
            model_versions={name: served.version for name, served in models.items()},
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
        """Read the tags of customers, from the online store or else from the latest snapshot.

        Parameters
        ----------
        ids : sequence of str
            Customer ids.
        names : sequence of str
            Names of the tags; the branch is read too.
        branches : collection of str, optional
            Branches whose customers the caller sees; others are unknown to them. Default: all.

        Returns
        -------
        rows : list of dict
            One per id, in the order of `ids`.
        degraded : bool
            Whether they are the snapshot's.

        Raises
        ------
        UnknownCustomerError
            If any customer is not known; it names them.
        GuanjiaError
            If neither the online store nor the snapshot can be read.
        """
        columns = tuple(names) if BRANCH in names else (*names, BRANCH)
        online = self._read_online(ids, columns)
        rows = self._lookup.read(ids, columns) if online is None else online
        visible = self._visible(rows, branches)
        missing = [row["customer_id"] for row in rows if row["customer_id"] not in visible]
        if missing:
            raise unknown_customers(missing)
        return rows, online is None

    def visible(self, ids: Collection[str], branches: Collection[str] | None) -> set[str]:
        """Select the customers who are known, not erased, and of the branches (None: of any)."""
        online = self._read_online(sorted(ids), (BRANCH,))
        rows = self._lookup.read(sorted(ids), (BRANCH,)) if online is None else online
        return self._visible(rows, branches)

    def _visible(
        self, rows: Sequence[Mapping[str, Any]], branches: Collection[str] | None
    ) -> set[str]:
        # Even if they still have a row: pushed at this moment, or in the snapshot of yesterday.
        erased = self.erased.among([row["customer_id"] for row in rows])
        return {
            str(row["customer_id"])
            for row in rows
            if row["known"]
            and row["customer_id"] not in erased
            and (branches is None or row[BRANCH] in branches)
        }

    def _read_online(
        self, ids: Sequence[str], names: tuple[str, ...]
    ) -> list[dict[str, Any]] | None:
        """Read tags from the online store; None if it does not answer, now or a moment ago."""
        if not self._store.may_ask(clock.ticks()):
            return None
        reader = self._reader(names)
        try:
            rows = reader.read(ids)
            require_rows(self.lake, self._lookup, self.erased, rows)
        except (GuanjiaError, KeyError, sqlite3.Error) as fault:
            # Redis that is away, a file that is damaged, locked or gone.
            logger.warning(
                "the online store does not answer; tags are read from the latest snapshot and the"
                " store is asked again in %g s: %s", STORE_PAUSE_SECONDS, fault
            )  # fmt: skip
            self._store.failed(clock.ticks())
            return None
        self._store.answered()
        return rows

    def _tag_names(
        self, served: Mapping[str, ServedModel], models: Mapping[str, ServedModel], explain: bool
    ) -> tuple[str, ...]:
        """List the tags that an answer by `models` reads, once for all requests."""
        listed_for, tag_lists = self._tag_lists
        if listed_for is not served or len(tag_lists) >= MOST_READERS:
            tag_lists = {}
            self._tag_lists = served, tag_lists
        key = tuple(models), explain
        if key not in tag_lists:
            tags = [*STAR_TAGS, *needed_tags(models, explain=explain), BRANCH]
            tag_lists[key] = tuple(dict.fromkeys(tags))
        return tag_lists[key]

    def _reader(self, names: tuple[str, ...]) -> TagReader:
        """Return a reader of these tags, cached: requests read few different lists of tags."""
        if names not in self._readers:
            if len(self._readers) >= MOST_READERS:
                self._readers.clear()
            self._readers[names] = TagReader(self.lake, names)
        return self._readers[names]

    def star(self, row: Mapping[str, Any]) -> Star | None:
        """Look up the star of a customer by their tags, and what it grants; None: not rated."""
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

    def freshness(self, row: Mapping[str, Any], day: date) -> Freshness:
        """Return the date of a customer's tags, until when they are known, and how old they are."""
        as_of, until = row["as_of"], row["freshness"]
        return Freshness(
            as_of=as_of,
            known_until=until,
            age_days=(day - as_of).days,
            snapshot_id=self._snapshot(as_of),
        )

    def _snapshot(self, as_of: date) -> str | None:
        path = manifest_path(self.lake, as_of)
        if path not in self._snapshots:
            manifest = json.loads(path.read_text("utf-8")) if path.exists() else {}
            self._snapshots[path] = manifest.get("snapshot_id")
        return self._snapshots[path]

    def _claims(
        self,
        models: Mapping[str, ServedModel],
        row: Mapping[str, Any],
        answers: Mapping[str, float | None],
    ) -> Claims | None:
        """Return expected claims and margin of a customer, as far as the models predict them."""
        if not {FREQUENCY, SEVERITY} & models.keys():
            return None
        cost, margin = expected_cost_and_margin(row, answers, self.lake.settings.expense_share)
        return Claims(
            frequency=answers.get(FREQUENCY),
            severity=answers.get(SEVERITY),
            cost=number_or_none(cost),
            margin=number_or_none(margin),
        )

    def _explain(
        self,
        models: Mapping[str, ServedModel],
        rows: list[dict[str, Any]],
        lead: int | None,
        predicted: list[dict[str, float | None]],
    ) -> list[dict[str, tuple[list[Reason], Explanation]]]:
        """Explain every prediction: for each row, by model, its reasons and its explanation."""
        explained: list[dict[str, tuple[list[Reason], Explanation]]] = [{} for _ in rows]
        for name, served in models.items():
            spec, known = find(name), self.catalogue
            tell = partial(explain, kind=spec.kind, staying=staying_direction(spec), known=known)
            places = [i for i, answers in enumerate(predicted) if answers[name] is not None]
            if not places:
                continue
            columns = customer_columns(served, [rows[i] for i in places], lead)
            contributions = served.predictor.contributions(columns)
            values = (
                dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
            )
            for i, row, weights in zip(places, values, contributions, strict=True):
                words = tell(served.features, row, weights)
                sums = asdict(words) | {"prediction": predicted[i][name]}
                explanation = Explanation.model_validate(sums)
                strongest = [share.strongest for share in explanation.shares[:MOST_REASONS]]
                explained[i][name] = strongest, explanation
        return explained

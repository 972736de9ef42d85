"""Declare the models: a new model is a new instance, not a new script.

The fields are explained in `training.model_spec`. A model of one's own is declared by `declare`, in
an extension.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial

import ibis.expr.types as ir

from features.contracts.vocabulary import NON_MOTOR_LABELS
from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from features.online.model_tags import CHURN_TAGS, CLAIMS_TAGS, CROSS_SELL_TAGS, RENEWAL_TAGS
from training.labels import churn, claims, questions, renewals
from training.labels.leads import BENDS, LEAD_DAYS, LONGEST_LEAD, SHORTEST_LEAD
from training.model_spec import ModelSpec, PromotionBounds, Purpose, QuestionFeature, TargetList

# A dearer offer never makes a renewal likelier, all else equal.
DEARER = ("renewal_quote_change_ratio", "premium_change_ratio")

LEAD_TIME = QuestionFeature(
    name=LEAD_DAYS,
    label="距到期天数",
    unit="days",
    lowest=SHORTEST_LEAD,
    highest=LONGEST_LEAD,
    tag="days_to_commercial_expiry",
    bends=BENDS,
)
"""Days before the expiry of the commercial term at which the renewal is asked about."""

MONTH_AHEAD = QuestionFeature(
    name="month_ahead", label="今后第几个月", lowest=1, highest=churn.MONTHS - 1
)
"""By the end of which of the coming months; by default the first. Of the last, `churn` knows."""

LEAVES = Purpose(
    chinese="流失",
    english="leaves",
    won_chinese="留存",
    won_english="staying",
    outcome_label=True,
    benefit="motor",
)


def _churn(lake: Lake, known_by: date) -> ir.Table:
    grid = questions.grid(known_by, churn.DAYS + churn.GRACE_DAYS)
    return churn.within_180_days(lake, known_by, grid)


def _churn_by_month(lake: Lake, known_by: date) -> ir.Table:
    grid = questions.grid(known_by, churn.DAYS + churn.GRACE_DAYS)
    return churn.by_month(lake, known_by, grid)


def _cross_sell(line: str, lake: Lake, known_by: date) -> ir.Table:
    grid = questions.grid(known_by, questions.CROSS_SELL_DAYS)
    return questions.cross_sell(lake, known_by, grid, line)


def _product(line: str, label: str) -> ModelSpec:
    """Declare the purchase of one line by customers who have motor cover and not this line."""
    name = f"cross_sell_{line}"
    return ModelSpec(
        name=name,
        label=f"{label}购买概率",
        tag_set=CROSS_SELL_TAGS,
        labels=partial(_cross_sell, line),
        eligible=f"motor_policies_in_force > 0 and holds_{line} == 0",
        family="cross-sell",
        # No "linear": some hundred buyers are too few for 150 tags with its penalty.
        candidates=("shrunk", "additive", "trees", "deep", "blend"),
        purpose=Purpose(
            chinese="购买",
            english="buys",
            won_chinese="购买",
            won_english="buying",
            outcome_label=True,
            benefit="non_motor",
            line=line,
        ),
        lists=(
            TargetList(
                name=name,
                label=f"{label}交叉销售名单",
                effect="raises",
                where="not lapsed",
                order=f"{name} desc, customer_value desc",
                columns=("days_to_motor_expiry",),
            ),
        ),
        truth="cross_sell",
        gates=PromotionBounds(calibration=0.002, fairness=0.005),
    )


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="renewal",
            label="续保概率",
            tag_set=RENEWAL_TAGS,
            labels=renewals.renewal,
            eligible="days_to_commercial_expiry >= 0 and commercial_renewal_signed == 0 "
            "and commercial_cancellation_known == 0",
            describes="days_to_commercial_expiry == lead_days",
            extra=(LEAD_TIME,),
            purpose=Purpose(
                chinese="不续保",
                english="does not renew",
                won_chinese="续保",
                won_english="renewing",
                outcome_label=False,
                benefit="motor",
            ),
            lists=(
                TargetList(
                    name="renewal_risk",
                    label="续保风险名单",
                    effect="lowers",
                    where=f"days_to_commercial_expiry <= {LONGEST_LEAD}",
                    order="renewal asc, customer_value desc",
                    columns=("days_to_commercial_expiry", "commercial_premium_current"),
                ),
            ),
            truth="renewals",
            monotone=dict.fromkeys(DEARER, -1),
        ),
        ModelSpec(
            name="churn",
            label="180天流失概率",
            tag_set=CHURN_TAGS,
            labels=_churn,
            eligible="motor_policies_in_force > 0",
            family="churn",
            purpose=LEAVES,
            lists=(
                TargetList(
                    name="churn_risk",
                    label="流失风险名单",
                    effect="raises",
                    order="churn desc, customer_value desc",
                    columns=("days_to_motor_expiry", "motor_policies_in_force"),
                ),
            ),
            truth="churn",
        ),
        ModelSpec(
            name="churn_hazard",
            label="月流失风险率",
            tag_set=CHURN_TAGS,
            labels=_churn_by_month,
            eligible="motor_policies_in_force > 0",
            extra=(MONTH_AHEAD,),
            given="churn",
            family="churn",
            purpose=LEAVES,
            monotone={MONTH_AHEAD.name: 1},
            # Cover ends when a term does: month and days to expiry must meet in one tree.
            candidates=("deep", "wide", "blend"),
        ),
        ModelSpec(
            name="claim_frequency",
            label="下一年度出险次数",
            tag_set=CLAIMS_TAGS,
            labels=claims.frequency,
            eligible="days_to_commercial_expiry >= 0",
            describes="days_to_commercial_expiry == lead_days",
            family="claims",
            kind="count",
            candidates=("linear", "shrunk", "additive", "trees", "blend"),
            gates=PromotionBounds(calibration=0.05, segment=0.05, fairness=0.15),
        ),
        ModelSpec(
            name="claim_severity",
            label="下一年度案均赔款",
            tag_set=CLAIMS_TAGS,
            labels=claims.severity,
            eligible="days_to_commercial_expiry >= 0",
            describes="days_to_commercial_expiry == lead_days",
            family="claims",
            kind="amount",
            candidates=("flat", "shrunk", "trees"),
            gates=PromotionBounds(loss=0.01, calibration=0.10, segment=0.10, fairness=0.30),
        ),
        *(_product(line, label) for line, label in NON_MOTOR_LABELS.items()),
    )
}


def declare(spec: ModelSpec) -> ModelSpec:
    """Declare a model of one's own, from an extension (`features.tags.extensions`).

    Raises
    ------
    GuanjiaError
        If a model, a family or a target list of that name is declared already.
    """
    if spec.name in MODELS or spec.name in families():
        raise GuanjiaError(f"model {spec.name}", "is declared already", "give yours another name")
    for target in spec.lists:
        _check_list(target)
    MODELS[spec.name] = spec
    return spec


def declare_list(model: str, target: TargetList) -> TargetList:
    """Declare a target list of one's own, drawn from the predictions of a model.

    Parameters
    ----------
    model : str
        Name of a declared model.
    target : TargetList
        The list.

    Raises
    ------
    GuanjiaError
        If the model is not declared, or a list of that name is.
    """
    spec = find(model)
    _check_list(target)
    MODELS[model] = replace(spec, lists=(*spec.lists, target))
    return target


def _check_list(target: TargetList) -> None:
    if any(target.name == known.name for spec in MODELS.values() for known in spec.lists):
        raise GuanjiaError(f"list {target.name}", "is declared already", "give yours another name")


def find(name: str) -> ModelSpec:
    """Look up a model by its name.

    Raises
    ------
    GuanjiaError
        If no model has that name; the message suggests close ones.
    """
    if name not in MODELS:
        raise GuanjiaError(f"model {name}", "is not declared", did_you_mean(name, MODELS))
    return MODELS[name]


def families() -> Mapping[str, tuple[str, ...]]:
    """Group the models that are trained together, by the name `guanjia train` uses."""
    groups: dict[str, tuple[str, ...]] = {}
    for name, spec in MODELS.items():
        group = spec.family or name
        groups[group] = (*groups.get(group, ()), name)
    return groups

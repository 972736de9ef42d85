"""Show the policy: what a contact is worth and costs, contact caps, capacity; read only."""

from fastapi import Request
from fastapi.responses import Response

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.lake import Lake
from serving.console.render import show
from serving.console.route import console_router
from serving.decision.capacity.settings import load_capacity
from serving.decision.worth.policy import load_policy
from serving.records.contacts.contact_caps import load_contact_caps

router = console_router()
LABELS = {
    "exploration_share": ("探索比例", "share drawn by lot"),
    "holdout_share": ("对照组比例", "holdout share"),
    "holdout_cycle": ("对照组周期", "holdout cycle"),
    "fatigue_per_recent_contact": ("每次近期触达的疲劳成本(元)", "fatigue a recent contact, yuan"),
    "fatigue_per_unanswered_contact": ("每次未响应的疲劳成本(元)", "fatigue an unanswered one"),
    "unanswered_counted": ("最多计入的未响应次数", "unanswered contacts counted"),
    "motor_margin_share": ("车险边际占保费", "motor margin, share of premium"),
    "saved_acquisition_share": ("节省的获客费用占保费", "acquisition saved, share of premium"),
    "compulsory_worth_share": ("仅交强险续保价值占保费", "worth of compulsory cover alone"),
    "motor_premium": ("脱保客户回归的年保费(元)", "premium of who comes back, yuan"),
    "non_motor_margin_share": ("非车边际占保费", "non-motor margin, share of premium"),
    "weight_cap": ("业务权重上限", "largest weight"),
}
"""Field of the policy -> its name in two languages, in the order of the page."""


@router.get("/console/policy")
def policy(request: Request) -> Response:
    """Show the policy of the home."""
    lake: Lake = request.app.state.service.lake
    return show(
        request,
        "policy.html",
        policy=load_policy(lake.home),
        labels=LABELS,
        caps=load_contact_caps(lake.home),
        capacity=load_capacity(lake.home),
        channels=CONTACT_CHANNEL_LABELS,
        touchpoints=request.app.state.touchpoints.touchpoints_for(),
    )

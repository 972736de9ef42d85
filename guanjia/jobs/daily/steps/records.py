"""Keep the records and the models up with a day: contacts of others, capacity, monitoring."""

import calendar
from datetime import timedelta
from typing import Any

from features.jsonable import jsonable
from features.lake.published_lake import published_lake
from features.settings import cutoff
from features.texts import Sentence
from guanjia.jobs.daily.steps.customers import champions
from guanjia.jobs.daily.steps.step import Day, Identities, Step, StepResult
from guanjia.jobs.daily.steps.tags import snapshot_identity
from serving.identity import combined, file_identity, settings_identity

CAPACITY_DAYS = 7


def _contact_inputs(day: Day) -> Identities:
    return {
        "interactions": file_identity(day.lake.checked("interactions")),
        "settings": settings_identity(day.lake),
    }


def _no_interactions(day: Day) -> Sentence | None:
    if day.lake.has("interactions"):
        return None
    return Sentence("no interactions are delivered", "没有交付触达记录")


def _contacts(day: Day) -> StepResult:
    from serving.records.contacts.elsewhere import import_contacts

    counted = import_contacts(day.lake, day.records, day.as_of)
    summary = Sentence(
        f"{counted.read:,} contacts of other systems since {counted.first}, {counted.new:,} new",
        f"其他系统的触达 {counted.read:,} 次，其中新增 {counted.new:,} 次，均计入触达上限",
    )
    return StepResult(summary, counted.new)


def _decisions(day: Day) -> tuple[int, str]:
    """Count the decisions of the days that price capacity, and name the last."""
    from sqlalchemy import func, select

    from serving.records.columns import first_id
    from serving.records.tables import decisions

    zone = day.lake.settings.timezone
    begin, end = (
        first_id(cutoff(date, zone)) for date in (day.as_of - timedelta(CAPACITY_DAYS), day.as_of)
    )
    number = decisions.c.decision_id
    query = select(func.count(), func.max(number)).where(number >= begin, number < end)
    with day.records.reading() as connection:
        count, last = connection.execute(query).one()
    return int(count), str(last)


def _no_decisions(day: Day) -> Sentence | None:
    from serving.decision.capacity.settings import load_capacity

    capacity = load_capacity(day.lake.home)
    limits = (capacity.every_branch, *capacity.branches.values())
    if all(most is False for by_channel in limits for most in by_channel.values()):
        return Sentence("capacity.toml limits no channel", "capacity.toml 未限制任何渠道")
    if _decisions(day)[0]:
        return None
    return Sentence(
        f"nothing was decided in the {CAPACITY_DAYS} days before, so there is nothing to price",
        f"前 {CAPACITY_DAYS} 天没有决策记录，无需定价",
    )


def _capacity_inputs(day: Day) -> Identities:
    count, last = _decisions(day)
    return {"decisions": f"{count}, last {last}", "settings": settings_identity(day.lake)}


def _capacity(day: Day) -> StepResult:
    from serving.decision.capacity.prices import fit_prices

    prices = fit_prices(published_lake(day.lake.settings), day.records, day.as_of, day.now)
    scarce = sum(price.price > 0 for price in prices)
    branches = len({price.branch for price in prices})
    summary = Sentence(
        f"{len(prices)} channels of {branches} branches priced, {scarce} of them are scarce",
        f"{branches} 家机构 {len(prices)} 个渠道完成定价，其中 {scarce} 个产能紧张",
    )
    return StepResult(summary, len(prices))


def _not_last_of_month(day: Day) -> Sentence | None:
    if day.settings.monitoring == "never":
        return Sentence("daily.toml turns it off", "daily.toml 已关闭")
    if not champions(day.lake):
        return Sentence("no model was promoted yet", "尚无投产模型")
    if day.as_of.day == calendar.monthrange(day.as_of.year, day.as_of.month)[1]:
        return None
    return Sentence("it follows the last day of a month", "仅在月末执行")


def _monitoring_inputs(day: Day) -> Identities:
    return {
        **snapshot_identity(day),
        "champions": combined(champions(day.lake)),
        "settings": settings_identity(day.lake),
    }


def _monitoring_outputs(day: Day) -> Identities:
    from training.monitoring.files import monitoring_path

    return {"report": file_identity(monitoring_path(day.lake, day.as_of))}


def _monitor(day: Day) -> StepResult:
    from training.models import MODELS
    from training.monitoring.files import write_monitoring
    from training.monitoring.watch import watch
    from training.registry.champions import NoChampionError

    lake, watched, without = published_lake(day.lake.settings), [], []
    for name in MODELS:
        try:
            watched.append(watch(lake, name, day.as_of, report=day.report))
        except NoChampionError:
            without.append(name)
    alerts = [alert for champion in watched for alert in champion.alerts]
    content: Any = jsonable(
        {"as_of": day.as_of, "passed": not alerts, "without": without, "models": watched}
    )
    write_monitoring(day.lake, day.as_of, content)
    findings = tuple(
        {
            "subject": alert.model,
            "english": f"{alert.model}, {alert.cohort}: {alert.sentence}. {alert.cure}",
            "chinese": f"模型“{MODELS[alert.model].label}”越界（{alert.cohort}）：{alert.chinese}",
        }
        for alert in alerts
    )
    summary = Sentence(
        f"{len(watched)} champions watched, {len(alerts)} alerts",
        f"监控 {len(watched)} 个投产模型，报警 {len(alerts)} 项",
    )
    return StepResult(summary, len(watched), findings, broken=bool(alerts))


CONTACTS = Step(
    "contacts", "汇总触达", _contacts, _contact_inputs, not_today=_no_interactions,
    needs=("check",),
)  # fmt: skip
CAPACITY = Step(
    "capacity", "产能定价", _capacity, _capacity_inputs, not_today=_no_decisions,
    needs=("publish",), after_publication=True,
)  # fmt: skip


def _running(day: Day) -> Any:
    from serving.campaigns.store import list_campaigns

    with day.records.reading() as connection:
        return list_campaigns(connection, ("running",))


def _no_campaign(day: Day) -> Sentence | None:
    return None if _running(day) else Sentence("no campaign is running", "没有进行中的活动")


def _every_time(_day: Day) -> Identities | None:
    return None


def _guard(day: Day) -> StepResult:
    from serving.measurement.harm import guard_campaigns

    lake = published_lake(day.lake.settings)
    guarded = guard_campaigns(lake, day.records, day.as_of, day.now)
    stopped = [campaign for campaign in guarded if campaign.action == "stopped"]
    findings = tuple(
        {
            "subject": campaign.campaign,
            "english": f"campaign {campaign.campaign} was stopped: {campaign.english}",
            "chinese": f"活动“{campaign.label}”已自动停止：{campaign.chinese}",
        }
        for campaign in stopped
    )
    summary = Sentence(
        f"{len(guarded)} campaigns looked at, {len(stopped)} stopped for harm",
        f"检查 {len(guarded)} 个活动，其中 {len(stopped)} 个因触及危害上限自动停止",
    )
    return StepResult(summary, len(guarded), findings)


CAMPAIGNS = Step(
    "measurement", "活动监护", _guard, _every_time, not_today=_no_campaign,
    needs=("contacts",), after_publication=True,
)  # fmt: skip
MONITORING = Step(
    "monitoring", "模型监控", _monitor, _monitoring_inputs, _monitoring_outputs,
    not_today=_not_last_of_month, needs=("publish",), after_publication=True,
)  # fmt: skip

"""A campaign over an insurer whose truth is known: what it measures is what was done.

Every customer has a probability of renewal; the treatment adds what the test says. Terms, contacts
and outcomes then go the way of real ones: checked policies, records, labels.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest
from campaign_plans import halves, plan_fields
from known_terms import both_terms, write_terms

from features.jsonable import jsonable
from features.lake import Lake
from features.settings import Settings
from serving.campaigns.plan import ARM_LABELS, BREAKDOWNS
from serving.campaigns.planning import launch_campaign, plan_campaign
from serving.campaigns.store import find_campaign, read_drawn
from serving.console.pages.campaigns import HARMS_IN_ENGLISH, VERDICTS
from serving.console.render import _environment
from serving.measurement.campaign import CampaignMeasurement, measure_campaign
from serving.measurement.harm import guard_campaigns
from serving.records.contacts.elsewhere import ExternalContact, insert_external
from serving.records.contacts.outcomes import Outcome, note_outcome
from serving.records.database import LONG_SECONDS, Records

PLANNED = datetime(2026, 7, 1, 2, tzinfo=UTC)
LAUNCHED = datetime(2026, 7, 1, 4, tzinfo=UTC)
SIZE = 1_200
MARGIN = 400.0
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Insurer:
    """A home, its records, and what the lot of nature gave each customer."""

    lake: Lake
    records: Records
    chance: dict[str, float]
    luck: dict[str, float]

    def drawn(self, name: str) -> dict[str, str]:
        with self.records.reading() as connection:
            return {row["customer_id"]: row["arm"] for row in read_drawn(connection, name)}

    def write(self, effect: float, arms: dict[str, str]) -> None:
        """Write the policies: a first term each, and a second one for who renews."""
        rows: list[dict[str, Any]] = []
        for number, customer in enumerate(sorted(self.chance)):
            expiry = date(2026, 7, 5) + timedelta(days=number % 40)
            chance = self.chance[customer] + effect * (arms.get(customer) == "call")
            renews = self.luck[customer] < chance
            rows += both_terms(number, customer, expiry, renews=renews)
        write_terms(self.lake.checked("policies"), rows)

    def write_second_cars(self, effect: float, arms: dict[str, str]) -> None:
        """Add a second car to every third customer: its term expires ten days after the first."""
        path = self.lake.checked("policies")
        rows = pq.read_table(path).to_pylist()
        for number, customer in enumerate(sorted(self.chance)[::3]):
            expiry = date(2026, 7, 15) + timedelta(days=3 * number % 40)
            chance = self.chance[customer] + effect * (arms.get(customer) == "call")
            renews = self.luck[customer] < chance
            second = both_terms(10_000 + number, customer, expiry, renews=renews)
            rows += [row | {"vehicle_id": f"W{customer}"} for row in second]
        write_terms(path, rows)

    def contact(self, name: str, *, refused: float = 0.0) -> None:
        """Make the campaign's contacts; one in five does not arrive."""
        with self.records.writing(LONG_SECONDS) as connection:
            for number, (customer, arm) in enumerate(sorted(self.drawn(name).items())):
                if arm != "call":
                    continue
                at = LAUNCHED + timedelta(hours=1)
                made = ExternalContact(f"{number:08x}", customer, "renewal_30d", "renewal",
                                       "marketing", "phone", at, campaign=name)  # fmt: skip
                insert_external(connection, [made], {None: ZONE})
                kind = "no_answer" if number % 5 == 0 else "connected"
                if number % 100 < refused * 100:
                    kind = "refused"
                note_outcome(connection, Outcome(kind, at, made.contact_id), at)


@pytest.fixture
def insurer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Insurer]]:
    opened: list[Records] = []
    on_postgres = getattr(request, "param", "sqlite") == "postgres"
    database = request.getfixturevalue("postgres") if on_postgres else None

    def make(seed: int = 1, size: int = SIZE, **plan: Any) -> Insurer:
        home = tmp_path / f"home{seed}"
        lake = Lake(Settings(home=home, database=database))
        records = Records(lake.settings)
        opened.append(records)
        records.migrate()
        noise = np.random.default_rng(seed)
        names = [f"C{number:05}" for number in range(size)]
        chance = dict(zip(names, noise.beta(7, 3, size).clip(0.05, 0.85).tolist(), strict=True))
        luck = dict(zip(names, noise.random(size).tolist(), strict=True))
        found = Insurer(lake, records, chance, luck)
        found.write(0.0, {})
        rows = [
            {
                "客户号": name,
                "续保概率": f"{chance[name]:.4f}",
                "预期边际贡献(元)": MARGIN,
                "星级": i % 5 + 1,
            }
            for i, name in enumerate(names)
        ]
        fields = {**PLAN, **plan}
        plan_campaign(
            lake,
            records,
            fields,
            rows,
            "test",
            PLANNED,
            salt=f"s{seed}",
            in_holdout=lambda _: False,
        )
        launch_campaign(records, "calls", "test", LAUNCHED)
        return found

    yield make
    for records in opened:
        records.close()


PLAN = plan_fields(
    campaign="calls",
    label="七月续保外呼",
    arms=halves("phone"),
    looks=2,
    effect=0.10,
    worth=None,
    weak_because=None,
    breakdowns=["star"],
)
RIPE = date(2026, 9, 30)


def measure(found: Insurer, as_of: date = RIPE, **more: bool) -> CampaignMeasurement:
    return measure_campaign(found.lake, found.records, "calls", as_of, LAUNCHED, "test", **more)


@pytest.mark.parametrize("insurer", ["sqlite", "postgres"], indirect=True)
def test_the_measured_effect_is_the_true_one(insurer: Callable[..., Insurer]) -> None:
    found = insurer()
    found.write(0.15, found.drawn("calls"))
    found.contact("calls")
    measured = measure(found)
    figures = measured.figures
    assert figures is not None
    assert figures.look.effect.low < 0.15 < figures.look.effect.high
    assert measured.verdict.code == "pays"
    # Four in five were reached, so the effect on those is a quarter larger.
    reached = figures.compliers.value
    assert reached == pytest.approx(figures.look.effect.value / 0.8, rel=0.1)
    # Every renewal is worth 400 yuan, every call cost 3.
    assert figures.net.effect.value == pytest.approx(figures.look.effect.value * 400 - 3, abs=0.01)
    assert figures.margin.value == pytest.approx(figures.net.effect.value, abs=2.5)
    assert figures.premium.value == pytest.approx(figures.look.effect.value * 3000, rel=0.05)
    assert [level.level for level in figures.levels] == ["1", "2", "3", "4", "5"]


def test_renewals_of_all_terms_stand_beside_the_first(insurer: Callable[..., Insurer]) -> None:
    """Calls bring 15 points of the first cars, and lose 30 of the second ones."""
    found = insurer()
    arms = found.drawn("calls")
    found.write(0.15, arms)
    alone = measure(found).figures
    found.write_second_cars(-0.30, arms)
    found.contact("calls")
    both = measure(found).figures
    assert alone
    assert alone.all_terms
    assert both
    assert both.all_terms
    # Of members with one car it is the claim itself; the claim stays the one about the first car.
    assert alone.all_terms.effect == alone.look.effect
    assert both.look.effect == alone.look.effect
    every = both.all_terms
    assert every.treated + every.control == SIZE * 4 // 3
    first, second = 3 / 4, 1 / 4
    assert every.effect.low < 0.15 * first - 0.30 * second < every.effect.high
    assert every.effect.value < both.look.effect.value - 0.05
    assert every.totals["renewals"].value == pytest.approx(every.effect.value * every.treated)


def test_a_term_that_expires_after_the_campaign_is_not_its(insurer: Callable[..., Insurer]) -> None:
    found = insurer(ends_on="2026-08-02")
    arms = found.drawn("calls")
    found.write(0.15, arms)
    found.write_second_cars(0.0, arms)
    measured = measure(found, RIPE + timedelta(days=30), peek=True).figures
    assert measured
    assert measured.all_terms
    # The first term of each member, whenever it expires, and second ones to 2 August.
    seconds = sum(3 * number % 40 <= 18 for number in range(SIZE // 3))
    assert measured.all_terms.treated + measured.all_terms.control == SIZE + seconds


@pytest.mark.parametrize(
    ("chinese", "said"),
    [
        (True, ("全部商业险保单", "星级", "退订：")),
        (False, ("All commercial terms", "star", "opt-outs:")),
    ],
)
def test_the_page_tells_it_in_one_language(
    insurer: Callable[..., Insurer], chinese: bool, said: tuple[str, ...]
) -> None:
    found = insurer()
    found.write(0.15, found.drawn("calls"))
    measured = measure(found)
    sentences = {"verdict": measured.verdict.code, "chinese": "值得", "english": "It pays"}
    page = _environment().get_template("campaigns/measured.html").render(
        say=lambda in_chinese, english: in_chinese if chinese else english,
        measured=SimpleNamespace(**jsonable(measured) | sentences), fault=None, marks=VERDICTS,
        kinds=ARM_LABELS, breakdowns=BREAKDOWNS, harms=HARMS_IN_ENGLISH,
    )  # fmt: skip
    assert [words for words in said if words not in page] == []
    assert chinese or not re.search("[一-鿿]", page)


def test_no_effect_is_not_said_to_pay(insurer: Callable[..., Insurer]) -> None:
    """Of six campaigns without effect; `benchmarks/coverage.py` counts 2,000 of them."""
    verdicts = []
    for seed in range(2, 8):
        found = insurer(seed, 400, weak_because="to prove that nothing is found")
        found.contact("calls")
        verdicts.append(measure(found).verdict.code)
    assert verdicts.count("pays") <= 1
    assert {"too_small", "does_not_pay"} & set(verdicts)


def test_before_the_first_look_no_effect_is_shown(insurer: Callable[..., Insurer]) -> None:
    found = insurer()
    found.contact("calls")
    early = measure(found, date(2026, 8, 10))
    assert (early.verdict.code, early.figures) == ("too_early", None)
    assert early.next_look == pytest.approx(0.5)
    assert early.ripe_share < 0.5
    assert "too early" in early.verdict_english.lower()


def test_looks_are_those_of_the_plan_and_a_peek_is_always_valid(
    insurer: Callable[..., Insurer],
) -> None:
    found = insurer()
    found.write(0.15, found.drawn("calls"))
    found.contact("calls")
    peek = measure(found, date(2026, 8, 20), peek=True)
    middle = measure(found, date(2026, 8, 27))
    again = measure(found, date(2026, 8, 27))
    last = measure(found, RIPE)
    later = measure(found, RIPE + timedelta(days=30))
    assert peek.figures
    assert middle.figures
    assert again.figures
    assert last.figures
    assert later.figures
    assert (middle.figures.look.number, again.figures.look.number) == (1, 1)
    assert (last.figures.look.number, last.figures.look.kind) == (2, "planned")
    # Nothing has ripened since the last look: it is told again.
    assert later.figures.look.effect == last.figures.look.effect
    assert (peek.figures.look.kind, peek.beyond_plan) == ("always_valid", True)
    assert peek.figures.look.factor > 3 > last.figures.look.factor


def test_members_of_one_arm_that_are_lost_stop_every_figure(
    insurer: Callable[..., Insurer],
) -> None:
    found = insurer()
    found.contact("calls")
    quiet = [customer for customer, arm in found.drawn("calls").items() if arm == "quiet"]
    with found.records.writing() as connection:
        for customer in quiet[::3]:
            connection.exec_driver_sql(
                "DELETE FROM campaign_members WHERE customer_id = ?", (customer,)
            )
    measured = measure(found)
    assert (measured.verdict.code, measured.figures) == ("mismatch", None)


@pytest.mark.parametrize("insurer", ["sqlite", "postgres"], indirect=True)
def test_refusals_above_the_bound_stop_the_campaign_in_one_run(
    insurer: Callable[..., Insurer],
) -> None:
    found = insurer()
    found.contact("calls", refused=0.3)
    (guarded,) = guard_campaigns(found.lake, found.records, date(2026, 7, 2), LAUNCHED)
    assert guarded.action == "stopped"
    with found.records.reading() as connection:
        campaign = find_campaign(connection, "calls")
    assert campaign.state == "stopped"
    assert campaign.close_reason is not None
    assert "拒绝" in campaign.close_reason


def test_refusals_below_the_bound_let_the_campaign_run(insurer: Callable[..., Insurer]) -> None:
    calm = insurer(77)
    calm.contact("calls", refused=0.05)
    (guarded,) = guard_campaigns(calm.lake, calm.records, date(2026, 7, 2), LAUNCHED)
    assert guarded.action == "runs"

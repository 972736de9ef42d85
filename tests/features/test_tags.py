"""Every tag group against answers worked out by hand on tables of a few rows."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import features.tables  # noqa: F401  (declares the contracts)
from features.contract import CONTRACTS
from features.lake import Lake
from features.settings import Settings, cutoff
from features.tagging import compute_group
from features.tags.catalogue import catalogue, groups
from features.tags.document import render

DAY = date(2026, 6, 30)
REQUIRED = ("customers", "policies", "claims")
Row = dict[str, Any]
Answer = Callable[..., Row]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def exact(value: Any, type_: pa.DataType) -> Any:
    """Money, written as a float in the tests, as the decimal it is in the tables."""
    return Decimal(str(value)) if isinstance(value, float) and pa.types.is_decimal(type_) else value


def put(lake: Lake, table: str, rows: list[Row]) -> None:
    """A checked table of these rows; what a row leaves out is null, or known since 2019."""
    instant = 'timestamp("UTC", 6)'
    schema = ibis.schema({**CONTRACTS[table].columns, "superseded_at": instant}).to_pyarrow()
    known = {"recorded_at": at("2019-01-01"), "registered_at": at("2019-01-01"), "line": None}
    full = [
        {field.name: exact({**known, **row}.get(field.name), field.type) for field in schema}
        for row in rows
    ]
    lake.checked(table).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(full, schema=schema), lake.checked(table))


@pytest.fixture
def answer(tmp_path: Path) -> Answer:
    """Tags of one group for customer C1, from the tables given; `None` leaves a table out."""

    def compute(group: str, as_of: date = DAY, **tables: list[Row]) -> Row:
        lake = Lake(Settings(home=tmp_path))
        for table in {*REQUIRED, *tables}:
            rows = tables.get(table, [{"customer_id": "C1"}] if table == "customers" else [])
            put(lake, table, [{"customer_id": "C1", **row} for row in rows])
        spine = pa.table(
            {
                "customer_id": ["C1"],
                "as_of": pa.array([as_of], pa.date32()),
                "cutoff": pa.array([cutoff(as_of, "Asia/Shanghai")], pa.timestamp("us", "UTC")),
            }
        )
        found = lake.engine.to_pyarrow(compute_group(lake, ibis.memtable(spine), group))
        (row,) = found.to_pylist()
        return dict(row)

    return compute


def term(policy_id: str, inception: str, expiry: str, premium: float | None, **more: Any) -> Row:
    """A commercial motor term of vehicle V1, signed ten days before it begins."""
    begins = date.fromisoformat(inception)
    signed = datetime(begins.year, begins.month, begins.day, tzinfo=UTC).timestamp() - 10 * 86_400
    row = {
        "policy_id": policy_id,
        "vehicle_id": "V1",
        "line": "motor_commercial",
        "private_car": True,
        "signed_at": datetime.fromtimestamp(signed, UTC),
        "inception": begins,
        "expiry": date.fromisoformat(expiry),
        "written_premium": premium,
    }
    return {**row, **more}


def expect(found: Row, **tags: Any) -> None:
    """The tags named have these values, of these types."""
    got = {name: found[name] for name in tags}
    assert got == {n: pytest.approx(v) if isinstance(v, float) else v for n, v in tags.items()}
    types = {"int64": int, "float64": float, "string": str, "boolean": bool}
    for name, value in tags.items():
        assert value is None or type(got[name]) is types[catalogue()[name].type], name


TERMS = [
    term("P1", "2024-07-10", "2025-07-10", 2000, ncd_level=1, channel="agent",
         third_party_limit=2_000_000),
    term("P2", "2025-07-10", "2026-07-10", 2300, ncd_level=2, channel="online",
         third_party_limit=1_000_000, business_type="renewal", pricing_factor=0.95,
         driver_accident_cover=True),
    term("Q2", "2025-09-01", "2026-09-01", 950, line="motor_compulsory"),
    term("P3", "2026-07-10", "2027-07-10", 2100, channel="online"),
]  # fmt: skip


def test_underwriting_of_a_renewed_car(answer: Answer) -> None:
    found = answer(
        "underwriting",
        customers=[
            {
                "birth_date": date(1980, 7, 1),
                "licence_date": date(2004, 6, 30),
                "gender": "F",
                "city_tier": "new_1",
                "branch": "310",
            }
        ],
        policies=TERMS,
        vehicles=[
            {"vehicle_id": "V1", "first_registered": date(2020, 6, 30), "energy": "plug_in",
             "kind": "car", "list_price": 230_000, "acquired_at": at("2024-07-01")},
            {"vehicle_id": "V9", "first_registered": date(2001, 1, 1), "energy": "petrol",
             "kind": "van", "acquired_at": at("2025-07-01")},
        ],
    )  # fmt: skip
    expect(
        found,
        age_years=45,
        licence_years=22,
        gender="F",
        city_tier="new_1",
        branch="310",
        motor_policies_in_force=2,
        motor_vehicles_in_force=1,
        motor_policies_ever=3,
        motor_policies_ahead=1,
        days_to_commercial_expiry=10,
        days_to_motor_expiry=10,
        days_to_compulsory_expiry=63,
        commercial_premium_current=2300.0,
        commercial_premium_previous=2000.0,
        compulsory_premium_current=950.0,
        motor_premium_in_force=3250.0,
        premium_change_ratio=0.15,
        channel="online",
        business_type="renewal",
        ncd_level=2,
        ncd_level_change=1,
        pricing_factor=0.95,
        third_party_limit=1_000_000.0,
        driver_accident_cover=True,
        commercial_term_number=2,
        vehicle_age_years=6,
        new_energy=True,
        vehicle_energy="plug_in",
        vehicle_kind="car",
        vehicle_list_price=230_000.0,
        premium_to_list_price=0.01,
        compulsory_only=False,
    )


def test_cover_ends_at_the_start_of_its_expiry_day(answer: Answer) -> None:
    policies = [term("P1", "2025-06-30", "2026-06-30", 2000)]
    last = answer("underwriting", date(2026, 6, 29), policies=policies)
    after = answer("underwriting", date(2026, 6, 30), policies=policies)
    first = answer("underwriting", date(2025, 6, 30), policies=policies)
    expect(first, motor_policies_in_force=1, days_to_commercial_expiry=365)
    expect(last, motor_policies_in_force=1, days_to_commercial_expiry=1)
    expect(after, motor_policies_in_force=0, days_to_commercial_expiry=None,
           commercial_premium_current=None, motor_premium_in_force=None,
           premium_change_ratio=None)  # fmt: skip


def test_cancelled_terms(answer: Answer) -> None:
    policies = [
        term("P1", "2026-01-01", "2027-01-01", 500, cancelled_on=date(2026, 3, 1)),
        term("P2", "2026-02-01", "2027-02-01", 0, cancelled_on=date(2026, 2, 1)),
        term("P3", "2026-01-05", "2027-01-05", 900, line="motor_compulsory"),
    ]
    expect(
        answer("underwriting", policies=policies),
        motor_policies_in_force=1,
        motor_policies_ever=2,
        motor_policies_cancelled=1,
        days_to_commercial_expiry=None,
        compulsory_only=True,
        premium_to_list_price=None,
    )


def test_of_two_cars_the_one_that_expires_first_is_described(answer: Answer) -> None:
    policies = [
        term("A", "2025-12-01", "2026-12-01", 3000, vehicle_id="V1"),
        term("B", "2025-08-01", "2026-08-01", 1500, vehicle_id="V2", channel="agent"),
    ]
    vehicles = [
        {"vehicle_id": name, "kind": kind, "acquired_at": at("2025-01-01")}
        for name, kind in (("V1", "car"), ("V2", "van"))
    ]
    expect(
        answer("underwriting", policies=policies, vehicles=vehicles),
        commercial_premium_current=1500.0,
        channel="agent",
        vehicle_kind="van",
        motor_vehicles_in_force=2,
        motor_premium_in_force=4500.0,
    )


def claim(claim_id: str, occurred: str, **more: Any) -> Row:
    row = {"claim_id": claim_id, "policy_id": "P2", "vehicle_id": "V1"}
    moments = {"occurred_at": at(occurred), "reported_at": at(occurred)}
    return {**row, **moments, **more}


def test_claim_windows_include_their_first_moment(answer: Answer) -> None:
    # The date ends at 16:00 UTC; 30 days before is 31 May 16:00, 36 months before 30 June 2023.
    claims = [
        claim("K1", "2026-05-31T16:00:00"),
        claim("K2", "2026-05-31T15:59:59.900"),
        claim("K3", "2023-06-30T16:00:00", at_fault=True, injury=True),
        claim("K4", "2023-06-30T15:59:59", at_fault=True),
    ]
    expect(
        answer("claims", claims=claims),
        claim_count_30d=1,
        claim_count_90d=2,
        claim_count_365d=2,
        claim_count_36m=3,
        claim_count_ever=4,
        at_fault_claim_count_365d=0,
        at_fault_claim_count_36m=1,
        injury_claim_count_36m=1,
        days_since_last_claim=29,
        claim_vehicles_36m=1,
    )


def test_claims_chain_and_amounts(answer: Answer) -> None:
    claims = [
        claim("K1", "2026-01-10", reported_at=at("2026-01-12"), surveyed_at=at("2026-01-13"),
              paid_at=at("2026-01-22"), closed_at=at("2026-01-23")),
        claim("K2", "2026-06-20", reported_at=at("2026-06-21"), surveyed_at=at("2026-06-24")),
        claim("K3", "2025-01-01", closed_at=at("2025-02-01")),
    ]  # fmt: skip
    moves = [
        ("M1", "K1", "2026-01-12", 0, 1000),
        ("M2", "K1", "2026-01-22", 800, -1000),
        ("M3", "K2", "2026-06-21", 0, 5000.5),
        ("M4", "K3", "2025-01-01", 300, 0),
    ]
    movements = [
        {"movement_id": m, "claim_id": k, "moved_at": at(t), "paid_change": p,
         "outstanding_change": o, "recorded_at": at(t)}
        for m, k, t, p, o in moves
    ]  # fmt: skip
    found = answer("claims", claims=claims, claim_movements=movements, policies=TERMS)
    expect(
        found,
        open_claims=1,
        oldest_open_claim_days=9,
        days_since_last_claim_closed=158,
        report_delay_days_36m=1.0,
        survey_delay_days_36m=2.0,
        payment_delay_days_36m=10.0,
        claims_paid_365d=800.0,
        claims_paid_36m=1100.0,
        claims_incurred_365d=5800.5,
        claims_incurred_36m=6100.5,
        claims_outstanding=5000.5,
        largest_claim_36m=5000.5,
        motor_premium_36m=5250.0,
        claims_ratio_36m=6100.5 / 5250,
        mean_claim_36m=2033.5,
    )
    expect(
        answer("claims", date(2026, 1, 15), claims=claims, claim_movements=movements),
        claims_outstanding=1000.0,
        claims_paid_36m=300.0,
        open_claims=1,
    )


def test_customer_without_claims_has_zero_counts_and_null_days(answer: Answer) -> None:
    found = answer("claims", claim_movements=[])
    expect(found, claim_count_36m=0, claims_incurred_36m=0.0, days_since_last_claim=None,
           mean_claim_36m=None, claims_ratio_36m=None)  # fmt: skip


def quote(quote_id: str, quoted: str, premium: float, **more: Any) -> Row:
    row = {"quote_id": quote_id, "policy_id": "P2", "line": "motor_commercial"}
    return {**row, "quoted_at": at(quoted), "premium": premium, **more}


def test_behaviour_of_a_quoted_renewal(answer: Answer) -> None:
    quotes = [
        quote("Q1", "2026-06-01", 2760, delivered_at=at("2026-06-01"), channel="online"),
        quote("Q2", "2026-06-20", 2530, viewed_at=at("2026-06-21"), channel="agent"),
        quote("Q3", "2025-07-01", 2300, policy_id="P1", channel="agent"),
        quote("Q4", "2026-06-29", 90, policy_id=None, line="accident"),
    ]
    expect(
        answer("behaviour", quotes=quotes, policies=TERMS),
        quote_count_30d=3,
        quote_count_90d=3,
        quote_count_365d=4,
        quote_delivered_count_90d=1,
        quote_viewed_count_90d=1,
        quote_viewed_share_90d=1 / 3,
        quote_channels_365d=2,
        non_motor_quote_count_365d=1,
        days_since_last_quote=1,
        renewal_quote_count=2,
        renewal_quote_premium=2530.0,
        renewal_quote_change_ratio=0.1,
        renewal_quote_spread=2760 / 2530 - 1,
        renewal_quote_delivered=True,
        renewal_quote_viewed=True,
        days_since_renewal_quote=10,
        price_increases_accepted=1,
        price_increase_acceptance_share=0.5,
        largest_premium_increase=0.15,
        channel_switches=1,
        third_party_limit_reductions=1,
        days_signed_before_inception=10,
        last_minute_signings=0,
    )


def contact(number: int, occurred: str, channel: str, result: str, **more: Any) -> Row:
    row = {"interaction_id": f"I{number}", "touchpoint": "renewal", "channel": channel}
    return {**row, "direction": "out", "occurred_at": at(occurred), "result": result,
            "cost": 0.1, **more}  # fmt: skip


def test_engagement_counts_contacts_by_channel_and_result(answer: Answer) -> None:
    interactions = [
        contact(1, "2026-06-30T15:59:59", "sms", "sent"),
        contact(2, "2026-06-15", "sms", "clicked"),
        contact(3, "2026-05-01", "phone", "no_answer", cost=2),
        contact(4, "2026-04-15", "phone", "connected", cost=2),
        contact(5, "2025-08-01", "wecom", "refused"),
        contact(6, "2026-06-10", "app", "connected", direction="in"),
        contact(7, "2025-06-01", "wechat", "opted_out"),
    ]
    expect(
        answer("engagement", interactions=interactions),
        contact_count_30d=2,
        contact_count_90d=4,
        contact_count_365d=5,
        contact_reached_count_365d=3,
        contact_response_count_30d=1,
        contact_response_count_365d=2,
        contact_response_share_365d=0.4,
        inbound_contact_count_90d=1,
        contact_refused_count_365d=1,
        contact_no_answer_count_90d=1,
        contact_cost_365d=4.4,
        sms_contact_count_365d=2,
        sms_response_count_365d=1,
        phone_contact_count_365d=2,
        phone_response_count_365d=1,
        wecom_contact_count_365d=1,
        wechat_contact_count_365d=0,
        days_since_last_contact=0,
        days_since_last_response=15,
        opted_out=True,
    )


def test_engagement_with_services_and_surveys(answer: Answer) -> None:
    def granted(number: int, granted: str, expires: str, **more: Any) -> Row:
        return {"entitlement_id": f"E{number}", "service": "wash", "service_class": "A",
                "granted_at": at(granted), "expires_on": date.fromisoformat(expires),
                "unit_cost": 30, **more}  # fmt: skip

    def case(number: int, kind: str, occurred: str, **more: Any) -> Row:
        return {"case_id": f"S{number}", "kind": kind, "topic": "service",
                "occurred_at": at(occurred), **more}  # fmt: skip

    found = answer(
        "engagement",
        customers=[{"mini_program_bound_at": at("2026-06-20"), "wecom_added_at": at("2026-08-01")}],
        entitlements=[
            granted(1, "2025-01-01", "2026-01-01", used_at=at("2025-12-01")),
            granted(2, "2026-01-01", "2027-01-01", activated_at=at("2026-01-02")),
            granted(3, "2026-02-01", "2026-06-30"),
            granted(4, "2026-03-01", "2027-01-01", used_at=at("2026-06-01")),
        ],
        surveys_and_complaints=[
            case(1, "survey", "2024-01-01", score=5),
            case(2, "survey", "2026-01-01", score=2),
            case(3, "complaint", "2026-06-01"),
            case(4, "complaint", "2024-06-01", resolved_at=at("2024-06-10")),
        ],
        consents=[
            {"consent_id": f"X{n}", "purpose": p, "granted": g, "changed_at": at(t)}
            for n, (p, g, t) in enumerate(
                [("marketing", True, "2024-01-01"), ("marketing", False, "2025-01-01"),
                 ("profiling", True, "2024-01-01")]
            )
        ],
    )  # fmt: skip
    expect(
        found,
        mini_program_bound=True,
        days_since_mini_program_bound=10,
        wecom_added=False,
        days_since_wecom_added=None,
        entitlement_granted_count_365d=3,
        entitlement_granted_count_36m=4,
        entitlement_activated_count_365d=1,
        entitlement_used_count_365d=2,
        entitlement_use_ratio_365d=2 / 3,
        days_since_last_entitlement_use=29,
        entitlements_open=1,
        entitlement_cost_365d=60.0,
        survey_count_365d=1,
        survey_score_last=2,
        survey_score_mean_36m=3.5,
        complaint_count_365d=1,
        complaint_count_36m=2,
        open_complaints=1,
        marketing_consent=False,
        profiling_consent=True,
    )


def test_loyalty_counts_breaks_and_products(answer: Answer) -> None:
    policies = [
        term("P1", "2022-01-01", "2023-01-01", 1000),
        term("P2", "2023-01-11", "2024-01-11", 1000),
        term("Q2", "2023-01-11", "2024-01-11", 1000, line="motor_compulsory"),
        term("P3", "2025-10-01", "2026-10-01", 1000, vehicle_id="V2"),
        term("N1", "2026-01-01", "2027-01-01", 200, line="accident", vehicle_id=None),
        term("N2", "2024-01-01", "2025-01-01", 300, line="health", vehicle_id=None),
    ]
    expect(
        answer("loyalty", policies=policies, claim_movements=[]),
        cover_gaps_ever=2,
        long_cover_gaps_ever=1,
        longest_cover_gap_days=629,
        days_since_first_motor_term=1641,
        longest_gap_share=629 / 1641,
        commercial_renewals_ever=1,
        vehicles_ever=2,
        days_since_motor_cover_end=-93,
        holds_accident=True,
        holds_health=False,
        holds_household=False,
        accident_policies_ever=1,
        health_policies_ever=1,
        products_held=2,
        non_motor_premium_in_force=200.0,
        lapsed=False,
        tenure_years=1,
        star_level=1,
        customer_value=0.0,
    )


def test_a_table_without_rows_counts_zero(answer: Answer) -> None:
    expect(answer("engagement", interactions=[]), contact_count_365d=0, opted_out=False)


def test_absent_optional_tables_leave_their_tags_null(answer: Answer) -> None:
    needs = {"quotes": "behaviour", "interactions": "engagement", "entitlements": "engagement",
             "cases": "engagement", "consents": "engagement", "claim_amounts": "claims",
             "insured_vehicle": "underwriting", "renewal_quotes": "behaviour"}  # fmt: skip
    found = {group: answer(group, policies=TERMS) for group in set(needs.values())}
    for tag in catalogue().values():
        if tag.relation in needs:
            assert found[tag.group][tag.name] is None, tag.name


def test_there_are_85_tags_and_each_says_what_it_is() -> None:
    assert len(catalogue()) >= 85
    for tag in catalogue().values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", tag.name)
        assert re.search(r"[\u4e00-\u9fff]", tag.label), tag.name
        assert all((tag.definition, tag.unit, tag.window, tag.null)), tag.name
        assert "{" not in tag.definition
        assert tag.empty in (None, 0)
    labels = [tag.label for tag in catalogue().values()]
    assert len(labels) == len(set(labels))
    assert list(groups()) == ["underwriting", "claims", "behaviour", "engagement", "loyalty"]


def test_documentation_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "tags.md"
    assert page.read_text(encoding="utf-8") == render(), "run `make docs`"

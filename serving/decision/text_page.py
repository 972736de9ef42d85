"""Write every text as it reads for three customers: `python -m serving.decision.text_page FILE`.

A marketer reads the page once more before anything is sent. One customer of whom all is known, one
with two cars and no quote, and one of whom the core system says next to nothing.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from features.markdown import list_item
from features.tags.relations.touchpoint_families import FAMILIES
from serving.content.settings import Sender
from serving.decision.candidates import Candidate, Offer
from serving.decision.contact_text import ContactText, ContactTexts, Speech
from serving.touchpoints.catalogue import Catalogue, shipped_touchpoints
from serving.touchpoints.fields import Channel, Touchpoint
from serving.touchpoints.occasions import load_occasions

CHANNEL_ORDER: tuple[Channel, ...] = ("sms", "wecom", "wechat", "phone", "app", "mail", "branch")
DAY = date(2026, 9, 30)
"""The day before a holiday of the catalogue."""
SENDER = Sender(insurer="管家车险", signature="管家车险", phones=("4000000000",))
HEAD = """# Texts as customers read them

Every touchpoint by every channel, as the shipped catalogue
(`serving/touchpoints/touchpoints.toml`) says it to three customers, with the first of its offers.
▸ divides title, text and button of a card in the mini-program. At a decision point where the
customer came to us the greeting is another one. Written by `make docs`; a test holds it current.

- 王芳: three stars, one car, a renewal quote; everything is known.
- 欧阳明: five stars, two cars, no quote yet; the account manager's number is not known.
- 未知: the core system delivers neither name, plate, gender nor account manager.
"""


@dataclass(frozen=True)
class Reader:
    """A customer of the page: who they are, their tags and details."""

    name: str
    tags: dict[str, Any]
    details: dict[str, Any]


READERS = (
    Reader(
        "王芳",
        {
            "star_level": 3,
            "channel": "direct",
            "branch": "B01",
            "days_to_unrenewed_expiry": 21,
            "renewal_quote_premium": 3218.5,
            "commercial_premium_current": 3450.0,
            "entitlements_open": 3,
            "days_to_next_entitlement_expiry": 12,
            "days_to_next_inspection_mark": 40,
            "days_to_next_maintenance": 20,
        },
        {
            "name": "王芳",
            "gender": "F",
            "account_manager_name": "周静",
            "account_manager_phone": "10090000400",
            "plate_to_renew": "京AI1234",
            "plate_signed": "京AI1234",
            "plate_ended": "京AI1234",
            "plate_insured": "京AI1234",
            "claim_reported": "L00000003096",
            "claim_surveyed": "L00000003096",
            "claim_paid": "L00000003096",
            "claim_closed": "L00000003096",
            "amount_paid": "2591.27",
            "entitlements": "inspection=1;roadside=2",
        },
    ),
    Reader(
        "欧阳明",
        {
            "star_level": 5,
            "channel": "agent",
            "branch": "B01",
            "days_to_unrenewed_expiry": 7,
            "entitlements_open": 2,
            "days_to_next_entitlement_expiry": 30,
            "days_to_next_inspection_mark": 15,
            "days_to_next_maintenance": 7,
        },
        {
            "name": "欧阳明",
            "gender": "M",
            "account_manager_name": "罗刚",
            "plate_to_renew": "粤BDI1234",
            "plate_signed": "粤BI5678",
            "entitlements": "chauffeur=2",
        },
    ),
    Reader(
        "未知",
        {
            "star_level": None,
            "channel": "online",
            "branch": "B01",
            "days_to_unrenewed_expiry": 1,
            "entitlements_open": 1,
            "days_to_next_entitlement_expiry": 5,
            "days_to_next_inspection_mark": 60,
            "days_to_next_maintenance": 30,
        },
        {},
    ),
)


def render(catalogue: Catalogue | None = None) -> str:
    """Write the page for a catalogue; default: the shipped one."""
    declared = catalogue or shipped_touchpoints()
    texts = ContactTexts(declared, Path("no home"), SENDER)
    sections = [HEAD]
    for family, label in FAMILIES.items():
        sections.append(f"## {label} {family}\n")
        for name, touchpoint in declared.touchpoints_for().items():
            if touchpoint.family == family:
                sections.append("\n".join(_lines(declared, texts, name, touchpoint)) + "\n")
    return "\n".join(sections)


def _lines(
    catalogue: Catalogue, texts: ContactTexts, name: str, touchpoint: Touchpoint
) -> Iterator[str]:
    yield f"### {touchpoint.label} `{name}`\n"
    for channel in channels_of(catalogue, name, touchpoint):
        for reader in READERS:
            text = texts.text(
                candidate_of(
                    catalogue, name, touchpoint, channel, next(iter(touchpoint.offers), None)
                ),
                reader.tags,
                Speech(
                    None,
                    DAY,
                    details=reader.details,
                    values=values_of(touchpoint),
                    occasions=load_occasions(catalogue.shared, Path("no home")),
                ),
            )
            words = (
                text.message.replace("\n", " ▸ ")
                if isinstance(text, ContactText)
                else f"*不发送：缺少{'、'.join(map(texts.label, text))}*"
            )
            yield list_item(f"{channel}, {reader.name}: {words}")


def values_of(touchpoint: Touchpoint) -> dict[str, str]:
    """Name the warning of a touchpoint that waits for one: none is out here."""
    return {"occasion": "暴雨"} if touchpoint.trigger.occasion == "weather" else {}


def channels_of(catalogue: Catalogue, name: str, touchpoint: Touchpoint) -> list[Channel]:
    """List the channels by which a touchpoint speaks, at some place or on its own account.

    Parameters
    ----------
    catalogue : Catalogue
        The catalogue, with its decision points.
    name : str
        Name of the touchpoint.
    touchpoint : Touchpoint
        The touchpoint.
    """
    used = set(touchpoint.every_channel)
    for place, point in catalogue.shared.decision_points.items():
        if name in catalogue.candidates_at(place):
            used.update(point.channels)
    return [channel for channel in CHANNEL_ORDER if channel in used]


def candidate_of(
    catalogue: Catalogue,
    name: str,
    touchpoint: Touchpoint,
    channel: Channel,
    offer: str | None = None,
) -> Candidate:
    """Make the candidate of a touchpoint by a channel.

    Parameters
    ----------
    catalogue : Catalogue
        The catalogue; it has the offer's label.
    name : str
        Name of the touchpoint.
    touchpoint : Touchpoint
        The touchpoint.
    channel : Channel
        The channel.
    offer : str, optional
        The offer that it carries; default: none.
    """
    label = catalogue.shared.offers[offer].label if offer else ""
    return Candidate(
        touchpoint=name,
        label=touchpoint.label,
        family=touchpoint.family,
        kind=touchpoint.kind,
        channel=channel,
        cost=0.0,
        offer=Offer(offer, label, 0.0, 0.0) if offer else None,
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")

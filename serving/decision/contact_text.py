"""Fill in the script of a contact: what is said, shown or sent, in both languages."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

from features.stars.settings import load_star_settings
from serving.content.settings import Sender, load_content_settings
from serving.decision.candidates import Candidate
from serving.touchpoints.catalogue import Catalogue
from serving.touchpoints.details import detail_values, sender_values, speaker
from serving.touchpoints.fields import Channel, Touchpoint
from serving.touchpoints.occasions import Occasion, timely_occasions
from serving.touchpoints.scripts import (
    LANGUAGES,
    ScriptTemplate,
    Wording,
    fill,
    first_usable,
    variable_values,
)

logger = logging.getLogger(__name__)
SPEAKER = ("company", "manager")
"""Variables that make up the variable `speaker`."""
STAR, SOLD_BY, BRANCH = "star_level", "channel", "branch"


@dataclass(frozen=True)
class ContactText:
    """The script of a contact, filled in.

    Attributes
    ----------
    chinese, english : str
        What to say.
    purpose_chinese, purpose_english : str
        What the contact is for.
    role : {"system", "sales_steward", "service_steward"}
        Who makes the contact.
    title, button : Wording or None
        Heading of a card, and the words of its button.
    phones : tuple of str
        Numbers of ours that it names beside those of the sender: the account manager's.
    values : tuple of str
        What the caller gave that stands in it.
    """

    chinese: str
    english: str
    purpose_chinese: str
    purpose_english: str
    role: str
    title: Wording | None = None
    button: Wording | None = None
    phones: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """All that the customer reads, in Chinese: title, text and button, a line each."""
        title, button = (part.chinese if part else "" for part in (self.title, self.button))
        return "\n".join(line for line in (title, self.chinese, button) if line)


@dataclass(frozen=True)
class Speech:
    """What the words of a contact depend on, beside the touchpoint.

    Attributes
    ----------
    decision_point : str or None
        Where it is said; None: nowhere in particular.
    day : date
        Civil day of the contact.
    stage : str or None
        Stage of the loop ("entry", ...); None: what holds for all stages.
    details : Mapping[str, object]
        What Guanjia holds of the customer (`features.online.contact_details`).
    values : Mapping[str, str]
        Values of script variables that the caller gives: they come before ours.
    occasions : sequence of Occasion
        Holidays and warnings that are declared.
    """

    decision_point: str | None
    day: date
    stage: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    occasions: Sequence[Occasion] = ()


class ContactTexts:
    """Fill in the scripts of a catalogue; loaded once, shared by threads.

    Parameters
    ----------
    catalogue : Catalogue
        The touchpoints.
    home : Path
        The home folder: its `content.toml` says who sends, `star.toml` how stars are called.
    sender : Sender, optional
        Who sends; default: as `content.toml` says.
    """

    def __init__(self, catalogue: Catalogue, home: Path, sender: Sender | None = None) -> None:
        self._catalogue = catalogue
        self._stars = load_star_settings(home)
        sender = sender or load_content_settings(home).sender
        if sender is None:
            logger.warning(
                "%s has no [sender]: no text is used that says who we are or how to reach us, "
                "calls and SMS among them; write the section (docs/content.md) and start again",
                home / "content.toml",
            )
        self._sender_values = (
            sender_values(sender.insurer, sender.signature, sender.phones) if sender else {}
        )

    def text(
        self, candidate: Candidate, tags: Mapping[str, Any], speech: Speech
    ) -> ContactText | list[str]:
        """Fill in the script of a candidate: the first whose variables are all known.

        Parameters
        ----------
        candidate : Candidate
            The candidate that was chosen.
        tags : Mapping[str, object]
            The customer's tags by name, at least `self.tags`.
        speech : Speech
            Where, when and with what is known.

        Returns
        -------
        ContactText or list of str
            The names of what is not known, if no script can do without.
        """
        catalogue, shared = self._catalogue, self._catalogue.shared
        touchpoint = catalogue.find(candidate.touchpoint, tags[BRANCH], speech.stage)
        assert touchpoint is not None
        known = self._known(touchpoint, candidate, tags, speech)
        scripts = catalogue.scripts(
            touchpoint,
            cast("Channel", candidate.channel),
            speech.decision_point,
            offer=candidate.offer is not None,
        )
        script = first_usable(scripts, known, shared.variables)
        if script is None:
            return scripts[-1].unknown(known, shared.variables)
        chinese, english = (
            fill(script, known, shared.variables, language) for language in LANGUAGES
        )
        steward = shared.roles.steward(touchpoint.role, tags[SOLD_BY])
        return ContactText(
            chinese=chinese.text,
            english=english.text,
            purpose_chinese=touchpoint.purpose.chinese,
            purpose_english=touchpoint.purpose.english,
            role="system" if touchpoint.trigger.by == "system" else steward,
            title=_wording(chinese.title, english.title),
            button=_wording(chinese.button, english.button),
            phones=tuple(filter(None, [speech.details.get("account_manager_phone")])),
            values=tuple(
                speech.values[name] for name in _words_of(script) if name in speech.values
            ),
        )

    def label(self, variable: str) -> str:
        """Return the Chinese name of a variable of scripts."""
        return self._catalogue.shared.variables[variable].label

    def _known(
        self, touchpoint: Touchpoint, candidate: Candidate, tags: Mapping[str, Any], speech: Speech
    ) -> dict[str, Any]:
        """Collect the values of all variables that are known; the caller's come first."""
        shared, star = self._catalogue.shared, tags[STAR]
        ours = detail_values(speech.details, touchpoint, shared)
        ours |= self._sender_values
        if star is not None:
            tier = self._stars.tier(int(star))
            ours["star"] = Wording(tier.label, tier.name)
        trigger = touchpoint.trigger
        if trigger.occasion:
            timely = timely_occasions(
                speech.occasions, trigger.occasion, tags[BRANCH], speech.day, trigger.days_before
            )
            ours["occasion"] = next(
                (Wording(occasion.label, occasion.english) for occasion in timely), None
            )
        if candidate.offer:
            offer = shared.offers[candidate.offer.name]
            ours["offer"] = Wording(offer.label, offer.english)
        known = variable_values(shared.variables, tags, {**ours, **speech.values})
        return known | {"speaker": known.get("speaker") or speaker(known)}


def _words_of(script: ScriptTemplate) -> list[str]:
    """List the variables that stand in a script, and those that make up who speaks."""
    names = script.variables
    return [*names, *SPEAKER] if "speaker" in names else names


def _wording(chinese: str | None, english: str | None) -> Wording | None:
    return None if chinese is None or english is None else Wording(chinese, english)

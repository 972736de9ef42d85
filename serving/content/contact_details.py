"""Find numbers and addresses in a text that are not the sender's own, however they are written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from serving.content.characters import plain_form
from serving.content.domains import is_within
from serving.content.forms import Reading
from serving.content.settings import Pattern, Sender

_COUNTRY = re.compile(r"(?:00)?86(?=1[0-9]{10}$)")


class Detail(NamedTuple):
    """A match of a pattern, and its place in the text as written."""

    pattern: str
    start: int
    end: int


@dataclass(frozen=True)
class _Rule:
    """A pattern with its compiled expressions."""

    name: str
    declared: Pattern
    expression: re.Pattern[str]
    unless: re.Pattern[str] | None


class ContactDetails:
    """Find the matches of all patterns; they are compiled once.

    Parameters
    ----------
    patterns : Mapping[str, Pattern]
        By name.
    """

    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self._rules = [
            _Rule(
                name,
                detail,
                re.compile(detail.pattern),
                (detail.unless and re.compile(detail.unless)) or None,
            )
            for name, detail in patterns.items()
        ]

    def find(self, text: str, sender: Sender | None) -> list[Detail]:
        """Find all matches in a text, except the sender's own numbers and addresses."""
        forms = {rule.declared.form for rule in self._rules}
        reads = {form: Reading(text, form) for form in forms}
        own: list[tuple[int, int]] = []
        details = []
        for rule in self._rules:
            read = reads[rule.declared.form]
            for match in _matches(rule, read):
                start, end = read.place(*match.span())
                if _is_own(rule.declared, match, read, text, sender):
                    own.append((start, end))
                elif not (rule.unless and rule.unless.search(plain_form(text[start:end]))):
                    details.append(Detail(rule.name, start, end))
        return [
            detail
            for detail in details
            if not any(start <= detail.start and detail.end <= end for start, end in own)
        ]


def _matches(rule: _Rule, read: Reading) -> Iterator[re.Match[str]]:
    """List the matches of a rule that do not cut a number and pass the check of cards."""
    at = 0
    while match := rule.expression.search(read.text, at):
        ended = _end_of_number(match, rule, read)
        if ended is None or (rule.declared.luhn and not passes_luhn(_digits(ended.group()))):
            at = match.start() + 1
        else:
            yield ended
            at = max(ended.end(), at + 1)


def _end_of_number(match: re.Match[str], rule: _Rule, read: Reading) -> re.Match[str] | None:
    """Shorten a match until it ends where a number ends; None if there is no such match."""
    if read.form not in ("letters", "digits"):
        return match
    if read.cuts_number(match.start()):
        return None
    shorter: re.Match[str] | None = match
    while shorter is not None and read.cuts_number(shorter.end()):
        shorter = rule.expression.match(read.text, shorter.start(), shorter.end() - 1)
    return shorter


def _is_own(
    pattern: Pattern, match: re.Match[str], read: Reading, text: str, sender: Sender | None
) -> bool:
    """Check whether a match is a number or an address of the sender's own.

    Parameters
    ----------
    pattern : Pattern
        Says which of the sender's details it may be.
    match : re.Match
        In the form that was read.
    read : Reading
        The text in that form.
    text : str
        As written: a letter of another alphabet makes another address.
    sender : Sender or None
        None: nothing is anybody's own.
    """
    if pattern.exempt is None or sender is None:
        return False
    named = match.groupdict()
    if pattern.exempt == "phones":
        number = _COUNTRY.sub("", _digits(named.get("number") or match.group()))
        return number in set(map(_digits, sender.phones))
    start, end = read.place(*match.span("host" if named.get("host") else 0))
    return is_within(text[start:end], sender.addresses)


def _digits(text: str) -> str:
    return "".join(character for character in plain_form(text) if character.isdecimal())


def passes_luhn(digits: str) -> bool:
    """Check whether the last digit is the check digit of the others (ISO/IEC 7812-1).

    Examples
    --------
    >>> passes_luhn("79927398713"), passes_luhn("79927398710")
    (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0

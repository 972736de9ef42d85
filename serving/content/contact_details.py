"""Find numbers and addresses in a text that are not the sender's own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from serving.content.characters import plain_form, plain_origins
from serving.content.settings import Pattern, Sender

_DOTS = re.compile(r"\s*(?:[.。]|点)\s*")


@dataclass(frozen=True)
class Detail:
    """A match of a pattern, and its place in the text as written."""

    pattern: str
    start: int
    end: int


class ContactDetails:
    """Find the matches of all patterns; they are compiled once.

    Parameters
    ----------
    patterns : Mapping[str, Pattern]
        By name.
    """

    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self._patterns = {
            name: (pattern, re.compile(pattern.pattern)) for name, pattern in patterns.items()
        }

    def find(self, text: str, sender: Sender | None) -> list[Detail]:
        """Find all matches in a text, except the sender's own numbers and addresses."""
        plain = plain_form(text)
        places: list[int] = []
        details = []
        for name, (pattern, compiled) in self._patterns.items():
            for match in compiled.finditer(plain):
                if _is_exempt(pattern, match, sender) or not _passes(pattern, match):
                    continue
                places = places or plain_origins(text)
                details.append(Detail(name, places[match.start()], places[match.end() - 1] + 1))
        return details


def _is_exempt(pattern: Pattern, match: re.Match[str], sender: Sender | None) -> bool:
    if pattern.exempt is None or sender is None:
        return False
    named = match.groupdict()
    if pattern.exempt == "phones":
        return _digits(named.get("number") or match.group()) in set(map(_digits, sender.phones))
    return _is_within(named.get("host") or match.group(), sender.addresses)


def _is_within(host: str, addresses: Iterable[str]) -> bool:
    """Check whether a host is an address of the list, or a subdomain of one.

    Examples
    --------
    >>> [_is_within(host, ["insurer.cn"]) for host in ("m.insurer.cn:443", "insurer.cn.evil.com")]
    [True, False]
    """
    # What stands before an @ is a name one logs in with, not where the link leads.
    bare = _DOTS.sub(".", host.rpartition("@")[2]).partition(":")[0].strip(".")
    domains = (plain_form(address).strip(".") for address in addresses)
    return any(bare == domain or bare.endswith(f".{domain}") for domain in domains)


def _passes(pattern: Pattern, match: re.Match[str]) -> bool:
    return not pattern.luhn or passes_luhn(_digits(match.group()))


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

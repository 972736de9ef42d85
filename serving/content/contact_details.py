"""Numbers and addresses in a text that are not the sender's own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from serving.content.characters import plain_form, plain_origins
from serving.content.settings import Pattern, Sender

_DOTS = re.compile(r"\s*(?:[.。]|点)\s*")


@dataclass(frozen=True)
class Detail:
    """What a pattern found, and its place in the text as it was written."""

    pattern: str
    start: int
    end: int


class ContactDetails:
    """All patterns, compiled.

    Parameters
    ----------
    patterns : Mapping[str, Pattern]
        By name.
    """

    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self._patterns = {name: (one, re.compile(one.pattern)) for name, one in patterns.items()}

    def find(self, text: str, sender: Sender | None) -> list[Detail]:
        """Everything that a pattern finds and that is not the sender's own."""
        plain = plain_form(text)
        places: list[int] = []
        found = []
        for name, (pattern, compiled) in self._patterns.items():
            for match in compiled.finditer(plain):
                if _is_exempt(pattern, match, sender) or not _passes(pattern, match):
                    continue
                places = places or plain_origins(text)
                found.append(Detail(name, places[match.start()], places[match.end() - 1] + 1))
        return found


def _is_exempt(pattern: Pattern, match: re.Match[str], sender: Sender | None) -> bool:
    if pattern.exempt is None or sender is None:
        return False
    named = match.groupdict()
    if pattern.exempt == "phones":
        return _digits(named.get("number") or match.group()) in set(map(_digits, sender.phones))
    return _is_within(named.get("host") or match.group(), sender.addresses)


def _is_within(host: str, addresses: Iterable[str]) -> bool:
    """Whether a host is one of the addresses or below one.

    Examples
    --------
    >>> [_is_within(host, ["insurer.cn"]) for host in ("m.insurer.cn:443", "insurer.cn.evil.com")]
    [True, False]
    """
    # What stands before an @ is a name one logs in with, not where the link leads.
    bare = _DOTS.sub(".", host.rpartition("@")[2]).partition(":")[0].strip(".")
    return any(bare == one or bare.endswith(f".{one}") for one in _lowered(addresses))


def _lowered(addresses: Iterable[str]) -> Iterator[str]:
    return (plain_form(one).strip(".") for one in addresses)


def _passes(pattern: Pattern, match: re.Match[str]) -> bool:
    return not pattern.luhn or passes_luhn(_digits(match.group()))


def _digits(text: str) -> str:
    return "".join(one for one in plain_form(text) if one.isdecimal())


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check of the others (ISO/IEC 7812-1).

    Examples
    --------
    >>> passes_luhn("79927398713"), passes_luhn("79927398710")
    (True, False)
    """
    total = 0
    for place, one in enumerate(reversed(digits)):
        value = int(one) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0

"""Whether a text may be sent: words, contact details, length, what must be said."""

from dataclasses import dataclass
from pathlib import Path

from features.errors import GuanjiaError, did_you_mean, unknown_name
from serving.content.channel_rules import Kind, Lack, lacks, parts
from serving.content.contact_details import ContactDetails
from serving.content.settings import (
    ContentSettings,
    Rule,
    Sender,
    Severity,
    load_content_settings,
)
from serving.content.words import Words

LONGEST_TEXT = 20_000
KINDS = ("marketing", "service")


@dataclass(frozen=True)
class Finding:
    """Why a text may not be sent as it is.

    Attributes
    ----------
    rule : str
        Name of the list, the pattern or the rule of the channel.
    name, label : str
        What it is called in English and in Chinese.
    why, why_chinese : str
        The reason, a sentence.
    text : str
        What was found, as it was written; empty where something is missing.
    start, end : int
        Its place in the text.
    severity : {"block", "review"}
    """

    rule: str
    name: str
    label: str
    why: str
    why_chinese: str
    text: str
    start: int
    end: int
    severity: Severity

    @property
    def chinese(self) -> str:
        """What a person reads."""
        found = f"“{self.text}”" if self.text else ""
        return f"{self.label}{found}: {self.why_chinese}"

    @property
    def english(self) -> str:
        """The same in English."""
        found = f" “{self.text}”" if self.text else ""
        return f"{self.name}{found}: {self.why}"


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a text.

    Attributes
    ----------
    findings : tuple of Finding
        In the order of the text.
    parts : int
        In how many parts the channel sends it.
    """

    findings: tuple[Finding, ...]
    parts: int

    @property
    def allowed(self) -> bool:
        """Whether it may be sent at once."""
        return not self.findings

    @property
    def blocked(self) -> bool:
        """Whether it may not be sent; neither allowed nor blocked: a person looks first."""
        return any(finding.severity == "block" for finding in self.findings)


class ContentGate:
    """Judges texts; made once, used by any thread.

    Parameters
    ----------
    settings : ContentSettings
        What it goes by.
    """

    def __init__(self, settings: ContentSettings) -> None:
        self._settings = settings
        self._words = Words(settings.words)
        self._details = ContactDetails(settings.patterns)

    def check(
        self, text: str, *, channel: str, kind: Kind, sender: Sender | None = None
    ) -> Verdict:
        """Judge a text.

        Parameters
        ----------
        channel : str
            Of `features.contracts.tables.CONTACT_CHANNELS`.
        kind : {"marketing", "service"}
            Marketing must say how to refuse it.
        sender : Sender, optional
            In whose name; default: the `[sender]` of the home's content.toml.

        Raises
        ------
        UnknownNameError
            If there is no such channel.
        GuanjiaError
            If there is no such kind.
        """
        if channel not in self._settings.channels:
            raise unknown_name("channel", channel, self._settings.channels)
        if kind not in KINDS:
            raise GuanjiaError(f"kind {kind}", "is not known", did_you_mean(kind, KINDS))
        rules, sender = self._settings.channels[channel], sender or self._settings.sender
        findings = [
            _lacking(lack, len(text))
            for lack in lacks(text[: LONGEST_TEXT + 1], rules, kind, sender)
        ]
        if len(text) > LONGEST_TEXT:
            findings.append(_endless(len(text)))
        else:
            findings += self._found(text, sender)
        findings.sort(key=lambda finding: (finding.start, finding.end, finding.rule))
        return Verdict(tuple(findings), parts(text, rules))

    def _found(self, text: str, sender: Sender | None) -> list[Finding]:
        words, patterns = self._settings.words, self._settings.patterns
        found = [
            _finding(hit.list, words[hit.list], text, hit.start, hit.end, split=hit.split)
            for hit in self._words.find(text)
        ]
        found += [
            _finding(one.pattern, patterns[one.pattern], text, one.start, one.end)
            for one in self._details.find(text, sender)
        ]
        return found


def load_gate(home: Path) -> ContentGate:
    """The gate as a home has it: what is shipped, with its `content.toml`.

    Raises
    ------
    GuanjiaError
        If a file is not as declared; it names file, list and field.

    Examples
    --------
    >>> gate = load_gate(Path("no home"))
    >>> verdict = gate.check("续保返 现!", channel="wecom", kind="marketing")
    >>> verdict.blocked, [(one.rule, one.text) for one in verdict.findings]
    (True, [('cash_back', '返 现')])
    """
    return ContentGate(load_content_settings(home))


def _finding(
    list_: str, rule: Rule, text: str, start: int, end: int, *, split: bool = False
) -> Finding:
    # Across the end of a sentence it may be chance: a person looks.
    severity: Severity = "review" if split else rule.severity
    names = rule.name, rule.label, rule.why, rule.why_chinese
    return Finding(list_, *names, text[start:end], start, end, severity)


def _lacking(lack: Lack, end: int) -> Finding:
    names = lack.rule, lack.name, lack.label, lack.why, lack.why_chinese
    return Finding(*names, "", end, end, "block")


def _endless(length: int) -> Finding:
    why = f"It has {length:,} characters; more than {LONGEST_TEXT:,} are not read."
    chinese = f"共{length}字, 超过{LONGEST_TEXT}字的内容不予检查。"
    names = "too_long", "too long", "超长", why, chinese
    return Finding(*names, "", length, length, "block")

"""Check whether a text may be sent: words, contact details, length, what it must say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from features.errors import GuanjiaError, did_you_mean, unknown_name
from serving.content.channel_rules import Kind, Violation, parts, violations
from serving.content.contact_details import ContactDetails
from serving.content.denials import Denied
from serving.content.settings import (
    ContentSettings,
    Rule,
    Sender,
    Severity,
    load_content_settings,
)
from serving.content.word_lists import WordMatcher

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
        Name of the rule in English and in Chinese.
    why, why_chinese : str
        The reason, a sentence.
    text : str
        The words at fault, as written; empty if something is missing.
    start, end : int
        Their place in the text.
    severity : {"block", "review"}
        "review": a person looks before it is sent.
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
        """The finding as a Chinese sentence."""
        quote = f"“{self.text}”" if self.text else ""
        return f"{self.label}{quote}：{self.why_chinese}"

    @property
    def english(self) -> str:
        """The finding as an English sentence."""
        quote = f" “{self.text}”" if self.text else ""
        return f"{self.name}{quote}: {self.why}"


@dataclass(frozen=True)
class Verdict:
    """Result of the check of a text.

    Attributes
    ----------
    findings : tuple of Finding
        In the order of the text.
    parts : int
        Number of parts in which the channel sends it.
    """

    findings: tuple[Finding, ...]
    parts: int

    @property
    def allowed(self) -> bool:
        """Whether the text may be sent at once."""
        return not self.findings

    @property
    def blocked(self) -> bool:
        """Whether the text may not be sent; neither allowed nor blocked: a person looks first."""
        return any(finding.severity == "block" for finding in self.findings)


class ContentCheck:
    """Check texts; created once, shared by threads.

    Parameters
    ----------
    settings : ContentSettings
        Word lists, patterns, channels and the sender.
    """

    def __init__(self, settings: ContentSettings) -> None:
        self._settings = settings
        self._words = WordMatcher(settings.words)
        self._details = ContactDetails(settings.patterns)

    def check(
        self,
        text: str,
        *,
        channel: str,
        kind: Kind,
        sender: Sender | None = None,
        phones: Sequence[str] = (),
    ) -> Verdict:
        """Check a text.

        Parameters
        ----------
        text : str
            The message.
        channel : str
            One of `features.contracts.vocabulary.CONTACT_CHANNELS`.
        kind : {"marketing", "service"}
            Marketing must say how to refuse it.
        sender : Sender, optional
            In whose name it goes out; default: the `[sender]` of the home's content.toml.
        phones : sequence of str
            Numbers that this text may name beside the sender's own.

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
            _violation_finding(violation, len(text))
            for violation in violations(text[: LONGEST_TEXT + 1], rules, kind, sender)
        ]
        if len(text) > LONGEST_TEXT:
            findings.append(_too_long(len(text)))
        else:
            findings += self.search(text, sender, phones)
        findings.sort(key=lambda finding: (finding.start, finding.end, finding.rule))
        return Verdict(tuple(findings), parts(text, rules))

    def search(
        self, text: str, sender: Sender | None = None, phones: Sequence[str] = ()
    ) -> list[Finding]:
        """Search a text, or a part of one, for words of the lists and for contact details.

        What a channel can carry and what a message must say is not asked for: see `check`.

        Parameters
        ----------
        text : str
            The text.
        sender : Sender, optional
            As `check` takes it.
        phones : sequence of str
            Numbers that this text may name beside the sender's own.
        """
        sender = sender or self._settings.sender
        if sender is not None and phones:
            sender = sender.model_copy(update={"phones": (*sender.phones, *phones)})
        words, patterns = self._settings.words, self._settings.patterns
        findings = []
        denied = Denied(text, self._settings.denials)
        for hit in self._words.find(text):
            rule = words[hit.list]
            # Across the end of a sentence it may be chance, and who warns of it names it too.
            milder = rule.severity == "block" and (hit.split or denied.at(hit.start, hit.end))
            severity: Severity = "review" if milder else rule.severity
            findings.append(_finding(hit.list, rule, text, hit.start, hit.end, severity))
        findings += [
            _finding(name, patterns[name], text, start, end, patterns[name].severity)
            for name, start, end in self._details.find(text, sender)
        ]
        return findings


def load_content_check(home: Path) -> ContentCheck:
    """Load the check with the settings of a home: what is shipped, and its `content.toml`.

    Raises
    ------
    GuanjiaError
        If a field of a file is wrong; it names file, list and field.

    Examples
    --------
    >>> content_check = load_content_check(Path("no home"))
    >>> verdict = content_check.check("续保返 现!", channel="wecom", kind="marketing")
    >>> verdict.blocked, [(finding.rule, finding.text) for finding in verdict.findings]
    (True, [('cash_back', '返 现')])
    """
    return ContentCheck(load_content_settings(home))


def _finding(name: str, rule: Rule, text: str, start: int, end: int, severity: Severity) -> Finding:
    names = rule.name, rule.label, rule.why, rule.why_chinese
    return Finding(name, *names, text[start:end], start, end, severity)


def _violation_finding(violation: Violation, end: int) -> Finding:
    names = violation.rule, violation.name, violation.label, violation.why, violation.why_chinese
    return Finding(*names, "", end, end, "block")


def _too_long(length: int) -> Finding:
    why = f"It has {length:,} characters; more than {LONGEST_TEXT:,} are not read."
    chinese = f"共{length}字，超过{LONGEST_TEXT}字的内容不予检查。"
    names = "too_long", "too long", "超长", why, chinese
    return Finding(*names, "", length, length, "block")

"""Search the tags, scores and segments of conditions, by what they are called and mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.condition_forms.condition import read_condition
from features.condition_forms.vocabulary import Vocabulary, folded
from features.dictionary.phrases import CHINESE, ENGLISH, Phrase, phrases_of
from features.errors import GuanjiaError
from features.tags.catalogue import catalogue, groups
from training.models import MODELS

SCORES, SEGMENTS = "scores", "segments"
PARTS = {SCORES: ("预测与价值", "Predictions and worth"), SEGMENTS: ("分群", "Segments")}
HIDDEN = ("customer_id", "as_of", "snapshot_id")
"""Columns that say nothing of a customer; a text may name them."""
MOST = 24


@dataclass(frozen=True)
class TagMatch:
    """A tag, score or segment that a search found.

    Attributes
    ----------
    name, label : str
        As files name it, and in Chinese.
    chinese : Phrase
        What it means, in Chinese where it is declared; of a segment, its rule.
    english : str
        The same in English.
    part : str
        Tag group, `scores` or `segments`.
    """

    name: str
    label: str
    chinese: Phrase
    english: str
    part: str


@dataclass(frozen=True)
class TagMatches:
    """What a search found: the best in their groups, and how many there are."""

    by_part: dict[str, list[TagMatch]]
    total: int
    shown: int

    @property
    def first(self) -> str:
        """The name of the first that is shown; "" if nothing was found."""
        return next((tag.name for tags in self.by_part.values() for tag in tags), "")


def part_names() -> dict[str, tuple[str, str]]:
    """Return the groups in which tags can be browsed, with their names in two languages."""
    of_tags = {name: (group.label, name.replace("_", " ")) for name, group in groups().items()}
    return {SCORES: PARTS[SCORES], **of_tags, SEGMENTS: PARTS[SEGMENTS]}


def search_tags(vocabulary: Vocabulary, words: str, part: str = "") -> TagMatches:
    """Search tags whose name, label or definition holds all of the words.

    Parameters
    ----------
    vocabulary : Vocabulary
        The tags, scores and segments.
    words : str
        Words with spaces between; none: everything of the group is found.
    part : str
        Tag group, `scores` or `segments`; empty: everywhere.
    """
    terms = folded(words).split()
    if not terms and not part:
        return TagMatches({}, 0, 0)
    ranked = sorted(
        (rank, place, tag)
        for place, tag in enumerate(_all(vocabulary))
        if part in ("", tag.part) and (rank := _rank(tag, terms)) is not None
    )  # places differ, so that tags are never compared
    best = [tag for _, _, tag in ranked[:MOST]]
    by_part: dict[str, list[TagMatch]] = {}
    for tag in best:
        by_part.setdefault(tag.part, []).append(tag)
    return TagMatches(by_part, len(ranked), len(best))


def _rank(tag: TagMatch, terms: list[str]) -> int | None:
    """Rank a tag: called so, called nearly so, described so; None: a word is not in it."""
    name, label = folded(tag.name), folded(tag.label)
    meaning = f"{folded(tag.chinese.text)} {folded(tag.english)}"
    text = f"{name} {name.replace('_', ' ')} {label} {meaning}"
    if not all(word in text for word in terms):
        return None
    phrase = " ".join(terms)
    if phrase in (name, label):
        return 0
    if all(word in name or word in label for word in terms):
        return 1 if label.startswith(terms[0]) or name.startswith(terms[0]) else 2
    return 3


def _all(vocabulary: Vocabulary) -> Iterator[TagMatch]:
    tags: Mapping[str, object] = catalogue()
    for name, column in vocabulary.columns.items():
        if name not in tags and name not in HIDDEN:
            yield TagMatch(name, column.label, *definition_of(name, vocabulary), SCORES)
    for tag in catalogue().values():
        if tag.name in vocabulary.columns:
            label = vocabulary.columns[tag.name].label
            chinese = phrases_of(tag, CHINESE).definition
            yield TagMatch(tag.name, label, chinese, tag.definition, tag.group)
    for name, segment in vocabulary.segments.items():
        yield TagMatch(name, segment.label, Phrase(segment.rule, ENGLISH), segment.rule, SEGMENTS)


def definition_of(name: str, vocabulary: Vocabulary) -> tuple[Phrase, str]:
    """Return the definition of a tag; of a prediction, whom it is made for; else nothing.

    Parameters
    ----------
    name : str
        The tag or the column of scores.
    vocabulary : Vocabulary
        What the condition of a prediction is written in Chinese with.

    Returns
    -------
    (Phrase, str)
        In Chinese, where it is declared, and in English.
    """
    tag = catalogue().get(name)
    if tag is not None:
        return phrases_of(tag, CHINESE).definition, tag.definition
    if name not in MODELS:
        return Phrase("", CHINESE), ""
    model = MODELS[name]
    english = f"Prediction of the model {name}, of customers with {model.eligible}."
    try:
        condition = read_condition(model.eligible, vocabulary).chinese
    except GuanjiaError:
        return Phrase(english, ENGLISH), english
    chinese = f"模型预测的{model.label}；只对符合条件的客户预测：{condition}。"
    return Phrase(chinese, CHINESE), english

"""Every kind of finding, verdict and alert is said in both languages, with the same figures."""

import re
from string import Formatter
from typing import Any

import pytest

from guanjia.jobs.publication.finding_words import KINDS as FINDINGS
from guanjia.jobs.publication.finding_words import MEANINGS, OTHERS
from training.monitoring.alert_words import CURES, RETRAIN
from training.promotion.verdicts import KINDS as VERDICTS

TEXTS: dict[str, Any] = {
    **{f"finding {kind}": texts for kind, texts in FINDINGS.items()},
    **{f"verdict {kind}": texts for kind, texts in VERDICTS.items()},
    **{f"cure {figure}": ((cure[0],), (cure[1],)) for figure, cure in CURES.items()},
    "retrain": ((RETRAIN[0],), (RETRAIN[1],)),
}
NAMES = {"table", "subject", "model", "group", "label", "family", "as_of", "error", "cure"}
"""Fields that name a thing in one language, or stand in a command that only one of them gives."""
LATIN = re.compile(r"`[^`]*`|--known-by|quality\.toml|AUC|PSI")
"""Commands and files that are written alike in both languages."""


def fields(parts: Any) -> set[str]:
    """Names of the figures of a text; what is worded in each language counts as one."""
    names = {name for part in parts for _, name, _, _ in Formatter().parse(part) if name}
    return {re.sub("^(english|chinese|differing)_", "", name) for name in names} - NAMES


@pytest.mark.parametrize("kind", TEXTS)
def test_both_languages_name_the_same_figures(kind: str) -> None:
    english, chinese = TEXTS[kind]
    assert fields(english) == fields(chinese)


def test_the_chinese_of_a_kind_is_chinese() -> None:
    texts = {kind: "".join(chinese) for kind, (_, chinese) in TEXTS.items()}
    texts |= {f"meaning {table}": chinese for table, (_, chinese) in MEANINGS.items()}
    texts["meaning of others"] = OTHERS[1]
    for kind, text in texts.items():
        words = LATIN.sub("", re.sub(r"\{[^}]*\}", "", text))
        assert not re.search("[A-Za-z]", words), f"{kind}: {words}"
        assert re.search("[一-鿿]", words), kind
        assert not re.search(r"[,;:()]", words), f"{kind}: {words}"

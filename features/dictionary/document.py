"""Write docs/tags.zh.md from the catalogue: `guanjia catalogue --language zh --out PAGE`."""

from pathlib import Path

from features.dictionary.phrases import CHINESE, phrases_of
from features.markdown import chinese_item
from features.tags.catalogue import catalogue, groups
from features.tags.declare import Tag, TagGroup

TYPES = {"int64": "整数", "float64": "小数", "string": "文字", "boolean": "是或否"}
NEVER_NULL = "never null"
HEAD = Path(__file__).with_name("head.md")


def render() -> str:
    """Render the page as Markdown."""
    parts = [HEAD.read_text(encoding="utf-8").format(count=len(catalogue()), groups=len(groups()))]
    parts += [_section(group) for group in groups().values()]
    return "\n".join(parts)


def _section(group: TagGroup) -> str:
    """Render the heading and the list of tags of a group."""
    lines = [f"## {group.label} {group.name}", "", f"{len(group.tags)} 个标签。", ""]
    return "\n".join([*lines, *map(_entry, group.tags.values()), ""])


def _entry(tag: Tag) -> str:
    words = phrases_of(tag, CHINESE)
    null = words.null.text if tag.null == NEVER_NULL else f"空值：{words.null}"
    kinds = dict.fromkeys([TYPES[tag.type], str(words.unit), str(words.window)])
    return chinese_item(
        f"`{tag.name}` {tag.label}（{'，'.join(kinds)}）。{words.definition}{null}。"
    )

"""Say how an export was made: list, version, hash, condition, waterfall, who, when, its number."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class AboutExport:
    """How an export was made, as its files tell it.

    Attributes
    ----------
    export_id : str
        Number of the export in the records.
    name, label : str
        The list, and its Chinese label.
    as_of : date
        Date of tags and scores.
    who, why : str
        Who takes it, and what for.
    at : datetime
        When, with a time zone.
    plain, chinese : str
        The condition in both forms.
    version : str
        Version of the list's definition; empty: a list that is declared in code.
    content_hash : str
        Hash of the release; empty: it was not released.
    waterfall : sequence of (str, int)
        What each rule left out, in Chinese, and how many are sent at the end.
    masked : bool
        Whether personal data are masked.
    named : sequence of str
        Columns that the condition and the file name; of those that are tags, the definitions are
        told.
    """

    export_id: str
    name: str
    label: str
    as_of: date
    who: str
    why: str
    at: datetime
    plain: str = ""
    chinese: str = ""
    version: str = ""
    content_hash: str = ""
    waterfall: Sequence[tuple[str, int]] = field(default=())
    masked: bool = True
    named: Sequence[str] = ()

    def lines(self) -> list[tuple[str, str | int]]:
        """List what people read, heading and value."""
        return [
            ("名单", f"{self.label}（{self.name}）"),
            ("版本", self.version or "无（代码内定义）"),
            ("发布指纹", self.content_hash or "未发布"),
            ("数据截止日", self.as_of.isoformat()),
            ("筛选条件", self.chinese or "无"),
            ("筛选条件（英文）", self.plain or "none"),
            *(
                (
                    f"释义：{tag['label']}",
                    f"{tag['definition']}（单位：{tag['unit']}；窗口：{tag['window']}；"
                    f"空值：{tag['null']}）",
                )
                for tag in self.definitions()
            ),
            *((f"漏斗：{words}", number) for words, number in self.waterfall),
            ("导出人", self.who),
            ("用途", self.why),
            ("导出时间", self.at.isoformat(timespec="seconds")),
            ("导出号", self.export_id),
            ("个人信息", "已脱敏" if self.masked else "未脱敏，请妥善保管，用后删除"),
        ]

    def definitions(self) -> list[dict[str, str]]:
        """List what the tags named are, in Chinese: name, label, definition, unit, window, null."""
        # Commands that export without a tag do not wait for the catalogue.
        from features.dictionary.phrases import CHINESE, phrases_of
        from features.tags.catalogue import catalogue

        tags = catalogue()
        return [
            {"name": name, "label": tags[name].label}
            | {part: str(phrase) for part, phrase in vars(phrases_of(tags[name], CHINESE)).items()}
            for name in dict.fromkeys(self.named)
            if name in tags
        ]

    def fields(self) -> dict[str, Any]:
        """Return the same as names and values, for JSON."""
        return {
            "export_id": self.export_id,
            "list": self.name,
            "label": self.label,
            "version": self.version,
            "content_hash": self.content_hash,
            "as_of": self.as_of.isoformat(),
            "condition": self.plain,
            "condition_chinese": self.chinese,
            "tags": self.definitions(),
            "waterfall": [{"step": words, "customers": number} for words, number in self.waterfall],
            "who": self.who,
            "why": self.why,
            "at": self.at.isoformat(timespec="seconds"),
            "masked": self.masked,
        }

    def metadata(self) -> dict[str, str]:
        """Return the same as texts, for the metadata of a Parquet file."""
        return {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in self.fields().items()
        }

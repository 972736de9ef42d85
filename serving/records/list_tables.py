"""Tables of target lists: versions of their definitions, and releases of frozen members.

The members themselves are a file under home, one a release; no row here names a customer.
"""

from sqlalchemy import CheckConstraint, Date, Integer, Table, UniqueConstraint

from serving.records.columns import Document, Instant, Text, column
from serving.records.metadata import METADATA

list_versions = Table(
    "list_versions",
    METADATA,
    column("version_id", Text, "名单版本号", primary_key=True),
    column("name", Text, "名单"),
    column("version", Integer, "版本"),
    column("label", Text, "名单名称"),
    column("document", Document, "名单定义"),
    column("definition_hash", Text, "定义摘要"),
    column("author", Text, "编写人"),
    column("note", Text, "修改说明"),
    column("made_at", Instant, "修改时间"),
    UniqueConstraint("name", "version"),
    info={"label": "名单定义"},
)
"""One row per version of a list's definition; append-only."""

list_releases = Table(
    "list_releases",
    METADATA,
    column("release_id", Text, "发布号", primary_key=True),
    column("name", Text, "名单"),
    column("version", Integer, "版本"),
    column("as_of", Date, "数据日期"),
    column("state", Text, "状态"),
    column("members", Integer, "客户数"),
    column("content_hash", Text, "名单内容摘要"),
    column("file", Text, "名单文件"),
    column("document", Document, "发布明细"),
    column("released_by", Text, "发布人"),
    column("released_at", Instant, "发布时间"),
    column("approved_by", Text, "复核人", nullable=True),
    column("approved_at", Instant, "复核时间", nullable=True),
    CheckConstraint("state IN ('waiting', 'released')", name="state"),
    info={"label": "名单发布"},
)
"""One row per release: what was frozen, under which hash, by whom, and who approved it."""

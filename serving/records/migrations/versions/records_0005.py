"""Packed decisions, days for which contacts are reserved, outcomes as reported, retention.

Documents of decisions are compressed, each by itself: later ones refer to frames and are a fifth of
that. A contact of before counts on the day on which it counted until now.
"""

import logging
import zlib

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

logger = logging.getLogger(__name__)
BATCH_ROWS = 1_000


def upgrade() -> None:
    """Add the columns and two tables, pack the documents, drop their column."""
    op.create_table(
        "decision_frames",
        sa.Column("frame_id", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("frame_id", name=op.f("pk_decision_frames")),
    )
    op.create_table(
        "retentions",
        sa.Column("retention_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("kept_days", sa.Integer(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("ordered_by", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("retention_id", name=op.f("pk_retentions")),
    )
    op.add_column("outcomes", sa.Column("reported_at", sa.BigInteger(), nullable=True))
    op.add_column("contacts", sa.Column("planned_day", sa.Date(), nullable=True))
    op.execute("UPDATE contacts SET planned_day = local_day")
    with op.batch_alter_table("contacts") as contacts:
        contacts.alter_column("planned_day", existing_type=sa.Date(), nullable=False)
    op.add_column("decisions", sa.Column("frame_id", sa.String(), nullable=True))
    op.add_column("decisions", sa.Column("packed", sa.LargeBinary(), nullable=True))
    decisions, before, after = _pack()
    with op.batch_alter_table("decisions") as table:
        table.alter_column("packed", existing_type=sa.LargeBinary(), nullable=False)
        table.drop_column("document")
    if decisions:
        logger.warning(
            "%d decisions of before are packed: their documents take %.1f MB instead of %.1f MB",
            decisions, after / 1e6, before / 1e6,
        )  # fmt: skip


def _pack() -> tuple[int, int, int]:
    """Pack every document; return how many, and their bytes before and after."""
    connection, last, count, before, after = op.get_bind(), "", 0, 0, 0
    read = sa.text(
        "SELECT decision_id, CAST(document AS TEXT) FROM decisions WHERE decision_id > :last "
        "ORDER BY decision_id LIMIT :most"
    )
    write = sa.text("UPDATE decisions SET packed = :packed WHERE decision_id = :decision_id")
    while rows := connection.execute(read, {"last": last, "most": BATCH_ROWS}).all():
        texts = [(number, text.encode()) for number, text in rows]
        packed = [{"decision_id": number, "packed": zlib.compress(text)} for number, text in texts]
        connection.execute(write, packed)
        last, count = rows[-1][0], count + len(rows)
        before += sum(len(text) for _, text in texts)
        after += sum(len(row["packed"]) for row in packed)
    return count, before, after

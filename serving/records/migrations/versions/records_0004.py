"""Client keys of two subjects never meet: spaces of a subject are written as %20.

A key was the subject, a space and the caller's own key. Where there is one space in it, it stays,
unless the subject has a per cent. Where there are more, the subject of a decision is in its
document; of outcomes and consents it is not known where the subject ended: all but the last word
are taken for it, since subjects ("mini app") have spaces more often than keys.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
TABLES = {
    "decisions": "decision_id",
    "outcomes": "outcome_id",
    "consent_changes": "change_id",
}


def upgrade() -> None:
    """Write the keys of subjects with spaces or per cents anew."""
    connection = op.get_bind()
    for name, key in TABLES.items():
        rows = sa.table(name, sa.column(key), sa.column("client_key"), sa.column("document"))
        row_id, old = rows.c[key], rows.c.client_key
        document = rows.c.document if name == "decisions" else sa.null()
        ambiguous = old.like("% % %") | old.like("%!%% %", escape="!")
        # The longest first: a key becomes longer, and so meets only keys that have changed already.
        ambiguous_rows = connection.execute(
            sa.select(row_id, old, document).where(ambiguous).order_by(sa.func.length(old).desc())
        ).all()
        new: dict[str, Any] = {"client_key": sa.bindparam("key")}
        change = sa.update(rows).where(row_id == sa.bindparam("row")).values(new)
        for row, stored, document_of_row in ambiguous_rows:
            connection.execute(
                change, {"row": row, "key": _joined(stored, _subject(stored, document_of_row))}
            )


def _subject(stored: str, document: Any) -> str:
    """Find where the subject of a key ends."""
    if document is not None:
        content = json.loads(document) if isinstance(document, str) else document
        subject = str(content.get("asked_by", ""))
        if subject and stored.startswith(f"{subject} "):
            return subject
    return stored.rpartition(" ")[0]


def _joined(stored: str, subject: str) -> str:
    words = subject.replace("%", "%25").replace(" ", "%20")
    return f"{words} {stored[len(subject) + 1 :]}"

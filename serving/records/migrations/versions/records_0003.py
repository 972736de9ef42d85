"""No tasks of account managers: nothing ever opened one."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Drop their table, and the number of them in handovers."""
    op.drop_table("tasks")
    with op.batch_alter_table("handovers") as handovers:
        handovers.drop_column("tasks")

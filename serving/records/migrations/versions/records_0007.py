"""Campaigns, their drawn members, and the looks that were taken."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "campaigns",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("planned_by", sa.String(), nullable=False),
        sa.Column("launched_at", sa.BigInteger(), nullable=True),
        sa.Column("launched_by", sa.String(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("close_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'running', 'stopped', 'ended')",
            name=op.f("ck_campaigns_state"),
        ),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_campaigns")),
    )
    op.create_table(
        "campaign_members",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("household", sa.String(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("star", sa.Integer(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.Column("branch", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", "customer_id", name=op.f("pk_campaign_members")),
    )
    with op.batch_alter_table("campaign_members") as members:
        members.create_index(op.f("ix_campaign_members_customer_id"), ["customer_id"])
    op.create_table(
        "campaign_looks",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("information", sa.Float(), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("looked_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "as_of", name=op.f("pk_campaign_looks")),
    )

"""The first tables of operational records."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "capacity_prices",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("capacity", sa.Float(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "branch", "channel", name=op.f("pk_capacity_prices")),
    )
    op.create_table(
        "consent_changes",
        sa.Column("change_id", sa.String(), nullable=False),
        sa.Column("client_key", sa.String(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("outcome_id", sa.String(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('marketing', 'profiling', 'location')",
            name=op.f("ck_consent_changes_purpose"),
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_consent_changes")),
        sa.UniqueConstraint("client_key", name=op.f("uq_consent_changes_client_key")),
    )
    op.create_index(
        op.f("ix_consent_changes_customer_id"), "consent_changes", ["customer_id"], unique=False
    )
    op.create_table(
        "contacts",
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("client_key", sa.String(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("decision_id", sa.String(), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("touchpoint", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("campaign", sa.String(), nullable=True),
        sa.Column("branch", sa.String(), nullable=True),
        sa.Column("account_manager_id", sa.String(), nullable=True),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("reserved_until", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.CheckConstraint("purpose IN ('service', 'marketing')", name=op.f("ck_contacts_purpose")),
        sa.CheckConstraint(
            "state IN ('reserved', 'sent', 'released')", name=op.f("ck_contacts_state")
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("client_key", name=op.f("uq_contacts_client_key")),
    )
    op.create_index(
        op.f("ix_contacts_customer_id_local_day"),
        "contacts",
        ["customer_id", "local_day"],
        unique=False,
    )
    op.create_index(op.f("ix_contacts_decision_id"), "contacts", ["decision_id"], unique=False)
    op.create_index(
        "ix_contacts_reserved_of_manager",
        "contacts",
        ["account_manager_id"],
        unique=False,
        sqlite_where=sa.text("state = 'reserved'"),
        postgresql_where=sa.text("state = 'reserved'"),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("client_key", sa.String(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("decision_point", sa.String(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("branch", sa.String(), nullable=True),
        sa.Column("touchpoint", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("mandatory", sa.Boolean(), nullable=False),
        sa.Column("randomised", sa.Boolean(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("holdout", sa.Boolean(), nullable=False),
        sa.Column("degraded", sa.Boolean(), nullable=False),
        sa.Column("snapshot_id", sa.String(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("client_key", name=op.f("uq_decisions_client_key")),
    )
    op.create_index(
        op.f("ix_decisions_customer_id_decided_at"),
        "decisions",
        ["customer_id", "decided_at"],
        unique=False,
    )
    op.create_table(
        "erasures",
        sa.Column("receipt_id", sa.String(), nullable=False),
        sa.Column("customer_hash", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_customer_hash"), "erasures", ["customer_hash"], unique=False)
    op.create_table(
        "exports",
        sa.Column("export_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("customer_ids", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("export_id", name=op.f("pk_exports")),
    )
    op.create_table(
        "handovers",
        sa.Column("handover_id", sa.String(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("leaver", sa.String(), nullable=False),
        sa.Column("successor", sa.String(), nullable=False),
        sa.Column("handed_by", sa.String(), nullable=False),
        sa.Column("handed_at", sa.BigInteger(), nullable=False),
        sa.Column("tasks", sa.Integer(), nullable=False),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("handover_id", name=op.f("pk_handovers")),
    )
    op.create_table(
        "manager_assignments",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("account_manager_id", sa.String(), nullable=False),
        sa.Column("assigned_at", sa.BigInteger(), nullable=False),
        sa.Column("handover_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_manager_assignments")),
    )
    op.create_table(
        "outcomes",
        sa.Column("outcome_id", sa.String(), nullable=False),
        sa.Column("client_key", sa.String(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("outcome_id", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("client_key", name=op.f("uq_outcomes_client_key")),
    )
    op.create_index(op.f("ix_outcomes_contact_id"), "outcomes", ["contact_id"], unique=False)
    op.create_index(
        op.f("ix_outcomes_customer_id_occurred_at"),
        "outcomes",
        ["customer_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "reads",
        sa.Column("read_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("customer_ids", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("read_id", name=op.f("pk_reads")),
    )
    op.create_table(
        "review_requests",
        sa.Column("review_id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_review_requests")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_review_requests_decision_id")),
    )
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("account_manager_id", sa.String(), nullable=False),
        sa.Column("touchpoint", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'done', 'dropped')", name=op.f("ck_tasks_state")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_tasks")),
    )
    op.create_index(
        op.f("ix_tasks_account_manager_id_state_due_on"),
        "tasks",
        ["account_manager_id", "state", "due_on"],
        unique=False,
    )

"""Head the columns of workbooks that people fill in: 保单号/policy_id."""

import ibis.expr.datatypes as dt

from features.contracts.contract import Contract

FORMS = {
    dt.Timestamp: ("时间", "2025-07-01 09:30:00"),
    dt.Date: ("日期", "2025-07-01"),
    dt.Decimal: ("金额", "2779.10"),
    dt.Int64: ("整数", "3"),
    dt.Float64: ("数值", "1.05"),
    dt.Boolean: ("是否", "true 或 false"),
    dt.String: ("文本", ""),
}
"""Kind of a type -> its Chinese name, and how a cell is written."""


def heading_of(contract: Contract, column: str) -> str:
    """Return the heading of a column: its Chinese label and its name.

    Examples
    --------
    >>> from features.contracts.tables import CONTRACTS
    >>> heading_of(CONTRACTS["policies"], "policy_id")
    '保单号/policy_id'
    """
    return f"{contract.declared[column].label}/{column}"


def form_of(contract: Contract, column: str) -> tuple[str, str]:
    """Return the Chinese name of a column's type, and how its cells are written."""
    type_ = contract.columns[column]
    return next(form for kind, form in FORMS.items() if isinstance(type_, kind))

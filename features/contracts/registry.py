"""Keep the contracts of the raw tables; `features.contracts.tables` declares them here.

Import `CONTRACTS` from there: here it is empty until they are declared.
"""

from collections.abc import Callable

import ibis.expr.types as ir

from features.contracts.contract import Contract, RawTable, contract_of

CONTRACTS: dict[str, Contract] = {}
"""Contracts by table. The order is that of the declarations."""


def contract(
    *, label: str, key: str, event_time: str, required: bool = False
) -> Callable[[type[RawTable]], type[RawTable]]:
    """Register the decorated class as the contract of the raw table that is named like it.

    Parameters
    ----------
    label, key, event_time : str
        Chinese label, key column and event time, as in `Contract`.
    required : bool
        True if Guanjia does not work without the table.
    """

    def register(model: type[RawTable]) -> type[RawTable]:
        declared = contract_of(model, label, key, event_time, required=required)
        CONTRACTS[declared.name] = declared
        return model

    return register


def not_before(later: ir.Value, earlier: ir.Value) -> ir.Value:
    """Check that `later` is absent or not before `earlier`."""
    return later.isnull() | (later >= earlier)

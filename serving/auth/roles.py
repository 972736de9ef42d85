"""Declare the roles of the console: which scopes each gives, the same as tokens have.

A user may have several roles. What a role may see is limited further by the user's branches.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from features.errors import unknown_name
from serving.auth.access import SCOPES


@dataclass(frozen=True)
class Role:
    """A role.

    Attributes
    ----------
    label, english : str
        Its name in Chinese and in English.
    scopes : frozenset of str
        Names of `SCOPES`.
    """

    label: str
    english: str
    scopes: frozenset[str]


def _role(label: str, english: str, *scopes: str) -> Role:
    return Role(label, english, frozenset(scopes))


_READING = ("touchpoints:read", "tags:read", "home:read")
ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "marketer": _role(
            "营销人员", "marketer", *_READING, "predict", "customers:read", "lists:read",
            "lists:write", "lists:release", "lists:export", "campaigns:read", "campaigns:write",
            "reports:read",
        ),
        "manager": _role(
            "机构负责人", "manager of branches", *_READING, "predict", "customers:read",
            "lists:read", "lists:release", "lists:export", "campaigns:read", "reports:read",
        ),
        "steward": _role(
            "服务管家", "service steward", *_READING, "predict", "customers:read", "lists:read",
            "decide", "decisions:read", "reviews:read", "reviews:answer", "consents:read",
            "consents:write",
        ),
        "scientist": _role(
            "数据科学家", "data scientist", *_READING, "metrics:read", "campaigns:read",
            "reports:read", "models:promote",
        ),
        "compliance": _role(
            "合规人员", "compliance", *_READING, "customers:read", "decisions:read",
            "reviews:read", "consents:read", "customers:erase", "metrics:read", "lists:read",
        ),
        "administrator": _role("管理员", "administrator", *SCOPES),
    }
)  # fmt: skip
"""Roles by name."""


def require_role(name: str) -> str:
    """Return the name of a role; refuse a name that is none.

    Raises
    ------
    UnknownNameError
        If no role has the name; the error names the nearest.
    """
    if name not in ROLES:
        raise unknown_name("role", name, ROLES)
    return name


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """Return all scopes that roles give together."""
    return frozenset().union(*(ROLES[role].scopes for role in roles))

"""TEMPORARY: to be replaced by the catalogue."""

from collections.abc import Mapping
from typing import Any

from features.lake import Lake
from serving.decision.candidates import Candidate
from serving.decision.menu import Words


class TouchpointMenu:
    """Nothing yet."""

    def __init__(self, lake: Lake) -> None:
        self.tags: list[str] = []
        self.version = ""

    def candidates(
        self, decision_point: str, tags: Mapping[str, Any], stage: str | None
    ) -> list[Candidate]:
        """None."""
        return []

    def words(
        self,
        candidate: Candidate,
        tags: Mapping[str, Any],
        stage: str | None,
        values: Mapping[str, str],
    ) -> Words:
        """None."""
        raise NotImplementedError

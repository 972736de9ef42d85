"""Find what a silence rests on: the gates that really held, the strongest first.

A gate really held if some contact would have passed without it. A customer has not added us on
WeCom and was contacted today already: the cap of the day held, for without the other gate there
would have been silence all the same.
"""

from collections.abc import Mapping

from serving.decision.core import DecisionResult, ScoredCandidate
from serving.decision.gates import CHANNEL_ASKED, Gate

NOTHING_DUE, NOT_WORTH_IT, DRAWN = "nothing_due", "not_worth_it", "drawn"
"""What a silence rests on where no gate held."""
STRENGTH = (
    "consent",
    "opted_out",
    "cooling_off",
    "open_complaint",
    "open_claim",
    "holdout",
    "campaign",
    "reachable",
    "caps",
    "words",
    "content",
    "prediction",
    CHANNEL_ASKED,
)
"""Gates, the strongest first: the customer's word, their troubles, the lot, what can be done, what
is worth it. Rules of the contact caps stand where "caps" does."""
OF_TEXTS = ("words", "content")
_PLACES = {name: place for place, name in enumerate(STRENGTH)}
_SAME = {"opted_out": "consent"}
"""Gates that find the same as another one does: who opted out of a channel refuses it."""


def silence_reasons(result: DecisionResult) -> list[str]:
    """Name what a silence rests on, the strongest first: gates, or why none had to hold.

    Examples
    --------
    >>> silence_reasons(DecisionResult(None, False, 1.0, False, False, [], []))
    ['nothing_due']
    """
    if not result.candidates:
        return [NOTHING_DUE]
    if result.drawn:
        return [DRAWN]
    if any(scored.eligible for scored in result.candidates) and not _unsaid(result):
        return [NOT_WORTH_IT]
    return list(dict.fromkeys(gate.name for gate in held_gates(result)))


def held_gates(result: DecisionResult) -> list[Gate]:
    """List the gates that really held where nothing could be done, the strongest first.

    Findings that differ by channel are all there, each once. Where more than one gate held back
    every contact, they are those of the contact with the fewest. Where some contact passed and was
    not worth it, they are those of the contacts that were, and could not be put into words.
    """
    if any(scored.eligible for scored in result.candidates):
        return _unsaid(result)
    failed = [_failed(scored) for scored in result.candidates if not scored.eligible]
    # To who asked for WeCom a phone call is no contact that something else held back.
    reachable = [gates for gates in failed if CHANNEL_ASKED not in gates] or failed
    alone = [gates for gates in reachable if len(gates) == 1]
    nearest = alone or sorted(reachable, key=_distance)[:1]
    gates_by_words = {
        (gate.name, gate.chinese): gate for gates in nearest for gate in gates.values()
    }
    return sorted(gates_by_words.values(), key=lambda gate: _place(gate.name))


def _unsaid(result: DecisionResult) -> list[Gate]:
    """List the gates of texts, each finding once: only what had been chosen was read."""
    unsaid = {
        (gate.name, gate.chinese): gate
        for scored in result.candidates
        for gate in scored.gates
        if gate.name in OF_TEXTS and not gate.passed
    }
    return sorted(unsaid.values(), key=lambda gate: _place(gate.name))


def _failed(scored: ScoredCandidate) -> Mapping[str, Gate]:
    """Group the failed gates of a candidate by what they find."""
    failed: dict[str, Gate] = {}
    for gate in scored.gates:
        if not gate.passed:
            failed.setdefault(_SAME.get(gate.name, gate.name), gate)
    return failed


def _distance(failed: Mapping[str, Gate]) -> tuple[int, list[int]]:
    """Order candidates by how many gates hold them back, then by how strong those are."""
    return len(failed), sorted(map(_place, failed), reverse=True)


def _place(name: str) -> int:
    return _PLACES.get(name, _PLACES["caps"])

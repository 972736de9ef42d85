"""Callers who ask a service at random, note what it acknowledged, and check it in the end."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

KINDS = ("predict", "decide", "outcome", "withdraw")
WEIGHTS = (35, 50, 12, 3)
SHARED = 0.2
"""Share of decisions that are asked for with a key that other callers use for the same request."""
SHARED_KEYS = 100
DECLARED = {
    "predict": {200, 429},
    "decide": {200, 429, 503},
    "outcome": {200, 207, 429, 503},
    "withdraw": {200, 201, 429, 503},
}
"""What a kind of request may be answered, whatever is at fault."""
MOST_A_DAY = 1
"""Marketing contacts of a customer in a day, by the shipped caps."""


@dataclass
class Acknowledged:
    """What the service said that it did; callers share it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: set[str] = field(default_factory=set)
    withdrawn: dict[str, tuple[str, float]] = field(default_factory=dict)
    operations: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    degraded: int = 0
    violations: list[str] = field(default_factory=list)


class RandomCaller:
    """Ask at random; which requests in which order follows from the seed, and when does not.

    Parameters
    ----------
    asker : Asker
        Who asks.
    noted : Acknowledged
        What all callers note.
    seed, number : int
        The seed of the run, and the number of the caller.
    at : str
        When outcomes and withdrawals are said to have happened.
    """

    def __init__(self, asker: Any, noted: Acknowledged, seed: int, number: int, at: str) -> None:
        self._asker, self._noted, self._at = asker, noted, at
        self._drawn = random.Random(f"caller {number} of {seed}")
        self._name, self._count = f"caller {number}", 0
        self._contacts: list[str] = []

    def ask_until(self, until: float) -> None:
        """Ask until an instant of `time.monotonic`."""
        while time.monotonic() < until:
            self.ask()

    def ask(self) -> None:
        """Send one request, and note what it was answered."""
        (kind,) = self._drawn.choices(KINDS, WEIGHTS)
        customer = self._drawn.choice(self._asker.renewing)
        self._count += 1
        try:
            status = getattr(self, f"_{kind}")(customer, f"{self._name} request {self._count}")
        except httpx.HTTPError as error:
            self._violate(f"{kind} was not answered: {error!r}")
            return
        with self._noted.lock:
            self._noted.operations[kind] += 1
            self._noted.answers[kind, status] += 1
        if status not in DECLARED[kind]:
            self._violate(f"{kind} was answered {status}")

    def _predict(self, customer: str, _key: str) -> int:
        answer = self._asker.predict(customer)
        if answer.status == 200:
            with self._noted.lock:
                self._noted.degraded += answer.body["degraded"]
        return int(answer.status)

    def _decide(self, customer: str, key: str) -> int:
        if self._drawn.random() < SHARED:
            number = self._drawn.randrange(SHARED_KEYS)
            key = f"shared request {number}"
            customer = self._asker.renewing[number % len(self._asker.renewing)]
        with self._noted.lock:
            before = self._noted.decisions.get(key)
            withdrawn = self._noted.withdrawn.get(customer)
        began = time.monotonic()
        answer = self._asker.decide(customer, client_key=key)
        if answer.status != 200:
            return int(answer.status)
        with self._noted.lock:
            earlier = self._noted.decisions.setdefault(key, answer.body)
        if earlier != answer.body:
            self._violate(f"{key} was decided twice: {earlier} and {answer.body}")
        if answer.body["action"] is not None:
            self._contacts.append(answer.body["action"]["contact_id"])
            # A repeated answer is that of before the withdrawal; it makes no new contact.
            if before is None and withdrawn is not None and withdrawn[1] < began:
                with self._noted.lock:
                    is_first = self._noted.decisions[key] is answer.body
                if is_first and not self._decided_before(answer.body, withdrawn[0]):
                    self._violate(f"{customer} is contacted after they withdrew: {answer.body}")
        return 200

    def _decided_before(self, decision: dict[str, Any], change_id: str) -> bool:
        """Whether a decision was made before a withdrawal: ids begin with their time."""
        return str(decision["decision_id"]) < change_id

    def _outcome(self, _customer: str, key: str) -> int:
        if not self._contacts:
            return 200
        contact = self._contacts[self._drawn.randrange(1 << 30) % len(self._contacts)]
        told = {"client_key": key, "kind": "delivered", "occurred_at": self._at}
        answer = self._asker.post("/v1/outcomes", {"outcomes": [{**told, "contact_id": contact}]})
        if answer.status == 200:
            with self._noted.lock:
                self._noted.outcomes.add(key)
        elif answer.status == 207:
            self._violate(f"an outcome of a contact is refused: {answer.body}")
        return int(answer.status)

    def _withdraw(self, customer: str, key: str) -> int:
        change = {"client_key": key, "purpose": "marketing", "granted": False,
                  "changed_at": self._at}  # fmt: skip
        answer = self._asker.post(f"/v1/customers/{customer}/consents", change)
        if answer.status in (200, 201):
            with self._noted.lock:
                told = answer.body["change_id"], time.monotonic()
                self._noted.withdrawn.setdefault(customer, told)
        return int(answer.status)

    def _violate(self, what: str) -> None:
        with self._noted.lock:
            self._noted.violations.append(what)


def broken_promises(networked: Any, noted: Acknowledged) -> list[str]:
    """Compare the records with what was acknowledged, after all is quiet; list what is broken."""
    broken = []

    def require_none(what: str, query: str) -> None:
        rows = networked.rows(query)
        broken.extend(f"{what}: {row}" for row in rows)

    require_none(
        "more contacts of a day than the caps allow",
        "SELECT customer_id, local_day, count(*) FROM contacts"
        " WHERE state IN ('reserved', 'sent') AND purpose = 'marketing'"
        f" GROUP BY 1, 2 HAVING count(*) > {MOST_A_DAY}",
    )
    for table in ("decisions", "contacts", "outcomes", "consent_changes"):
        require_none(
            f"a key twice in {table}",
            f"SELECT client_key, count(*) FROM {table} WHERE client_key IS NOT NULL"
            " GROUP BY 1 HAVING count(*) > 1",
        )
    require_none(
        "a contact without its decision",
        "SELECT contact_id FROM contacts LEFT JOIN decisions USING (decision_id)"
        " WHERE decisions.decision_id IS NULL",
    )
    require_none(
        "a decision to contact without the contact",
        "SELECT decision_id FROM decisions LEFT JOIN contacts USING (decision_id)"
        " WHERE decisions.touchpoint IS NOT NULL AND contacts.contact_id IS NULL",
    )
    places = {row["decision_id"]: row["action"] for row in noted.decisions.values()}
    stored = dict(networked.rows("SELECT decision_id, touchpoint FROM decisions"))
    for number, action in places.items():
        if number not in stored:
            broken.append(f"decision {number} was acknowledged and is not on record")
        elif (action or {}).get("touchpoint") != stored[number]:
            broken.append(f"decision {number} is on record as {stored[number]}, not {action}")
    kept = {key for (key,) in networked.rows("SELECT client_key FROM outcomes")}
    lost = [key for key in noted.outcomes if not any(one.endswith(f" {key}") for one in kept)]
    broken += [f"outcome {key} was acknowledged and is not on record" for key in lost]
    refused = {
        customer
        for (customer,) in networked.rows(
            "SELECT customer_id FROM consent_changes WHERE NOT granted"
        )
    }
    broken += [
        f"the withdrawal of {customer} was acknowledged and is not on record"
        for customer in noted.withdrawn
        if customer not in refused
    ]
    return broken

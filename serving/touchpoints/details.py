"""Put what Guanjia holds of a customer into the variables of scripts.

Callers need not send a name, a plate, the account manager, claims or entitlements: they come from
`features.online.contact_details`. What is not known is left out, so that a script that needs it is
not used.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from features.online.contact_details import CLAIM_STEPS
from serving.touchpoints.fields import Touchpoint
from serving.touchpoints.scripts import Wording
from serving.touchpoints.shared_fields import Shared

TITLES = {"M": ("先生", "Mr"), "F": ("女士", "Ms")}
COMPOUND_SURNAMES = (
    "欧阳司马上官诸葛东方皇甫尉迟公孙慕容令狐司徒宇文长孙端木夏侯轩辕南宫独孤西门闻人"
)
"""The common surnames of two characters, one after the other."""
LONGEST_NAME = 4
"""Characters of a person's Chinese name at most; a longer one is a company's or a transcription."""
PLATES = {
    "renewal": "plate_to_renew",
    "underwriting": "plate_signed",
    "win_back": "plate_ended",
}
"""Family of a touchpoint -> whose plate it speaks of; the others: of the only car that is insured.
With several cars, nobody can say which one they mean."""


def detail_values(
    details: Mapping[str, Any], touchpoint: Touchpoint, shared: Shared
) -> dict[str, Any]:
    """Look up the variables of scripts among the details of a customer.

    Parameters
    ----------
    details : Mapping[str, object]
        The row of `features.online.contact_details`; empty: nothing is known.
    touchpoint : Touchpoint
        The touchpoint: it decides which car and which claim are meant.
    shared : Shared
        Names of entitlement services.

    Returns
    -------
    dict of str to object
        Variable -> value; None where it is not known.
    """
    step = _claim_step(touchpoint)
    plate = details.get(PLATES.get(touchpoint.family, "plate_insured"))
    amount = details.get("amount_paid") if step == "paid" else None
    return {
        "customer": salutation(details.get("name"), details.get("gender")),
        "manager": details.get("account_manager_name"),
        "manager_phone": details.get("account_manager_phone"),
        "plate": plate and masked_plate(plate),
        "claim_number": details.get(f"claim_{step}"),
        "amount_paid": None if amount is None else float(amount),
        "entitlements": _entitlements(details.get("entitlements"), shared),
    }


def salutation(name: str | None, gender: str | None) -> Wording | None:
    """Write how a customer is addressed; None without a name.

    Parameters
    ----------
    name : str or None
        Full name, as the core system writes it.
    gender : {"M", "F"} or None
        None: not known, so the full name stands alone.

    Examples
    --------
    >>> salutation("欧阳娜", "F").chinese, salutation("王伟", None).chinese
    ('欧阳女士', '王伟')
    >>> salutation("北京安运物流有限公司", None).chinese, salutation(" ", "M")
    ('北京安运物流有限公司', None)
    """
    name = (name or "").strip()
    if not name:
        return None
    if gender not in TITLES or len(name) > LONGEST_NAME or not _is_chinese(name):
        return Wording(name, name)
    compound = COMPOUND_SURNAMES.find(name[:2])
    surname = name[:2] if len(name) > 2 and compound >= 0 and compound % 2 == 0 else name[0]
    chinese, english = TITLES[gender]
    return Wording(f"{surname}{chinese}", f"{english} {surname}")


def speaker(known: Mapping[str, Any]) -> Wording | None:
    """Say who speaks: the company, and the account manager if known; None without the company.

    Parameters
    ----------
    known : Mapping[str, object]
        Variables that are known: `company`, `manager`.

    Examples
    --------
    >>> speaker({"company": "管家车险", "manager": "周静"}).chinese
    '管家车险客户经理周静'
    >>> speaker({"company": "管家车险"}).chinese, speaker({"manager": "周静"})
    ('管家车险客服', None)
    """
    company, manager = known.get("company"), known.get("manager")
    if company is None:
        return None
    if manager is None:
        return Wording(f"{company}客服", f"the service team of {company}")
    return Wording(f"{company}客户经理{manager}", f"{manager} of {company}")


def masked_plate(plate: str) -> str:
    """Mask a plate so that its owner knows it and nobody else can look it up.

    Examples
    --------
    >>> masked_plate("京A12345"), masked_plate("粤BD12345")
    ('京A***45', '粤B****45')
    """
    return f"{plate[:2]}{'*' * max(len(plate) - 4, 0)}{plate[-2:]}" if len(plate) > 4 else plate


def sender_values(insurer: str, signature: str, phones: Sequence[str]) -> dict[str, Any]:
    """Look up the variables that the sender of messages gives.

    Parameters
    ----------
    insurer, signature : str
        The insurer's name and signature.
    phones : sequence of str
        Numbers that may be named; the first is the hotline.
    """
    return {
        "company": insurer,
        "signature": signature,
        "hotline": phones[0] if phones else None,
    }


def _claim_step(touchpoint: Touchpoint) -> str:
    """Name the step of the claims chain that a touchpoint follows."""
    window = touchpoint.trigger.window
    tag = window.tag if window else ""
    return next((step for step in CLAIM_STEPS if tag.endswith(f"claim_{step}")), CLAIM_STEPS[0])


def _entitlements(packed: str | None, shared: Shared) -> Wording | None:
    """Name the open entitlements with their numbers."""
    if not packed:
        return None
    chinese, english = [], []
    for pair in packed.split(";"):
        service, _, count = pair.rpartition("=")
        name = shared.services.get(service)
        if name is None and not _is_chinese(service):
            return None  # a code of the core system is no word for a customer
        chinese.append(f"{name.chinese if name else service}{count}次")
        english.append(f"{name.english if name else service} ({count})")
    return Wording("、".join(chinese), ", ".join(english))


def _is_chinese(text: str) -> bool:
    return all("\u4e00" <= character <= "\u9fff" or character == "·" for character in text)

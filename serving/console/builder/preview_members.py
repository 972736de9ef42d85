"""Show the first customers whom a list would send, with reasons, before anything is created."""

from dataclasses import dataclass
from datetime import datetime

from serving.lists.definitions.definition import ListDefinition
from serving.lists.export.masking import masked
from serving.lists.listing import Viewer
from serving.lists.people import Person, read_people
from serving.lists.preview import Preview, preview_list
from serving.lists.reasons import read_reasons
from serving.lists.released.members import Member, freeze
from serving.lists.released.releases import CONSENT_STATES
from serving.lists.service import ListService

MOST_SHOWN = 20


@dataclass(frozen=True)
class ShownMember:
    """A customer of a preview: the row that a release would freeze, and who it is.

    Attributes
    ----------
    member : Member
        The row.
    name, phone : str or None
        Who it is; masked where the user may not read customers.
    """

    member: Member
    name: str | None
    phone: str | None


def preview_with_members(
    service: ListService,
    definition: ListDefinition,
    viewer: Viewer,
    at: datetime,
    *,
    may_read: bool,
) -> tuple[Preview, list[ShownMember]]:
    """Preview a list together with the first customers of those it would send.

    Parameters
    ----------
    service : ListService
        The lists of the home.
    definition : ListDefinition
        The list; it need not be stored.
    viewer : Viewer
        Whose customers are asked.
    at : datetime
        Now.
    may_read : bool
        Show names and phone numbers as they are; else masked.

    Raises
    ------
    GuanjiaError
        As `ListService.selection`.
    """
    chosen = service.selection(definition, viewer, at)
    first = chosen.sent[:MOST_SHOWN]
    ids = [place.customer_id for place in first]
    with service.reading() as connection:
        preview = preview_list(service.lake, chosen, connection, viewer.branches)
        people = read_people(service.lake, chosen.as_of, ids, connection)
    reasons = read_reasons(service.lake, chosen.definition, chosen.as_of, ids)
    consent = CONSENT_STATES[chosen.consent]
    members = freeze(first, chosen.definition, chosen.as_of, chosen.cost, consent, reasons)
    return preview, [
        show_member(member, people.get(member.customer_id, Person()), may_read=may_read)
        for member in members
    ]


def show_member(member: Member, person: Person, *, may_read: bool) -> ShownMember:
    """Say who a member is, as far as the user may know.

    Parameters
    ----------
    member : Member
        The row.
    person : Person
        Who it is.
    may_read : bool
        Show name and phone number as they are; else masked.
    """
    name, phone = person.name, person.phone
    if not may_read:
        name = masked(name, "name") if name else name
        phone = masked(phone, "phone") if phone else phone
    return ShownMember(member, name, phone)

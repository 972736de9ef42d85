"""State the steps of a day, in their order."""

from guanjia.jobs.daily.steps.customers import LISTS, SCORES, TRIGGERS
from guanjia.jobs.daily.steps.publication import PUBLISH
from guanjia.jobs.daily.steps.records import CAMPAIGNS, CAPACITY, CONTACTS, MONITORING
from guanjia.jobs.daily.steps.tables import CHECK, ERASE, IMPORT
from guanjia.jobs.daily.steps.tags import QUALITY, SEGMENTS, TAGS

STEPS = (
    ERASE,
    IMPORT,
    CHECK,
    TAGS,
    QUALITY,
    SEGMENTS,
    SCORES,
    CONTACTS,
    TRIGGERS,
    PUBLISH,
    LISTS,
    CAPACITY,
    CAMPAIGNS,
    MONITORING,
)
"""Contacts of other systems come before what is due: a second run of a day then finds the same due.
They are facts that hold under the caps, also where the day is not published. Lists come after
publication: before it, nobody may work from the day's customers."""
LABELS = {step.name: step.label for step in STEPS}

"""A request's own id is taken where a proxy made it, and nothing that might be a customer's."""

import contextvars
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.telemetry.request_ids import begin_request, current_request_id

MADE = re.compile(r"[0-9a-f]{32}", re.ASCII)
TAKEN = ("0af7651916cd43dd8448eb211c80319c", str(uuid.UUID(int=7)), "01ARZ3NDEKTSV4RRFFQ69G5FAV")
REFUSED = (
    "C00000011",
    "13800138000",
    "11010519491231002X",  # a citizen's number has 18 characters
    "京A12345",
    "0af7651916cd43dd8448eb211c80319c\nforged",
    "０" * 32,
)


def taken(sent: bytes) -> str:
    def request() -> str:
        given_id = begin_request([(b"host", b"x"), (b"x-request-id", sent)])
        assert current_request_id() == given_id
        return given_id

    return contextvars.copy_context().run(request)


@pytest.mark.parametrize("sent", TAKEN)
def test_an_id_of_a_proxy_is_taken(sent: str) -> None:
    assert taken(sent.encode()) == sent


@pytest.mark.parametrize("sent", REFUSED)
def test_what_might_name_a_person_is_replaced(sent: str) -> None:
    assert MADE.fullmatch(taken(sent.encode()))


@given(st.binary(max_size=80))
def test_whatever_is_sent_the_id_has_one_of_three_forms(sent: bytes) -> None:
    assert re.fullmatch(r"[0-9a-f-]{32,36}|[0-9A-Z]{26}", taken(sent), re.ASCII)


def test_two_requests_have_two_ids() -> None:
    assert taken(b"") != taken(b"")
    assert current_request_id() == ""

"""Prices of scarce contacts: by hand, against a linear programme, and laws of any market."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from serving.decision.capacity.shadow_prices import shadow_prices

NONE = -np.inf
Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    ("values", "places", "expected"),
    [
        # One place, worth 10, 6 and 3: from 6 to 10 would do, the lowest is taken.
        ([[10], [6], [3]], [1], [6]),
        ([[10], [6], [3]], [2], [3]),
        ([[10], [6], [3]], [3], [0]),
        ([[10], [6], [3]], [0], [10]),
        # Whoever is worth less than nothing is no demand.
        ([[10], [6], [-3]], [2], [0]),
        # The channels are alike to all: two places, the third customer sets the price of both.
        ([[10, 10], [6, 6], [3, 3]], [1, 1], [3, 3]),
        # The second channel has room, and costs each of them 1 yuan: the first is worth 1 more.
        ([[10, 9], [6, 5], [3, 2]], [1, 9], [1, 0]),
        # The third can be reached by the second channel alone, where he outbids nobody.
        ([[10, 9], [6, 5], [NONE, 4]], [1, 1], [5, 4]),
        ([[NONE, NONE]], [0, 0], [0, 0]),
    ],
)
def test_shadow_prices_are_those_worked_out_by_hand(
    values: list[list[float]], places: list[int], expected: list[float]
) -> None:
    found = shadow_prices(np.array(values, float), np.array(places))
    assert found.tolist() == pytest.approx(expected)


def test_a_channel_that_has_places_for_all_keeps_the_price_down() -> None:
    values = np.array([[10.0], [6.0], [3.0]])
    found = shadow_prices(values, np.array([1]), np.array([9.5, 4.0, 3.0]))
    assert found.tolist() == pytest.approx([0.5])


def test_no_customers_no_price() -> None:
    assert shadow_prices(np.zeros((0, 2)), np.array([0, 1])).tolist() == [0.0, 0.0]


@st.composite
def markets(draw: Any) -> tuple[Array, Array]:
    customers, channels = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    # Whole tens make ties as real values do: a text message costs every customer's contact alike.
    worth = st.one_of(st.integers(-3, 12).map(float), st.just(NONE), st.floats(-5, 100))
    values = draw(arrays(float, (customers, channels), elements=worth))
    places = draw(arrays(int, channels, elements=st.integers(0, 6)))
    return values, places


def optimum(values: Array, places: Array) -> tuple[float, Array]:
    """The greatest total value, by a linear programme, and who gets what."""
    customers, channels = values.shape
    reach = np.where(np.isfinite(values), values, -1e6).ravel()
    of_customer = np.kron(np.eye(customers), np.ones(channels))
    of_channel = np.tile(np.eye(channels), customers)
    done = linprog(
        -reach,
        A_ub=np.vstack([of_customer, of_channel]),
        b_ub=np.concatenate([np.ones(customers), places]),
        method="highs",
    )
    return -done.fun, done.x.reshape(values.shape)


@given(markets())
@settings(deadline=None, max_examples=300)
def test_shadow_prices_are_the_dual_of_the_best_assignment(market: tuple[Array, Array]) -> None:
    values, places = market
    prices = shadow_prices(values, places)
    surplus = np.maximum((values - prices).max(axis=1), 0)
    total, assigned = optimum(values, places)
    # Strong duality: no prices prove a lower bound, and so none of the value is lost.
    assert surplus.sum() + prices @ places == pytest.approx(total, abs=1e-6)
    # Whom the optimum gives a place wants it at these prices, and what has a price is full.
    given_ = assigned > 0.5
    assert ((values - prices)[given_] >= surplus[np.nonzero(given_)[0]] - 1e-6).all()
    dear = prices > 1e-9
    assert assigned.sum(axis=0)[dear] == pytest.approx(places[dear])


@given(markets())
@settings(deadline=None, max_examples=200)
def test_who_prefers_one_channel_outright_finds_a_place(market: tuple[Array, Array]) -> None:
    values, places = market
    net = values - shadow_prices(values, places)
    for channel, most in enumerate(places):
        rest = np.delete(net, channel, axis=1).max(axis=1, initial=0.0)
        assert (net[:, channel] > np.maximum(rest, 0) + 1e-9).sum() <= most


@given(markets(), st.data())
@settings(deadline=None, max_examples=200)
def test_more_places_raise_no_price_and_the_prices_are_the_lowest(
    market: tuple[Array, Array], data: st.DataObject
) -> None:
    values, places = market
    prices = shadow_prices(values, places)
    more = places.copy()
    more[data.draw(st.integers(0, len(places) - 1))] += 1
    assert (shadow_prices(values, more) <= prices + 1e-9).all()
    # A little less for all that cost something is not enough any more: more value than places.
    lower = np.maximum(prices - 0.01, 0)
    bound = np.maximum((values - lower).max(axis=1), 0).sum() + lower @ (places + 0.01)
    least = np.maximum((values - prices).max(axis=1), 0).sum() + prices @ (places + 0.01)
    assert bound >= least - 1e-9


def test_at_scale_shadow_prices_lose_next_to_no_value() -> None:
    draw = np.random.default_rng(3)
    values = draw.gamma(1, 10, (3000, 1)) * draw.uniform(0.5, 1, (3000, 3)) - [0.05, 0.0, 3.0]
    places = np.array([300, 200, 100])
    prices = shadow_prices(values, places)
    net = values - prices
    wanted = np.bincount(net.argmax(axis=1)[net.max(axis=1) > 1e-9], minlength=3)
    assert (np.abs(wanted - places) <= 3).all()
    chosen = net.max(axis=1) > 1e-9
    value = values[np.arange(3000), net.argmax(axis=1)][chosen].sum()
    assert value >= 0.99 * optimum(values, places)[0]

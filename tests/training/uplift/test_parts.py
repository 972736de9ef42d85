"""Was it a lot; who learns an effect; what a policy is worth; what is written down."""

import filecmp

import numpy as np
import pandas as pd
import pytest

from features.errors import GuanjiaError
from training.estimators.encoding import Encoding
from training.uplift import learners, policy
from training.uplift.bundle import distil, write_effect
from training.uplift.effect_model import load_effect
from training.uplift.randomisation import check
from training.uplift.shrinkage import measure_stretch

FEATURES = ["age", "channel", "responses"]


def rows(count=6000, seed=1, chosen_by=None):
    """Customers of whom a third is treated: by lot, or by what a rule sees of them."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i // 2:05d}" for i in range(count)],
            "age": draw.normal(40, 10, count),
            "channel": draw.choice(["agent", "direct"], count),
            "responses": np.where(draw.random(count) < 0.2, np.nan, draw.poisson(1.0, count)),
        }
    )
    share = np.full(count, 1 / 3) if chosen_by is None else chosen_by(frame)
    treated = draw.random(count) < share
    frame["arm"] = np.where(treated, "contact", "control")
    frame["probability"] = np.where(treated, 0.25, 0.5)
    effect = np.where(frame.channel == "direct", 0.25, -0.15)
    frame["label"] = draw.random(count) < 0.5 + 0.005 * (frame.age - 40) + effect * treated
    return frame, effect


def young(frame):
    """A rule that contacts the young more often, and as often as stated on the whole."""
    share = 1 / (1 + np.exp(0.7 + 0.02 * (frame.age - 40)))
    return share * (1 / 3) / share.mean()


def refused(frame):
    with pytest.raises(GuanjiaError) as fault:
        check(frame, FEATURES, "control", "contact")
    assert fault.value.thing == "the contacts"
    assert "call it propensity" in fault.value.cure
    return fault.value.fault


def test_a_lot_passes():
    for seed in range(5):
        found = check(rows(seed=seed)[0], FEATURES, "control", "contact")
        assert found.faults == []
        assert found.auc < found.auc_limit
        assert found.rows["contact"] + found.rows["control"] == 6000


def test_contacts_chosen_by_a_rule_are_refused_with_figures():
    fault = refused(rows(12000, chosen_by=young)[0])
    assert "tags tell the arm with an AUC of 0.5" in fault
    assert "age by 0." in fault


def test_arms_that_would_have_renewed_otherwise_are_refused():
    fault = refused(rows(12000, chosen_by=young)[0])
    assert "would have renewed otherwise if left alone: by -" in fault


def test_a_rule_that_no_tag_alone_shows_is_told_by_several():
    def either(frame):
        return 1 / 3 + 0.15 * np.where(frame.channel == "direct", 1, -1) * np.sign(frame.age - 40)

    fault = refused(rows(12000, chosen_by=either)[0])
    assert "AUC" in fault
    assert "differ before" not in fault


def test_numbers_other_than_stated_are_refused():
    fault = refused(rows(chosen_by=lambda frame: np.full(len(frame), 0.45))[0])
    assert "contact where 33.3% is stated" in fault
    assert "AUC" not in fault


def test_rows_without_a_probability_are_refused():
    frame, _ = rows()
    frame.loc[7, "probability"] = None
    assert "state no probability in 1 of 6,000 rows" in refused(frame)


def test_one_lot_has_one_probability_an_arm():
    frame, _ = rows()
    frame.loc[frame.index[frame.arm == "contact"][0], "probability"] = 0.2
    with pytest.raises(GuanjiaError, match="2 different probabilities"):
        check(frame, FEATURES, "control", "contact")


def test_too_few_rows_are_no_trial():
    with pytest.raises(GuanjiaError, match="at least 200"):
        check(rows(300)[0], FEATURES, "control", "contact")


@pytest.fixture(scope="module")
def taught():
    frame, effect = rows()
    encoding = Encoding.learn(frame, FEATURES)
    matrix = encoding.matrix(frame)
    treated = (frame.arm == "contact").to_numpy()
    return frame, effect, encoding, matrix, frame.label.to_numpy(), treated


@pytest.mark.parametrize("name", learners.LEARNERS)
def test_each_learner_finds_whom_it_helps(taught, name):
    _, effect, _, matrix, label, treated = taught
    told = learners.fit(name, matrix, label, treated, 1 / 3, 7)(matrix)
    assert told.shape == (6000,)
    assert told.mean() == pytest.approx(effect.mean(), abs=0.04)
    if name == "average":
        assert np.ptp(told) == 0
    else:
        assert np.corrcoef(told, effect)[0, 1] > 0.7
        assert told[effect < 0].mean() < 0 < told[effect > 0].mean()


def test_the_probability_stated_is_used_as_it_is():
    stated = learners.ConstantPropensity(0.2).fit(np.zeros((4, 1)), [0, 1, 1, 1])
    assert stated.predict_proba(np.zeros((2, 1))).tolist() == [[0.8, 0.2], [0.8, 0.2]]


@pytest.mark.parametrize("name", ["dr_60", "x_60"])
def test_learners_are_told_the_probability_stated(taught, name, monkeypatch):
    _, _, _, matrix, label, treated = taught
    told, stated = [], learners.ConstantPropensity
    monkeypatch.setattr(learners, "ConstantPropensity", lambda p: told.append(p) or stated(p))
    learners.fit(name, matrix[:900], label[:900], treated[:900], 0.2, 7)
    assert told == [0.2]


def test_halves_are_of_customers(taught):
    customers = taught[0].customer_id
    halves = list(learners.halves(customers, 3, seed=2))
    assert len(halves) == 3
    for half in halves:
        assert set(customers[half]).isdisjoint(customers[~half])
        assert half.sum() == 3000


def test_doubly_robust_outcomes_by_hand():
    label, treated = np.array([True, False, True]), np.array([True, True, False])
    expected = (np.array([0.5, 0.5, 0.5]), np.array([0.6, 0.6, 0.6]))
    customers = pd.Series(["C1", "C2", "C2"])
    found = policy.doubly_robust(label, treated, 0.25, expected, customers)
    # Treated: .6 + (1 - .6) / .25, .6 + (0 - .6) / .25, .6; control: .5, .5, .5 + .5 / .75.
    assert found.treated.tolist() == pytest.approx([2.2, -1.8, 0.6])
    assert found.control.tolist() == pytest.approx([0.5, 0.5, 0.5 + 0.5 / 0.75])


@pytest.mark.parametrize("model", [(0.5, 0.5), (0.1, 0.9)])
def test_policy_values_are_right_whatever_the_model_expects(model):
    """Of 20,000 rows half gain .25 and half lose .15; contacts cost 5, renewals are worth 100."""
    frame, effect = rows(20000, seed=5)
    treated = (frame.arm == "contact").to_numpy()
    expected = tuple(np.full(20000, value) for value in model)
    outcomes = policy.doubly_robust(
        frame.label.to_numpy(), treated, 1 / 3, expected, frame.customer_id
    )
    worth = np.full(20000, 100.0)
    found = {p.name: p for p in policy.policies(outcomes, effect, effect - 0.1, worth, 5.0)}
    assert found["nobody"].gained.value == 0
    truths = {"all": (0.05, 0.0), "effect above 0": (0.125, 10.0)}
    for name, (gained, yuan) in truths.items():
        rule = found[name]
        assert rule.gained.low < gained < rule.gained.high
        assert rule.yuan.low < yuan < rule.yuan.high
        assert rule.renewal.value == pytest.approx(0.5 + gained, abs=0.03)
    assert found["expected value above 0"].treated == found["effect above 0"].treated
    assert found["top 10% by effect"].treated == pytest.approx(0.1)
    dogs = policy.sleeping_dogs(outcomes, effect)
    assert dogs.share == pytest.approx((effect < 0).mean())
    assert dogs.proven
    # The interval is 2 * 1.96 deviations wide, and 80% power takes 1.96 + 0.84 of them.
    deviation = (dogs.effect.high - dogs.effect.low) / 3.92
    assert dogs.needed == pytest.approx(dogs.customers * (2.8 * deviation / 0.15) ** 2, rel=0.01)
    assert dogs.effect.low < -0.15 < dogs.effect.high


def test_where_nobody_is_told_below_zero_there_are_no_sleeping_dogs():
    outcomes = policy.Outcomes(np.ones(3), np.zeros(3), pd.Series(["a", "b", "c"]))
    found = policy.sleeping_dogs(outcomes, np.array([0.0, 0.1, 0.2]))
    assert (found.customers, found.effect, found.proven) == (0, None, False)


def test_effects_told_too_much_alike_are_stretched():
    """Half of 4,000 customers gain .3, half lose .1; told are a half of the way from the mean."""
    draw = np.random.default_rng(4)
    true = np.repeat([0.3, -0.1], 2000)
    customers = pd.Series(np.arange(4000))
    halves = learners.halves(customers, 8, 1)
    effects = np.tile(0.1 + 0.5 * (true - 0.1), (8, 1))
    noisy = true + draw.normal(0, 0.4, 4000)
    outcomes = policy.Outcomes(noisy, np.zeros(4000), customers)
    found = measure_stretch(effects, halves, outcomes)
    assert found.slope == pytest.approx(2.0, abs=4 * found.deviation)
    # Slope of noise .4 on 4,000 values that are .1 off their mean: .4 / .1 / root of 4,000.
    assert found.deviation == pytest.approx(4 / 4000**0.5, rel=0.1)
    effect, deviation = found.apply(effects.mean(axis=0), np.full(4000, 0.01))
    assert effect[-1] == pytest.approx(0.1 + found.slope * -0.1)
    assert deviation[-1] == pytest.approx(np.hypot(found.slope * 0.01, found.deviation * 0.1))


@pytest.mark.parametrize("told", [0.05, 3.0])
def test_effects_are_never_pressed_together_and_one_for_all_stays(told):
    customers = pd.Series(np.arange(400))
    halves = learners.halves(customers, 4, 1)
    outcomes = policy.Outcomes(np.tile([0.2, 0.0], 200), np.zeros(400), customers)
    everybody = measure_stretch(np.full((4, 400), told), halves, outcomes)
    assert (everybody.slope, everybody.deviation) == (1.0, 0.0)
    # Told thirty times as far apart as they are.
    apart = measure_stretch(np.tile(np.tile([3.0, -3.0], 200), (4, 1)), halves, outcomes)
    assert apart.slope == 1.0


def test_intervals_draw_customers_and_not_rows():
    """Ten rows of each customer are one customer: the interval is that of 40, not of 400."""
    draw = np.random.default_rng(3)
    own = draw.normal(size=40)
    customers = pd.Series(np.repeat(np.arange(40), 10).astype(str))
    one = policy.means({"x": own}, pd.Series(np.arange(40).astype(str)))["x"]
    many = policy.means({"x": np.repeat(own, 10)}, customers)["x"]
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=1e-9)


@pytest.fixture
def bundle(taught, tmp_path):
    frame, effect, encoding, matrix, _, _ = taught
    spread = np.where(frame.age > 40, 0.02, 0.05)
    told = distil(matrix, effect, FEATURES), distil(matrix, spread, FEATURES)
    return write_effect(tmp_path / "effect", {"treatment": "contact"}, encoding, *told)


def test_a_bundle_tells_effect_and_lower_bound(taught, bundle):
    frame, effect, *_ = taught
    told, lower = load_effect(bundle).predict(frame[reversed(frame.columns)])
    assert told == pytest.approx(effect, abs=1e-3)
    spread = np.where(frame.age > 40, 0.02, 0.05)
    clear = abs(frame.age - 40) > 1
    assert (told - lower)[clear] == pytest.approx(1.6449 * spread[clear], abs=2e-3)
    assert load_effect(bundle).predict(frame[:0])[0].shape == (0,)


def test_a_bundle_is_the_same_text_again_and_no_pickle(taught, bundle, tmp_path):
    frame, effect, encoding, matrix, _, _ = taught
    spread = np.where(frame.age > 40, 0.02, 0.05)
    told = distil(matrix, effect, FEATURES), distil(matrix, spread, FEATURES)
    again = write_effect(tmp_path / "again", {"treatment": "contact"}, encoding, *told)
    names = sorted(path.name for path in bundle.iterdir())
    assert names == ["deviation.txt", "effect.txt", "encoding.json", "spec.json"]
    assert filecmp.cmpfiles(bundle, again, names, shallow=False) == (names, [], [])
    assert all((bundle / name).read_text("utf-8") for name in names)


@pytest.mark.parametrize("name", ["effect.txt", "deviation.txt", "encoding.json"])
def test_an_altered_bundle_is_refused(bundle, name):
    (bundle / name).write_bytes((bundle / name).read_bytes()[:-2])
    with pytest.raises(GuanjiaError, match=f"{name} was altered"):
        load_effect(bundle)
    (bundle / name).unlink()
    with pytest.raises(GuanjiaError, match="is not complete"):
        load_effect(bundle)

"""Draw any structure of a condition over the words of tests."""

from condition_words import BRANCHES, CHANNELS, COLUMNS, STARS
from hypothesis import strategies as st

from features.condition_forms.structure import Group, Member, Test, negate

NUMBERS = st.integers(-9, 10**12) | st.floats(-1e9, 1e9, allow_nan=False).map(
    lambda number: int(number) if number == int(number) else number
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TESTS = st.one_of(
    st.builds(Test, st.sampled_from(["renewal", "customer_value", "age_years"]),
              st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), NUMBERS),
    st.builds(Test, st.just("star_level"), st.sampled_from(["=", "<>", ">", "<="]),
              st.sampled_from([*STARS])),
    st.builds(Test, st.sampled_from(["churn", "power"]),
              st.sampled_from(["between", "not between"]), st.tuples(NUMBERS, NUMBERS)),
    st.builds(Test, st.just("channel"), st.sampled_from(["in", "not in"]),
              st.lists(st.sampled_from([*CHANNELS]), min_size=1, max_size=3).map(tuple)),
    st.builds(Test, st.just("old"), st.sampled_from(["=", "<>"]), TEXTS),
    st.builds(Test, st.just("old"), st.just("in"), st.lists(TEXTS, min_size=1).map(tuple)),
    st.builds(Test, st.just("branch"), st.just("="), st.sampled_from(sorted(BRANCHES))),
    st.builds(Test, st.just("new_energy"), st.just("="), st.booleans()),
    st.builds(Test, st.sampled_from(["new_energy"]),
              st.sampled_from(["is true", "is not true", "is false", "is not false"])),
    st.builds(Test, st.sampled_from([column.name for column in COLUMNS]),
              st.sampled_from(["is null", "is not null"])),
    st.builds(Test, st.just("renewal"), st.sampled_from(["=", "<", ">="]), st.none(),
              st.sampled_from(["churn", "age_years"])),
    st.sampled_from([Member("loyal"), Member("aged")]),
)  # fmt: skip
STRUCTURES = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds(negate, inner),
        st.builds(
            Group,
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=2, max_size=3).map(tuple),
        ),
    ),
    max_leaves=6,
)

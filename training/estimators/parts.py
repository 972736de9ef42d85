"""Name the parts a model may be made of, and the candidates: which parts, with which weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.estimators.linear import PENALTY

ENOUGH = 5_000
"""Rows from which on a part that is `gentle` has its whole penalty; fewer: in proportion."""
BLEND = "blend"
"""Name of the candidate whose weights are found where the others are compared."""


@dataclass(frozen=True)
class Part:
    """What is fitted alone: a linear model, or trees.

    Attributes
    ----------
    name : str
    penalty : float
        Penalty of a linear part (`Linear.fit`); 0: the part is trees.
    parameters : Mapping[str, float]
        Changes to the declared parameters of trees.
    monotone_method : {"basic", "advanced"}
        How trees keep to what is declared monotone (`grow`).
    gentle : bool
        Whether few rows have a smaller penalty (`ENOUGH`): it would outweigh what they say.
    """

    name: str
    penalty: float = 0.0
    parameters: Mapping[str, float] = field(default_factory=dict)
    monotone_method: str = "basic"
    gentle: bool = False

    def penalty_of(self, rows: int) -> float:
        """Return the penalty with which a linear part is fitted to so many rows."""
        return self.penalty * min(1.0, rows / ENOUGH) if self.gentle else self.penalty

    @property
    def linear(self) -> bool:
        """Whether it is a linear model."""
        return self.penalty > 0


PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part("linear", penalty=PENALTY, gentle=True),
        # Where many tags say little each, as of renewals, or outcomes are few and their spread is
        # large, as of costs of claims: predictions stay nearer the mean.
        Part("shrunk", penalty=1_000.0),
        Part("flat", penalty=10_000.0),
        # Trees of one split add up to a curve for each tag: a generalised additive model.
        # A tree of one split costs nearly as much as one of seven leaves, and says far less: twice
        # the step takes half the trees (docs/adr/0024), and half of the rows, drawn for every fifth
        # tree and copied, are read in half the time (docs/adr/0062).
        Part(
            "additive",
            parameters={
                "num_leaves": 2,
                "learning_rate": 0.3,
                "bagging_fraction": 0.5,
                "bagging_freq": 5,
            },
        ),
        Part("trees"),
        # For tags that matter only together, as the month ahead and the days to expiry do. One of
        # them is monotone and in nearly every tree, where "basic" costs .002 of log loss.
        Part(
            "deep",
            parameters={
                "num_leaves": 15,
                "min_data_in_leaf": 100,
                "lambda_l2": 5.0,
                "feature_fraction": 0.8,
                "learning_rate": 0.07,
            },
            monotone_method="advanced",
        ),
        # For what days decide nearly alone, as when cover ends: bins fine enough to tell them
        # apart, and every tag for every tree.
        Part(
            "wide",
            parameters={
                "num_leaves": 31,
                "min_data_in_leaf": 20,
                "lambda_l2": 1.0,
                "feature_fraction": 1.0,
                "learning_rate": 0.1,
                "bagging_fraction": 1.0,
                "max_bin": 255,
            },
            monotone_method="advanced",
        ),
    )
}


@dataclass(frozen=True)
class Candidate:
    """A way to learn: which parts, with which weights.

    Attributes
    ----------
    name : str
    weights : Mapping[str, float]
        Name of a part (`PARTS`) -> weight of its score, above 0.
    """

    name: str
    weights: Mapping[str, float]

    @property
    def parts(self) -> list[Part]:
        """The parts, in the order of the weights."""
        return [PARTS[name] for name in self.weights]

    @property
    def has_trees(self) -> bool:
        """Whether any part is trees, whose number has to be chosen."""
        return any(not part.linear for part in self.parts)


CANDIDATES: dict[str, Candidate] = {name: Candidate(name, {name: 1.0}) for name in PARTS}
"""Each part alone."""

"""Hold the rows of two arms that were drawn by lot."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.errors import GuanjiaError

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Rows of two arms, drawn by lot.

    Attributes
    ----------
    treated : numpy.ndarray of bool
        Shape (rows,): drawn to be treated, whether or not the treatment arrived.
    probability : float or numpy.ndarray or None
        Probability of that, as stated by the draw, of all rows or shape (rows,); None: the share
        observed, which is right where every row had the same.
    clusters : numpy.ndarray of int or None
        Shape (rows,): household or person that was drawn as one; None: every row by itself.
    covariates : numpy.ndarray or None
        Shape (rows,) or (rows, k), known before the draw, such as the champion's probability.
    strata : numpy.ndarray of int or None
        Shape (rows,): code of the group within which was drawn.
    """

    treated: Flags
    probability: float | Array | None = None
    clusters: Ints | None = None
    covariates: Array | None = None
    strata: Ints | None = None

    def __post_init__(self) -> None:
        """Refuse arms without rows, columns of unequal length, and probabilities no lot has.

        Raises
        ------
        GuanjiaError
            With what is wrong.
        """
        rows = len(self.treated)
        for name in ("probability", "clusters", "covariates", "strata"):
            values = getattr(self, name)
            if isinstance(values, np.ndarray) and len(values) != rows:
                raise GuanjiaError(
                    name, f"has {len(values):,} rows, the arms {rows:,}", "give one value a row"
                )
        if not 0 < int(self.treated.sum()) < rows:
            raise GuanjiaError(
                "arms",
                f"{int(self.treated.sum()):,} of {rows:,} rows are treated",
                "give both arms",
                chinese=(
                    "分组",
                    f"{rows:,} 条中有 {int(self.treated.sum()):,} 条是触达组，无从比较",
                    "请等两组都有结果后再看",
                ),
            )
        if self.probability is not None:
            stated = np.asarray(self.probability)
            if not ((stated > 0) & (stated < 1)).all():
                raise GuanjiaError(
                    "probability", "is not between 0 and 1 everywhere", "leave out rows without lot"
                )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.treated)

    def within(self, rows: Flags) -> "Sample":
        """Restrict to the rows marked, shape (rows,)."""
        stated = self.probability
        return Sample(
            treated=self.treated[rows],
            probability=stated[rows] if isinstance(stated, np.ndarray) else stated,
            clusters=None if self.clusters is None else self.clusters[rows],
            covariates=None if self.covariates is None else self.covariates[rows],
            strata=None if self.strata is None else self.strata[rows],
        )

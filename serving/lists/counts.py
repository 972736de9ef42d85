"""Count who meets the conditions of lists of a home, before any gate; nothing is written."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from features.condition_forms.condition import Condition
from features.errors import GuanjiaError, UnknownNameError
from serving.lists.conditions.counting import Counts, Overlap, count, overlap
from serving.lists.definitions.definition import ListDefinition
from serving.lists.listing import ListDefinitions, Viewer
from serving.lists.questions import check_definition, read_where
from serving.lists.selection import count_matched
from serving.predictions.scores_file import scores_path


class ListCounts(ListDefinitions):
    """Counts over the lists of a home.

    Parameters
    ----------
    lake, records
        As `ListDefinitions` takes them.
    """

    def count(
        self,
        definition: ListDefinition,
        viewer: Viewer,
        where: str | None = None,
        as_of: date | None = None,
    ) -> Counts:
        """Count the customers who meet a list's condition and its parts; nothing is written.

        Parameters
        ----------
        definition : ListDefinition
            The list.
        viewer : Viewer
            Whose customers are counted.
        where : str, optional
            Narrows the condition.
        as_of : date, optional
            Date of the scores; default: the latest.
        """
        return count_matched(self.lake, definition, self.day(as_of), where, viewer.branches)

    def count_conditions(
        self,
        written: Sequence[str | Mapping[str, Any]],
        viewer: Viewer,
        as_of: date | None = None,
    ) -> tuple[list[Condition], Counts]:
        """Read conditions, and count who meets them and their parts; nothing is written.

        Parameters
        ----------
        written : sequence of str or mapping
            Conditions as people type them, or nested groups.
        viewer : Viewer
            Whose customers are counted.
        as_of : date, optional
            Date of the tags; default: the latest.
        """
        day = self.day(as_of)
        conditions = [read_where(self.lake, text, day) for text in written]
        return conditions, count(self.lake, day, conditions, viewer.branches)

    def overlap(
        self,
        written: Mapping[str, str | Mapping[str, Any]],
        viewer: Viewer,
        as_of: date | None = None,
    ) -> Overlap:
        """Count whom conditions share; nothing is written.

        Parameters
        ----------
        written : mapping of str to str or mapping
            Conditions by name, as in `count_conditions`.
        viewer : Viewer
            Whose customers are counted.
        as_of : date, optional
            Date of the tags; default: the latest.
        """
        day = self.day(as_of)
        conditions = {name: read_where(self.lake, text, day) for name, text in written.items()}
        return overlap(self.lake, day, conditions, viewer.branches)

    def overlap_of_lists(
        self, names: Sequence[str], viewer: Viewer, as_of: date | None = None
    ) -> Overlap:
        """Count who meets the conditions of several lists, before any gate.

        Parameters
        ----------
        names : sequence of str
            Names of lists.
        viewer : Viewer
            Whose customers are counted.
        as_of : date, optional
            Date of the scores; default: the latest.
        """
        definitions = {name: self.version(name).definition for name in names}
        conditions = {
            name: check_definition(self.lake, definition).condition
            for name, definition in definitions.items()
        }
        return overlap(self.lake, self.day(as_of), conditions, viewer.branches)

    def day(self, as_of: date | None = None) -> date:
        """Return the date of the scores that lists are made from.

        Raises
        ------
        UnknownNameError
            If a date is asked for of which there are no scores.
        GuanjiaError
            If there are no scores at all.
        """
        if as_of is not None:
            if not scores_path(self.lake, as_of).exists():
                cure = f"run `guanjia score --as-of {as_of}`, or ask for the latest"
                chinese = f"{as_of} 的客户评分", "没有", "请选别的日期，或请运行人员对这一天评分"
                raise UnknownNameError(f"scores of {as_of}", "are not there", cure, chinese=chinese)
            return as_of
        if self.lake.day is not None:
            return self.lake.day.as_of
        names = sorted((self.lake.data / "scores").glob("as_of=*.parquet"))
        if not names:
            chinese = "客户评分", "还没有任何一天的", "请运行人员先完成日批（guanjia daily）"
            cure = "run `guanjia score --as-of DATE`"
            raise GuanjiaError("scores", "are not there", cure, chinese=chinese)
        return date.fromisoformat(names[-1].stem.removeprefix("as_of="))

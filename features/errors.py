"""The one error a user is meant to read: it names the thing, the fault and the cure."""


class GuanjiaError(Exception):
    """A fault the user can mend.

    Parameters
    ----------
    thing : str
        What is wrong, by the name the user knows it by: a file, a column, a customer.
    fault : str
        What is wrong with it.
    cure : str
        What to do about it, as an instruction.

    Examples
    --------
    >>> print(GuanjiaError("table claims", "has no file under raw/", "run `guanjia simulate`"))
    table claims: has no file under raw/. Run `guanjia simulate`.
    """

    def __init__(self, thing: str, fault: str, cure: str) -> None:
        self.thing = thing
        self.fault = fault
        self.cure = cure
        super().__init__(thing, fault, cure)

    def __str__(self) -> str:
        cure = self.cure[:1].upper() + self.cure[1:]
        return f"{self.thing}: {self.fault}. {cure.rstrip('.')}."

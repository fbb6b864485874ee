"""What is wrong, where, and what is allowed: the one form in which every check reports."""

from collections.abc import Iterable
from dataclasses import dataclass

from f.millrace.core.errors import BadInput


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one line of one file; `file` is relative to the root of the repository."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


class SpecInvalid(BadInput):
    """A spec that cannot be compiled; `problems` holds all its mistakes."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

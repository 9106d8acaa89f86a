"""Rules that prove themselves: each comes with a way to break what it guards, and is run on that too."""

import copy
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Rule(NamedTuple):
    name: str
    problems: Callable[[Any], Iterable[str]]
    breaks: Callable[[Any], Any]


class Rules:
    """The rules of one part, in the order in which they are written."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def rule(self, breaks: Callable[[Any], Any]) -> Callable:
        """Registers a rule. `breaks` changes a copy of the subject, and the rule has to have something to say of it."""

        def register(problems: Callable[[Any], Iterable[str]]) -> Callable:
            self._rules.append(Rule(problems.__name__, problems, breaks))
            return problems

        return register

    def problems(self, subject: Any) -> list[str]:
        """What is wrong with a subject; of one that is sound, which rules would not notice if it were not."""
        found = [f"{rule.name}: {problem}" for rule in self._rules for problem in rule.problems(subject)]
        return found or [f"{rule.name}: does not notice what it is for" for rule in self._rules if not _notices(rule, subject)]


def _notices(rule: Rule, subject: Any) -> bool:
    broken = copy.deepcopy(subject)
    rule.breaks(broken)
    return any(True for _ in rule.problems(broken))

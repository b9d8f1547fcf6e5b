"""Medians of a run's rounds, and medians of the ratios within its rounds."""

import statistics
from typing import Any, NamedTuple

FLOOR = "raw_socket"


class Figure(NamedTuple):
    """One number of one measure, and which way is better."""

    measure: str
    name: str
    more_is_better: bool = False


class Summary:
    """A run's result, asked for medians."""

    def __init__(self, result: dict[str, Any]) -> None:
        """Take the result as the run wrote it."""
        self._rounds: list[dict[str, dict[str, Any]]] = result["rounds"]
        self.contenders: dict[str, dict[str, Any]] = result["contenders"]

    def of_rounds(self, contender: str, figure: Figure) -> dict[int, float]:
        """Give a contender's figure in each round that has it."""
        numbers = {
            number: answers.get(figure.measure, {}).get(contender, {}).get("figures", {}).get(figure.name)
            for number, answers in enumerate(self._rounds)
        }
        return {number: value for number, value in numbers.items() if value is not None}

    def median(self, contender: str, figure: Figure) -> float | None:
        """Give the median of the rounds, if there is any."""
        values = self.of_rounds(contender, figure).values()
        return statistics.median(values) if values else None

    def ratio(self, contender: str, over: str, figure: Figure) -> float | None:
        """Give the median of the ratios within the rounds."""
        numbers, others = self.of_rounds(contender, figure), self.of_rounds(over, figure)
        ratios = [value / others[number] for number, value in numbers.items() if number in others]
        return statistics.median(ratios) if ratios else None

    def best(self, contenders: tuple[str, ...], figure: Figure) -> str | None:
        """Give the contender that is the best by its median, among those that could be measured."""
        medians = {name: self.median(name, figure) for name in contenders}
        measured = {name: value for name, value in medians.items() if value is not None}
        return (max if figure.more_is_better else min)(measured, key=measured.__getitem__, default=None)

    def medians(self) -> dict[str, dict[str, dict[str, dict[str, float | None]]]]:
        """Give all medians, and those of the ratios over the floor, by measure, contender and figure."""
        everything: dict[str, dict[str, dict[str, dict[str, float | None]]]] = {}
        for measure in self.measures():
            for contender in self.contenders:
                answers = [answers.get(measure, {}).get(contender, {}) for answers in self._rounds]
                known: dict[str, Any] = next((answer["figures"] for answer in answers if "figures" in answer), {})
                figures = [Figure(measure, name) for name, value in known.items() if isinstance(value, (int, float))]
                everything.setdefault(measure, {})[contender] = {
                    figure.name: {
                        "median": self.median(contender, figure),
                        "over_floor": self.ratio(contender, FLOOR, figure),
                    }
                    for figure in figures
                }
        return everything

    def error(self, contender: str, measure: str) -> str | None:
        """Give the last error of a measure, if there was one in any round."""
        answers = [answers.get(measure, {}).get(contender, {}) for answers in self._rounds]
        return next((answer["error"] for answer in reversed(answers) if "error" in answer), None)

    def failures(self, contender: str, measure: str) -> dict[str, int]:
        """Count the calls that failed within a measure, in all rounds."""
        total: dict[str, int] = {}
        for answers in self._rounds:
            failures = answers.get(measure, {}).get(contender, {}).get("figures", {}).get("failures", {})
            for name, count in failures.items():
                total[name] = total.get(name, 0) + count
        return total

    def measures(self) -> list[str]:
        """Give the names of what was measured."""
        return list(self._rounds[0]) if self._rounds else []

    def installed_mb(self, contender: str) -> float | None:
        """Give what a contender's environment takes on disk."""
        size = self.contenders.get(contender, {}).get("installed_bytes")
        return None if size is None else size / 1e6

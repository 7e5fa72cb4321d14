# SPDX-License-Identifier: Apache-2.0
"""Rounds: in each of them everything is measured once, in another order than in the one before.

Guarantees: ratios are made within a round; yardsticks are measured three times in each round
(first, halfway, last), and the middle one counts.
"""

import dataclasses
import statistics
import sys
import time
from collections.abc import Iterator, Sequence

from rows import YARDSTICKS, Row, Sample, Sizes
from testbed import Testbed


@dataclasses.dataclass
class Results:
    """What the rounds gave, by the row's key; nothing of a peer that is not installed."""

    rounds: list[dict[str, Sample]] = dataclasses.field(default_factory=list)

    def values(self, key: str) -> list[float]:
        """Returns a row's value in each round."""
        return [found[key].value for found in self.rounds if key in found]

    def samples(self, key: str) -> list[float]:
        """Returns all single times of a row."""
        return [time for found in self.rounds if key in found for time in found[key].samples]

    def ratios(self, key: str, yardstick: str) -> list[float]:
        """Returns a row's value by its yardstick's, in each round."""
        return [found[key].value / found[yardstick].value
                for found in self.rounds if key in found]

    def command_us(self, key: str) -> float:
        """Returns the processor time of a command in a raw loop."""
        return statistics.median(found[key].command_us for found in self.rounds)


def order(rows: Sequence[Row], number: int, rounds: int) -> list[Row]:
    """Returns the rows in the order of a round: they begin elsewhere each time, and every second
    time they run backwards."""
    shift = number * len(rows) // rounds
    turned = [*rows[shift:], *rows[:shift]]
    return turned[::-1] if number % 2 else turned


def with_yardsticks(rows: Sequence[Row]) -> Iterator[Row]:
    """Yields the rows of a round with the yardsticks before, between and after them."""
    yield from YARDSTICKS
    yield from rows[:len(rows) // 2]
    yield from YARDSTICKS
    yield from rows[len(rows) // 2:]
    yield from YARDSTICKS


def measure_round(bed: Testbed, rows: Sequence[Row], sizes: Sizes) -> dict[str, Sample]:
    """Measures everything once."""
    found: dict[str, list[Sample]] = {}
    bed.fresh()
    for row in with_yardsticks(rows):
        begin = time.monotonic()
        sample = row.measure(bed, sizes)
        if sample is not None:
            found.setdefault(row.key, []).append(sample)
            print(f"  {row.key}: {sample.value:.1f}, in {time.monotonic() - begin:.1f} s",
                  file=sys.stderr)
    return {key: middle(samples) for key, samples in found.items()}


def middle(samples: list[Sample]) -> Sample:
    """Returns the sample of the middle value, with the single times of all."""
    chosen = sorted(samples, key=lambda sample: sample.value)[len(samples) // 2]
    return dataclasses.replace(
        chosen, samples=tuple(time for sample in samples for time in sample.samples))


def measure(bed: Testbed, rows: Sequence[Row], sizes: Sizes, rounds: int,
            budget_s: float) -> Results:
    """Measures all rounds, or as many of them as fit the time."""
    results = Results()
    begin = time.monotonic()
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        results.rounds.append(measure_round(bed, order(rows, number, rounds), sizes))
        used = time.monotonic() - begin
        if used + used / (number + 1) > budget_s:
            break
    return results

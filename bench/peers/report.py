# SPDX-License-Identifier: Apache-2.0
"""The tables, in the form in which bench/README.md has them."""

import statistics
from collections.abc import Iterable, Sequence

from counts import Costs
from rounds import Results
from rows import YARDSTICKS, Row, Sizes

NOTHING_MS = 0.005  # of processor time: such a row is left out


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def number(value: float) -> str:
    """Returns a number with about three digits, and at most four behind the point."""
    if abs(value) < 0.00005:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def quantile(values: Sequence[float], share: float) -> float:
    """Returns the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def absolute(results: Results, key: str) -> str:
    """Returns a row's own figure: a median, or two quantiles of a time."""
    samples = results.samples(key)
    if not samples:
        return f"{number(statistics.median(results.values(key)))}/s"
    return f"p50 {quantile(samples, 0.5):.1f} ms, p99 {quantile(samples, 0.99):.1f} ms"


def peers(results: Results, rows: Iterable[Row], sizes: Sizes) -> str:
    """Returns the table of ratios."""
    labels = {row.key: row.label for row in YARDSTICKS}
    lines = [line("what", "to what", "ratio", "min..max", "absolute"),
             "|---|---|--:|--:|--:|"]
    lines += [line(row.label, "", "1", "", absolute(results, row.key)) for row in YARDSTICKS]
    for row in rows:
        label = row.label.format(large=f"{sizes.large:,}", small=f"{sizes.small:,}")
        if not results.values(row.key):
            lines.append(line(label, "", "", "", "not installed"))
            continue
        for yardstick in row.yardsticks:
            ratios = results.ratios(row.key, yardstick)
            spread = f"{min(ratios):.3f}..{max(ratios):.3f}"
            lines.append(line(label, labels[yardstick], f"**{statistics.median(ratios):.3f}**",
                              spread, absolute(results, row.key)))
    return "\n".join(lines)


def costs(found: dict[str, Costs], command_us: float) -> str:
    """Returns the table of what a job costs."""
    tables = [of for of in (
        ("seen from outside", {label: cost.usage for label, cost in found.items()}),
        ("counted by perf at full speed", {label: cost.fast for label, cost in found.items()}),
        ("counted by strace", {label: cost.slow for label, cost in found.items()}))]
    lines = [line("per job", *found), f"|---|{'--:|' * len(found)}"]
    for title, columns in tables:
        lines.append(line(f"*{title}*", *([""] * len(found))))
        names = list(dict.fromkeys(name for table in columns.values() for name in table))
        for name in names:
            if name.endswith(", ms") and all(abs(table.get(name, 0)) < NOTHING_MS
                                             for table in columns.values()):
                continue
            lines.append(line(name, *(number(table[name]) if name in table else "–"
                                      for table in columns.values())))
    lines += ["", f"A command (exec, dynamic linking) takes {command_us / 1000:.2f} ms of "
                  "processor time in the raw clone3 loop.", ""]
    for label, cost in found.items():
        lines += [f"- {label}, {name}: {calls}." for name, calls in cost.calls.items()]
    return "\n".join(lines)

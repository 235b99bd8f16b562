"""How a training shows itself on standard error: lines of figures, and on a terminal a bar below them.

Knows no model.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from tqdm import tqdm

from s2t2_live.training.progress import Listeners, Progress


class TrainingDisplay:
    """The bar runs over the minutes of training and says how many are left."""

    def __init__(self, *, minutes: float, err: TextIO | None = None) -> None:
        self._err = sys.stderr if err is None else err
        self._bar = tqdm(
            total=minutes,
            desc="training",
            file=self._err,
            disable=not self._err.isatty(),
            dynamic_ncols=True,
            leave=False,
            bar_format="{desc} {percentage:3.0f}% {bar} {n:.1f} of {total:.0f} min, {postfix}",
        )

    def listeners(self, **others: Any) -> Listeners:
        return Listeners(report=self.report, advance=self.advance, **others)

    def report(self, line: Mapping[str, Any]) -> None:
        with tqdm.external_write_mode(file=self._err):
            print(figures(line), file=self._err, flush=True)

    def advance(self, progress: Progress) -> None:
        left = max(0.0, self._bar.total - progress.minutes)
        self._bar.set_postfix_str(f"{_duration(left)} left, {progress.updates} updates", refresh=False)
        # tqdm forgets the total of a bar that is past it, and the last update may end past the last minute.
        self._bar.update(min(progress.minutes, self._bar.total) - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def nothing_to_do(progress: Progress, *, minutes: float, patience: int = 0) -> str:
    """Why a training that is started again has ended already, and how it goes on; empty where it has not."""
    if 0 < patience <= progress.stale:
        return (
            f"nothing to do: the last {progress.stale} evaluations were no better than BLEU {progress.best:.2f}; "
            "a larger --patience, or 0 for none, goes on"
        )
    if progress.minutes >= minutes and progress.evaluated == progress.updates:
        return f"nothing to do: the training has had its {minutes:g} minutes; more --minutes go on"
    return ""


def figures(line: Mapping[str, Any]) -> str:
    """A line of names and values."""
    return "  ".join(f"{key} {f'{value:.4g}' if isinstance(value, float) else value}" for key, value in line.items())


def _duration(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"

"""What a training shows while it runs."""

import io
from dataclasses import replace

from s2t2_live.training.display import TrainingDisplay, figures, nothing_to_do
from s2t2_live.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_bar_with_the_time_that_is_left() -> None:
    terminal = Terminal()
    display = TrainingDisplay(minutes=200.0, err=terminal)
    listeners = display.listeners()
    for minutes in range(0, 101, 10):
        listeners.advance(Progress(minutes=float(minutes), updates=minutes))
    listeners.report({"bleu": 12.3456, "updates": 100})
    display.close()
    shown = terminal.getvalue()
    assert "1 h 40 min left, 100 updates" in shown
    assert "50%" in shown
    assert "bleu 12.35  updates 100\n" in shown


def test_the_last_update_may_end_past_the_last_minute() -> None:
    terminal = Terminal()
    display = TrainingDisplay(minutes=10.0, err=terminal)
    display.advance(Progress(minutes=9.9))
    display.advance(Progress(minutes=10.9, updates=7))
    display._bar.refresh()
    display.close()
    assert "100%" in terminal.getvalue()


def test_a_file_has_the_lines_alone() -> None:
    file = io.StringIO()
    display = TrainingDisplay(minutes=10.0, err=file)
    display.advance(Progress(minutes=5.0))
    display.report({"ctc": 0.5})
    display.close()
    assert file.getvalue() == "ctc 0.5\n"


def test_figures_are_short() -> None:
    assert figures({"updates": 123456, "speed": 51.23456, "name": "x"}) == "updates 123456  speed 51.23  name x"


def test_a_training_that_has_ended_says_why_it_does_nothing() -> None:
    stale = Progress(minutes=8.0, best=12.345, stale=5)
    assert nothing_to_do(stale, minutes=8.5, patience=6) == ""
    assert nothing_to_do(stale, minutes=8.5) == ""
    why = nothing_to_do(stale, minutes=8.5, patience=5)
    assert why.startswith("nothing to do: the last 5 evaluations were no better than BLEU 12.35; ")
    assert "its 7.5 minutes" in nothing_to_do(stale, minutes=7.5)
    assert nothing_to_do(replace(stale, updates=9, evaluated=8), minutes=7.5) == "", "its last evaluation is missing"

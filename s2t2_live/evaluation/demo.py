"""Replays the shipped recordings on the console and says how good it was. `make demo` runs it. Knows no window."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from s2t2_live.assembly import load_model
from s2t2_live.assets import asset
from s2t2_live.audio.recording import Recording
from s2t2_live.cli import INTERRUPTED
from s2t2_live.errors import S2T2Error, UsageError
from s2t2_live.evaluation.bleu import corpus_bleu
from s2t2_live.live.events import Event, Final, Summary
from s2t2_live.live.session import EngineSettings
from s2t2_live.settings import Settings
from s2t2_live.standard_streams import messages
from s2t2_live.terminal import Display, show
from s2t2_live.training.recordings import Recording as Row
from s2t2_live.training.recordings import read_table, split_sentences


@dataclass(slots=True)
class Heard:
    """A sink that keeps what the summary needs of one recording."""

    row: Row
    finals: list[Final] = field(default_factory=list)
    summary: Summary | None = None

    def handle(self, event: Event) -> None:
        if isinstance(event, Final):
            self.finals.append(event)
        elif isinstance(event, Summary):
            self.summary = event

    def close(self) -> None:
        """Nothing is held back."""

    @property
    def text(self) -> str:
        return " ".join(final.text for final in self.finals if final.text)

    def pairs(self) -> list[tuple[str, str]]:
        """Reference and translation, sentence by sentence if there are as many captions, else the whole texts."""
        references = split_sentences(self.row.german)
        said = [final.text for final in self.finals if final.text]
        if len(said) != len(references):
            return [(self.row.german, self.text)]
        return list(zip(references, said, strict=True))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m s2t2_live.evaluation.demo", description=__doc__)
    parser.add_argument("--speed", choices=("realtime", "max"), default="realtime")
    arguments = parser.parse_args(argv)
    try:
        return demonstrate(arguments.speed)
    except S2T2Error as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    except FileNotFoundError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def demonstrate(speed: str) -> int:
    """Replay every shipped recording, then print the summary; 1 if a recording failed."""
    table = asset("recordings/recordings.tsv")
    rows = read_table(table)
    heard: list[Heard] = []
    failed = False
    with messages(logging.INFO) as handler:
        model = load_model(Settings())
        for number, row in enumerate(rows, start=1):
            print(f"\n{row.file}, {number} of {len(rows)}, voice {row.voice}: {row.english}", flush=True)
            recording = Recording(table.parent / row.file, pace="max" if speed == "max" else "realtime")
            heard.append(Heard(row))
            outcome = show(recording, model, EngineSettings(), Display(handler), sinks=[heard[-1]])
            failed = failed or outcome.code > 0
            if outcome.stopped:
                break
    print(report(heard))
    return 1 if failed else 0


def report(heard: Sequence[Heard]) -> str:
    """The summary of all recordings as text of several lines."""
    lines = ["", "What was said, = where it is the reference word for word:"]
    for one in heard:
        lines += ["", f"{one.row.file}, voice {one.row.voice}"]
        for reference, said in one.pairs():
            lines += [f"  = {said}"] if said == reference else [f"    reference  {reference}", f"    said       {said}"]
    exact = sum(one.text == one.row.german for one in heard)
    lags = [final.lag for one in heard for final in one.finals]
    summaries = [one.summary for one in heard if one.summary is not None]
    audio = sum(summary.audio for summary in summaries)
    compute = sum(summary.real_time_factor * summary.audio for summary in summaries)
    lines += ["", f"{exact} of {len(heard)} recordings word for word, {audio:.0f} s of audio"]
    try:
        bleu = corpus_bleu([one.text for one in heard], [one.row.german for one in heard])
        lines += [f"BLEU {bleu.score:.1f} ({bleu.signature})"]
    except UsageError as error:
        lines += [str(error)]
    if lags:
        median, p95 = np.percentile(lags, [50, 95])
        lines += [f"Lag behind the end of speech: median {median:.2f} s, 95th percentile {p95:.2f} s"]
    if audio:
        lines += [f"Real-time factor {compute / audio:.3f}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

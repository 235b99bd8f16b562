"""How steady the captions of checkpoints are: normalized erasure and BLEU through the real engine, in one table.

`python -m s2t2_live.evaluation.erasure FOLDER…` runs it on held-out speech that `python -m s2t2_live.training
synthesize --evaluation` has made. Knows no window.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.recording import Recording
from s2t2_live.cli import INTERRUPTED
from s2t2_live.errors import S2T2Error
from s2t2_live.evaluation.bleu import corpus_bleu
from s2t2_live.live.events import Event, Final, Partial
from s2t2_live.live.guards import token_budget
from s2t2_live.live.measures import Measures, words
from s2t2_live.live.policy import POLICIES, PolicySettings
from s2t2_live.live.session import EngineSettings, Session
from s2t2_live.live.translation import SpeechTranslationModel
from s2t2_live.training.amounts import amount, count, share
from s2t2_live.training.shards import SpeechShards

BEFORE, AFTER = 0.3, 1.2
"""Seconds of a room without speech around every utterance."""
ROOM = 10 ** (-62 / 20)
"""Level of its noise."""


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint with one certainty."""

    checkpoint: str
    certainty: float
    offline: float
    """BLEU of the whole utterances, translated at once."""
    streaming: float
    """BLEU of the finals of the engine."""
    erasure: float
    """Words taken back for each word of the finals."""
    early: float
    """Share of the finals' words that were committed before the utterance ended, 0 to 1."""


class _Finals:
    """A sink that joins the finals of one session and counts the words that were committed before."""

    def __init__(self, measures: Measures) -> None:
        self.texts: list[str] = []
        self.committed = 0
        self._last = 0
        self._measures = measures

    def handle(self, event: Event) -> None:
        self._measures.observe(event)
        if isinstance(event, Partial):
            self._last = len(words(event.committed))
        elif isinstance(event, Final):
            self.texts.append(event.text)
            self.committed += self._last
            self._last = 0

    def close(self) -> None:
        """Nothing is held back."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m s2t2_live.evaluation.erasure", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="checkpoints, as `export` writes them")
    parser.add_argument("--speech", type=Path, default=Path(".work/reserved"), help="shards (default: %(default)s)")
    parser.add_argument("--utterances", type=count, default=200, metavar="N", help="of them (default: %(default)s)")
    parser.add_argument("--policy", choices=POLICIES, default=POLICIES[0])
    parser.add_argument("--step", type=amount, default=PolicySettings().step, help="seconds (default: %(default)s)")
    parser.add_argument("--beams", type=count, default=1, help="of the finals (default: %(default)s)")
    parser.add_argument("--threads", type=count, help="of the model")
    parser.add_argument(
        "--certainties",
        type=_shares,
        default=[PolicySettings().certainty, 0.0],
        metavar="P,P",
        help="of the policy; 0 shows every guess (default: its own and 0)",
    )
    options = parser.parse_args(argv)
    try:
        policy = PolicySettings(name=options.policy, step=options.step)
        policies = [replace(policy, certainty=certainty) for certainty in options.certainties]
        speech = SpeechShards(options.speech, held_out=True)
        chosen = random.Random(1).sample(range(len(speech)), min(options.utterances, len(speech)))
        rows: list[Row] = []
        for folder in options.folders:
            model = SpeechTranslationModel.load(
                str(folder), device="auto", precision="auto", threads=options.threads, offline=True
            )
            rows += measure(model, speech, chosen, policies, beams=options.beams)
    except S2T2Error as error:
        print(f"erasure: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    print(table(rows))
    print(json.dumps({"utterances": len(chosen), "rows": [asdict(row) for row in rows]}))
    return 0


def measure(
    model: SpeechTranslationModel,
    speech: SpeechShards,
    chosen: Sequence[int],
    policies: Sequence[PolicySettings],
    *,
    beams: int,
) -> list[Row]:
    """One row for each policy: every chosen utterance in a session of its own."""
    references = [speech.examples[index].german for index in chosen]
    heard = [_in_a_room(speech, index) for index in chosen]
    offline = []
    for audio in tqdm(heard, desc=f"{model.name} offline", unit="utterance", file=sys.stderr, disable=None):
        budget = token_budget(len(audio) / SAMPLE_RATE)
        found = model.translate(audio, (), beam_size=beams, max_tokens=budget)
        offline.append(model.text(found.tokens))
    rows = []
    with tempfile.TemporaryDirectory(prefix="utterances-") as folder:
        path = Path(folder) / "utterance.wav"
        for policy in policies:
            settings = EngineSettings(policy=policy, beam_size=beams)
            measures, finals, committed = Measures(), [], 0
            label = f"{model.name} certainty {policy.certainty:g}"
            for audio in tqdm(heard, desc=label, unit="utterance", file=sys.stderr, disable=None):
                soundfile.write(path, audio, SAMPLE_RATE, subtype="FLOAT")
                said = _Finals(measures)
                session = Session(Recording(path, pace="max"), model, settings=settings, sinks=[said])
                session.start()
                session.wait()
                if session.error is not None:
                    raise session.error
                finals.append(" ".join(filter(None, said.texts)))
                committed += said.committed
            rows.append(
                Row(
                    checkpoint=Path(model.name).name,
                    certainty=policy.certainty,
                    offline=corpus_bleu(offline, references).score,
                    streaming=corpus_bleu(finals, references).score,
                    erasure=measures.summary(1.0).normalized_erasure,
                    early=committed / max(1, sum(len(words(text)) for text in finals)),
                )
            )
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| checkpoint | certainty | BLEU offline | BLEU streaming | normalized erasure | committed early |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.checkpoint} | {row.certainty:g} | {row.offline:.1f} | {row.streaming:.1f} | {row.erasure:.3f} "
        f"| {100 * row.early:.0f} % |"
        for row in rows
    ]
    return "\n".join(lines)


def _shares(text: str) -> list[float]:
    return [share(part.strip()) for part in text.split(",")]


def _in_a_room(speech: SpeechShards, index: int) -> np.ndarray:
    audio = speech.audio(index)
    padded = np.pad(audio, (int(BEFORE * SAMPLE_RATE), int(AFTER * SAMPLE_RATE)))
    noise = np.random.default_rng(index).standard_normal(len(padded)) * ROOM
    return (padded + noise).astype(np.float32)


if __name__ == "__main__":
    sys.exit(main())

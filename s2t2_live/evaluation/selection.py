"""Which of several checkpoints to ship: BLEU on speech that neither training nor any reported figure has, in one table.

`python -m s2t2_live.evaluation.selection FOLDER…` has voices of the training say held-out phrases and sentences written
for this alone, clean and in made-up rooms with noise. Knows neither the voices nor the sentences that are reported.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from s2t2_live.assets import asset
from s2t2_live.cli import INTERRUPTED
from s2t2_live.errors import S2T2Error
from s2t2_live.evaluation.bleu import corpus_bleu
from s2t2_live.evaluation.speech_sets import development_sentences, held_out_phrases, speak_set, spread
from s2t2_live.training.amounts import count
from s2t2_live.training.augmentation import UNCHANGED, Augmentation
from s2t2_live.training.batches import evaluation_batches
from s2t2_live.training.checkpoint import Checkpoint, load_checkpoint
from s2t2_live.training.phrase_book import PhraseBook
from s2t2_live.training.shards import SpeechShards

SKIPPED = 1000
"""Held-out phrases that come first and are left to the reported figures."""
BATCH = 48.0
"""Seconds of audio at once."""
ROUGH = replace(
    UNCHANGED,
    reverberation=1,
    reverberation_time=(0.3, 0.7),
    direct_db=(-3.0, 3.0),
    noise=1,
    noise_db=(10.0, 10.0),
    babble=0,
    tones=0,
)
"""Rooms and noise, nothing else."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m s2t2_live.evaluation.selection", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="checkpoints, as `export` writes them")
    parser.add_argument(
        "--phrases", type=count, default=150, metavar="N", help="held-out phrases (default: %(default)s)"
    )
    parser.add_argument("--sentences", type=count, metavar="N", help="written sentences (default: all)")
    parser.add_argument("--beams", type=count, default=1, help="of the search (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path(".work/selection"), help="of speech (default: %(default)s)")
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1, help="processes, threads")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.workers)
    rows = {}
    try:
        checkpoints = {folder: load_checkpoint(folder) for folder in options.folders}
        phrases = held_out_phrases(PhraseBook.load(asset("phrase_book")), options.phrases, skip=SKIPPED)
        sets = {
            name: speak_set(options.cache, name, spread(said), workers=options.workers)
            for name, said in (("phrases", phrases), ("sentences", development_sentences()[: options.sentences]))
        }
        columns = [*sets, *(f"{name}, in a room" for name in sets)]
        print(f"| checkpoint | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}", flush=True)
        for folder, checkpoint in checkpoints.items():
            figures = [
                measure(checkpoint, speech, rough=rough, beams=options.beams)
                for rough in (False, True)
                for speech in sets.values()
            ]
            print(f"| {folder} | {' | '.join(f'{bleu:.1f}' for bleu in figures)} |", flush=True)
            rows[folder] = dict(zip(columns, figures, strict=True))
    except S2T2Error as error:
        print(f"selection: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    print(json.dumps(rows))
    return 0


def measure(checkpoint: Checkpoint, speech: SpeechShards, *, rough: bool, beams: int) -> float:
    """BLEU of a set, clean, or rough: each time in the same rooms with the same noise."""
    change, generator = Augmentation(ROUGH), torch.Generator().manual_seed(1)
    said, references = [], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for batch, indices in evaluation_batches(speech, checkpoint.text, seconds=BATCH):
            if rough:
                batch = replace(batch, audio=change(batch.audio, batch.lengths, generator))
            said += checkpoint.translator(batch, beams=beams)
            references += [speech.examples[index].german for index in indices]
    return corpus_bleu(said, references).score


if __name__ == "__main__":
    sys.exit(main())

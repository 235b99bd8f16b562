"""`python -m s2t2_live.training`: from the phrase book to a checkpoint that ships, and fine-tuning of any other."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from s2t2_live.assets import asset
from s2t2_live.errors import S2T2Error, UsageError, refusal
from s2t2_live.training.amounts import amount, amount_from_zero, count, count_from_zero, share

if TYPE_CHECKING:
    from s2t2_live.training.recipe import Recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.step(options)
    except S2T2Error as error:
        print(f"s2t2_live.training: {error}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        if not (cause := _cause(error, options)):
            raise
        print(f"s2t2_live.training: {cause}", file=sys.stderr)
        return S2T2Error.exit_code
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last saved state", file=sys.stderr)
        return 130
    return 0


def _cause(error: Exception, options: argparse.Namespace) -> str:
    """What the system refuses, in one sentence; empty for an error of another kind.

    torch has no type of its own for a file that it cannot write, and on the CPU none for memory that it does not get.
    """
    from_torch = isinstance(error, RuntimeError)
    if isinstance(error, OSError):
        return refusal(error)
    if from_torch and re.search("inline_container|PytorchStreamWriter", str(error)):
        return "The training's state cannot be written; the disk is full, it seems: make room, then run this again."
    if isinstance(error, MemoryError) or (from_torch and re.search("out of memory|can't allocate memory", str(error))):
        way = "a smaller --batch needs less" if "batch" in options else "end other programs"
        return f"There is not enough memory; {way}."
    return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m s2t2_live.training",
        description=__doc__,
        epilog="`all` is synthesize, train, align, train, evaluate, export. Each may be stopped and started again.",
    )
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def step(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = steps.add_parser(name, help=text, description=text)
        sub.set_defaults(step=run)
        return sub

    def recipe_step(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = step(name, run, text)
        sub.add_argument("--work", type=Path, default=Path(".work"), help="folder of the run (default: %(default)s)")
        sub.add_argument("--workers", type=count, default=os.cpu_count() or 1, help="processes or threads")
        return sub

    everything = recipe_step("all", _everything, "From the phrase book to a checkpoint folder, all steps.")
    everything.add_argument("folder", type=Path, help="of the checkpoint")
    everything.add_argument(
        "--phrases", type=count, default=200, help="held-out phrases a voice (default: %(default)s)"
    )

    speech = recipe_step("synthesize", _synthesize, "Have synthetic voices speak the phrase book.")
    speech.add_argument("--evaluation", type=count, default=0, metavar="N", help="instead: N held-out phrases a voice")
    for sub in (everything, speech):
        sub.add_argument(
            "--shards", type=count_from_zero, default=40, help="training shards of 400 phrases (default: %(default)s)"
        )
        sub.add_argument(
            "--first", type=count_from_zero, default=0, help="number of the first shard (default: %(default)s)"
        )
        sub.add_argument(
            "--whole", type=share, default=0.5, metavar="SHARE", help="share of whole sentences, not grammar"
        )

    start = recipe_step("begin", _begin, "Begin a run with the weights of a checkpoint instead of random ones.")
    start.add_argument("model", help="name, folder or hub id of one that this recipe made; it may have fewer layers")

    training = recipe_step("train", lambda options: _recipe(options).train(), "Train the model, or go on with it.")
    for sub in (everything, training):
        sub.add_argument(
            "--minutes", type=amount_from_zero, default=120.0, help="of the whole run (default: %(default)s)"
        )
        sub.add_argument("--merges", type=count_from_zero, default=1500, help="BPE merges of a new vocabulary")
        sub.add_argument(
            "--rate", type=amount_from_zero, default=8e-4, help="peak learning rate (default: %(default)s)"
        )
        sub.add_argument("--batch", type=amount, default=96.0, help="seconds of audio a batch (default: %(default)s)")
        sub.add_argument(
            "--prefixes",
            type=share,
            default=0.15,
            metavar="SHARE",
            help="share of utterances cut off, if aligned (default: %(default)s)",
        )
    training.add_argument("--teacher", metavar="MODEL", help="checkpoint that is to be reached in rooms and noise")

    for sub in (everything, speech, training):
        topics = "comma-separated topics of the phrase book to keep to (default: all)"
        sub.add_argument("--topics", type=_names, default=(), help=topics)

    recipe_step("align", lambda options: _recipe(options).align(), "Find out when in the speech each word is said.")
    measure = recipe_step("evaluate", _evaluate, "BLEU and chrF on held-out speech, by voice and by topic.")
    measure.add_argument("--beams", type=_sizes, default=[1], metavar="N,N", help="beam sizes (default: 1)")
    ship = recipe_step("export", _export, "Write the checkpoint folder.")
    ship.add_argument("folder", type=Path, help="where to")
    measure.add_argument("--model", help="a checkpoint's name, folder or hub id, instead of the run")
    measure.add_argument("--data", type=Path, help="table or folder to evaluate --model on (default: held-out phrases)")

    tuning = step("finetune", _finetune, "Train any checkpoint further on speech of your own.")
    tuning.add_argument("model", help="name, folder or hub id")
    tuning.add_argument("data", type=Path, help="table with the columns path, translation, sentence; or folder")
    tuning.add_argument("--output", type=Path, required=True, help="folder of the new checkpoint and its run")
    tuning.add_argument("--dev", type=Path, help="table or folder to evaluate on (default: some rows of the data)")
    tuning.add_argument("--minutes", type=amount_from_zero, default=600.0, help="at most (default: %(default)s)")
    tuning.add_argument("--rate", type=amount_from_zero, default=1e-4, help="peak learning rate (default: %(default)s)")
    tuning.add_argument("--batch", type=amount, default=60.0, help="seconds of audio a batch (default: %(default)s)")
    tuning.add_argument(
        "--patience",
        type=count_from_zero,
        default=5,
        help="evaluations without a better BLEU; 0: all minutes (default: 5)",
    )
    tuning.add_argument(
        "--evaluate-every", type=amount_from_zero, default=10.0, metavar="MINUTES", help="default: %(default)s"
    )
    tuning.add_argument("--threads", type=count, help="of the arithmetic")
    for sub in (measure, tuning):
        sub.add_argument("--audio", type=Path, help="folder of the audio that tables name (default: theirs, or clips)")

    mean = step("average", _average, "The weighted mean of two checkpoints of one training, often better than either.")
    mean.add_argument("first", help="a checkpoint: demo-en-de, a folder, or a hub id")
    mean.add_argument("second", help="a later one")
    mean.add_argument("folder", type=Path, help="of the mean")
    mean.add_argument("--share", type=float, default=0.5, help="of the second (default: %(default)s)")

    spoken = step("recordings", _recordings, "Speak a table of texts into FLAC files.")
    spoken.add_argument("table", type=Path, nargs="?", help="default: the table of the shipped recordings")
    for sub in (everything, training, measure, tuning):
        sub.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    return parser


def _recipe(options: argparse.Namespace) -> Recipe:
    from s2t2_live.training.recipe import Recipe

    return Recipe(**{name: value for name, value in vars(options).items() if name in Recipe.__slots__})


def _begin(options: argparse.Namespace) -> None:
    _recipe(options).begin(options.model)


def _synthesize(options: argparse.Namespace) -> None:
    if options.evaluation:
        _recipe(options).synthesize_evaluation(options.evaluation)
    else:
        _recipe(options).synthesize(range(options.first, options.first + options.shards), whole=options.whole)


def _everything(options: argparse.Namespace) -> None:
    shards = range(options.first, options.first + options.shards)
    _recipe(options).everything(options.folder, shards, whole=options.whole, phrases=options.phrases)


def _evaluate(options: argparse.Namespace) -> None:
    if options.data is None:
        _recipe(options).evaluate(options.beams, options.model)
        return
    if options.model is None:
        raise UsageError("--data needs --model: the checkpoint to evaluate on it.")
    from s2t2_live.training.finetune import evaluate_checkpoint

    evaluate_checkpoint(
        options.model,
        options.data,
        audio=options.audio,
        beams=options.beams,
        device=options.device,
        threads=options.workers,
    )


def _finetune(options: argparse.Namespace) -> None:
    from s2t2_live.training.finetune import FineTuning

    FineTuning(**{name: value for name, value in vars(options).items() if name in FineTuning.__slots__}).run()


def _export(options: argparse.Namespace) -> None:
    _recipe(options).export(options.folder)


def _average(options: argparse.Namespace) -> None:
    from s2t2_live.training.average import average

    average(options.first, options.second, options.share, options.folder)


def _recordings(options: argparse.Namespace) -> None:
    from s2t2_live.training.recordings import render

    table = options.table or asset("recordings") / "recordings.tsv"
    print(f"{table.parent}: {render(table):.1f} s", file=sys.stderr)


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _sizes(text: str) -> list[int]:
    return [count(part.strip()) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())

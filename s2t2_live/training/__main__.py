"""`python -m s2t2_live.training`: from the phrase book to a checkpoint that ships, one step a command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from s2t2_live.assets import asset
from s2t2_live.errors import S2T2Error
from s2t2_live.training.phrase_book import PhraseBook


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.step(options)
    except S2T2Error as error:
        print(f"s2t2_live.training: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last saved state", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m s2t2_live.training",
        description=__doc__,
        epilog="The order: synthesize, train, align, train, evaluate, export. Each may be stopped and started again.",
    )
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def step(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        sub = steps.add_parser(name, help=text, description=text)
        sub.set_defaults(step=run)
        sub.add_argument("--work", type=Path, default=Path(".work"), help="folder of the run (default: %(default)s)")
        sub.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes or threads")
        topics = "comma-separated topics of the phrase book to keep to (default: all)"
        sub.add_argument("--topics", type=lambda text: text.split(","), default=(), help=topics)
        return sub

    speech = step("synthesize", _synthesize, "Have synthetic voices speak the phrase book.")
    speech.add_argument("--shards", type=int, default=40, help="training shards of 400 phrases (default: %(default)s)")
    speech.add_argument("--first", type=int, default=0, help="number of the first shard (default: %(default)s)")
    speech.add_argument(
        "--whole", type=float, default=0.3, metavar="SHARE", help="share of whole sentences, not grammar"
    )
    speech.add_argument("--evaluation", type=int, default=0, metavar="N", help="instead: N held-out phrases a voice")

    training = step("train", _train, "Train the shipped checkpoint's model, or go on with it.")
    training.add_argument("--minutes", type=float, default=120.0, help="length of the whole run (default: %(default)s)")
    training.add_argument("--merges", type=int, default=1500, help="BPE merges of a new vocabulary")
    training.add_argument("--rate", type=float, default=1e-3, help="peak learning rate (default: %(default)s)")
    training.add_argument("--batch", type=float, default=36.0, help="seconds of audio a batch (default: %(default)s)")
    training.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    training.add_argument(
        "--prefixes", type=float, default=0.15, metavar="SHARE", help="share of utterances cut off, if aligned"
    )

    step("align", _align, "Find out when in the speech each word is said, for training on its beginnings.")

    measure = step("evaluate", _evaluate, "BLEU on held-out phrases, heard and reserved voices.")
    measure.add_argument("--beams", type=int, default=1, help="beam size (default: %(default)s)")

    ship = step("export", _export, "Write the checkpoint folder.")
    ship.add_argument("folder", type=Path, help="where to")

    spoken = step("recordings", _recordings, "Speak a table of texts into FLAC files.")
    spoken.add_argument("table", type=Path, nargs="?", help="default: the table of the shipped recordings")
    return parser


def _synthesize(options: argparse.Namespace) -> None:
    from s2t2_live.training.shards import SpeechShards
    from s2t2_live.training.synthesis import synthesize_evaluation, synthesize_training

    book = PhraseBook.load(asset("phrase_book"))
    if options.evaluation:
        speech = options.work / "speech"
        known = {example.english for example in SpeechShards(speech).examples} if speech.exists() else set()
        for voices in ("heard", "reserved"):
            synthesize_evaluation(
                book,
                options.work / voices,
                phrases=options.evaluation,
                workers=options.workers,
                voices=voices,
                known=known,
                topics=options.topics,
            )
    else:
        shards = range(options.first, options.first + options.shards)
        synthesize_training(
            book,
            options.work / "speech",
            shards=shards,
            sentence_share=options.whole,
            topics=options.topics,
            workers=options.workers,
        )


def _trainer(options: argparse.Namespace, minutes: float) -> Any:
    import torch

    from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
    from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
    from s2t2_live.training.batches import BatchSettings
    from s2t2_live.training.demo_model import demo_config, freeze_filters, new_demo_model
    from s2t2_live.training.loop import Trainer, TrainingSettings
    from s2t2_live.training.memory import keep_freed_memory
    from s2t2_live.training.shards import SpeechShards
    from s2t2_live.training.targets import TextEncoder

    keep_freed_memory()
    torch.set_num_threads(options.workers)
    vocabulary = options.work / "vocabulary"
    if not (vocabulary / "vocab.json").exists():
        _learn_vocabulary(vocabulary, options.merges)
    tokenizer = Speech2Text2Tokenizer(str(vocabulary / "vocab.json"), merges_file=str(vocabulary / "merges.txt"))
    run = options.work / "run"
    if (run / "state.pt").exists():
        model = freeze_filters(SpeechEncoderDecoderModel(demo_config(len(tokenizer))))
    else:
        speech = SpeechShards(options.work / "speech")
        sample = torch.cat([torch.from_numpy(speech.audio(index)) for index in range(min(200, len(speech)))])
        model = new_demo_model(len(tokenizer), (sample - sample.mean()) / sample.std())
    settings = TrainingSettings(
        minutes=minutes,
        peak_learning_rate=getattr(options, "rate", 1e-3),
        batches=BatchSettings(seconds=getattr(options, "batch", 36.0), prefixes=getattr(options, "prefixes", 0.0)),
    )
    return Trainer(
        model, TextEncoder(tokenizer), run, settings, device=getattr(options, "device", "cpu"), report=_report
    )


def _learn_vocabulary(folder: Path, merges: int) -> None:
    from s2t2_live.training.bpe import save_vocabulary

    # The whole sentences alone: they are written in ordinary German, in which no template repeats itself.
    sentences = PhraseBook.load(asset("phrase_book")).sentences()
    size = save_vocabulary(folder, [phrase.german for phrase in sentences], merges=merges)
    print(f"vocabulary of {size} pieces in {folder}", file=sys.stderr)


def _train(options: argparse.Namespace) -> None:
    from s2t2_live.training.curve import plot_history
    from s2t2_live.training.shards import SpeechShards

    trainer = _trainer(options, options.minutes)
    speech = SpeechShards(options.work / "speech", topics=options.topics)
    validation = SpeechShards(options.work / "heard")
    print(f"{speech.seconds / 3600:.1f} h of speech", file=sys.stderr)
    if options.prefixes and not speech.timings:
        print("no speech is aligned yet: whole utterances only; see the step `align`", file=sys.stderr)
    trainer.train(speech, validation)
    plot_history(trainer.folder / "history.jsonl", trainer.folder / "history.png")


def _align(options: argparse.Namespace) -> None:
    from s2t2_live.training.alignment import align_shards

    aligned, failed = align_shards(_trainer(options, 1.0), options.work / "speech")
    print(f"{aligned} utterances aligned, {failed} without a likely alignment", file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> None:
    from s2t2_live.training.shards import SpeechShards
    from s2t2_live.training.voices import RESERVED_VOICES

    trainer = _trainer(options, 1.0)
    sets = [("heard voices", SpeechShards(options.work / "heard"))]
    sets += [(str(voice), SpeechShards(options.work / "reserved", voice.name)) for voice in RESERVED_VOICES]
    for name, speech in sets:
        scores = trainer.evaluate(speech, beams=options.beams, whole=True)
        _report({"voice": name, "phrases": len(speech), **scores})


def _export(options: argparse.Namespace) -> None:
    from s2t2_live.training.export import export

    trainer = _trainer(options, 1.0)
    size = export(trainer.model, options.work / "vocabulary", options.folder)
    print(f"{options.folder}: {size / 1e6:.1f} MB", file=sys.stderr)


def _recordings(options: argparse.Namespace) -> None:
    from s2t2_live.training.recordings import render

    table = options.table or asset("recordings") / "recordings.tsv"
    print(f"{table.parent}: {render(table):.1f} s", file=sys.stderr)


def _report(line: Mapping[str, Any]) -> None:
    print("  ".join(f"{key} {_short(value)}" for key, value in line.items()), file=sys.stderr, flush=True)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())

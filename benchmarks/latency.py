"""Quality and latency of the live engine, measured by simulstream on a talk of held-out sentences.

    python benchmarks/latency.py [--seconds 300] [--topics hotel,restaurant] [--policies local-agreement,alignatt]
        [--steps 0.4,0.6] [--model NAME] [--set SECTION.KEY=VALUE] [--rehearsal] [--work DIR]

The talk is made once, by the voices that no training hears, of sentences that no training reads; the same arguments
and phrase book give the same talk. `--rehearsal` is another talk, by voices of the training, to choose settings on:
figures of the talk itself say nothing of settings that were chosen on it. For each policy and step
`simulstream_inference` runs the engine over it, in a process of its own. "committed" shows a reader only what is
never taken back, "everything" the tentative words too.

    BLEU         of the captions, cut at the sentences of the reference by simulstream's aligner
    of offline   the same in percent of offline BLEU: each sentence by itself, whole, decoded with beam 5; the mean of
                 three, with 0.1, 0.2 and 0.3 s of the room around the sentence, because that alone changes some words
    StreamLAAL   seconds that a word comes behind an ideal interpreter
    CA           the same with the computer's time: the machine must have nothing else to do
    NE           normalized erasure: words taken back for each that remained
    RTF          seconds of computation for a second of audio

The last line is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path

import yaml

from s2t2_live.assembly import load_model
from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import S2T2Error
from s2t2_live.evaluation.bleu import corpus_bleu
from s2t2_live.evaluation.latency import Scores, score
from s2t2_live.evaluation.simulstream import CONFIGURATION
from s2t2_live.evaluation.talk import Talk, make_talk
from s2t2_live.live.guards import token_budget
from s2t2_live.live.policy import POLICIES
from s2t2_live.settings import ModelSettings, Settings, apply, from_tables
from s2t2_live.training.phrase_book import PhraseBook

MARGINS = (0.1, 0.2, 0.3)
"""Seconds of the room before and after a sentence that is decoded by itself."""
GOALS = {
    "of_offline": 97.0,
    "stream_laal": 1.5,
    "stream_laal_computation_aware": 2.0,
    "committed_erasure": 0.0,
    "shown_erasure": 0.2,
    "real_time_factor": 0.3,
}
"""At least for the first, at most for the others."""


@dataclass(frozen=True)
class Run:
    """One way to run the engine."""

    policy: str
    step: float | None
    """Seconds; None for a policy that has no use for it."""
    stability: str

    def __str__(self) -> str:
        return "-".join(str(part) for part in (self.policy, self.step, self.stability) if part is not None)


def offline_bleu(talk: Talk, model_name: str) -> dict[float, float]:
    """Each sentence by itself, with beam 5, for each of `MARGINS`."""
    model = load_model(Settings(model=ModelSettings(name=model_name)))
    samples = talk.samples()
    found = {}
    for margin in MARGINS:
        said = []
        for sentence in talk.sentences:
            begin, end = sentence.start - margin, sentence.start + sentence.duration + margin
            audio = samples[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
            budget = token_budget(len(audio) / SAMPLE_RATE)
            said.append(model.text(model.translate(audio, (), beam_size=5, max_tokens=budget).tokens))
        found[margin] = corpus_bleu(said, [sentence.german for sentence in talk.sentences]).score
    return found


def infer(run: Run, talk: Talk, folder: Path, model: str, changes: list[str]) -> Scores:
    """Have simulstream run the engine over the talk, and score its log."""
    configuration = yaml.safe_load(CONFIGURATION.read_text("utf-8"))
    configuration["stability"] = run.stability
    configuration["model"]["name"] = model
    configuration["translation"]["policy"] = run.policy
    if run.step is not None:
        configuration["translation"]["step"] = run.step
    for change in changes:
        key, _, value = change.partition("=")
        section, _, name = key.partition(".")
        configuration.setdefault(section, {})[name] = yaml.safe_load(value)
    processor, log, listing = (folder / f"{run}.{suffix}" for suffix in ("yaml", "jsonl", "txt"))
    processor.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    listing.write_text(f"{talk.audio.resolve()}\n", encoding="utf-8")
    log.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "simulstream.inference"),
        *("--speech-processor-config", str(processor)),
        *("--wav-list-file", str(listing)),
        *("--metrics-log-file", str(log)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(f"simulstream_inference failed on {processor}:\n{done.stderr}")
    return score(log, talk.definition, talk.references)


def plan(policies: list[str], steps: list[float], shown_step: float) -> list[Run]:
    """Each policy at each step as committed, and once with all that it shows."""
    runs = []
    for policy in policies:
        if policy == "final-only":
            runs.append(Run(policy, None, "committed"))
        else:
            runs += [Run(policy, step, "committed") for step in steps]
            runs.append(Run(policy, shown_step, "everything"))
    return runs


def change(text: str) -> str:
    """A setting as SECTION.KEY=VALUE. Raises ArgumentTypeError where there is none, or the value does not fit."""
    key, _, value = text.partition("=")
    section, _, name = key.partition(".")
    try:
        reduce(apply, from_tables({section: {name: yaml.safe_load(value)}}, text), Settings())
    except (S2T2Error, yaml.YAMLError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def main() -> None:
    step = Settings().translation.step
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="length of the talk (default: %(default)g)")
    parser.add_argument("--topics", default="", help="topics of the phrase book, with commas between (default: all)")
    parser.add_argument("--policies", default=",".join(POLICIES), help="(default: %(default)s)")
    parser.add_argument("--steps", default=f"{step},0.8", help="seconds (default: %(default)s)")
    parser.add_argument("--model", default=Settings().model.name, help="(default: %(default)s)")
    parser.add_argument(
        "--set", type=change, action="append", default=[], metavar="KEY=VALUE", help="any other setting, repeatable"
    )
    parser.add_argument("--rehearsal", action="store_true", help="another talk, to choose settings on")
    parser.add_argument(
        "--work", type=Path, default=Path(".work/latency"), help="talks and logs (default: %(default)s)"
    )
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.WARNING)
    book = PhraseBook.load(asset("phrase_book"))
    topics = [topic for topic in options.topics.split(",") if topic]
    try:
        talk = make_talk(book, options.work, seconds=options.seconds, topics=topics, rehearsal=options.rehearsal)
        by_margin = offline_bleu(talk, options.model)
    except S2T2Error as error:
        raise SystemExit(f"latency: {error}") from error
    steps = [float(text) for text in options.steps.split(",")]
    offline = statistics.mean(by_margin.values())
    each = ", ".join(f"{score:.1f}" for score in by_margin.values())
    length = len(talk.samples()) / SAMPLE_RATE
    print(f"{len(talk.sentences)} sentences, {length:.0f} s; offline BLEU {offline:.1f} (mean of {each})\n")
    print("| policy | step | shown | BLEU | of offline | StreamLAAL | CA | NE | RTF |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for run in plan(options.policies.split(","), steps, step if step in steps else steps[0]):
        scores = infer(run, talk, options.work, options.model, options.set)
        share = 100 * scores.bleu / offline if offline else 0.0
        rows.append({**asdict(run), **asdict(scores), "of_offline": share})
        print(
            f"| {run.policy} | {run.step or ''} | {run.stability} | {scores.bleu:.1f} | {share:.1f} % "
            f"| {scores.stream_laal:.2f} | {scores.stream_laal_computation_aware:.2f} "
            f"| {scores.normalized_erasure:.2f} | {scores.real_time_factor:.2f} |",
            flush=True,
        )
    print(
        f"| *goal* | | | | ≥ {GOALS['of_offline']:.0f} % | ≤ {GOALS['stream_laal']} "
        f"| ≤ {GOALS['stream_laal_computation_aware']} | {GOALS['committed_erasure']:.0f}, "
        f"everything ≤ {GOALS['shown_erasure']} | ≤ {GOALS['real_time_factor']} |\n"
    )
    print(json.dumps({"model": options.model, "offline_bleu": by_margin, "runs": rows, "goals": GOALS}))


if __name__ == "__main__":
    main()

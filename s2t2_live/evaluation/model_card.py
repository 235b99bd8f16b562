"""Writes the figures into a checkpoint's model card, from the last line that `make bench-quality` prints.

    make bench-quality | tail -n 1 > quality.json
    python -m s2t2_live.evaluation.model_card assets/demo-en-de quality.json [--work .work]

What lies between a pair of marks in README.md is written anew: data (if the training speech is there), measurements,
confidence, examples of failures. What lies outside of them is written by hand. Knows no model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from s2t2_live.errors import S2T2Error, UsageError
from s2t2_live.training.phrase_book.book import canonical
from s2t2_live.training.shards import SpeechShards

SETS = {
    "heard": "held-out phrases, voices heard in training",
    "reserved": "held-out phrases, voices never heard",
    "natural": "natural sentences, voices never heard",
    "noisy": "natural sentences, voices never heard, noise at 10 dB in a room",
}
BEAMS = {"greedy": "greedy", "beam_5": "beam 5"}
TOPIC_SETS = ("reserved", "natural")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the card; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m s2t2_live.evaluation.model_card",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="the checkpoint, whose README.md has the marks")
    parser.add_argument("figures", type=Path, help="file with the JSON object of `make bench-quality` as its last line")
    parser.add_argument(
        "--work", type=Path, default=Path(".work"), help="folder of the training (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        figures = read_figures(options.figures)
        sections = {"measured": measured(figures), "confidence": confidence(figures), "failures": failures(figures)}
        if (options.work / "speech").is_dir():
            sections["data"] = data(SpeechShards(options.work / "speech"), options.work / "run" / "history.jsonl")
        card = options.folder / "README.md"
        card.write_text(filled(card.read_text(encoding="utf-8"), sections), encoding="utf-8")
    except (S2T2Error, OSError) as error:
        print(f"model_card: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, S2T2Error) else 1
    print(f"{card}: {', '.join(sections)}", file=sys.stderr)
    return 0


def read_figures(path: Path) -> dict[str, Any]:
    """The JSON object in the last line of the file. Raises UsageError for a file that has none."""
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise UsageError(f"The last line of {path} is not the JSON object that make bench-quality prints.") from error
    if not isinstance(found, dict) or "sets" not in found:
        raise UsageError(f"The last line of {path} is not the JSON object that make bench-quality prints.")
    return found


def filled(card: str, sections: Mapping[str, str]) -> str:
    """The card with each section between its marks. Raises UsageError for a section without marks."""
    for name, text in sections.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if begin not in card or end not in card:
            raise UsageError(f"The model card has no marks for {name}: put {begin} and {end}.")
        before, _, rest = card.partition(begin)
        card = f"{before}{begin}\n{text.strip()}\n{end}{rest.partition(end)[2]}"
    return card


def measured(figures: Mapping[str, Any]) -> str:
    """Tables of the scores: of each set, by voice, by topic; sounds and speed."""
    rows = [
        [label, BEAMS[beams], _interval(score), _one(score["chrf"]), _percent(score["exact"])]
        for name, label in SETS.items()
        if name in figures["sets"]
        for beams, score in figures["sets"][name].items()
    ]
    parts = [_table(["set", "search", "BLEU, 95 % interval", "chrF", "word for word"], rows)]
    sets = figures["sets"]
    voices = [
        [f"`{voice}`", label, _one(score["bleu"]), _one(score["chrf"]), _percent(score["exact"])]
        for name, label in SETS.items()
        if name in sets and name != "heard"
        for voice, score in sets[name]["beam_5"]["by_voice"].items()
    ]
    if voices:
        parts += ["By voice, beam 5:", _table(["voice", "set", "BLEU", "chrF", "word for word"], voices)]
    for name in TOPIC_SETS:
        if name in sets:
            topics = [
                [topic, str(score["utterances"]), _one(score["bleu"]), _one(score["chrf"]), _percent(score["exact"])]
                for topic, score in sets[name]["beam_5"]["by_topic"].items()
            ]
            parts += [
                f"By topic, beam 5, {SETS[name]}:",
                _table(["topic", "utterances", "BLEU", "chrF", "word for word"], topics),
            ]
    for name, sound in figures.get("sounds", {}).items():
        said = f"{sound['captions']} captions" if sound["captions"] else "no caption"
        parts.append(f"- {sound['seconds']:.0f} s of {name} through the live engine: {said}.")
    if "speed" in figures:
        factor = figures["speed"]["real_time_factor"]
        parts.append(f"- Real-time factor of a final, beam 5, on {figures['speed']['threads']} threads: {factor:.3f}.")
    parts.append(
        f"sacrebleu signatures: `{figures['signatures']['bleu']}`, `{figures['signatures']['chrf']}`. "
        f"Weights measured: SHA-256 `{figures['weights']}…`."
    )
    for skipped in figures["skipped"]:
        parts.append(f"Not measured: {skipped}.")
    return _joined(parts)


def confidence(figures: Mapping[str, Any]) -> str:
    """The threshold and its rates."""
    found = figures.get("confidence")
    if found is None:
        return "Not measured."
    rows = [
        [f"right translations of held-out phrases ({found['right']})", found["right_below"]],
        ["of these, by voices never heard", found["right_reserved_below"]],
        ["wrong translations of held-out phrases", found["wrong_below"]],
        ["sentences from far topics, voices never heard", found["far_below"]],
        [f"recordings of people, far topics ({found['real']} segments)", found["real_below"]],
    ]
    table = _table(["below the threshold", "share"], [[name, _percent(share)] for name, share in rows])
    area = found["area_under_curve"]
    return _joined(
        [
            f"A caption whose `confidence` is below {found['threshold']} is shown as uncertain.",
            table,
            f"Area under the ROC curve, right translations against far topics: {area:.3f}." if area else "",
        ]
    )


def failures(figures: Mapping[str, Any]) -> str:
    """Wrong translations that the model was surest of."""
    rows = [[one["english"], one["said"], f"`{one['voice']}`"] for one in figures.get("failures", [])]
    if not rows:
        return "Not collected."
    return _joined(["Wrong translations that it was surest of:", _table(["spoken", "translated", "voice"], rows)])


def data(speech: SpeechShards, history: Path) -> str:
    """What was spoken and heard in training."""
    texts = {example.english for example in speech.examples}
    words = {word for text in texts for word in canonical(text).split()}
    voices = {example.voice for example in speech.examples}
    parts = [
        f"- {speech.seconds / 3600:.1f} hours of speech: {len(speech):,} utterances, {len(texts):,} different English "
        f"texts, {len(words):,} different English words, {len(voices)} voices."
    ]
    if history.exists():
        last = json.loads(history.read_text(encoding="utf-8").strip().splitlines()[-1])
        parts.append(
            f"- {last['heard']:.0f} hours heard in {last['updates']:,} updates, {last['minutes']:.0f} minutes."
        )
    return "\n".join(parts)


def _joined(parts: Sequence[str]) -> str:
    """Paragraphs with a blank line between them, list items without."""
    text = ""
    for part in filter(None, parts):
        tight = part.startswith("- ") and text.rpartition("\n")[2].startswith("- ")
        text += ("\n" if tight else "\n\n") + part
    return text.strip()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _interval(score: Mapping[str, float]) -> str:
    return f"{score['bleu']:.1f} ± {score['bleu_interval']:.1f}"


def _one(value: float) -> str:
    return f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


if __name__ == "__main__":
    sys.exit(main())

"""How good a model translates a set of speech: BLEU and chrF of all of it, by voice and by topic. Knows no recipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.evaluation.bleu import corpus_bleu, corpus_chrf
from s2t2_live.training.batches import collate, evaluation_batches
from s2t2_live.training.inference import Translator
from s2t2_live.training.speech import Speech
from s2t2_live.training.wordless import wordless_sound


@dataclass(frozen=True, slots=True)
class Translated:
    """One utterance and what the model made of it."""

    english: str
    reference: str
    hypothesis: str
    voice: str
    topic: str


def translate_all(translator: Translator, speech: Speech, *, beams: int, seconds: float = 40.0) -> list[Translated]:
    """Every utterance, in the order of the speech; `seconds` of audio at a time."""
    found: dict[int, str] = {}
    with tqdm(total=len(speech), unit="utterance", desc="evaluation", disable=None, file=sys.stderr) as bar:
        for batch, indices in evaluation_batches(speech, translator.text, seconds=seconds):
            found.update(zip(indices, translator(batch, beams=beams), strict=True))
            bar.update(len(indices))
    return [
        Translated(example.english, example.german, found[index], example.voice, example.topic)
        for index, example in enumerate(speech.examples)
    ]


def silent_share(translator: Translator, *, count: int = 60) -> float:
    """Of so many sounds without words the share that the model makes no text of, 0 to 1."""
    silent = 0
    for seed in range(0, count, 6):
        # Other seeds than those of training.
        waves = [wordless_sound(3 * SAMPLE_RATE, np.random.default_rng([8191, seed + i])) for i in range(6)]
        batch = collate(waves, [([], "")] * len(waves), translator.text)
        silent += sum(not said.strip() for said in translator(batch, beams=1))
    return silent / count


def scores(translated: Sequence[Translated]) -> dict[str, float]:
    """BLEU, chrF and the share of exact matches, each from 0 to 100, and the number of utterances."""
    hypotheses = [one.hypothesis for one in translated]
    references = [one.reference for one in translated]
    exact = sum(h == r for h, r in zip(hypotheses, references, strict=True))
    return {
        "utterances": len(translated),
        "bleu": corpus_bleu(hypotheses, references).score,
        "chrf": corpus_chrf(hypotheses, references).score,
        "exact": 100 * exact / len(translated),
    }


def by(attribute: str, translated: Sequence[Translated]) -> dict[str, list[Translated]]:
    """Groups of one voice or topic, in alphabetical order."""
    groups: dict[str, list[Translated]] = {}
    for one in translated:
        groups.setdefault(getattr(one, attribute), []).append(one)
    return dict(sorted(groups.items()))


def tables(translated: Sequence[Translated]) -> str:
    """Markdown: all, by voice and by topic, and below the signatures of the metrics."""
    parts = {"set": {"all": list(translated)}, **{name: by(name, translated) for name in ("voice", "topic")}}
    lines = []
    for title, groups in parts.items():
        if set(groups) == {""}:
            continue
        lines += [f"| {title} | utterances | BLEU | chrF | exact |", "|---|---|---|---|---|"]
        for name, group in groups.items():
            row = scores(group)
            lines.append(
                f"| {name or 'unknown'} | {row['utterances']} | {row['bleu']:.1f} | {row['chrf']:.1f} "
                f"| {row['exact']:.1f} % |"
            )
        lines.append("")
    hypotheses, references = [one.hypothesis for one in translated], [one.reference for one in translated]
    lines += [f"BLEU {corpus_bleu(hypotheses, references).signature}"]
    lines += [f"chrF {corpus_chrf(hypotheses, references).signature}"]
    return "\n".join(lines)


def as_json(translated: Sequence[Translated]) -> dict[str, Any]:
    """The same figures by name."""
    result: dict[str, Any] = {"all": scores(translated)}
    for name in ("voice", "topic"):
        result[name] = {group: scores(members) for group, members in by(name, translated).items()}
    return result

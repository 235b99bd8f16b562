"""The quality of a checkpoint beside the goals: BLEU, chrF, sounds without speech, speed, confidence.

    python benchmarks/quality.py [--checkpoint FOLDER] [--phrases 200] [--only heard,natural] [--workers N]

Held-out phrases are spoken by voices of the training (heard) and by the reserved ones (reserved); natural sentences,
written for this alone, by the reserved voices, as they are (natural) and with real noise in a real room (noisy).
Each is translated greedily and with beam 5. sounds: silence, noise, tones and music through the live engine. speed:
finals on two threads. confidence: which share of what lies below the threshold. What is spoken is kept in `--cache`.
The real noise, rooms and recordings are those of `--recordings`; without them their parts are left out, and it says so.
The last line is all of it as one JSON object, from which `python -m s2t2_live.evaluation.model_card` writes the model
card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from s2t2_live.errors import S2T2Error
from s2t2_live.evaluation.quality import BEAMS, Quality, failures, scores, signatures
from s2t2_live.speech2text2.hub import resolve_model_folder

ROOT = Path(__file__).resolve().parent.parent
SETS = {
    "heard": ("held-out phrases, heard voices", 85.0),
    "reserved": ("held-out phrases, reserved voices", 75.0),
    "natural": ("natural sentences, reserved voices", 40.0),
    "noisy": ("the same, noise at 10 dB, a room", None),
}
FAILURES = 5
"""Of each set, the wrong translations that the model was surest of."""
PARTS = (*SETS, "sounds", "speed", "confidence")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="demo-en-de", help="name or folder (default: %(default)s)")
    parser.add_argument("--phrases", type=int, default=200, help="of each set, at most (default: %(default)s)")
    parser.add_argument("--only", default=",".join(PARTS), metavar="NAMES", help="parts (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".work/quality", help="of speech (default: %(default)s)")
    parser.add_argument("--speech", type=Path, default=ROOT / ".work/speech", help="what training heard, to leave out")
    parser.add_argument("--recordings", type=Path, default=ROOT.parent / "shared/audio", help="of real sound")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="processes, threads")
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    try:
        print(json.dumps(measure(options, parts)))
    except S2T2Error as error:
        print(f"quality: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def measure(options: argparse.Namespace, parts: list[str]) -> dict[str, Any]:
    """All figures of the parts; prints each as soon as it is there."""
    begin = time.monotonic()
    weights = resolve_model_folder(options.checkpoint, local_files_only=True) / "model.safetensors"
    found: dict[str, Any] = {
        "checkpoint": Path(options.checkpoint).name,
        "weights": hashlib.sha256(weights.read_bytes()).hexdigest()[:12],
        "phrases": options.phrases,
        "signatures": signatures(),
        "sets": {},
        "failures": [],
        "goals": [],
        "skipped": [],
    }
    quality = Quality(
        options.checkpoint,
        cache=options.cache,
        speech=options.speech,
        recordings=options.recordings,
        phrases=options.phrases,
        workers=options.workers,
    )

    def goal(name: str, value: float | None, wanted: float, *, most: bool = False) -> None:
        reached = value is not None and (value <= wanted if most else value >= wanted)
        found["goals"].append({"name": name, "value": value, "goal": wanted, "most": most, "reached": reached})
        shown = "-" if value is None else f"{value:.3g}"
        print(f"{name:52}{shown:>8}  goal {'≤' if most else '≥'} {wanted:g}: {'reached' if reached else 'missed'}")

    for part in SETS:
        if part not in parts:
            continue
        if part == "noisy" and not any(options.recordings.glob("room_*.wav")):
            found["skipped"].append(f"noisy: there are no real rooms and noises in {options.recordings.name}")
            print(found["skipped"][-1])
            continue
        label, wanted = SETS[part]
        translated = getattr(quality, part)
        found["sets"][part] = scored = scores(translated)
        if part in ("reserved", "natural"):
            found["failures"] += failures(translated, FAILURES)
        for beams in BEAMS:
            show(f"{label}, {beams}", scored[beams])
            if wanted is not None:
                goal(f"{label}: BLEU, {beams}", scored[beams]["bleu"], wanted)
        if part == "noisy":
            clean = scores(quality.natural)
            for beams in BEAMS:
                share = 100 * scored[beams]["bleu"] / max(clean[beams]["bleu"], 1e-9)
                goal(f"noisy: percent of the clean BLEU, {beams}", share, 80.0)
    if "sounds" in parts:
        found["sounds"] = quality.sounds()
        for name, said in found["sounds"].items():
            goal(f"{name}, {said['seconds']:.0f} s: texts shown", said["texts_shown"], 0.0, most=True)
    if "speed" in parts:
        found["speed"] = quality.speed()
        goal("real-time factor of finals", found["speed"]["real_time_factor"], 0.06, most=True)
    if "confidence" in parts:
        found["confidence"] = sure = quality.confidence()
        print(f"area under the ROC curve, right ones and far topics: {sure['area_under_curve']}")
        goal("right held-out phrases below the threshold, percent", sure["right_below"], 5.0, most=True)
        goal("far topics below the threshold, percent", sure["far_below"], 85.0)
        if sure["real"]:
            goal("far topics and real speech below, percent", sure["far_and_real_below"], 85.0)
        else:
            found["skipped"].append(f"confidence: there is no real speech in {options.recordings.name}")
            print(found["skipped"][-1])
    found["minutes"] = (time.monotonic() - begin) / 60
    return found


def show(label: str, score: dict[str, Any]) -> None:
    """One line of figures."""
    print(
        f"{label}: BLEU {score['bleu']:.1f} ± {score['bleu_interval']:.1f}, chrF {score['chrf']:.1f}, "
        f"word for word {score['exact']:.1f} % of {score['utterances']}"
    )
    for voice, part in score["by_voice"].items():
        print(
            f"    {voice:32} BLEU {part['bleu']:5.1f}  chrF {part['chrf']:5.1f}  word for word {part['exact']:5.1f} %"
        )


if __name__ == "__main__":
    sys.exit(main())

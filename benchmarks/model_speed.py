"""Speed and memory of this project's model beside transformers 4.37.2: encoder, greedy, beam 5, loading.

    python benchmarks/model_speed.py [--repeat 5] [--seconds 10] [--tokens 40] [--threads N] [--folder DIR]

Both sides load one checkpoint of the published shape (24 + 7 layers, 332 million random parameters), written by 4.37.2
as `pytorch_model.bin`, and take turns in one run, so that a change in the machine's load meets both. Each side is a
process of its own: this project's in the running interpreter, the other in that of S2T2_ORACLE_PYTHON (default
`.venv-oracle/bin/python`). The decoding part is `generate` on given encoder outputs, with a forced number of tokens.
The figures are medians over the repetitions: seconds on the wall, seconds of all processor cores, and the most memory
beyond that of the imported libraries. The ratio of times is that of 4.37.2 to this project's (above 1: faster here),
that of memory this project's to that of 4.37.2 (below 1: less here). The last line is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIDES = ("ours", "reference")


def make_checkpoint(folder: Path) -> None:
    """Runs under 4.37.2: random weights of the published shape, with the weight-norm names of the published files."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    encoder = t.Wav2Vec2Config(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        conv_bias=True,
        do_stable_layer_norm=True,
    )
    decoder = t.Speech2Text2Config(vocab_size=10224, decoder_layers=7, tie_word_embeddings=False)
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    config = t.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder, **ids)
    model = t.SpeechEncoderDecoderModel(config)
    with torch.no_grad():
        model.decoder.lm_head.weight.mul_(30)
        model.decoder.model.decoder.embed_tokens.weight.mul_(5)
    model.save_pretrained(folder, safe_serialization=False)
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    for new, old in names.items():
        state = {name.replace(new, old): tensor for name, tensor in state.items()}
    torch.save(state, folder / "pytorch_model.bin")


def worker(side: str, folder: Path, threads: int, seconds: float, tokens: int) -> None:
    """Answers commands on stdin, one JSON line each, until the end of file."""
    import torch

    if side == "ours":
        sys.path.insert(0, str(ROOT))
        from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
    else:
        from transformers import SpeechEncoderDecoderModel
        from transformers.utils import logging

        logging.set_verbosity_error()
    torch.set_num_threads(threads)
    audio = torch.randn(1, int(16000 * seconds), generator=torch.Generator().manual_seed(1))
    mask = torch.ones(1, audio.shape[1], dtype=torch.long)
    base = peak()
    start, cpu = time.perf_counter(), time.process_time()
    model = SpeechEncoderDecoderModel.from_pretrained(folder)
    used = {"load_seconds": time.perf_counter() - start, "load_cpu_seconds": time.process_time() - cpu}
    answer({**used, "load_peak": peak() - base})
    encoded: Any = None
    for line in sys.stdin:
        command = json.loads(line)
        start, cpu = time.perf_counter(), time.process_time()
        with torch.no_grad():
            if command == "encoder":
                encoded = model.encoder(audio, attention_mask=mask)
            else:
                options = {"num_beams": command, "min_new_tokens": tokens, "max_new_tokens": tokens}
                ids = model.generate(encoder_outputs=encoded, attention_mask=mask, **options)
                assert ids.shape[1] == tokens + 1
        used = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
        answer({**used, "peak": peak() - base})


def peak() -> int:
    """Most memory that this process has had resident, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def answer(value: dict[str, float]) -> None:
    print(json.dumps(value), flush=True)


class Side:
    """A worker process, seen from outside."""

    def __init__(self, side: str, python: Path, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            [str(python), __file__, "--worker", side, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if side == "ours" else subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        self.loaded = self._read()

    def _read(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"A worker ended with status {self.process.wait()}.")
        return json.loads(line)

    def run(self, command: str | int) -> dict[str, float]:
        assert self.process.stdin is not None
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return self._read()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(pythons: dict[str, Path], arguments: list[str], repeat: int, loads: int) -> dict[str, dict[str, float]]:
    """Medians of each side: seconds of loading and of each part, bytes of both peaks."""
    found: dict[str, dict[str, list[float]]] = {side: {} for side in SIDES}
    for _ in range(loads):
        for side in SIDES:
            fresh = Side(side, pythons[side], arguments)
            for name, value in fresh.loaded.items():
                found[side].setdefault(name, []).append(value)
            fresh.close()
    workers = {side: Side(side, pythons[side], arguments) for side in SIDES}
    parts: dict[str, str | int] = {"encoder": "encoder", "greedy": 1, "beam_5": 5}
    for turn in range(repeat + 1):
        for name, command in parts.items():
            for side in SIDES:
                measured = workers[side].run(command)
                if turn:  # the first turn warms up
                    for unit in ("seconds", "cpu_seconds"):
                        found[side].setdefault(f"{name}_{unit}", []).append(measured[unit])
                    found[side].setdefault("run_peak", []).append(measured["peak"])
    for side in workers.values():
        side.close()
    return {side: {name: statistics.median(values) for name, values in found[side].items()} for side in SIDES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--loads", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the audio")
    parser.add_argument("--tokens", type=int, default=40, help="generated tokens")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, help="where the checkpoint is kept between runs (1.3 GB)")
    parser.add_argument("--worker", choices=(*SIDES, "make"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker == "make":
        make_checkpoint(options.folder)
        return
    if options.worker:
        worker(options.worker, options.folder, options.threads, options.seconds, options.tokens)
        return
    oracle = Path(os.environ.get("S2T2_ORACLE_PYTHON", ROOT / ".venv-oracle/bin/python"))
    if not oracle.exists():
        raise SystemExit(f"{oracle} is missing: it must be a Python with transformers 4.37.2 (S2T2_ORACLE_PYTHON).")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "pytorch_model.bin").exists():
            print("writing the checkpoint …", file=sys.stderr)
            make = [str(oracle), __file__, "--worker", "make", "--folder", str(folder)]
            subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
        arguments = [
            *("--folder", str(folder), "--threads", str(options.threads)),
            *("--seconds", str(options.seconds), "--tokens", str(options.tokens)),
        ]
        pythons = {"ours": Path(sys.executable), "reference": oracle}
        medians = measure(pythons, arguments, options.repeat, options.loads)
    ours, reference = medians["ours"], medians["reference"]
    print(f"{'':24}{'ours':>12}{'4.37.2':>12}{'ratio':>10}")
    ratios: dict[str, float] = {}
    for name in sorted(ours):
        faster = name.endswith("_seconds")
        ratios[name] = reference[name] / ours[name] if faster else ours[name] / reference[name]
        unit, scale = ("s", 1.0) if faster else ("MB", 1e6)
        print(f"{name:24}{ours[name] / scale:10.3f} {unit}{reference[name] / scale:9.3f} {unit}{ratios[name]:10.2f}")
    settings = {name: getattr(options, name) for name in ("repeat", "loads", "seconds", "tokens", "threads")}
    print(json.dumps({**settings, **medians, "ratios": ratios}))


if __name__ == "__main__":
    main()

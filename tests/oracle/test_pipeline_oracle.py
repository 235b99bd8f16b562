"""The texts of the processor and the pipeline against transformers 4.37.2, on checkpoints that it wrote."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import Dataset

from s2t2_live import Speech2Text2Processor, SpeechEncoderDecoderModel, pipeline
from s2t2_live.training.bpe import save_vocabulary

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path(__file__).with_name("pipeline_reference.py")
SENTENCES = [
    "Guten Morgen , wie geht es dir heute ?",
    "Der Zug nach München fährt um halb neun ab .",
    "Können Sie mir bitte sagen , wo die nächste Apotheke ist ?",
    "Die Straße ist gesperrt , weil ein großer Baum umgestürzt ist .",
]


@pytest.fixture(scope="module")
def waveforms() -> list[Any]:
    draw = np.random.default_rng(9)
    made = [(draw.normal(size=size) * np.sin(np.arange(size) / 700)).astype(np.float32) for size in (9000, 15000, 6001)]
    for name in ("read_speech_1.wav", "read_speech_3.wav"):
        path = ROOT.parent / "shared" / "audio" / name
        if path.exists():
            made.append(soundfile.read(path, dtype="float32")[0])
    return made


class Recordings(Dataset[Any]):
    def __init__(self, waveforms: list[Any]) -> None:
        self.waveforms = waveforms

    def __len__(self) -> int:
        return len(self.waveforms)

    def __getitem__(self, index: int) -> Any:
        return self.waveforms[index]


@pytest.mark.oracle
@pytest.mark.parametrize("norm", ["layer", "group"])
def test_texts_are_equal(norm: str, waveforms: list[Any], tmp_path: Path, oracle: Any) -> None:
    folder = tmp_path / "model"
    save_vocabulary(folder, SENTENCES * 2, merges=60)
    np.savez(tmp_path / "waveforms.npz", *waveforms)
    command = [str(oracle.python), str(REFERENCE), str(folder), norm, str(tmp_path / "waveforms.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    theirs = json.loads(done.stdout)
    assert len(set(theirs["processor"])) > 2, "the random model says the same to everything"
    assert theirs["own"] != theirs["replaced"], "the random model says the same with any number of beams"

    model = SpeechEncoderDecoderModel.from_pretrained(folder)
    processor = Speech2Text2Processor.from_pretrained(folder)
    inputs = processor(waveforms, sampling_rate=16000, padding=True, return_tensors="pt")
    ids = model.generate(inputs["input_values"], attention_mask=inputs.get("attention_mask"))
    asr = pipeline("automatic-speech-recognition", model=folder, feature_extractor=folder)
    given: dict[str, Any] = {"torch_dtype": torch.float16, "framework": "pt", "use_fast": False, "num_workers": 0}
    parts = (processor.tokenizer, processor.feature_extractor)
    greedy = {"num_beams": 1, "max_new_tokens": 20}
    own = pipeline(
        "automatic-speech-recognition", model, None, *parts, generate_kwargs=greedy, chunk_length_s=0, **given
    )
    with pytest.warns(UserWarning, match="deprecated"), processor.as_target_processor():
        target = processor("Guten Morgen")["input_ids"]
    assert {
        "processor": processor.batch_decode(ids),
        "skipping": processor.batch_decode(ids, skip_special_tokens=True),
        "one by one": asr(waveforms),
        "together": asr(waveforms, batch_size=3),
        "greedy": asr(waveforms, generate_kwargs={"num_beams": 1}, max_new_tokens=9),
        "dictionary": asr({"sampling_rate": 16000, "raw": waveforms[0], "speaker": "x"}),
        "dataset": list(asr(Recordings(waveforms), batch_size=2)),
        "generator": list(asr(array for array in waveforms)),
        "own": own(waveforms[1]),
        "replaced": own(waveforms[1], max_new_tokens=20),
        "labels": processor(waveforms[0], text="Der Zug nach München", sampling_rate=16000)["labels"],
        "target": target,
    } == theirs

    processor.save_pretrained(tmp_path / "ours")
    for path in (tmp_path / "ours").iterdir():
        assert path.read_text(encoding="utf-8") == (folder / "again" / path.name).read_text(encoding="utf-8"), path.name

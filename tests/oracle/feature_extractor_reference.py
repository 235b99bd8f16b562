"""Runs the feature extractor of transformers 4.37.2 on saved waveforms and saves what it gives. Runs in .venv-oracle.

Arguments: an ``.npz`` of waveforms, a JSON file of cases, an ``.npz`` to write. Each case has ``init`` and ``call``
options, the names of its ``waveforms``, and its ``form``: how they are handed over.
"""

import json
import logging
import sys

import numpy as np
import torch
from transformers import Wav2Vec2FeatureExtractor

logging.disable(logging.WARNING)
FORMS = {
    "one": lambda rows: rows[0],
    "list": lambda rows: rows,
    "lists": lambda rows: [row.tolist() for row in rows],
    "matrix": np.stack,
    "tensor": lambda rows: torch.from_numpy(rows[0]),
}

waveforms = np.load(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as file:
    cases = json.load(file)
results = {}
for number, case in enumerate(cases):
    extractor = Wav2Vec2FeatureExtractor(**case["init"])
    given = FORMS[case["form"]]([waveforms[name] for name in case["waveforms"]])
    features = extractor(given, sampling_rate=extractor.sampling_rate, **case["call"])
    for name, rows in features.items():
        for row, values in enumerate(rows):
            results[f"{number}/{name}/{row}"] = np.asarray(values)
np.savez(sys.argv[3], **results)
if len(sys.argv) > 4:
    extractor.save_pretrained(sys.argv[4])

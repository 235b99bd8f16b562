"""Makes configurations of transformers 4.37.2 and prints their dictionaries as JSON. Runs in .venv-oracle.

Argument: a JSON file with a list of cases: ``class``, and either the ``fields`` it is made of or a ``folder`` that it
is loaded from; ``overrides`` of the loading; ``save``, a folder to save to. Printed for each: the whole dictionary,
what its file holds, and the options of generation that follow from it.
"""

import json
import logging
import sys

from transformers import (
    GenerationConfig,
    HubertConfig,
    Speech2Text2Config,
    SpeechEncoderDecoderConfig,
    Wav2Vec2Config,
)

logging.disable(logging.WARNING)
CLASSES = {
    kind.__name__: kind for kind in (HubertConfig, Speech2Text2Config, SpeechEncoderDecoderConfig, Wav2Vec2Config)
}


def described(case):
    kind = CLASSES[case["class"]]
    config = kind.from_pretrained(case["folder"], **case["overrides"]) if "folder" in case else kind(**case["fields"])
    config.save_pretrained(case["save"])
    options = GenerationConfig.from_model_config(config).to_dict()
    return {"all": config.to_dict(), "file": json.loads(config.to_json_string()), "generation": options}


with open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
json.dump([described(case) for case in cases], sys.stdout, default=str)

"""Makes a small random checkpoint with transformers 4.37.2 and translates waveforms with it. Runs in .venv-oracle.

Arguments: a folder with a vocabulary and merges, to save the checkpoint to; "layer" or "group", the norm of its
features; an ``.npz`` of waveforms. Prints the processor's and the pipeline's texts.
"""

import json
import sys

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    Speech2Text2Config,
    Speech2Text2ForCausalLM,
    Speech2Text2Processor,
    Speech2Text2Tokenizer,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    pipeline,
)

GREEDY = {"num_beams": 1, "max_new_tokens": 20}


class Recordings(torch.utils.data.Dataset):
    def __len__(self):
        return len(waveforms)

    def __getitem__(self, index):
        return waveforms[index].copy()


folder, norm = sys.argv[1:3]
waveforms = list(np.load(sys.argv[3]).values())
layer = norm == "layer"
tokenizer = Speech2Text2Tokenizer(f"{folder}/vocab.json", merges_file=f"{folder}/merges.txt")
extractor = Wav2Vec2FeatureExtractor(return_attention_mask=layer)
processor = Speech2Text2Processor(extractor, tokenizer)
torch.manual_seed(4)
encoder = Wav2Vec2Config(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, conv_dim=(16,) * 7,
    feat_extract_norm=norm, do_stable_layer_norm=layer, conv_bias=layer, num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
)  # fmt: skip
decoder = Speech2Text2Config(
    vocab_size=len(tokenizer), d_model=24, decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=48,
    tie_word_embeddings=False, max_target_positions=100,
)  # fmt: skip
model = SpeechEncoderDecoderModel(encoder=Wav2Vec2Model(encoder), decoder=Speech2Text2ForCausalLM(decoder))
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and "embed_positions" not in name:
            parameter.mul_(4.0)
model.config.decoder_start_token_id = 2
model.config.pad_token_id = 1
model.config.eos_token_id = 2
model.generation_config = GenerationConfig(
    decoder_start_token_id=2, pad_token_id=1, eos_token_id=2, max_length=24, num_beams=3, early_stopping=True
)
model.eval()
model.save_pretrained(folder)
processor.save_pretrained(folder)

model = SpeechEncoderDecoderModel.from_pretrained(folder)
texts = {}
inputs = processor(waveforms, sampling_rate=16000, padding=True, return_tensors="pt")
ids = model.generate(inputs["input_values"], attention_mask=inputs.get("attention_mask"))
texts["processor"] = processor.batch_decode(ids)
texts["skipping"] = processor.batch_decode(ids, skip_special_tokens=True)
asr = pipeline("automatic-speech-recognition", model=folder, feature_extractor=folder)
texts["one by one"] = asr([array.copy() for array in waveforms])
texts["together"] = asr([array.copy() for array in waveforms], batch_size=3)
texts["greedy"] = asr([array.copy() for array in waveforms], generate_kwargs={"num_beams": 1}, max_new_tokens=9)
texts["dictionary"] = asr({"sampling_rate": 16000, "raw": waveforms[0].copy(), "speaker": "x"})
texts["dataset"] = list(asr(Recordings(), batch_size=2))
texts["generator"] = list(asr(array.copy() for array in waveforms))
given = {"torch_dtype": torch.float16, "framework": "pt", "use_fast": False, "num_workers": 0, "chunk_length_s": 0}
asr = pipeline("automatic-speech-recognition", model, None, tokenizer, extractor, generate_kwargs=GREEDY, **given)
texts["own"] = asr(waveforms[1].copy())
texts["replaced"] = asr(waveforms[1].copy(), max_new_tokens=20)
texts["labels"] = processor(waveforms[0], text="Der Zug nach München", sampling_rate=16000)["labels"]
with processor.as_target_processor():
    texts["target"] = processor("Guten Morgen")["input_ids"]
Speech2Text2Processor.from_pretrained(folder).save_pretrained(f"{folder}/again")
json.dump(texts, sys.stdout)

"""Runs models of transformers 4.37.2 on the cases of a JSON file and writes what they give. Runs in .venv-oracle.

Each case names its model, by `config` and `seed`, by the `folder` of a checkpoint, or by a folder `joined` that holds
an `encoder` and a `decoder`, and what to do with it: `save` (a folder) and `format`; `parts`, a folder for the encoder
and the decoder on their own; `inputs`, a safetensors file with the tensors of `forward`, `tuple` (`forward` without
named outputs), `training`, `decoder` and `generate`; and `out`, the safetensors file for the results.
"""

import json
import logging
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    HubertConfig,
    Speech2Text2Config,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
)

logging.disable(logging.WARNING)

ENCODERS = {"wav2vec2": Wav2Vec2Config, "hubert": HubertConfig}
OLD_NAMES = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


def build(config, seed, scale):
    """A model whose weights, biases and norms are all random and large enough for outputs that vary."""
    torch.manual_seed(seed)
    encoder = dict(config["encoder"])
    encoder_config = ENCODERS[encoder.pop("model_type")](**encoder)
    decoder_config = Speech2Text2Config(**config["decoder"])
    whole = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder_config, decoder_config, **config["whole"])
    model = SpeechEncoderDecoderModel(whole).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("embed_positions.weights"):
                continue
            noise = torch.randn_like(parameter)
            if parameter.dim() == 1:
                parameter.add_(2 * scale["noise"] * noise)
            elif "conv" not in name and "embed" not in name:
                parameter.add_(scale["noise"] * noise)
        decoder = model.decoder.model.decoder
        decoder.embed_tokens.weight.mul_(scale["embeddings"])
        decoder.embed_tokens.weight[config["decoder"]["pad_token_id"]] = 0
        if model.decoder.lm_head.weight is not decoder.embed_tokens.weight:
            model.decoder.lm_head.weight.mul_(scale["head"])
    return model


def save(model, folder, form):
    options = {"max_shard_size": "60KB"} if form.startswith("sharded") else {}
    model.save_pretrained(folder, safe_serialization=form in ("safetensors", "sharded"), **options)
    if form == "old_bin":
        path = Path(folder) / "pytorch_model.bin"
        state = torch.load(path, weights_only=True)
        for new, old in OLD_NAMES.items():
            state = {name.replace(new, old): tensor for name, tensor in state.items()}
        torch.save(state, path)


def flat(prefix, value, into):
    """Puts the tensors of a nested output into a dictionary, by path."""
    if isinstance(value, torch.Tensor):
        into[prefix] = value.detach().clone().contiguous()
    elif isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            flat(f"{prefix}.{i}", item, into)
    elif hasattr(value, "items"):
        for name, item in value.items():
            flat(f"{prefix}.{name}", item, into)


def pick(inputs, prefix):
    return {name[len(prefix) + 1 :]: tensor for name, tensor in inputs.items() if name.startswith(f"{prefix}.")}


def run_case(case):
    if "folder" in case:
        model = SpeechEncoderDecoderModel.from_pretrained(case["folder"]).eval()
    elif "joined" in case:
        parts = [f"{case['joined']}/{part}" for part in ("encoder", "decoder")]
        model = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(*parts, **case["options"]).eval()
    else:
        model = build(case["config"], case["seed"], case["scale"])
    if "save" in case:
        save(model, case["save"], case["format"])
    if "parts" in case:
        model.encoder.save_pretrained(f"{case['parts']}/encoder")
        model.decoder.save_pretrained(f"{case['parts']}/decoder")
    results = {}
    inputs = load_file(case["inputs"]) if "inputs" in case else {}
    if "forward" in case:
        with torch.no_grad():
            output = model(**pick(inputs, "forward"), output_attentions=True, output_hidden_states=True)
        flat("forward", output, results)
    if "tuple" in case:
        with torch.no_grad():
            output = model(**pick(inputs, "forward"), **case["tuple"], return_dict=False)
        flat("tuple", output, results)
    if "decoder" in case:
        arguments = pick(inputs, "decoder")
        following = pick(inputs, "following")
        flags = {"output_attentions": True, "output_hidden_states": True, "use_cache": True}
        with torch.no_grad():
            first = model.decoder(**arguments, **flags)
            for name in ("encoder_hidden_states", "encoder_attention_mask"):
                following[name] = arguments[name]
            second = model.decoder(past_key_values=first.past_key_values, **following, **flags)
        flat("decoder", first, results)
        flat("following", second, results)
    if "training" in case:
        model.train()
        model.zero_grad()
        np.random.seed(case["training"])
        torch.manual_seed(case["training"])
        output = model(**pick(inputs, "forward"))
        output.loss.backward()
        results["training.loss"] = output.loss.detach()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                results[f"gradient.{name}"] = parameter.grad
        model.eval()
    for i, options in enumerate(case.get("generate", [])):
        options = dict(options)
        torch.manual_seed(options.pop("seed", 0))
        prefix = options.pop("prefix", None)
        if prefix is not None:
            options["decoder_input_ids"] = torch.tensor(prefix)
        flat(f"generate.{i}", model.generate(**pick(inputs, "audio"), **options), results)
    save_file(results, case["out"])


torch.set_num_threads(1)
for case in json.loads(Path(sys.argv[1]).read_text()):
    run_case(case)

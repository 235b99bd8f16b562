"""Calls as programs for transformers 4.37.2 make them, and what they give as JSON.

Runs as a script in .venv-oracle, with a model folder and an empty folder as arguments; the tests import `calls` and
give it this project in the place of transformers.
"""

import json
import pickle
import sys
from pathlib import Path

import torch
from torch.utils import _pytree as pytree

OLD_NAMES = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


class Collector:
    def __init__(self):
        self.seen = []

    def put(self, value):
        self.seen.append(value.tolist())

    def end(self):
        self.seen.append("end")


def attempt(call):
    """What the call gives, or the kind of its error."""
    try:
        return call()
    except (TypeError, KeyError, ValueError, OSError) as error:
        return next(kind.__name__ for kind in (TypeError, KeyError, ValueError, OSError) if isinstance(error, kind))


def keywords(**named):
    return list(named)


def on_outputs(model, audio, labels):
    with torch.no_grad():
        output = model(input_features=audio, labels=labels)
    kind = type(output)
    yield "names", [isinstance(output, dict), list(output), keywords(**output), [name for name, _ in output.items()]]
    yield "loss", f"{output.loss.item():.4f}"
    yield "two names", attempt(lambda: model(input_values=audio, input_features=audio, labels=labels))
    yield "missing", [attempt(lambda: output["decoder_attentions"]), output.get("decoder_attentions", 5)]
    for way, made in {
        "dictionary": kind(dict(output)),
        "gathered": kind((name, [value]) for name, value in output.items()),
        "pickled": pickle.loads(pickle.dumps(output)),
        "copied": output.copy(),
        "mapped": pytree.tree_map(lambda tensor: tensor.double(), output),
    }.items():
        yield way, [type(made) is kind, list(made), made.decoder_attentions, made.loss is made["loss"] is made[0]]
    yield "leaves", len(pytree.tree_leaves(output))
    output["logits"] = 1
    output["of_mine"] = 2
    output.loss = 3
    yield "changed", [output.logits, output.of_mine, output["loss"], list(output)]


def on_generation(library, model, audio, labels, folder):
    beginning = torch.tensor([[2, 4], [2, 5]])
    for number, options in enumerate([
        {"labels": labels}, {"return_dict": True}, {"return_dict": False}, {"input_ids": beginning},
        {"decoder_input_ids": beginning}, {"num_beams": None}, {"no_such_option": 1}, {"input_values": audio},
    ]):  # fmt: skip
        yield f"generate {number}", attempt(lambda options=options: model.generate(audio, **options).tolist())
    for options in ({}, {"input_ids": beginning}, {"do_sample": True, "num_return_sequences": 2, "top_k": 5}):
        streamer = Collector()
        torch.manual_seed(2)
        yield (
            f"streamed {options.keys()}",
            [model.generate(audio, streamer=streamer, **options).tolist(), streamer.seen],
        )
    yield "streamed beams", attempt(lambda: model.generate(audio, streamer=Collector(), num_beams=2))
    options = library.GenerationConfig.from_dict({"max_length": 7, "of_mine": 1}, num_beams=4, another=2)
    yield "options", [options.max_length, options.of_mine, options.num_beams, options.another]
    yield "update", [options.update(num_beams=2, unknown=1), options.num_beams, hasattr(options, "unknown")]
    options.save_pretrained(folder / "options" / "inner")
    loaded = library.GenerationConfig.from_pretrained(folder / "options", subfolder="inner", num_beams=3)
    yield "loaded options", [loaded.max_length, loaded.num_beams]


def on_files(library, model, folder):
    kind = library.SpeechEncoderDecoderModel
    state = {name: 2 * tensor for name, tensor in model.state_dict().items()}

    def twice(loaded):
        return all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())

    model.save_pretrained(folder / "top" / "inner", True, state, push_to_hub=False)
    yield "state_dict", twice(kind.from_pretrained(folder / "top", subfolder="inner"))
    model.save_pretrained(folder / "top" / "inner")
    model.save_pretrained(folder / "top" / "inner", state_dict=state, variant="fp16", max_shard_size="30KB")
    yield "files", sorted(path.name for path in (folder / "top" / "inner").iterdir() if "-of-" not in path.name)
    yield "variant", twice(kind.from_pretrained(folder / "top" / "inner", variant="fp16"))
    seen = []

    def save(tensors, path):
        seen.append(Path(path).name)
        torch.save(tensors, path)

    model.save_pretrained(folder / "function", save_function=save, state_dict=state)
    model.save_pretrained(folder / "function", save_function=save, state_dict=state, safe_serialization=False)
    yield "save_function", [seen, twice(kind.from_pretrained(folder / "function"))]
    yield "given", twice(kind.from_pretrained(None, config=model.config, state_dict=state))
    yield "given beside a file", twice(kind.from_pretrained(folder / "top" / "inner", state_dict=state))
    for options in ({"attn_implementation": "eager", "trust_remote_code": True, "resume_download": True},
                    {"from_tf": False, "ignore_mismatched_sizes": False, "device_map": None},
                    {"attn_implementation": "sdpa"}):  # fmt: skip
        loaded = attempt(lambda options=options: kind.from_pretrained(folder / "function", **options))
        yield f"options {sorted(options)}", loaded if isinstance(loaded, str) else twice(loaded)
    config, unused = library.SpeechEncoderDecoderConfig.from_pretrained(
        folder / "function", return_unused_kwargs=True, pad_token_id=9, of_mine=3
    )
    yield "return_unused_kwargs", [config.pad_token_id, unused, hasattr(config, "of_mine")]
    for new, old in OLD_NAMES.items():
        state = {name.replace(new, old): tensor for name, tensor in state.items()}
    report = model.load_state_dict(state)
    yield "old names", [report.missing_keys, report.unexpected_keys]
    g = next(tensor for name, tensor in state.items() if name.endswith("weight_g"))
    yield "old names arrive", any(torch.equal(tensor, g) for tensor in model.state_dict().values())


def on_positions(library, model_folder, folder):
    library.Wav2Vec2FeatureExtractor(feature_size=1, return_attention_mask=True).save_pretrained(folder / "ears")
    ears = library.Wav2Vec2FeatureExtractor.from_pretrained(folder / "ears", None, False, True, None, "main")
    yield "extractor", ears.return_attention_mask
    config = library.SpeechEncoderDecoderConfig.from_pretrained(model_folder, None, False, True, None, "main")
    yield "configuration", config.decoder.vocab_size
    (folder / "vocab.json").write_text(json.dumps({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "ja": 4, "so": 5}))
    (folder / "merges.txt").write_text("#version: 0.2\nj a</w> 1\ns o</w> 1\n\n")
    tokenizer = library.Speech2Text2Tokenizer(str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"))
    tokenizer.save_pretrained(folder / "ears")
    processor = library.Speech2Text2Processor.from_pretrained(folder / "ears", None, False, True)
    yield "processor", processor.tokenizer.decode([4, 5])
    texts = ["ja so", "ja"]
    yield "call", dict(tokenizer(texts, None, None, None, True, True))
    yield "call 2", dict(tokenizer(texts, None, None, None, True, "max_length", True, 3, 0, False, None, None, True))
    yield "encode", tokenizer.encode("ja so ja", None, False, "max_length", True, 5, 0)
    yield "encode_plus", dict(tokenizer.encode_plus("ja so ja", None, True, False, True, 2))
    yield "batch_encode_plus", dict(tokenizer.batch_encode_plus(texts, True, True))
    yield "too many", attempt(lambda: tokenizer("ja", *([None] * 30)))
    yield "twice", attempt(lambda: tokenizer.encode("ja", None, True, add_special_tokens=True))


def calls(library, model_folder, folder):
    """Names of calls, and what each gave."""
    model = library.SpeechEncoderDecoderModel.from_pretrained(model_folder).eval()
    audio = torch.randn(2, 9000, generator=torch.Generator().manual_seed(5))
    labels = torch.tensor([[4, 5, 2], [6, 2, -100]])
    return {
        **dict(on_outputs(model, audio, labels)),
        **dict(on_generation(library, model, audio, labels, folder)),
        **dict(on_files(library, model, folder)),
        **dict(on_positions(library, model_folder, folder)),
    }


if __name__ == "__main__":
    import logging

    import transformers

    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    json.dump(calls(transformers, sys.argv[1], Path(sys.argv[2])), sys.stdout)

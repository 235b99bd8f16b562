"""Runs the tokenizer of transformers 4.37.2 on the cases of a JSON file and prints what it gives. Runs in .venv-oracle.

Each case: ``folder`` with the tokenizer's files, ``options`` of from_pretrained, ``added`` tokens as
``[fields, special]``, ``texts`` to encode, ``ids`` to decode, ``calls`` as ``[text or texts, options]``, and ``save``,
a folder to save to.
"""

import json
import logging
import sys

from transformers import AddedToken, Speech2Text2Tokenizer

logging.disable(logging.WARNING)


def results(case):
    tokenizer = Speech2Text2Tokenizer.from_pretrained(case["folder"], **case["options"])
    for fields, special in case["added"]:
        tokenizer.add_tokens(AddedToken(**fields), special_tokens=special)
    if case["save"]:
        tokenizer.save_pretrained(case["save"])
    tokens = [tokenizer.tokenize(text) for text in case["texts"]]
    encoded = [tokenizer.convert_tokens_to_ids(row) for row in tokens]
    decoded = [
        [
            tokenizer.decode(ids),
            tokenizer.decode(ids, skip_special_tokens=True),
            tokenizer.decode(ids, clean_up_tokenization_spaces=False),
        ]
        for ids in encoded + case["ids"]
    ]
    called = []
    for text, options in case["calls"]:
        encoding = tokenizer(text, **options)
        called.append({name: getattr(value, "tolist", lambda v=value: v)() for name, value in encoding.items()})
    return {
        "tokens": tokens,
        "encoded": encoded,
        "decoded": decoded,
        "called": called,
        "vocab": tokenizer.get_vocab(),
        "special": [tokenizer.all_special_tokens, tokenizer.all_special_ids, tokenizer.special_tokens_map],
        "length": len(tokenizer),
    }


with open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
json.dump([results(case) for case in cases], sys.stdout)

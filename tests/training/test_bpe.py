"""Learning a fastBPE vocabulary."""

import json
from pathlib import Path

import pytest

from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
from s2t2_live.training.bpe import learn_merges, save_vocabulary, separate_punctuation


@pytest.mark.parametrize(
    ("text", "separated"),
    [
        ("Guten Tag, wie geht es Ihnen?", "Guten Tag , wie geht es Ihnen ?"),
        ("Das kostet 1.250 Euro.", "Das kostet 1.250 Euro ."),
        ("Um 8:30 Uhr!", "Um 8:30 Uhr !"),
        ("Am 3. Mai.", "Am 3 . Mai ."),
    ],
)
def test_punctuation_is_separated_at_the_end_of_words_only(text: str, separated: str) -> None:
    assert separate_punctuation(text) == separated


def test_the_most_frequent_pair_is_merged_first() -> None:
    merges, usage = learn_merges(["ab ab ab ab abc abc xc"], 2)
    assert merges == [("a", "b</w>"), ("b", "c</w>")]
    assert usage["ab</w>"] == 4


def test_text_survives_encoding_and_decoding(tmp_path: Path) -> None:
    texts = ["Wo ist der Bahnhof?", "Ich möchte bitte zwei Fahrkarten.", "Heute kostet es 1.250 Euro, nicht 12."] * 3
    size = save_vocabulary(tmp_path, texts, merges=40)
    vocabulary = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert len(vocabulary) == size
    assert sorted(vocabulary.values()) == list(range(size))
    tokenizer = Speech2Text2Tokenizer(str(tmp_path / "vocab.json"), merges_file=str(tmp_path / "merges.txt"))
    # The last text is new: its words are made of known characters.
    for text in (*texts, "Ich kostete den Hof."):
        ids = tokenizer(separate_punctuation(text)).input_ids
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == text

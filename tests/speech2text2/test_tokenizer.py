"""Encoding, decoding, padding and the files of the tokenizer."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2t2_live import Speech2Text2Tokenizer
from s2t2_live.errors import CheckpointError, InputError, ModelNotFoundError, TokenInputError
from s2t2_live.speech2text2.added_tokens import AddedToken, split_at_tokens
from s2t2_live.speech2text2.fastbpe import FastBPE

VOCAB = {
    "<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "here": 4, "a": 5, "couple": 6, "words": 7, "of@@": 8, "the": 9,
    "vocab": 10, "here@@": 11, "l@@": 12, "o@@": 13, "w": 14, "lo@@": 15, "low": 16, ".": 17, "!": 18,
}  # fmt: skip
MERGES = "l o 20\nlo w</w> 10\nw o 3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.json").write_text(json.dumps(VOCAB))
    (tmp_path / "merges.txt").write_text(MERGES)
    return tmp_path


@pytest.fixture
def tokenizer(folder: Path) -> Speech2Text2Tokenizer:
    return Speech2Text2Tokenizer.from_pretrained(folder)


def test_merges_are_applied_by_rank(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.tokenize("low lo wow l") == ["low", "l@@", "o", "wo@@", "w", "l"]
    assert tokenizer.encode("low lo wow l") == [16, 12, 3, 3, 14, 3]


def test_neither_a_start_nor_an_end_is_added(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer("low low")["input_ids"] == [16, 16]
    assert tokenizer("low low", add_special_tokens=True)["input_ids"] == [16, 16]


def test_special_tokens_stand_whole(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.tokenize("low</s>low <s>") == ["low", "</s>", "low", "<s>"]
    assert tokenizer.tokenize("<s>", split_special_tokens=True) == ["<@@", "s@@", ">"]


def test_pieces_are_joined(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.decode([4, 6, 8, 7, 10]) == "here couple ofwords vocab"
    assert tokenizer.decode([8, 2]) == "of</s>"
    assert tokenizer.decode([6, 11]) == "couple here@@"
    assert tokenizer.decode([]) == ""


def test_unknown_ids_print_unk_and_special_ones_can_be_left_out(tokenizer: Speech2Text2Tokenizer) -> None:
    ids = [2, 6, 999, -100, 3, 2, 1]
    assert tokenizer.decode(ids) == "</s> couple <unk> <unk> <unk> </s> <pad>"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "couple <unk> <unk>"


def test_blanks_before_punctuation_are_closed_up(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.decode([6, 17, 18]) == "couple.!"
    assert tokenizer.decode([6, 17, 18], clean_up_tokenization_spaces=False) == "couple . !"
    assert tokenizer.batch_decode([[6, 17], [7, 18]], True, False) == ["couple .", "words !"]
    assert tokenizer.clean_up_tokenization(" : \" I do n't , ") == " : \" I don't, "


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_ids_may_be_lists_arrays_and_tensors(tokenizer: Speech2Text2Tokenizer, kind: Any) -> None:
    assert tokenizer.decode(kind([6, 7])) == "couple words"
    assert tokenizer.batch_decode(kind([[6, 7], [9, 1]]), skip_special_tokens=True) == ["couple words", "the"]


def test_a_single_id_is_a_word(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.decode(6) == tokenizer.decode(torch.tensor(6)) == "couple"
    assert tokenizer.batch_decode([6, 7]) == ["couple", "words"]


def test_a_batch_is_not_for_decode(tokenizer: Speech2Text2Tokenizer) -> None:
    with pytest.raises(TokenInputError, match="batch_decode"):
        tokenizer.decode([[6, 7]])


def test_lower_casing_spares_special_tokens(folder: Path) -> None:
    tokenizer = Speech2Text2Tokenizer.from_pretrained(folder, do_lower_case=True, bos_token="<S>")
    assert tokenizer.tokenize("LOW <S>") == ["low", "<S>"]
    assert tokenizer.tokenize("ΛΌΓΟΣ") == ["λ@@", "ό@@", "γ@@", "ο@@", "σ"]


def test_padding_to_the_longest_to_a_length_and_to_a_multiple(tokenizer: Speech2Text2Tokenizer) -> None:
    texts = ["low low low", "low"]
    assert tokenizer(texts, padding=True).data == {
        "input_ids": [[16, 16, 16], [16, 1, 1]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
    }
    assert tokenizer(texts, padding="max_length", max_length=5)["input_ids"][1] == [16, 1, 1, 1, 1]
    assert tokenizer("low", padding=True, pad_to_multiple_of=4)["attention_mask"] == [1, 0, 0, 0]
    tokenizer.padding_side = "left"
    assert tokenizer(texts, padding=True)["input_ids"][1] == [1, 1, 16]


def test_truncation(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer("low . !", truncation=True, max_length=2)["input_ids"] == [16, 17]
    assert tokenizer("low . !", max_length=2)["input_ids"] == [16, 17]
    assert tokenizer("low . !", truncation=True)["input_ids"] == [16, 17, 18]
    tokenizer.truncation_side = "left"
    tokenizer.model_max_length = 2
    assert tokenizer("low . !", truncation=True)["input_ids"] == [17, 18]


def test_what_is_cut_off_can_be_had(tokenizer: Speech2Text2Tokenizer) -> None:
    options: dict[str, Any] = {"truncation": True, "max_length": 2, "return_overflowing_tokens": True}
    encoding = tokenizer("low . ! a", **options)
    assert (encoding.input_ids, encoding.overflowing_tokens, encoding.num_truncated_tokens) == ([16, 17], [18, 5], 2)
    assert tokenizer("low . ! a", stride=1, **options).overflowing_tokens == [17, 18, 5]
    batch = tokenizer(["low . ! a", "low"], padding=True, **options)
    assert batch.input_ids == [[16, 17], [16, 1]]
    assert (batch.overflowing_tokens, batch.num_truncated_tokens) == ([[18, 5], []], [2, -1])
    tokenizer.truncation_side = "left"
    assert tokenizer("low . ! a", stride=1, **options).overflowing_tokens == [16, 17, 18]
    with pytest.raises(TokenInputError, match="needs max_length"):
        tokenizer("low", return_overflowing_tokens=True)


def test_masks_and_types_and_lengths(tokenizer: Speech2Text2Tokenizer) -> None:
    options: dict[str, Any] = {"return_special_tokens_mask": True, "return_token_type_ids": True, "return_length": True}
    assert tokenizer(["low </s>", "low"], padding=True, **options).data == {
        "input_ids": [[16, 2], [16, 1]],
        "attention_mask": [[1, 1], [1, 0]],
        "special_tokens_mask": [[0, 0], [0, 1]],
        "token_type_ids": [[0, 0], [0, 0]],
        "length": [2, 1],
    }
    one = tokenizer("low", padding="max_length", max_length=3, return_tensors="pt", **options)
    assert one.special_tokens_mask.tolist() == [[0, 1, 1]]
    assert one.token_type_ids.tolist() == [[0, 0, 0]]
    assert one["length"].tolist() == [3]
    tokenizer.model_input_names = ["input_ids", "token_type_ids"]
    assert tokenizer("low").data == {"input_ids": [16], "token_type_ids": [0]}


def test_special_ids_are_told_from_others(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.get_special_tokens_mask([16, 2, 1, 999], already_has_special_tokens=True) == [0, 1, 1, 0]
    assert tokenizer.get_special_tokens_mask(torch.tensor([2, 16]), already_has_special_tokens=True) == [1, 0]
    assert tokenizer.get_special_tokens_mask([16, 2]) == [0, 0]


def test_encoding_adds_nothing_that_counts_against_the_length(folder: Path) -> None:
    tokenizer = Speech2Text2Tokenizer.from_pretrained(folder, model_max_length=50)
    assert (tokenizer.max_len_single_sentence, tokenizer.num_special_tokens_to_add()) == (50, 0)
    assert tokenizer.build_inputs_with_special_tokens([16, 17]) == [16, 17]
    assert not tokenizer.is_fast


def test_one_text_may_be_tokens_or_ids(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.encode(["l@@", "low", "lo"]) == [12, 16, 3]
    assert tokenizer.encode([5, 6, 7], max_length=2, return_tensors="pt").tolist() == [[5, 6]]
    assert tokenizer.encode(["low low", "low"], is_split_into_words=True) == [16, 16, 16]
    assert tokenizer.encode_plus([5, 6]).data == {"input_ids": [5, 6], "attention_mask": [1, 1]}


def test_older_names_of_calls(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.encode_plus("low .", max_length=1).data == tokenizer("low .", max_length=1).data
    assert tokenizer.batch_encode_plus(["low", "."], padding=True).data == tokenizer(["low", "."], padding=True).data
    with pytest.warns(UserWarning, match="text_target"), tokenizer.as_target_tokenizer():
        assert tokenizer("low").input_ids == [16]


def test_tensors(tokenizer: Speech2Text2Tokenizer) -> None:
    encoding = tokenizer("low low", return_tensors="pt")
    assert encoding.input_ids.dtype == torch.int64
    assert encoding["input_ids"].tolist() == [[16, 16]]
    assert encoding.to("cpu") is encoding
    assert isinstance(tokenizer("low", return_tensors="np").input_ids, np.ndarray)
    assert tokenizer("", return_tensors="pt").input_ids.shape == (1, 0)


def test_targets_become_labels(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer("low", text_target="the").data == {"input_ids": [16], "attention_mask": [1], "labels": [3, 3, 3]}
    assert tokenizer(text_target="low")["input_ids"] == [16]


def test_a_collator_pads_encoded_examples(tokenizer: Speech2Text2Tokenizer) -> None:
    examples = [tokenizer("low low"), tokenizer("low")]
    batch = tokenizer.pad(examples, return_tensors="pt")
    assert batch.input_ids.tolist() == [[16, 16], [16, 1]]
    assert batch.attention_mask.tolist() == [[1, 1], [1, 0]]
    labels = tokenizer.pad([{"input_ids": torch.tensor([5])}, {"input_ids": torch.tensor([5, 6])}], return_tensors="pt")
    assert labels.input_ids.tolist() == [[5, 1], [5, 6]]
    one = tokenizer.pad({"input_ids": torch.tensor([5])}, "max_length", max_length=3, verbose=False)
    assert torch.equal(one.input_ids, torch.tensor([5, 1, 1]))
    arrays = tokenizer.pad([{"input_ids": np.array([5])}, {"input_ids": np.array([5, 6])}])
    assert isinstance(arrays.input_ids, np.ndarray)
    assert isinstance(tokenizer.pad(examples).input_ids, list)
    with pytest.raises(TokenInputError, match="no input_ids"):
        tokenizer.pad({"labels": [1]})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"text": ["low", "low low"], "return_tensors": "pt"}, "different lengths"),
        ({"text": 5}, "is a int"),
        ({"text": b"low"}, "is a bytes"),
        ({"text": ["low", None]}, "is a NoneType"),
        ({}, "nothing to encode"),
        ({"text": "low", "padding": "most"}, "padding is 'most'"),
        ({"text": "low", "truncation": "some"}, "truncation is 'some'"),
        ({"text": "low", "return_tensors": "tf"}, "return_tensors is 'tf'"),
        ({"text": "low", "text_pair": "low"}, "pairs of texts"),
        ({"text": "low", "return_offsets_mapping": True}, "no offsets"),
        ({"text": "low", "padding": True, "truncation": True, "max_length": 5, "pad_to_multiple_of": 2}, "multiple"),
    ],
)
def test_bad_arguments_are_refused(tokenizer: Speech2Text2Tokenizer, arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        tokenizer(**arguments)


def test_unknown_options_are_logged(tokenizer: Speech2Text2Tokenizer, caplog: pytest.LogCaptureFixture) -> None:
    assert tokenizer("low", do_magic=True)["input_ids"] == [16]
    assert "do_magic" in caplog.text
    assert tokenizer.batch_decode([[6, 17]], undo_magic=True) == ["couple."]
    assert "undo_magic" in caplog.text
    assert tokenizer.tokenize("low", magic_words=True) == ["low"]
    assert "magic_words" in caplog.text


def test_without_merges_it_only_decodes(folder: Path, tmp_path: Path) -> None:
    (folder / "merges.txt").unlink()
    tokenizer = Speech2Text2Tokenizer.from_pretrained(folder)
    assert tokenizer.decode([6, 7]) == "couple words"
    with pytest.raises(TokenInputError, match=r"merges\.txt"):
        tokenizer("low")
    tokenizer.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved" / "merges.txt").exists()


def test_the_files_come_back(tokenizer: Speech2Text2Tokenizer, tmp_path: Path) -> None:
    tokenizer.add_tokens(["[x]", AddedToken("[y]", lstrip=True)])
    tokenizer.add_special_tokens({"mask_token": "<mask>", "additional_special_tokens": ["<z>"]})
    tokenizer.padding_side = "left"
    names = {Path(path).name for path in tokenizer.save_pretrained(tmp_path / "saved")}
    assert names == {path.name for path in (tmp_path / "saved").iterdir()}
    again = Speech2Text2Tokenizer.from_pretrained(tmp_path / "saved")
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.added_tokens_decoder == tokenizer.added_tokens_decoder
    assert again.special_tokens_map == tokenizer.special_tokens_map
    text = "low[x] [y]<mask> <z>"
    assert again.encode(text) == tokenizer.encode(text)
    again.save_pretrained(tmp_path / "again")
    first, second = (json.loads((tmp_path / name / "tokenizer_config.json").read_text()) for name in ("saved", "again"))
    assert first == second


def test_special_tokens_have_attributes(tokenizer: Speech2Text2Tokenizer) -> None:
    assert (tokenizer.bos_token, tokenizer.bos_token_id) == ("<s>", 0)
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (1, 2, 3)
    assert (tokenizer.mask_token, tokenizer.mask_token_id) == (None, None)
    tokenizer.pad_token = "</s>"
    assert tokenizer.pad_token_id == 2
    assert tokenizer.all_special_ids == [0, 2, 3]
    with pytest.raises(AttributeError):
        _ = tokenizer.nothing


def test_special_tokens_can_be_set_by_id(tokenizer: Speech2Text2Tokenizer) -> None:
    tokenizer.pad_token_id = 2
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("</s>", 2)
    assert tokenizer(["low", "low low"], padding=True).input_ids == [[16, 2], [16, 16]]
    tokenizer.sep_token_id = torch.tensor(6)
    assert tokenizer.sep_token == "couple"
    tokenizer.sep_token_id = None
    assert tokenizer.sep_token is None
    tokenizer.additional_special_tokens_ids = [6, 7]
    assert tokenizer.additional_special_tokens == ["couple", "words"]
    assert tokenizer.decode([6, 16, 7], skip_special_tokens=True) == "low"


def test_additional_special_tokens_can_be_set(tokenizer: Speech2Text2Tokenizer, tmp_path: Path) -> None:
    tokenizer.additional_special_tokens = ["couple", "<z>"]
    assert tokenizer.additional_special_tokens_ids == [6, 3]
    assert tokenizer.decode([6, 16], skip_special_tokens=True) == "low"
    assert len(tokenizer) == len(VOCAB)
    tokenizer.save_pretrained(tmp_path / "saved")
    again = Speech2Text2Tokenizer.from_pretrained(tmp_path / "saved")
    assert again.additional_special_tokens_ids == [6, len(VOCAB)]
    assert again.added_tokens_encoder == {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "couple": 6, "<z>": len(VOCAB)}

    assert again.add_special_tokens({"additional_special_tokens": ["<z>", "<y>"]}, False) == 1
    assert again.additional_special_tokens == ["couple", "<z>", "<y>"]
    again.add_special_tokens({"additional_special_tokens": ["<y>"]})
    assert again.additional_special_tokens == ["<y>"]
    again.additional_special_tokens = None
    assert again.additional_special_tokens == []


def test_only_tokens_can_be_special(tokenizer: Speech2Text2Tokenizer) -> None:
    with pytest.raises(TokenInputError, match="pad_token is 5"):
        tokenizer.pad_token = 5
    with pytest.raises(TokenInputError, match="pad_token is 5"):
        tokenizer.add_special_tokens({"pad_token": 5})
    with pytest.raises(TokenInputError, match="give a list"):
        tokenizer.additional_special_tokens = "<z>"
    with pytest.raises(TokenInputError, match="additional_special_tokens is 5"):
        tokenizer.additional_special_tokens = [5]  # type: ignore[list-item]
    assert tokenizer.pad_token == "<pad>"


def test_a_special_token_that_the_vocabulary_lacks_is_added(folder: Path) -> None:
    del (vocabulary := dict(VOCAB))["<pad>"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = Speech2Text2Tokenizer.from_pretrained(folder)
    assert tokenizer.pad_token_id == len(vocabulary) == tokenizer.vocab_size
    assert len(tokenizer) == len(vocabulary) + 1


def test_added_tokens_get_new_ids_once(tokenizer: Speech2Text2Tokenizer) -> None:
    assert tokenizer.add_tokens(["[x]", "couple", "[x]"]) == 1
    assert tokenizer.add_tokens("[x]") == 0
    assert tokenizer.convert_tokens_to_ids(["[x]", "couple", "nothing"]) == [len(VOCAB), 6, 3]
    assert tokenizer.convert_ids_to_tokens(len(VOCAB)) == "[x]"
    with pytest.raises(TokenInputError, match="'colour'"):
        tokenizer.add_special_tokens({"colour": "red"})


def test_it_can_be_copied_and_sent_to_another_process(tokenizer: Speech2Text2Tokenizer) -> None:
    for twin in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert twin.encode("low <s>") == tokenizer.encode("low <s>")
    encoding = tokenizer("low", return_tensors="pt")
    assert pickle.loads(pickle.dumps(encoding)).input_ids.equal(encoding.input_ids)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("vocab.json", "{", "not valid JSON"),
        ("vocab.json", "[]", "JSON list"),
        ("vocab.json", '{"a": "b"}', "no integer id"),
        ("tokenizer_config.json", "nonsense", "not valid JSON"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"0": 5}}', "added token"),
    ],
)
def test_broken_files_are_named(folder: Path, name: str, content: str, expected: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=expected):
        Speech2Text2Tokenizer.from_pretrained(folder)


def test_missing_files_are_named(folder: Path) -> None:
    (folder / "vocab.json").unlink()
    with pytest.raises(CheckpointError, match=r"no vocab\.json"):
        Speech2Text2Tokenizer.from_pretrained(folder)
    with pytest.raises(ModelNotFoundError, match="no-such-folder"):
        Speech2Text2Tokenizer.from_pretrained(folder / "no-such-folder")


def test_merges_keep_the_habits_of_fastbpe_files(tmp_path: Path) -> None:
    path = tmp_path / "merges.txt"
    path.write_text("#version: 0.2\na b 5\nb c")
    assert FastBPE.load(path).ranks == {("#version:", "0.2"): 0, ("a", "b"): 1}


def test_the_longest_added_token_wins_and_blanks_go_where_they_may() -> None:
    tokens = [AddedToken("<a>"), AddedToken("<a><b>", lstrip=True, rstrip=True), AddedToken("on", single_word=True)]
    assert list(map(str, split_at_tokens("x <a><b> y<a> on monday", tokens))) == [
        "x", "<a><b>", "y", "<a>", " ", "on", " mon", "day",
    ]  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="@<>"), min_size=1), max_size=6))
def test_text_comes_back_but_for_its_blanks(tokenizer: Speech2Text2Tokenizer, parts: list[str]) -> None:
    text = " ".join(parts)
    tokens = tokenizer.tokenize(text)
    assert tokenizer.convert_tokens_to_string(tokens) == " ".join(text.split())


def test_what_belongs_to_a_download_is_not_saved(folder: Path, tmp_path: Path) -> None:
    options = {"use_auth_token": "secret", "token": "secret", "proxies": {"https": "secret"}, "resume_download": True}
    tokenizer = Speech2Text2Tokenizer.from_pretrained(folder, **options)
    tokenizer.save_pretrained(tmp_path / "saved")
    written = (tmp_path / "saved" / "tokenizer_config.json").read_text(encoding="utf-8")
    assert not any(word in written for word in ("secret", "use_auth_token", "proxies", "resume_download"))


def test_files_with_a_prefix(tokenizer: Speech2Text2Tokenizer, tmp_path: Path) -> None:
    tokenizer.add_tokens(["<x>"])
    plain = tokenizer.save_pretrained(tmp_path / "saved")
    prefixed = tokenizer.save_pretrained(tmp_path / "saved", filename_prefix="old")
    assert len(plain) == 5
    for one, other in zip(plain, prefixed, strict=True):
        assert Path(other) == Path(one).parent / f"old-{Path(one).name}"
        assert Path(other).read_bytes() == Path(one).read_bytes()


def test_it_has_no_file_of_a_fast_tokenizer(tokenizer: Speech2Text2Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        tokenizer.save_pretrained(tmp_path / "saved", legacy_format=False)
    assert not (tmp_path / "saved").exists()
    assert tokenizer.save_pretrained(tmp_path / "saved", True)

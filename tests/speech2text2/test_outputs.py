"""Outputs of the models as ordered dictionaries."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

from s2t2_live.speech2text2.outputs import EncoderOutput, GenerateEncoderDecoderOutput, ModelOutput, Seq2SeqLMOutput

NAMES = ["loss", "logits", "past_key_values"]


def output() -> Seq2SeqLMOutput:
    cache = ((torch.ones(1, 2), torch.zeros(1, 2)),)
    return Seq2SeqLMOutput(past_key_values=cache, logits=torch.arange(6.0).view(2, 3), loss=torch.tensor(1.5))


def keywords(**named: Any) -> list[str]:
    return list(named)


def test_an_output_is_an_ordered_dictionary_of_what_is_not_none() -> None:
    found = output()
    assert isinstance(found, OrderedDict)
    assert list(found) == list(found.keys()) == list(dict(found)) == keywords(**found) == NAMES
    assert [name for name, value in found.items() if value is getattr(found, name)] == NAMES
    assert found["logits"] is found[1] is found.to_tuple()[1] is found.logits
    assert found[-2:] == found.to_tuple()[1:]
    assert "cross_attentions" not in found
    assert found.cross_attentions is found.get("cross_attentions") is None
    with pytest.raises(KeyError, match="cross_attentions"):
        _ = found["cross_attentions"]


def test_attributes_and_entries_say_the_same() -> None:
    found = output()
    found.logits = torch.ones(1)
    found["loss"] = torch.zeros(())
    found["of_mine"] = 3
    found.not_a_field = 4  # type: ignore[attr-defined]
    assert found["logits"] is found.logits
    assert found.loss is found["loss"]
    assert (found.of_mine, list(found)) == (3, [*NAMES, "of_mine"])  # type: ignore[attr-defined]
    found.loss = None
    assert list(found) == ["logits", "past_key_values", "of_mine"]


@pytest.mark.parametrize("take", [
    lambda found: found.pop("loss"), lambda found: found.popitem(), lambda found: found.clear(),
    lambda found: found.__delitem__("loss"),
])  # fmt: skip
def test_nothing_can_be_taken_out(take: Callable[[ModelOutput], Any]) -> None:
    found = output()
    with pytest.raises(TypeError, match="make a dictionary of it"):
        take(found)
    assert list(found) == NAMES
    assert found.loss is not None


@pytest.mark.parametrize("given", [
    dict, lambda found: found.items(), lambda found: list(found.items()),
    lambda found: ((name, [value, value]) for name, value in found.items()),
])  # fmt: skip
def test_a_new_output_is_made_of_pairs_as_in_the_gathering_of_parallel_runs(given: Callable[[Any], Any]) -> None:
    found = output()
    made = type(found)(given(found))
    assert list(made) == NAMES
    for name in NAMES:
        value = made[name][0] if isinstance(made[name], list) else made[name]
        assert value is found[name]
        assert getattr(made, name) is made[name]


def test_a_list_of_values_is_no_list_of_pairs() -> None:
    made = GenerateEncoderDecoderOutput([[2, 5], [2, 6]])  # type: ignore[arg-type]
    assert made.sequences == [[2, 5], [2, 6]]


@pytest.mark.parametrize("again", [
    copy.copy, copy.deepcopy, lambda found: found.copy(), lambda found: pickle.loads(pickle.dumps(found)),
])  # fmt: skip
@pytest.mark.parametrize("found", [output(), EncoderOutput(torch.ones(1, 2, 3))])
def test_copies_keep_class_order_and_values(found: Any, again: Callable[[Any], Any]) -> None:
    made = again(found)
    assert type(made) is type(found)
    assert list(made) == list(found)
    for name, tensor in found.items():
        assert pytree.tree_all(bool, pytree.tree_map(torch.equal, tensor, made[name]))
        assert getattr(made, name) is made[name]


def test_functions_over_trees_of_tensors_keep_the_class() -> None:
    found = output()
    doubled = pytree.tree_map(lambda tensor: 2 * tensor, found)
    assert type(doubled) is Seq2SeqLMOutput
    assert list(doubled) == NAMES
    assert torch.equal(doubled.logits, 2 * output().logits)
    assert len(pytree.tree_leaves(found)) == 4

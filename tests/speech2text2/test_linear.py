"""Products of linear modules: oneDNN's beside the modules' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from s2t2_live.speech2text2.linear import Projection, linear

torch_linear = torch.nn.functional.linear


class Doubled(torch.nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the products that torch makes by itself."""
    seen: list[int] = []

    def counted(x: Tensor, *others: Tensor) -> Tensor:
        seen.append(x.numel() // x.shape[-1])
        return torch_linear(x, *others)

    monkeypatch.setattr(torch.nn.functional, "linear", counted)
    return seen


@contextmanager
def without_onednn() -> Iterator[None]:
    # Not torch.backends.mkldnn.flags, which sets other things as well, and warns.
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(True)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(60, 8), (3, 20, 8), (2, 3, 10, 8)])
def test_many_rows_go_to_onednn(shape: tuple[int, ...], bias: bool, calls: list[int]) -> None:
    module, x = torch.nn.Linear(8, 5, bias=bias), torch.randn(shape)
    with torch.no_grad():
        found = linear(module, x)
        assert not calls
        torch.testing.assert_close(found, module(x))
        across = x.transpose(-1, -2).contiguous().transpose(-1, -2)
        torch.testing.assert_close(linear(module, across), found)


def test_what_does_not_go_to_onednn(calls: list[int]) -> None:
    module, x = torch.nn.Linear(8, 5), torch.randn(60, 8)
    linear(module, x).sum().backward()
    assert module.weight.grad is not None
    with torch.no_grad():
        linear(module, x[:10])
        linear(module.double(), x.double())
        module.float()
        with torch.autocast("cpu", torch.bfloat16):
            assert linear(module, x).dtype == torch.bfloat16
        with without_onednn():
            linear(module, x)
        doubled = Doubled(8, 5)
        assert torch.equal(linear(doubled, x), doubled(x))
        handle = module.register_forward_hook(lambda module, inputs, output: output + 1)
        assert torch.equal(linear(module, x), torch_linear(x, module.weight, module.bias) + 1)
        handle.remove()
    assert calls == [60, 10, 60, 60, 60, 60, 60, 60]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("sizes", [(6,), (4, 4, 4), (5, 600)])
@pytest.mark.parametrize("rows", [1, 5, 40])
def test_projections(rows: int, sizes: tuple[int, ...], dtype: torch.dtype, bias: bool) -> None:
    modules = [torch.nn.Linear(7, size, bias=bias, dtype=dtype) for size in sizes]
    x = torch.randn(rows, 7, dtype=dtype)
    with torch.no_grad():
        expected = torch.cat([module(x) for module in modules], dim=1)
        torch.testing.assert_close(Projection(*modules)(x), expected)


def test_projections_without_onednn() -> None:
    plain, biased = torch.nn.Linear(4, 3, bias=False), torch.nn.Linear(4, 3)
    x = torch.randn(2, 4)
    with torch.no_grad():
        packed = Projection(plain, biased)
        with without_onednn():
            found = Projection(plain, biased)
        assert packed.packed is not None
        assert found.packed is None
        torch.testing.assert_close(found(x), packed(x))
        torch.testing.assert_close(found(x), torch.cat([plain(x), biased(x)], dim=1))


def test_modules_that_are_not_plain_linear_multiply_themselves() -> None:
    plain, doubled = torch.nn.Linear(4, 3), Doubled(4, 3)
    x = torch.randn(2, 4)
    assert torch.equal(Projection(plain, doubled)(x), torch.cat([plain(x), doubled(x)], dim=1))

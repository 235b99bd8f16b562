"""Muon: directions whose matrices are orthogonal, and what the trainer gives to it."""

from __future__ import annotations

import copy

import pytest
import torch

from s2t2_live.training.muon import COEFFICIENTS, STEP_SIZE, Muon, orthogonal


@pytest.mark.parametrize(("rows", "columns"), [(16, 16), (16, 24), (12, 48), (48, 12)])
def test_singular_values_come_close_to_one_and_vectors_stay(rows: int, columns: int) -> None:
    torch.manual_seed(1)
    matrices = torch.randn(3, rows, columns) * torch.tensor([1e-4, 1.0, 100.0])[:, None, None]
    found = orthogonal(matrices)
    values = torch.linalg.svdvals(found)
    assert 0.79 < float(values.min()) <= float(values.max()) < 1.21
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    inner = left.mT @ found @ right.mT
    torch.testing.assert_close(inner, torch.diag_embed(inner.diagonal(dim1=1, dim2=2)), atol=2e-2, rtol=0)


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (64, 256), (256, 64)])
def test_bfloat16_finds_nearly_the_same_directions(rows: int, columns: int) -> None:
    torch.manual_seed(1)
    gradient = torch.randn(rows, columns)
    weights = {}
    for half in (False, True):
        weight = torch.nn.Parameter(torch.zeros(rows, columns))
        weight.grad = gradient.clone()
        Muon([weight], lr=1.0, half=half).step()
        assert weight.dtype == torch.float32
        weights[half] = weight.detach().flatten()
    assert 0.98 < torch.cosine_similarity(weights[True], weights[False], dim=0) < 1
    assert weights[True].norm() == pytest.approx(float(weights[False].norm()), rel=0.05)


def test_the_shorter_way_for_wide_matrices_gives_the_same() -> None:
    torch.manual_seed(1)
    wide = torch.randn(2, 8, 16, dtype=torch.float64)
    x = wide / wide.norm(dim=(1, 2), keepdim=True)
    for a, b, c in COEFFICIENTS:
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    torch.testing.assert_close(orthogonal(wide), x)


def test_nothing_moves_without_a_gradient() -> None:
    assert not orthogonal(torch.zeros(1, 4, 4)).any()


def test_steps_are_of_adams_size_whatever_the_gradients() -> None:
    torch.manual_seed(1)
    weights = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((32, 64), (32, 64), (64, 16, 3), (8, 8))]
    optimizer = Muon(weights, lr=0.01, weight_decay=0.0)
    for weight, size in zip(weights, (1e-3, 1e3, 1.0, 1.0), strict=True):
        weight.grad = size * torch.randn_like(weight)
    optimizer.step()
    for weight in weights:
        size = float(weight.detach().square().mean().sqrt())
        assert 0.6 * 0.01 * STEP_SIZE < size < 1.3 * 0.01 * STEP_SIZE


def test_it_learns_a_matrix_and_goes_on_from_its_state() -> None:
    torch.manual_seed(1)
    wanted = torch.randn(6, 10)

    def steps(weight: torch.nn.Parameter, optimizer: Muon, count: int) -> None:
        for i in range(count):
            inputs = torch.randn(20, 10, generator=torch.Generator().manual_seed(i))
            optimizer.zero_grad()
            (inputs @ (weight - wanted).T).square().mean().backward()
            optimizer.step()

    weight = torch.nn.Parameter(torch.zeros(6, 10))
    optimizer = Muon([weight], lr=0.05)
    steps(weight, optimizer, 300)
    assert float((weight.detach() - wanted).square().mean()) < 0.01
    same = torch.nn.Parameter(weight.detach().clone())
    resumed = Muon([same], lr=0.05)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    steps(weight, optimizer, 3)
    steps(same, resumed, 3)
    assert torch.equal(weight, same)

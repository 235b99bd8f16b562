"""Linear modules where no gradient is wanted: their products by oneDNN, which torch carries, on the processor.

What torch uses by itself, MKL, has its fastest products for Intel's processors alone. The two functions of torch that
are called here are those that its compiler calls. Knows nothing of what is multiplied.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = 8
"""oneDNN writes machine code for each number of rows that it meets, which takes milliseconds, and some of it stays for
good. So that there are few such numbers, rows are filled up to a multiple of this."""
_MANY = 48
"""Rows from which on laying out a matrix for oneDNN is worth it in each product."""
_FEW = 8
"""Rows of the products that a `Projection` is laid out for; others are right as well."""
_WIDTH = 64
"""Columns of a block, where there is one row."""


def linear(module: nn.Module, x: Tensor) -> Tensor:
    """`module(x)`, rounded differently: `(…, size)` to `(…, size)`."""
    if (
        type(module) is nn.Linear
        and x.numel() >= _MANY * module.in_features
        and x.dtype == module.weight.dtype
        and _suits_onednn(module.weight)
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not (module._forward_hooks or module._forward_pre_hooks)
    ):
        rows = x.reshape(-1, module.in_features)
        product = torch.ops.mkldnn._linear_pointwise(filled_up(rows, 0), module.weight, module.bias, "none", [], "")
        return product[: len(rows)].view(*x.shape[:-1], -1)
    return module(x)


def filled_up(x: Tensor, dim: int) -> Tensor:
    """`x` with zeros after its end, if need be, so that it has a multiple of `ROWS` along `dim`."""
    missing = -x.shape[dim] % ROWS
    return F.pad(x, (0, 0) * (x.dim() - 1 - dim) + (0, missing)) if missing else x


class Projection:
    """Linear modules of one input, laid out for few rows, where a product takes the time of reading the matrix.

    For one row, calling oneDNN takes longer than the product with a small matrix; cut into blocks, each in one piece,
    the matrix is read as fast by the library that torch uses by itself.
    """

    def __init__(self, *modules: nn.Module) -> None:
        self.modules = modules
        self.matrix: Tensor | None = None
        self.packed: Tensor | None = None
        """As oneDNN has it."""
        self.blocks: Tensor | None = None
        """`(blocks, size, width)`."""
        plain = [module for module in modules if type(module) is nn.Linear]
        if len(plain) < len(modules):  # quantised modules and the like multiply in their own way
            return
        biases = [module.bias for module in plain]
        none = [module.weight.new_zeros(module.out_features) for module in plain]
        self.bias = torch.cat([n if bias is None else bias.detach() for bias, n in zip(biases, none, strict=True)])
        self.matrix = torch.cat([module.weight.detach() for module in plain])
        self.size = len(self.matrix)
        if _suits_onednn(self.matrix):
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self.matrix, _FEW)
            missing = -self.size % _WIDTH
            padded = F.pad(self.matrix, (0, 0, 0, missing)).view(-1, _WIDTH, self.matrix.shape[1])
            self.blocks = padded.transpose(1, 2).contiguous()
            self.block_bias = F.pad(self.bias, (0, missing)).view(-1, 1, _WIDTH)
            self.matrix = None

    def __call__(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """`(rows, size)` to `(rows, sizes)`, the modules' results one beside the other, plus `added` of that shape."""
        # What a step of beam search does some forty times, in as few operations as can be.
        if self.packed is not None and 1 < len(x) <= _FEW and x.dtype == torch.float32:
            if added is None:
                return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")
            return torch.ops.mkldnn._linear_pointwise.binary(x, added, self.packed, self.bias, "add")
        product = self._product(x)
        return product if added is None else added + product

    def _product(self, x: Tensor) -> Tensor:
        if self.blocks is not None and len(x) == 1:
            blocks = torch.baddbmm(self.block_bias, x.expand(len(self.blocks), -1, -1), self.blocks)
            return blocks.view(1, -1)[:, : self.size]
        if self.packed is not None:
            rows = x if len(x) <= _FEW else filled_up(x, 0)
            # Under autocast some come in half width.
            return torch.ops.mkldnn._linear_pointwise(rows.float(), self.packed, self.bias, "none", [], "")[: len(x)]
        if self.matrix is not None:
            return F.linear(x, self.matrix, self.bias)
        return torch.cat([module(x) for module in self.modules], dim=1)


def _suits_onednn(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and _has_onednn()


def _has_onednn() -> bool:
    mkldnn, names = torch.backends.mkldnn, ("_linear_pointwise", "_reorder_linear_weight")
    return mkldnn.is_available() and bool(mkldnn.enabled) and all(hasattr(torch.ops.mkldnn, name) for name in names)

"""Logistic regression by Newton's method, and the area under the curve of a score. Knows nothing of the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEPS = 60
"""Newton's method needs about ten."""


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """The log-odds are `features @ weights + bias`."""

    weights: Array
    bias: float

    def log_odds(self, features: Array) -> Array:
        return np.asarray(features @ self.weights + self.bias, dtype=np.float64)


def fit_logistic(features: Array, labels: Array, importance: Array | None = None, *, ridge: float = 1.0) -> Logistic:
    """Fit to features (n, m) and labels (n,) of 0 and 1, each weighted by its `importance`.

    `ridge` holds the weights of the standardized features near 0; the result takes the features as they are.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-9
    design = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    counted = np.ones(len(labels)) if importance is None else importance
    penalty = np.append(np.full(features.shape[1], ridge), 1e-6)
    found = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (counted * (chance - labels)) + penalty * found
        curvature = (design * (counted * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        found = found - step
        if np.abs(step).max() < 1e-8:
            break
    weights = found[:-1] / scale
    return Logistic(weights, float(found[-1] - weights @ mean))


def area_under_curve(positive: Array, negative: Array) -> float:
    """The chance that a positive example has a higher score than a negative one; ties count half."""
    higher = (positive[:, None] > negative[None, :]).mean()
    equal = (positive[:, None] == negative[None, :]).mean()
    return float(higher + equal / 2)

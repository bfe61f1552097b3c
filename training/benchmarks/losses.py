"""What benchmark networks are taught: smoothed cross-entropy, agreement of two dropout passes, closeness within classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from models.scorer import EMBEDDING
from training.batches import Batch
from training.benchmarks.recipes import Recipe
from training.networks import ClassNetwork

CLASSES = "classes"
TARGET = "class"


def class_loss(recipe: Recipe) -> Callable[[ClassNetwork, Batch], Tensor]:
    """Return the loss of a recipe; only R-Drop and the contrastive loss ask for a second dropout pass."""
    views = 2 if recipe.r_drop or recipe.contrastive else 1

    def loss(network: ClassNetwork, batch: Batch) -> Tensor:
        outputs = network(**{name: values.repeat(views, 1) for name, values in batch.inputs.items()})
        truth = batch.targets[TARGET].repeat(views)
        # sums of exponentials want more digits than bf16 has
        with torch.autocast("cpu", enabled=False):
            logits = outputs[CLASSES].float()
            total = functional.cross_entropy(logits, truth, label_smoothing=recipe.label_smoothing)
            if recipe.r_drop:
                total = total + recipe.r_drop * disagreement(logits)
            if recipe.contrastive:
                unit = outputs[EMBEDDING].float()
                total = total + recipe.contrastive * contrast(unit, truth, recipe.contrastive_temperature)
        return total

    return loss


def disagreement(logits: Tensor) -> Tensor:
    """Mean over rows of the symmetric Kullback-Leibler divergence between two passes' predictions.

    Source: R-Drop, Liang et al. 2021 (arXiv 2106.14448), equation 2.

    Args:
        logits: float32, (2 * rows, classes): the first pass, then the second.
    """
    first, second = (half.log_softmax(dim=-1) for half in logits.chunk(2))
    there = functional.kl_div(first, second, log_target=True, reduction="batchmean")
    back = functional.kl_div(second, first, log_target=True, reduction="batchmean")
    return 0.5 * (there + back)


def contrast(unit: Tensor, truth: Tensor, temperature: float) -> Tensor:
    """Mean over rows with company of their class of the negative log share of that company among all other rows.

    Source: supervised contrastive learning, Khosla et al. 2020 (arXiv 2004.11362), equation 2.

    Args:
        unit: float32, (rows, size), of unit length.
        truth: int64, (rows,).
        temperature: divides the cosines.
    """
    itself = torch.eye(len(truth), dtype=torch.bool)
    cosines = (unit @ unit.T / temperature).masked_fill(itself, -1e4)
    shares = cosines - cosines.logsumexp(dim=-1, keepdim=True)
    alike = (truth[:, None] == truth[None, :]) & ~itself
    company = alike.sum(dim=-1)
    losses = -(shares * alike).sum(dim=-1)[company > 0] / company[company > 0]
    return losses.mean() if len(losses) else unit.sum() * 0.0

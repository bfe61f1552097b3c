"""What the networks are taught: masked losses per head, summed with fixed weights. NaN targets teach nothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.batches import Batch
from training.networks import AnswerNetwork, MessageNetwork

# Scales that bring the heads' losses to one order of magnitude; chosen once on the calibration split.
WEIGHTS = {
    "intents": 1.0,
    "out_of_scope": 0.7,
    "explicit": 1.0,
    "sentiment": 3.0,
    "polarity": 0.7,
    "frustration": 0.7,
    "dialogue": 0.7,
    "embedding": 2.0,
}


def binary(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean binary cross-entropy over labelled entries; ``logits`` and ``targets`` (rows,), soft targets allowed."""
    known = ~torch.isnan(targets)
    if not known.any():
        return logits.sum() * 0.0
    losses = functional.binary_cross_entropy_with_logits(logits[known], targets[known], reduction="none")
    return (losses * weights[known]).sum() / weights[known].sum()


def multi_label(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy summed over a row's known labels, weighted mean over rows; (rows, labels)."""
    known = ~torch.isnan(targets)
    losses = functional.binary_cross_entropy_with_logits(logits, torch.nan_to_num(targets), reduction="none")
    return ((losses * known).sum(dim=-1) * weights).sum() / weights.sum()


def labelled_rows(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """``multi_label`` over the rows that know any label: few of a batch speak of a head, and the rest must not thin them."""
    known = ~torch.isnan(targets).all(dim=-1)
    return multi_label(logits[known], targets[known], weights[known]) if known.any() else logits.sum() * 0.0


def agreement(embeddings: Tensor, targets: Tensor) -> Tensor:
    """One minus the cosine to the teacher's embeddings, mean over the rows that have one; both (rows, size), of unit length."""
    known = ~torch.isnan(targets).any(dim=-1)
    if not known.any():
        return embeddings.sum() * 0.0
    return (1.0 - (embeddings[known] * targets[known]).sum(dim=-1)).mean()


def message_loss(network: MessageNetwork, batch: Batch) -> Tensor:
    """Return the weighted sum of the message heads' losses for a batch.

    The sentiment score is P(positive) - P(negative) of the same head that names the polarity, so rated corpora (squared
    error on the score) and classed corpora (cross-entropy) teach one consistent head.
    """
    outputs = {name: values.float() for name, values in network(**batch.inputs).items()}
    targets, weights = batch.targets, batch.targets["weight"]
    losses = {
        "intents": multi_label(outputs["intents"], targets["intents"], weights),
        "dialogue": labelled_rows(outputs["dialogue"], targets["dialogue"], weights),
    }
    for name in ("out_of_scope", "explicit", "frustration"):
        losses[name] = binary(outputs[name].squeeze(-1), targets[name], weights)
    probabilities = outputs["polarity"].softmax(dim=-1)
    rated = ~torch.isnan(targets["sentiment"])
    if rated.any():
        score = probabilities[rated, 2] - probabilities[rated, 0]
        squared = (score - targets["sentiment"][rated]) ** 2
        losses["sentiment"] = (squared * weights[rated]).sum() / weights[rated].sum()
    classed = targets["polarity"] >= 0
    if classed.any():
        crossed = functional.cross_entropy(outputs["polarity"][classed], targets["polarity"][classed], reduction="none")
        losses["polarity"] = (crossed * weights[classed]).sum() / weights[classed].sum()
    if "embedding" in targets:
        losses["embedding"] = agreement(outputs["sentence_embedding"], targets["embedding"])
    return torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum()


def fold_passages(logits: Tensor, owner: Tensor) -> Tensor:
    """Fold (inputs, 3) logits to (rows, 3) as ``models.scorer`` does: best sufficient, best grounded, mean answers."""
    gathered = logits[owner.clamp(min=0)]
    absent = (owner < 0).unsqueeze(-1)
    best = gathered.masked_fill(absent, -1e4).amax(dim=1)
    mean = gathered.masked_fill(absent, 0.0).sum(dim=1) / (~absent).sum(dim=1)
    return torch.stack([best[:, 0], best[:, 1], mean[:, 2]], dim=-1)


def answer_loss(network: AnswerNetwork, batch: Batch) -> Tensor:
    """Return the loss of the three parts plus that of *good*, learned through a small combiner.

    A row without passages has no *good* target here: served, its confidence is ``answers`` alone.
    """
    targets, weights = batch.targets, batch.targets["weight"]
    folded = fold_passages(network(**batch.inputs)["answer"].float(), targets["owner"])
    losses = [binary(folded[:, column], targets["parts"][:, column], weights) for column in range(folded.shape[1])]
    sufficient, grounded, answers = folded.unbind(dim=-1)
    features = torch.stack([answers, grounded, sufficient, torch.minimum(grounded, answers)], dim=-1)
    good = network.combiner(features).squeeze(-1)
    return torch.stack(losses).sum() + binary(good, targets["good"], weights)

"""The one training loop: AdamW with layer-wise rates, warm-up and linear decay, checkpoints that a run resumes from."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.batches import Batch
from training.config import Training

Epochs = Callable[[int], Iterator[Batch]]
N = TypeVar("N", bound=nn.Module)


def parameter_groups(network: nn.Module, settings: Training) -> list[dict[str, object]]:
    """Group parameters by depth: heads at their own rate, encoder layers decaying towards the embeddings."""
    depth = len(network.encoder.encoder.layer)  # type: ignore[union-attr,arg-type]
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not name.startswith("encoder."):
            rate = settings.head_rate
        elif ".layer." in name:
            layer = int(name.split(".layer.")[1].split(".")[0])
            rate = settings.encoder_rate * settings.layer_decay ** (depth - 1 - layer)
        else:
            rate = settings.encoder_rate * settings.layer_decay**depth
        decay = 0.0 if parameter.ndim < 2 else settings.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def finetune(
    network: N,
    epochs: Epochs,
    loss: Callable[[N, Batch], Tensor],
    settings: Training,
    *,
    steps_per_epoch: int,
    folder: Path,
    seed: int,
    log: Callable[[int, dict[str, float]], None] = lambda _step, _values: None,
) -> Path:
    """Train ``network`` in place and return the folder's ``weights.pt``.

    A run that was interrupted goes on from its last checkpoint: the order of batches depends on the seed and the epoch
    only, so the steps that were taken are skipped. A finished run is loaded, not repeated.

    Args:
        network: has an attribute ``encoder`` (BERT).
        epochs: an epoch's seed to its batches.
        loss: network and batch to a scalar.
        settings: rates, epochs, precision.
        steps_per_epoch: batches in one epoch.
        folder: where checkpoint, weights and the loss curve (``losses.jsonl``) go.
        seed: of everything random here.
        log: called with step and values every 50 steps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights, checkpoint = folder / "weights.pt", folder / "checkpoint.pt"
    if weights.exists():
        network.load_state_dict(torch.load(weights, weights_only=True))
        return weights
    torch.manual_seed(seed)
    total = max(1, round(settings.epochs * steps_per_epoch))
    optimizer = torch.optim.AdamW(parameter_groups(network, settings), betas=(0.9, 0.98), eps=1e-6, fused=True)
    warm = max(1, round(settings.warmup * total))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (total - step) / max(1, total - warm)))
    )
    done = _resume(checkpoint, network, optimizer, schedule)
    network.train()
    saved, mean = time.monotonic(), math.nan
    with (
        tqdm(total=total, initial=done, desc=folder.name, unit="step", mininterval=5.0) as bar,
        (folder / "losses.jsonl").open("a", encoding="utf-8") as curve,
    ):
        for step, batch in _steps(epochs, seed, done, total):
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
                value = loss(network, batch)
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), settings.max_gradient)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            now = float(value.detach())
            mean = now if math.isnan(mean) else 0.98 * mean + 0.02 * now
            bar.update()
            if (step + 1) % 50 == 0 or step + 1 == total:
                bar.set_postfix(loss=f"{mean:.4f}")
                curve.write(json.dumps({"step": step + 1, "loss": round(mean, 5)}) + "\n")
                curve.flush()
                log(step + 1, {"loss": mean})
            if time.monotonic() - saved > settings.checkpoint_seconds:
                _save(checkpoint, network, optimizer, schedule, step + 1)
                saved = time.monotonic()
    part = folder / "weights.pt.part"
    torch.save(network.state_dict(), part)
    part.replace(weights)
    checkpoint.unlink(missing_ok=True)
    return weights


def _steps(epochs: Epochs, seed: int, done: int, total: int) -> Iterator[tuple[int, Batch]]:
    step, epoch = 0, 0
    while step < total:
        for batch in epochs(seed + epoch):
            if step >= total:
                return
            if step >= done:
                yield step, batch
            step += 1
        epoch += 1


def _save(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    step: int,
) -> None:
    part = path.with_suffix(".part")
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    torch.save(state | {"step": step, "random": torch.get_rng_state()}, part)
    part.replace(path)


def _resume(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(state["random"])
    return int(state["step"])

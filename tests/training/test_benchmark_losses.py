"""What benchmark networks are taught: each loss by its formula, and none of the cost of one that is off."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from training.batches import Batch  # noqa: E402
from training.benchmarks.losses import class_loss, contrast, disagreement  # noqa: E402
from training.benchmarks.recipes import Recipe  # noqa: E402

pytestmark = pytest.mark.slow


class Network(nn.Module):
    """Logits and unit embeddings of a table, with dropout; counts the rows that it is asked for."""

    def __init__(self, dropout=0.5):
        super().__init__()
        torch.manual_seed(3)
        self.table = nn.Embedding(10, 8)
        self.head = nn.Linear(8, 3)
        self.dropout = nn.Dropout(dropout)
        self.rows = []

    def forward(self, input_ids):
        """Return both outputs of a benchmark network."""
        self.rows.append(len(input_ids))
        states = self.dropout(self.table(input_ids[:, 0]))
        return {"classes": self.head(states), "sentence_embedding": functional.normalize(states, dim=-1)}


BATCH = Batch({"input_ids": torch.tensor([[1], [2], [3], [4]])}, {"class": torch.tensor([0, 1, 1, 2])})


@pytest.mark.parametrize(
    ("recipe", "rows"),
    [(Recipe(), 4), (Recipe(r_drop=1.0), 8), (Recipe(contrastive=1.0), 8), (Recipe(label_smoothing=0.1), 4)],
)
def test_a_second_pass_is_only_taken_where_it_is_needed(recipe, rows):
    """R-Drop and the contrastive loss see each row twice; cross-entropy once, smoothed or not."""
    network = Network()
    class_loss(recipe)(network, BATCH).backward()
    assert [rows] == network.rows


def test_without_extras_the_loss_is_cross_entropy():
    """A plain recipe is smoothed cross-entropy and nothing more."""
    network = Network(dropout=0.0)
    expected = functional.cross_entropy(network(**BATCH.inputs)["classes"], BATCH.targets["class"], label_smoothing=0.1)
    assert class_loss(Recipe(label_smoothing=0.1))(network, BATCH).item() == pytest.approx(expected.item())


def test_equal_passes_agree():
    """Without dropout both passes are one, and R-Drop adds nothing."""
    network = Network(dropout=0.0)
    plain, dropped = (class_loss(Recipe(r_drop=weight))(network, BATCH).item() for weight in (0.0, 5.0))
    assert dropped == pytest.approx(plain, abs=1e-5)


def test_disagreement_by_hand():
    """Passes 1/2, 1/2 and 1/4, 3/4: the divergences are log 2 - log 3 / 2 and 3 log 3 / 4 - log 2, their mean log 3 / 8."""
    logits = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
    assert disagreement(logits).item() == pytest.approx(math.log(3) / 8)


def test_contrast_by_hand():
    """Two equal rows of one class beside a row at right angles: each has the share e / (e + 1) of its company; the third has none."""
    unit = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = contrast(unit, torch.tensor([0, 0, 1]), 1.0)
    assert found.item() == pytest.approx(-math.log(math.e / (math.e + 1)))


def test_contrast_without_company_is_nothing():
    """A batch in which no class occurs twice teaches no closeness, and has a gradient of zero."""
    unit = functional.normalize(torch.randn(3, 4), dim=-1).requires_grad_()
    loss = contrast(unit, torch.tensor([0, 1, 2]), 0.1)
    loss.backward()
    assert (loss.item(), unit.grad.abs().sum().item()) == (0.0, 0.0)


def test_losses_keep_their_digits_under_bf16():
    """In a training of bf16 the sums of exponentials are still computed in float32."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = class_loss(Recipe(r_drop=1.0, contrastive=1.0))(Network(), BATCH)
    assert loss.dtype == torch.float32

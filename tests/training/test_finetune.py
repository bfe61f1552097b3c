"""The training loop: it learns, it resumes to the same weights, it never repeats finished work."""

import json
import random

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402
from transformers import BertConfig, BertModel  # noqa: E402

from training.batches import Batch  # noqa: E402
from training.config import Training  # noqa: E402
from training.finetune import finetune, parameter_groups  # noqa: E402
from training.networks import mean_pool  # noqa: E402

pytestmark = pytest.mark.slow

ROWS, SIZE, STEPS = 24, 4, 6
SETTINGS = Training(epochs=2, batch_size=SIZE, bf16=False, encoder_rate=1e-3, checkpoint_seconds=0.0)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """So small a network is slower on several cores than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Interrupted(Exception):
    """The machine was switched off."""


class Network(nn.Module):
    """A tiny random BERT that says whether its first token is even."""

    def __init__(self):
        super().__init__()
        config = BertConfig(
            vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
        )
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(16, 1)

    def forward(self, input_ids, attention_mask):
        """Return one logit a row."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.head(mean_pool(states, attention_mask)).squeeze(-1)


def network():
    """The same fresh network every time, with dropout on."""
    torch.manual_seed(7)
    return Network()


def epochs(seed):
    """An epoch's batches, in an order that depends on its seed only."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 50, (ROWS, 5), generator=generator)
    order = random.Random(seed).sample(range(ROWS), ROWS)
    for start in range(0, ROWS, SIZE):
        chosen = ids[order[start : start + SIZE]]
        inputs = {"input_ids": chosen, "attention_mask": torch.ones_like(chosen)}
        yield Batch(inputs, {"even": (chosen[:, 0] % 2 == 0).float()})


def loss(model, batch):
    """Cross-entropy of the first token's parity."""
    return nn.functional.binary_cross_entropy_with_logits(model(**batch.inputs), batch.targets["even"])


def stops_after(count):
    """A loss that breaks off after so many steps."""
    taken = 0

    def broken(model, batch):
        nonlocal taken
        if taken == count:
            raise Interrupted
        taken += 1
        return loss(model, batch)

    return broken


def run(folder, model=None, *, using=loss, settings=SETTINGS, seed=5, log=lambda _step, _values: None):
    """Train in a folder and return the network."""
    model = model or network()
    finetune(model, epochs, using, settings, steps_per_epoch=STEPS, folder=folder, seed=seed, log=log)
    return model


def weights_of(model):
    """All weights as one long list."""
    return torch.cat([value.detach().flatten() for value in model.state_dict().values()]).tolist()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and weights of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, weights_of(run(folder))


def test_the_same_seed_gives_the_same_weights(finished, tmp_path):
    """Two runs of one seed end in the same weights, bit for bit; another seed ends elsewhere."""
    assert weights_of(run(tmp_path / "again")) == finished[1]
    assert weights_of(run(tmp_path / "other", seed=6)) != finished[1]


@pytest.mark.parametrize("steps", [1, 5, 6, 7, 11])
def test_a_resumed_run_ends_in_the_same_weights(finished, tmp_path, steps):
    """Broken off after any step and started anew, a run ends exactly where the uninterrupted one did."""
    with pytest.raises(Interrupted):
        run(tmp_path, using=stops_after(steps))
    assert (tmp_path / "checkpoint.pt").exists()
    assert weights_of(run(tmp_path)) == finished[1]


def test_a_run_may_be_interrupted_more_than_once(finished, tmp_path):
    """Two interruptions are as harmless as one."""
    for steps in (2, 5):
        with pytest.raises(Interrupted):
            run(tmp_path, using=stops_after(steps))
    assert weights_of(run(tmp_path)) == finished[1]


def test_steps_that_were_taken_are_not_taken_again(tmp_path):
    """A resumed run asks for the loss of the remaining steps only."""
    with pytest.raises(Interrupted):
        run(tmp_path, using=stops_after(8))
    taken = []
    run(tmp_path, using=lambda model, batch: taken.append(1) or loss(model, batch))
    assert len(taken) == 2 * STEPS - 8


def test_without_a_checkpoint_a_run_starts_anew(finished, tmp_path):
    """A run that broke off before its first checkpoint loses nothing but time."""
    rare = SETTINGS.model_copy(update={"checkpoint_seconds": 3600.0})
    with pytest.raises(Interrupted):
        run(tmp_path, using=stops_after(3), settings=rare)
    assert not (tmp_path / "checkpoint.pt").exists()
    assert weights_of(run(tmp_path)) == finished[1]


def test_a_half_written_checkpoint_is_not_used(finished, tmp_path):
    """A checkpoint appears whole or not at all: a part of one is ignored."""
    (tmp_path / "checkpoint.part").write_bytes(b"half")
    assert weights_of(run(tmp_path)) == finished[1]


def test_a_finished_run_is_loaded(finished):
    """Training again in the same folder takes no step and gives the same weights."""
    assert weights_of(run(finished[0], using=stops_after(0))) == finished[1]


def test_a_finished_run_leaves_weights_and_no_checkpoint(finished):
    """What remains is the weights and the curve."""
    assert sorted(path.name for path in finished[0].iterdir()) == ["losses.jsonl", "weights.pt"]


def test_the_curve_and_the_log_hold_the_last_step(tmp_path):
    """The loss is written to the curve and to the caller's log."""
    logged = []
    run(tmp_path, log=lambda step, values: logged.append((step, values)))
    curve = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text("utf-8").splitlines()]
    assert [row["step"] for row in curve] == [step for step, _ in logged] == [2 * STEPS]
    assert curve[0]["loss"] == pytest.approx(logged[0][1]["loss"], abs=1e-5)


def test_training_learns(tmp_path):
    """After some epochs the loss on the training rows has fallen by far."""
    longer = SETTINGS.model_copy(update={"epochs": 30.0, "checkpoint_seconds": 3600.0})
    before, after = network().eval(), run(tmp_path, settings=longer).eval()
    with torch.no_grad():
        first, last = (sum(float(loss(model, batch)) for batch in epochs(1)) for model in (before, after))
    assert last < first / 2


def test_half_an_epoch_is_half_the_steps(tmp_path):
    """`epochs` may be a fraction."""
    taken = []
    half = SETTINGS.model_copy(update={"epochs": 0.5})
    run(tmp_path, settings=half, using=lambda model, batch: taken.append(1) or loss(model, batch))
    assert len(taken) == STEPS // 2


def test_rates_fall_towards_the_embeddings():
    """Heads learn at their own rate, encoder layers at rates that decay with depth; biases and norms don't decay."""
    settings = Training(encoder_rate=1.0, head_rate=10.0, layer_decay=0.5, weight_decay=0.1)
    model = network()
    names = {id(value): name for name, value in model.named_parameters()}
    found = {
        names[id(value)]: (group["lr"], group["weight_decay"])
        for group in parameter_groups(model, settings)
        for value in group["params"]
    }
    assert set(found) == set(names.values())
    assert found["head.weight"] == (10.0, 0.1)
    assert found["head.bias"] == (10.0, 0.0)
    assert found["encoder.encoder.layer.1.attention.self.query.weight"] == (1.0, 0.1)
    assert found["encoder.encoder.layer.0.attention.self.query.weight"] == (0.5, 0.1)
    assert found["encoder.embeddings.word_embeddings.weight"] == (0.25, 0.1)
    assert found["encoder.embeddings.LayerNorm.weight"] == (0.25, 0.0)

"""Smoothing before int8: nothing changes in fp32, and a channel that is far larger than the rest costs less precision."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from models.bundle import INPUTS, MESSAGE_HEADS  # noqa: E402
from models.session import Session  # noqa: E402
from training.export import export, quantise  # noqa: E402
from training.networks import AnswerNetwork, MessageNetwork, build_encoder  # noqa: E402
from training.smoothing import SmoothedLinear, smooth  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

# one channel of the hidden states, and how much larger than the others it is
CHANNEL, SPREAD = 5, 40.0


def texts(count, *, seed):
    """Encoded texts of some lengths, half of them after another message."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        length = int(rng.integers(4, 20))
        segments = [0] * (length // 2) + [number % 2] * (length - length // 2)
        rows = (rng.integers(5, 900, length), [1] * length, segments)
        found.append({name: torch.tensor(np.asarray([row])) for name, row in zip(INPUTS, rows, strict=True)})
    return found


def planted(kind):
    """A random network in which one channel of every hidden state is far larger than the others, as in trained ones."""
    torch.manual_seed(3)
    network = kind(build_encoder("tiny")).eval()
    with torch.no_grad():
        for layer in network.encoder.encoder.layer:
            layer.attention.output.LayerNorm.weight[CHANNEL] = SPREAD
            layer.intermediate.dense.weight[:, CHANNEL] /= SPREAD
    return network


@pytest.fixture(scope="module")
def network():
    """A message network with an outlier channel."""
    return planted(MessageNetwork)


@pytest.fixture(scope="module")
def smoothed(network):
    """The same, smoothed by what it sees of forty texts."""
    return smooth(network, texts(40, seed=1))


class Perceptron(torch.nn.Module):
    """Two layers over states of which one channel is far larger than the others, though it means no more than they."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        scale, first = torch.nn.LayerNorm(32), torch.nn.Linear(32, 64)
        with torch.no_grad():
            scale.weight[CHANNEL] *= SPREAD
            first.weight[:, CHANNEL] /= SPREAD
        layers = (torch.nn.Embedding(1000, 32), scale, first, torch.nn.GELU(), torch.nn.Linear(64, 8))
        self.encoder = torch.nn.Sequential(*layers)

    def forward(self, input_ids, attention_mask, token_type_ids):
        """Return the mean over the message's own tokens."""
        own = (attention_mask - attention_mask * token_type_ids).unsqueeze(-1).float()
        return {"classes": (self.encoder(input_ids) * own).sum(dim=1) / own.sum(dim=1)}


def int8(network, folder, name, *, names):
    """The int8 graph of a network."""
    return quantise(export(network, folder / f"{name}-fp32.onnx", outputs=names), folder / f"{name}.onnx")


def outputs(network, inputs):
    """What a network says, by head."""
    with torch.no_grad():
        return {name: values.numpy() for name, values in network(**inputs).items()}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_smoothing_changes_nothing_in_fp32(network, smoothed, seed):
    """Each channel is divided by what its weights are multiplied with, so every output stays as it was."""
    for inputs in texts(2, seed=seed):
        before, after = outputs(network, inputs), outputs(smoothed, inputs)
        assert set(before) == set(after)
        assert max(float(np.abs(before[name] - after[name]).max()) for name in before) < 1e-4


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", [MessageNetwork, AnswerNetwork])
def test_no_strength_changes_anything_in_fp32(kind, strength):
    """However much of the spread the weights take, and whichever network it is, the outputs stay."""
    network = planted(kind)
    changed = smooth(network, texts(10, seed=2), strength=strength)
    for inputs in texts(5, seed=3):
        before, after = outputs(network, inputs), outputs(changed, inputs)
        assert max(float(np.abs(before[name] - after[name]).max()) for name in before) < 1e-4


def test_smoothing_leaves_the_network_as_it_was():
    """What is smoothed is a copy: weights, hooks and mode of the network itself stay."""
    network = planted(MessageNetwork).train()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    changed = smooth(network, texts(3, seed=2))
    after = network.state_dict()
    assert list(before) == list(after)
    assert [name for name, values in before.items() if not torch.equal(values, after[name])] == []
    assert (True, False) == (network.training, changed.training)
    assert [name for name, part in network.named_modules() if part._forward_pre_hooks] == []
    assert [name for name, part in changed.named_modules() if part._forward_pre_hooks] == []


def test_every_layer_of_the_encoder_is_smoothed_and_no_head(network, smoothed):
    """All linear layers of the encoder are scaled, by positive factors; the heads, which are few, stay as they are."""
    linear = {name for name, part in network.encoder.named_modules() if isinstance(part, torch.nn.Linear)}
    scaled = {name: part for name, part in smoothed.encoder.named_modules() if isinstance(part, SmoothedLinear)}
    assert linear == set(scaled)
    assert [name for name, part in scaled.items() if not (part.inverse > 0).all()] == []
    heads = {name: part for name, part in smoothed.named_modules() if not name.startswith("encoder.")}
    assert [name for name, part in heads.items() if isinstance(part, SmoothedLinear)] == []


def test_the_large_channel_is_divided_most(smoothed):
    """In the layer that reads it, the planted channel is scaled down more than any other."""
    reader = smoothed.encoder.encoder.layer[0].intermediate.dense
    assert CHANNEL == int(reader.inverse.argmin())
    assert float(reader.inverse[CHANNEL]) < 0.2 * float(reader.inverse.median())


def test_smoothing_hides_no_layer_from_int8(network, smoothed, tmp_path):
    """The smoothed graph runs as many products in integers as the plain one."""
    graphs = [
        onnx.load(str(int8(built, tmp_path, name, names=MESSAGE_HEADS))).graph
        for name, built in (("plain", network), ("smoothed", smoothed))
    ]
    plain, other = (sum(node.op_type == "MatMulInteger" for node in graph.node) for graph in graphs)
    assert plain == other > 10


def test_int8_loses_less_on_a_smoothed_network(tmp_path):
    """With one channel forty times the others, int8 errs clearly less over a hundred unseen texts once it is smoothed."""
    network, errors = Perceptron().eval(), []
    for name, built in (("plain", network), ("smoothed", smooth(network, texts(40, seed=1)))):
        session = Session(int8(built, tmp_path, name, names=("classes",)), inputs=INPUTS, outputs=("classes",))
        differences = [
            session.run({key: value.numpy() for key, value in inputs.items()})["classes"]
            - outputs(network, inputs)["classes"]
            for inputs in texts(100, seed=9)
        ]
        errors.append(float(np.abs(np.concatenate(differences)).mean()))
    plain, other = errors
    assert other < 0.5 * plain

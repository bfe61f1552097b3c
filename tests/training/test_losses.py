"""What the networks are taught: masked targets teach nothing, and heads learn what they are asked."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.scorer import over_passages  # noqa: E402
from training.batches import Batch  # noqa: E402
from training.labels import ANSWER_PARTS, DIALOGUE, LABELS, POLARITIES  # noqa: E402
from training.losses import WEIGHTS, answer_loss, binary, fold_passages, labelled_rows, message_loss, multi_label  # noqa: E402
from training.networks import AnswerNetwork, MessageNetwork, build_encoder  # noqa: E402

pytestmark = pytest.mark.slow

NAN = float("nan")
ROWS = 4


def logits_of(values):
    """Logits that remember their gradient."""
    return torch.tensor(values, dtype=torch.float32, requires_grad=True)


@pytest.fixture(scope="module")
def message_network():
    """A tiny random message network without dropout."""
    torch.manual_seed(3)
    pytest.importorskip("transformers")
    return MessageNetwork(build_encoder("tiny")).eval()


@pytest.fixture(scope="module")
def answer_network():
    """A tiny random answer network without dropout."""
    torch.manual_seed(3)
    pytest.importorskip("transformers")
    return AnswerNetwork(build_encoder("tiny")).eval()


def message_batch(**targets):
    """Four messages, two of them after another, of which nothing is known but the given targets."""
    generator = torch.Generator().manual_seed(1)
    inputs = {
        "input_ids": torch.randint(5, 900, (ROWS, 6), generator=generator),
        "attention_mask": torch.ones((ROWS, 6), dtype=torch.int64),
        "token_type_ids": torch.tensor([[0] * 6, [0, 0, 0, 0, 1, 1]] * (ROWS // 2)),
    }
    known = {
        "intents": torch.full((ROWS, len(LABELS)), NAN),
        "dialogue": torch.full((ROWS, len(DIALOGUE)), NAN),
        **{name: torch.full((ROWS,), NAN) for name in ("out_of_scope", "explicit", "sentiment", "frustration")},
        "polarity": torch.full((ROWS,), -1),
        "weight": torch.ones(ROWS),
    }
    return Batch(inputs, known | targets)


def answer_batch(**targets):
    """Two answers, of two passages and of one, of which nothing is known but the given targets."""
    generator = torch.Generator().manual_seed(1)
    inputs = {
        "input_ids": torch.randint(5, 900, (3, 7), generator=generator),
        "attention_mask": torch.ones((3, 7), dtype=torch.int64),
        "token_type_ids": torch.zeros((3, 7), dtype=torch.int64),
    }
    known = {
        "parts": torch.full((2, len(ANSWER_PARTS)), NAN),
        "good": torch.full((2,), NAN),
        "weight": torch.ones(2),
        "owner": torch.tensor([[0, 1, -1], [2, -1, -1]]),
    }
    return Batch(inputs, known | targets)


def taught(network, loss):
    """Names of the network's parts, the encoder aside, that a loss moves."""
    network.zero_grad()
    loss.backward()
    moved = [
        name for name, value in network.named_parameters() if value.grad is not None and value.grad.abs().sum() > 0
    ]
    return sorted({name.split(".")[0] for name in moved} - {"encoder"})


# single losses


def test_binary_by_hand():
    """Logit 0 costs ln 2 whatever the target; the mean is weighted."""
    logits = torch.tensor([0.0, math.log(3)])
    found = binary(logits, torch.tensor([1.0, 1.0]), torch.tensor([1.0, 3.0]))
    assert float(found) == pytest.approx((math.log(2) + 3 * math.log(4 / 3)) / 4, abs=1e-6)


def test_nan_never_teaches_a_binary_head():
    """The gradient of a row that isn't labelled is exactly zero, however wrong its logit."""
    logits = logits_of([0.3, 50.0, -2.0])
    binary(logits, torch.tensor([1.0, NAN, 0.0]), torch.ones(3)).backward()
    assert logits.grad[1] == 0.0
    assert (logits.grad[[0, 2]] != 0).all()


def test_a_batch_of_unknown_rows_is_no_loss():
    """Nothing labelled: the loss is zero, with a gradient of zero and no NaN."""
    logits = logits_of([0.3, -2.0])
    loss = binary(logits, torch.tensor([NAN, NAN]), torch.ones(2))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert logits.grad.tolist() == [0.0, 0.0]


def test_the_loss_of_labelled_rows_does_not_see_the_others():
    """Removing the unlabelled rows leaves the loss as it was."""
    logits, targets = torch.tensor([0.3, 9.0, -2.0]), torch.tensor([1.0, NAN, 0.0])
    kept = torch.tensor([0, 2])
    assert binary(logits, targets, torch.ones(3)) == binary(logits[kept], targets[kept], torch.ones(2))


def test_nan_never_teaches_a_label():
    """Label by label: the gradient of what isn't labelled is exactly zero."""
    logits = logits_of([[1.0, -1.0, 2.0], [0.5, 30.0, -30.0]])
    targets = torch.tensor([[1.0, NAN, 0.0], [NAN, NAN, 1.0]])
    multi_label(logits, targets, torch.ones(2)).backward()
    assert (logits.grad == 0).tolist() == torch.isnan(targets).tolist()


def test_multi_label_by_hand():
    """Summed over known labels, weighted mean over rows: (1 * 2 ln 2 + 3 * ln 2) / 4."""
    targets = torch.tensor([[1.0, 0.0], [NAN, 1.0]])
    found = multi_label(torch.zeros(2, 2), targets, torch.tensor([1.0, 3.0]))
    assert float(found) == pytest.approx(5 * math.log(2) / 4, abs=1e-6)


def test_rows_that_know_no_label_do_not_thin_the_rest():
    """Rows without any known label count for nothing, not even in the mean, however many they are."""
    logits = logits_of([[1.0, -1.0], [9.0, 9.0], [0.5, 2.0], [-9.0, 9.0]])
    targets = torch.tensor([[1.0, NAN], [NAN, NAN], [0.0, 1.0], [NAN, NAN]])
    kept = torch.tensor([0, 2])
    found = labelled_rows(logits, targets, torch.ones(4))
    expected = multi_label(logits[kept], targets[kept], torch.ones(2))
    assert float(found.detach()) == pytest.approx(float(expected.detach()))
    found.backward()
    assert (logits.grad == 0).tolist() == torch.isnan(targets).tolist()


def test_no_labelled_row_is_no_loss():
    """Nothing labelled: the loss is zero, with a gradient of zero and no NaN."""
    logits = logits_of([[0.3, -2.0]])
    loss = labelled_rows(logits, torch.tensor([[NAN, NAN]]), torch.ones(1))
    loss.backward()
    assert (float(loss.detach()), logits.grad.tolist()) == (0.0, [[0.0, 0.0]])


# the message network


def test_the_text_heads_pool_the_message_alone(message_network):
    """What a message is on its own is read of its own tokens; only the dialogue head also pools those before it."""
    batch = message_batch()
    with torch.no_grad():
        found = message_network(**batch.inputs)
        hidden = message_network.encoder(**batch.inputs).last_hidden_state
    for row, (own, other) in enumerate([(slice(0, 6), slice(6, 6)), (slice(0, 4), slice(4, 6))] * 2):
        pooled = hidden[row, own].mean(dim=0)
        before = hidden[row, other].mean(dim=0) if hidden[row, other].numel() else torch.zeros_like(pooled)
        with torch.no_grad():
            intents, dialogue = message_network.intents(pooled), message_network.dialogue(torch.cat([pooled, before]))
            embedding = message_network.embedding(pooled)
        assert found["sentence_embedding"][row].tolist() == pytest.approx(
            (embedding / embedding.norm()).tolist(), abs=1e-5
        )
        assert found["intents"][row].tolist() == pytest.approx(intents.tolist(), abs=1e-5)
        assert found["dialogue"][row].tolist() == pytest.approx(dialogue.tolist(), abs=1e-5)


def test_padding_changes_no_output(message_network):
    """Tokens that only fill a batch up are in no pool, whatever their ids say."""
    inputs = message_batch().inputs
    filled = {
        name: torch.cat([values, torch.full((ROWS, 3), filler)], dim=1)
        for (name, values), filler in zip(inputs.items(), (77, 0, 0), strict=True)
    }
    with torch.no_grad():
        alone, padded = message_network(**inputs), message_network(**filled)
    for name, values in alone.items():
        assert padded[name].flatten().tolist() == pytest.approx(values.flatten().tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"explicit": torch.tensor([1.0, NAN, NAN, 0.0])}, ["explicit"]),
        ({"out_of_scope": torch.tensor([NAN, NAN, NAN, 0.0])}, ["out_of_scope"]),
        ({"frustration": torch.tensor([0.5, NAN, NAN, NAN])}, ["affect", "frustration"]),
        ({"sentiment": torch.tensor([-0.9, NAN, NAN, 0.3])}, ["affect", "polarity"]),
        ({"polarity": torch.tensor([0, -1, -1, 2])}, ["affect", "polarity"]),
        ({"intents": torch.zeros((ROWS, len(LABELS)))}, ["intents"]),
        ({"dialogue": torch.ones((ROWS, len(DIALOGUE)))}, ["dialogue"]),
        ({}, []),
    ],
    ids=["explicit", "out_of_scope", "frustration", "sentiment", "polarity", "intents", "dialogue", "nothing"],
)
def test_a_target_teaches_its_own_head(message_network, targets, expected):
    """A target moves the head that it belongs to and no other; without targets nothing moves."""
    assert taught(message_network, message_loss(message_network, message_batch(**targets))) == expected


def test_a_label_teaches_its_own_column(message_network):
    """One known label moves one row of the intents head; the others keep what they had."""
    intents = torch.full((ROWS, len(LABELS)), NAN)
    intents[0, 5] = 1.0
    taught(message_network, message_loss(message_network, message_batch(intents=intents)))
    moved = message_network.intents.weight.grad.abs().sum(dim=1).nonzero().flatten()
    assert moved.tolist() == [5]


def test_a_dialogue_label_teaches_its_own_column(message_network):
    """What a bot's message does is no target for what a customer's does: one known label moves one row of the head."""
    dialogue = torch.full((ROWS, len(DIALOGUE)), NAN)
    dialogue[1, DIALOGUE.index("bot_cannot")] = 0.0
    taught(message_network, message_loss(message_network, message_batch(dialogue=dialogue)))
    moved = message_network.dialogue[-1].weight.grad.abs().sum(dim=1).nonzero().flatten()
    assert moved.tolist() == [DIALOGUE.index("bot_cannot")]


def test_few_rows_of_a_dialogue_teach_as_much_as_many(message_network):
    """One labelled message among four costs what it costs alone: the others, of other corpora, do not thin it."""
    dialogue = torch.full((ROWS, len(DIALOGUE)), NAN)
    dialogue[1, :3] = torch.tensor([1.0, 0.0, 0.0])
    batch = message_batch(dialogue=dialogue)
    with torch.no_grad():
        logits = message_network(**batch.inputs)["dialogue"][1:2]
        expected = WEIGHTS["dialogue"] * float(multi_label(logits, dialogue[1:2], torch.ones(1)))
        assert float(message_loss(message_network, batch)) == pytest.approx(expected, abs=1e-5)


def test_a_weight_of_zero_teaches_nothing(message_network):
    """A row that doesn't count has no share in any gradient."""
    batch = message_batch(explicit=torch.tensor([1.0, 0.0, 1.0, 0.0]))
    batch.targets["weight"] = torch.tensor([1.0, 0.0, 1.0, 1.0])
    other = Batch(batch.inputs, batch.targets | {"explicit": torch.tensor([1.0, 1.0, 1.0, 0.0])})
    with torch.no_grad():
        assert message_loss(message_network, batch) == message_loss(message_network, other)


def test_the_taught_sentiment_is_the_served_one(message_network):
    """The score in the loss is P(positive) - P(negative), in the order of the bundle's labels."""
    batch = message_batch(sentiment=torch.tensor([0.2, NAN, NAN, NAN]))
    with torch.no_grad():
        logits = message_network(**batch.inputs)["polarity"][0]
        probabilities = dict(zip(POLARITIES, logits.softmax(dim=-1).tolist(), strict=True))
        found = float(message_loss(message_network, batch))
    score = probabilities["positive"] - probabilities["negative"]
    assert found == pytest.approx(3.0 * (score - 0.2) ** 2, abs=1e-5)


# the answer network


@pytest.mark.parametrize("seed", range(5))
def test_passages_fold_as_the_scorer_folds_them(seed):
    """Training and serving fold the logits of one to three passages alike."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 4, size=6)
    logits = rng.normal(scale=4, size=(counts.sum(), 3)).astype(np.float32)
    owner, start = np.full((6, 3), -1), 0
    for row, count in enumerate(counts):
        owner[row, :count] = np.arange(start, start + count)
        start += count
    found = fold_passages(torch.from_numpy(logits), torch.from_numpy(owner)).numpy()
    expected = np.stack([over_passages(logits[places[places >= 0]]) for places in owner])
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("row", [0, 1], ids=["two passages", "one passage"])
def test_good_is_learned_through_the_auxiliary_combiner(answer_network, row):
    """`good` is learned over the folded logits answers, grounded, sufficient and the smaller of grounded and answers."""
    good = torch.full((2,), NAN)
    good[row] = 1.0
    batch = answer_batch(good=good)
    with torch.no_grad():
        places = batch.targets["owner"][row]
        logits = answer_network(**batch.inputs)["answer"][places[places >= 0]].numpy()
        sufficient, grounded, answers = over_passages(logits)
        features = [answers, grounded, sufficient, min(grounded, answers)]
        logit = answer_network.combiner(torch.tensor(features, dtype=torch.float32))
        expected = binary(logit, torch.tensor([1.0]), torch.ones(1))
        assert pytest.approx(float(expected), abs=1e-5) == float(answer_loss(answer_network, batch))


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"parts": torch.tensor([[1.0, NAN, NAN], [NAN, NAN, NAN]])}, ["head"]),
        ({"good": torch.tensor([1.0, NAN])}, ["combiner", "head"]),
        ({}, []),
    ],
    ids=["parts", "good", "nothing"],
)
def test_an_answers_target_teaches_its_own_parts(answer_network, targets, expected):
    """The parts teach the head alone; `good` teaches head and combiner; nothing known moves nothing."""
    assert taught(answer_network, answer_loss(answer_network, answer_batch(**targets))) == expected


def test_an_absent_passage_teaches_nothing():
    """Padding places of `owner` have no share in value or gradient."""
    logits = logits_of([[1.0, 2.0, 3.0], [9.0, 9.0, 9.0]])
    fold_passages(logits, torch.tensor([[0, -1, -1]])).sum().backward()
    assert logits.grad.tolist() == [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]

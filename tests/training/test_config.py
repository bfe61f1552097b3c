"""Experiments: the shipped files hold together, and a wrong one is refused by name."""

import pytest
from pydantic import ValidationError

from training.config import (
    ConfigError,
    Data,
    Encoder,
    Experiment,
    Gate,
    Training,
    experiment_names,
    load_experiment,
)
from training.sources.catalog import read_catalog

SHIPPED = experiment_names()
SMALL = 'name = "small"\n[data]\nmessages = ["written"]\nanswers = ["written"]\n'


def written(folder, text):
    """An experiment file."""
    path = folder / "odd.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_experiment_is_named_as_its_file(name):
    """The name that a bundle will carry is the name that was asked for."""
    assert load_experiment(name).name == name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_experiment_reads_what_it_may(name):
    """Every source is ours or catalogued, and none is for evaluation only."""
    data, catalog = load_experiment(name).data, read_catalog()
    allowed = {"written", "written-requests"} | {
        corpus.name for corpus in catalog.values() if corpus.role != "evaluation_only"
    }
    assert sorted({*data.messages, *data.answers} - allowed) == []
    assert sorted(set(data.repeat) - {*data.messages, *data.answers}) == []


def test_the_default_experiment_has_gates_on_every_score():
    """What is released by default is held to a bound for each group of heads and for parity."""
    gated = {".".join(gate.metric.split(".")[:2]) for gate in load_experiment("default").gates}
    expected = {"messages.explicit", "messages.out_of_scope", "messages.sentiment", "messages.intents"}
    assert expected - gated == set()
    assert any(metric.startswith("answers.") for metric in gated)
    assert "parity.decision_flip_share" in gated


def test_a_file_may_lie_anywhere(tmp_path):
    """An experiment is named by the shipped name or by a path, and fills in what it doesn't say."""
    found = load_experiment(written(tmp_path, SMALL))
    assert found == Experiment(name="small", data=Data(messages=("written",), answers=("written",)))


def test_an_unknown_name_lists_the_known_ones():
    """A wrong name is answered with the names there are."""
    expected = f"no experiment 'defualt'; expected a .toml file or one of: {', '.join(SHIPPED)}"
    with pytest.raises(ConfigError) as caught:
        load_experiment("defualt")
    assert str(caught.value) == expected


def test_a_missing_file_is_refused(tmp_path):
    """A path without a file is refused the same way."""
    with pytest.raises(ConfigError, match=r"no experiment '.*gone\.toml'; expected"):
        load_experiment(str(tmp_path / "gone.toml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SMALL + "epochs = 3\n", "data.epochs"),
        (SMALL + "[message]\nepoch = 3\n", "message.epoch"),
        (SMALL + '[message]\nepochs = "many"\n', "message.epochs"),
        (SMALL + "[[gates]]\nminimum = 0.5\n", "gates.0.metric"),
        (SMALL + '[[gates]]\nmetric = "a.b"\n', "neither minimum nor maximum"),
        ('name = "small"\n', "data"),
        ("name = small\n", "odd.toml doesn't hold together: Invalid value"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, text, expected):
    """A misspelt, missing or senseless field is an error that names file and field, never ignored."""
    with pytest.raises(ConfigError) as caught:
        load_experiment(written(tmp_path, text))
    assert str(caught.value).startswith("odd.toml doesn't hold together: ")
    assert expected in str(caught.value)


def test_an_experiment_is_immutable():
    """What a run was started with is what its bundle says."""
    with pytest.raises(ValidationError, match="frozen"):
        load_experiment("smoke").seed = 1


def test_a_gate_bounds_something():
    """A gate without a bound would let everything pass."""
    with pytest.raises(ValidationError, match="neither minimum nor maximum; give it one"):
        Gate(metric="messages.explicit.written.f1")
    assert Gate(metric="x", maximum=0.0).maximum == 0.0


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("epochs", (0, -1)),
        ("batch_size", (0, -8, 1.5)),
        ("encoder_rate", (0, -1e-4)),
        ("head_rate", (0, -1e-4)),
        ("layer_decay", (0, -0.1, 1.1)),
        ("weight_decay", (-0.01,)),
        ("warmup", (-0.1, 1.1)),
        ("max_gradient", (0, -1)),
        ("noise", (-0.1, 1.1)),
        ("checkpoint_seconds", (-1,)),
    ],
)
def test_a_training_out_of_bounds_is_refused(field, values):
    """A number that would train nothing, or nonsense, is refused by its field before hours are spent on it."""
    for value in (*values, float("nan"), float("inf"), "many"):
        with pytest.raises(ValidationError, match=f"1 validation error for Training\\n{field}\\n"):
            Training.model_validate({field: value})


def test_every_number_of_a_training_has_bounds():
    """No field of a training is left without bounds, but for the switch."""
    unbounded = {name for name, field in Training.model_fields.items() if not field.metadata}
    assert {"bf16"} == unbounded


def test_the_bounds_themselves_are_allowed():
    """No noise and all noise, no warm-up and nothing but, no decay, a batch of one: extreme, and still a training."""
    least = Training(batch_size=1, layer_decay=1, weight_decay=0, warmup=0, noise=0, checkpoint_seconds=0, epochs=0.01)
    most = Training(warmup=1, noise=1)
    assert (1, 0.0, 1.0) == (least.batch_size, least.noise, most.noise)


@pytest.mark.parametrize(
    ("section", "fields", "expected"),
    [
        (Data, {"messages": (), "answers": (), "limit": 0}, "limit"),
        (Data, {"messages": (), "answers": (), "repeat": {"written": 0}}, r"repeat\.written"),
        (Encoder, {"dropout": 1.0}, "dropout"),
        (Encoder, {"dropout": -0.1}, "dropout"),
        (Gate, {"metric": "x", "minimum": float("nan")}, "minimum"),
    ],
)
def test_other_sections_have_bounds_too(section, fields, expected):
    """No rows, rows repeated never, all units dropped, or a gate at NaN are refused by their field."""
    with pytest.raises(ValidationError, match=expected):
        section.model_validate(fields)

"""One ONNX graph: what is checked at loading, and what running it gives."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.errors import BundleCorrupt, ScoringError
from models.session import Session

IDS = np.ones((1, 4), dtype=np.int64)


def write_graph(path, *, kind=TensorProto.FLOAT, given=("batch", "tokens"), shape=("batch", "tokens"), name="scores"):
    """Write a graph that casts its ids to ``kind``; the shapes are what it says of itself."""
    graph = helper.make_graph(
        [helper.make_node("Cast", ["input_ids"], [name], to=kind)],
        "cast",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, list(given))],
        [helper.make_tensor_value_info(name, kind, list(shape))],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def open_graph(path):
    """Open a graph as one that turns ids into scores."""
    return Session(path, inputs=("input_ids",), outputs=("scores",))


def test_a_graph_runs(tmp_path):
    """Outputs come back by name, as float32 of shape (batch, ...)."""
    found = open_graph(write_graph(tmp_path / "g.onnx")).run({"input_ids": IDS})
    assert list(found) == ["scores"]
    assert found["scores"].dtype == np.float32
    assert found["scores"].tolist() == [[1.0, 1.0, 1.0, 1.0]]


def test_a_width_is_known_or_open(tmp_path):
    """A fixed last dimension is a number, an open one is None."""
    assert open_graph(write_graph(tmp_path / "open.onnx")).width("scores") is None
    assert open_graph(write_graph(tmp_path / "four.onnx", shape=("batch", 4))).width("scores") == 4


def test_a_file_that_is_no_graph_is_refused(tmp_path):
    """Bytes that aren't ONNX are refused with the file's name and what to do."""
    path = tmp_path / "message.onnx"
    path.write_bytes(b"this is a text file")
    with pytest.raises(BundleCorrupt, match=r"message\.onnx can't be loaded as an ONNX graph: .*; release it again"):
        open_graph(path)


def test_a_missing_file_is_refused(tmp_path):
    """A path without a file is an error of the bundle, not one of ONNX Runtime."""
    with pytest.raises(BundleCorrupt, match=r"gone\.onnx can't be loaded"):
        open_graph(tmp_path / "gone.onnx")


def test_other_inputs_are_refused(tmp_path):
    """A graph that wants other inputs is refused with both lists."""
    path = write_graph(tmp_path / "g.onnx")
    expected = r"g\.onnx takes inputs \['input_ids'\], expected \['attention_mask', 'input_ids'\]; release it again"
    with pytest.raises(BundleCorrupt, match=expected):
        Session(path, inputs=("input_ids", "attention_mask"), outputs=("scores",))


def test_missing_outputs_are_refused(tmp_path):
    """A graph without one of the heads is refused with what it has and what is missing."""
    path = write_graph(tmp_path / "g.onnx", name="guesses")
    with pytest.raises(BundleCorrupt, match=r"has outputs \['guesses'\], \['scores'\] are missing; release it again"):
        open_graph(path)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": TensorProto.DOUBLE}, r"scores of g\.onnx is a tensor\(double\) .*expected tensor\(float\)"),
        (
            {"given": ("tokens",), "shape": ("tokens",)},
            r"input_ids of g\.onnx is a .* \['tokens'\], expected tensor\(int64\)",
        ),
        (
            {"given": ("a", "b", 3), "shape": ("a", "b", 3)},
            r"\['a', 'b', 3\], expected tensor\(int64\) \(batch, \.\.\.\)",
        ),
    ],
)
def test_other_shapes_and_types_are_refused(tmp_path, fields, expected):
    """A graph whose tensors have another type or number of dimensions is refused when it is loaded."""
    with pytest.raises(BundleCorrupt, match=expected):
        open_graph(write_graph(tmp_path / "g.onnx", **fields))


def test_a_graph_that_fails_while_it_runs_is_a_scoring_error(tmp_path):
    """What ONNX Runtime refuses on a batch is an error of scoring, which the policy survives."""
    session = open_graph(write_graph(tmp_path / "g.onnx", given=("batch", 4), shape=("batch", 4)))
    with pytest.raises(ScoringError, match=r"g\.onnx failed on a batch: "):
        session.run({"input_ids": np.ones((1, 5), dtype=np.int64)})

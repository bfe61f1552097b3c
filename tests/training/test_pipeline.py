"""The whole flow on a random two-layer encoder and our own few rows: it proves the pipeline, not the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from models.bundle import Bundle
from models.contracts import Role, Scores
from models.errors import BatonError
from models.records import AnswerExample
from models.scorer import Scorer, ScoreRequest
from training import custom_labels, custom_measures
from training.config import Gate, load_experiment
from training.evaluate import MIN_ROWS, evaluate_answers
from training.networks import AnswerNetwork, MessageNetwork, build_encoder
from training.pipeline import build_bundle, measure, prepare_answers, prepare_messages, run_experiment
from training.release import GateError, check_gates, release
from training.tracking import track

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished smoke run."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    run_experiment(load_experiment("smoke"), folder, version="1", release_it=False)
    return folder


@pytest.fixture(scope="module")
def report(work: Path) -> dict:
    """The smoke run's figures."""
    return json.loads((work / "report.json").read_text(encoding="utf-8"))


def test_the_pipeline_leaves_a_verified_bundle_that_scores(work: Path) -> None:
    """From rows to a bundle that loads, matches its hashes and scores a message and an answer."""
    scorer = Scorer(Bundle.load(work / "bundle"))

    message, answer = scorer.score(
        [
            ScoreRequest(role=Role.CUSTOMER, text="can somebody look at my refund please", before="Did that help?"),
            ScoreRequest(role=Role.BOT, text="In two days.", question="When?", passages=("It takes two days.",)),
        ]
    )

    assert message.intents is not None
    assert {entry.label for entry in message.dialogue or ()} == {"not_helped", "insists", "resolved"}
    assert answer.confidence is not None
    assert set(answer.answer or {}) == {"sufficient", "grounded", "answers"}


@pytest.mark.parametrize("name", ["report.json", "bundle/manifest.json"])
def test_what_is_not_defined_is_null(work: Path, name: str) -> None:
    """Report and manifest are JSON for every reader: a figure that isn't defined is null, never NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads((work / name).read_text(encoding="utf-8"), parse_constant=refuse)


def test_without_rows_in_other_languages_there_is_no_head_for_them(work: Path, report: dict) -> None:
    """The smoke run reads English alone: its bundle holds no weights for requests, and its report no witness."""
    bundle = Bundle.load(work / "bundle")

    assert "requests.npy" not in bundle.manifest.files
    assert bundle.manifest.requests is None
    assert report["requests"] == {}
    assert set(report["fp32"]) == {"messages", "answers"}


def test_rows_in_other_languages_make_a_head_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-04: both bundles hold weights for requests, fitted on the run's rows, and the report what each witness is worth."""
    # custom labels, which take most of the time, are the other tests' matter
    monkeypatch.setattr(custom_labels, "fit_bundle", lambda *_, **__: None)
    monkeypatch.setattr(custom_measures, "measure_bundle", lambda *_, **__: None)
    smoke = load_experiment("smoke")
    sources = smoke.data.model_copy(update={"messages": ("written", "written-requests")})
    experiment = smoke.model_copy(update={"data": sources})
    messages, answers = prepare_messages(experiment), prepare_answers(experiment)
    message, confidence = MessageNetwork(build_encoder("tiny")).eval(), AnswerNetwork(build_encoder("tiny")).eval()

    served, twin, _ = build_bundle(experiment, messages, answers, message, confidence, tmp_path)
    found = measure(messages, answers, served, twin)["requests"]

    for folder in (served, twin):
        manifest = Bundle.load(folder).manifest
        assert "requests.npy" in manifest.files
        assert manifest.requests is not None
        assert {"de", "en", "es"} <= set(manifest.requests.languages)
    assert set(found["all"]) == {"phrases", "ngrams", "encoder", "together", "served"}
    assert found["all"]["served"]["n"] == sum(
        row.language != "en" and row.explicit is not None for row in messages.of("test")
    )


def test_every_figure_on_answers_can_be_tracked(tmp_path: Path) -> None:
    """MLflow takes the name of each metric, of every source that answers come from, with passages and without."""
    rows = [
        AnswerExample(
            id=f"{source}:{passages}:{number}", source=source, message="m", answer="a", passages=passages,
            good=float(number % 2), answers=float(number % 2), group="g",
        )
        for source in load_experiment("default").data.answers
        for passages in ((), ("p",))
        for number in range(MIN_ROWS)
    ]  # fmt: skip
    figures = evaluate_answers(rows, [Scores(confidence=0.5, answer={"answers": 0.5})] * len(rows))

    with track("names", "of figures", tmp_path) as run:
        run.metrics({"answers": figures})

    client = pytest.importorskip("mlflow").MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    tracked = client.get_run(run.run_id).data.metrics
    assert {
        f"answers.{source}{kind}.good.auroc.value"
        for source in load_experiment("default").data.answers
        for kind in ("", "_without_passages")
    } <= set(tracked)


def test_the_exported_graph_computes_what_the_network_computes(report: dict) -> None:
    """fp32 ONNX and torch differ by less than a thousandth in every logit."""
    assert max(report["export_difference"].values()) < 1e-3


def test_int8_and_fp32_decide_alike_on_held_out_messages(report: dict) -> None:
    """The share of decisions that int8 changes is measured on held-out messages and small."""
    parity = report["parity"]

    assert parity["n"] >= 5
    assert parity["decision_flip_share"] <= 0.1


def test_a_finished_run_is_not_trained_again(work: Path) -> None:
    """The second run of the same experiment on the same data loads the weights that the first one left."""
    before = {path: path.stat().st_mtime_ns for path in work.glob("*/weights.pt")}

    run_experiment(load_experiment("smoke"), work, version="1", release_it=False)

    assert len(before) == 2
    assert before == {path: path.stat().st_mtime_ns for path in work.glob("*/weights.pt")}


def test_the_manifest_says_where_the_bundle_comes_from(work: Path) -> None:
    """Seeds, data fingerprints, versions, licences and the commit are in every bundle."""
    manifest = Bundle.load(work / "bundle").manifest

    assert manifest.label == "smoke-1"
    assert len(manifest.data["messages_fingerprint"]) == 64
    assert {"commit", "seed", "versions", "experiment", "parity"} <= set(manifest.training)
    assert manifest.licences == ("Apache-2.0",)


def test_a_candidate_below_a_gate_is_refused_and_nothing_changes(work: Path, report: dict, tmp_path: Path) -> None:
    """A gate that fails names the metric and the figures, and no bundle is replaced."""
    gates = (Gate(metric="parity.decision_flip_share", maximum=-1.0),)

    with pytest.raises(GateError, match="decision_flip_share"):
        release(work / "bundle", report, gates, bundles=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_candidate_that_passes_becomes_the_released_bundle(work: Path, report: dict, tmp_path: Path) -> None:
    """Release copies the verified bundle with its card and records hashes in RELEASES.toml."""
    released = release(work / "bundle", report, (), bundles=tmp_path)

    assert Bundle.load(released).label == "smoke-1"
    assert "Known weaknesses" in (released / "README.md").read_text(encoding="utf-8")
    assert "[[release]]" in (tmp_path / "RELEASES.toml").read_text(encoding="utf-8")


def test_a_gate_on_a_number_that_is_not_there_is_an_error(report: dict) -> None:
    """A misspelt metric never passes silently."""
    with pytest.raises(BatonError, match="no_such"):
        check_gates(report, [Gate(metric="messages.no_such", minimum=0.0)])

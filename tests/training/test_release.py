"""Gates and the move into the bundles' folder: a worse candidate changes nothing, a better one changes all at once."""

import json
import math
import re
import shutil
import tomllib

import pytest

from models.bundle import MANIFEST, Bundle, sha256
from models.errors import BundleCorrupt
from models.scorer import Scorer
from tests.support.reports import DATA, NO_FIGURE, build_report
from tests.support.tiny_bundle import build_tiny_bundle
from training.config import Gate
from training.release import GateError, check_gates, finish_manifest, git_commit, lookup, release

GATES = (
    Gate(metric="messages.explicit.written.f1", minimum=0.85),
    Gate(metric="parity.decision_flip_share", maximum=0.02),
)


@pytest.fixture
def candidate(tmp_path):
    """Folder of a measured bundle, as the pipeline leaves it."""
    return finished(tmp_path / "work", version="2")


@pytest.fixture
def bundles(tmp_path):
    """A bundles' folder that holds an older release of the same name."""
    folder = tmp_path / "bundles"
    folder.mkdir()
    release(finished(tmp_path / "older", version="1", seed=9), build_report(), GATES, bundles=folder)
    return folder


def finished(folder, *, version, seed=5):
    """A bundle with metrics and provenance."""
    build_tiny_bundle(folder, seed=seed)
    training = {"commit": "abc", "seed": 1}
    finish_manifest(folder, version=version, report=build_report(), training=training, data=DATA)
    return folder


def snapshot(folder):
    """Every file below a folder with its hash."""
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


# gates


def test_a_figure_counts_by_its_value():
    """A dotted path leads to a figure, whose value counts, or to a plain number."""
    assert lookup(build_report(f1=0.91), "messages.explicit.written.f1") == 0.91
    assert lookup(build_report(), "parity.decision_flip_share") == 0.01


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "messages.explicit.elsewhere.f1",
            "the report has no 'messages.explicit.elsewhere.f1': 'elsewhere' is missing",
        ),
        ("messages.n.f1", "'f1' is missing"),
        ("messages.explicit.written", "the report's 'messages.explicit.written' is no number but dict"),
        ("", "the report has no ''"),
    ],
)
def test_a_gate_that_leads_nowhere_fails(path, expected):
    """A misspelt gate is an error and never passes by default."""
    with pytest.raises(GateError, match=re.escape(expected)):
        lookup(build_report(), path)


def test_what_could_not_be_measured_is_no_number():
    """A measure that is None, or a figure without a value, fails its gate."""
    with pytest.raises(GateError, match=r"'a\.b' is no number but NoneType"):
        lookup({"a": {"b": None}}, "a.b")
    with pytest.raises(GateError, match=r"'a\.b' is no number but NoneType"):
        lookup({"a": {"b": NO_FIGURE}}, "a.b")


@pytest.mark.parametrize(
    ("gate", "found", "failures"),
    [
        (Gate(metric="x", minimum=0.5), 0.5, 0),
        (Gate(metric="x", minimum=0.5), 0.4999, 1),
        (Gate(metric="x", maximum=0.5), 0.5, 0),
        (Gate(metric="x", maximum=0.5), 0.5001, 1),
        (Gate(metric="x", minimum=0.4, maximum=0.6), 0.5, 0),
        (Gate(metric="x", minimum=0.4, maximum=0.6), 0.3, 1),
        (Gate(metric="x", minimum=0.5), math.nan, 1),
        (Gate(metric="x", maximum=0.5), math.nan, 1),
    ],
)
def test_a_bound_is_allowed_itself(gate, found, failures):
    """A figure on the bound passes, beyond it fails, and one that isn't defined fails both ways."""
    assert len(check_gates({"x": found}, [gate])) == failures


def test_every_failing_gate_is_told():
    """All failures are told at once, each with what was found and what was wanted."""
    gates = [*GATES, Gate(metric="messages.intents.written.micro_f1", minimum=0.99)]
    assert check_gates(build_report(f1=0.8), gates) == [
        "messages.explicit.written.f1 is 0.8000, at least 0.85 is wanted",
        "messages.intents.written.micro_f1 is 0.7700, at least 0.99 is wanted",
    ]


def test_no_gates_let_everything_pass():
    """An experiment without gates is released as it is."""
    assert check_gates({}, ()) == []


# the manifest


def test_finishing_keeps_graphs_and_adds_metrics(tmp_path):
    """Version, metrics by head, provenance and licences are added; graphs and calibration stay as they were measured."""
    folder = build_tiny_bundle(tmp_path / "work")
    before = Bundle.load(folder).manifest
    after = finish_manifest(folder, version="2026.11.20", report=build_report(), training={"seed": 1}, data=DATA)
    assert after == Bundle.load(folder).manifest
    assert after.files == before.files
    assert after.label == "tiny-2026.11.20"
    assert {name: head.calibration for name, head in after.heads.items()} == {
        name: head.calibration for name, head in before.heads.items()
    }
    assert after.heads["explicit"].metrics == build_report()["messages"]["explicit"]
    assert after.heads["polarity"].metrics == build_report()["messages"]["sentiment"]
    assert after.heads["answer"].metrics == build_report()["answers"]
    assert after.licences == ("Apache-2.0", "CC-BY-3.0")


def test_requests_in_other_languages_have_their_metrics(tmp_path):
    """The head for other languages carries what each witness is worth; a bundle without it stays without."""
    spoken, silent = (build_tiny_bundle(tmp_path / name, requests=name == "spoken") for name in ("spoken", "silent"))
    before = Bundle.load(spoken).manifest.requests
    after = finish_manifest(spoken, version="1", report=build_report(), training={}, data=DATA).requests
    assert (before.metrics, after.metrics) == ({}, build_report()["requests"])
    assert after.model_copy(update={"metrics": {}}) == before
    unspoken = build_report() | {"requests": {}}
    assert finish_manifest(silent, version="1", report=unspoken, training={}, data=DATA).requests is None


def test_a_manifest_holds_null_where_nothing_is_defined(tmp_path):
    """Figures that aren't defined are null in manifest.json, which stays JSON, and read back as None."""
    folder, report = build_tiny_bundle(tmp_path / "work"), build_report()
    report["messages"]["explicit"]["written"]["auroc"] = NO_FIGURE
    finish_manifest(folder, version="1", report=report, training={}, data=DATA)
    content = (folder / MANIFEST).read_text("utf-8")

    def refuse(name):
        raise AssertionError(name)

    found = json.loads(content, parse_constant=refuse)["heads"]["explicit"]["metrics"]["written"]["auroc"]
    assert NO_FIGURE == found == Bundle.load(folder).manifest.heads["explicit"].metrics["written"]["auroc"]


# the release


def test_a_release_can_be_scored_with(candidate, bundles):
    """What was released loads, is the candidate, and has its card."""
    target = release(candidate, build_report(), GATES, bundles=bundles)
    assert target == bundles / "tiny"
    assert Bundle.load(target).manifest == Bundle.load(candidate).manifest
    assert Scorer(Bundle.load(target)).bundle.label == "tiny-2"
    assert (target / "README.md").read_text("utf-8").startswith("# Bundle tiny-2\n")


def test_a_release_leaves_nothing_else_behind(candidate, bundles):
    """The former bundle and every intermediate folder are gone."""
    release(candidate, build_report(), GATES, bundles=bundles)
    assert sorted(path.name for path in bundles.iterdir()) == ["RELEASES.toml", "tiny"]


def test_a_failing_gate_leaves_everything_as_it_was(candidate, bundles):
    """A worse candidate is refused with the reason, and not a byte of the released bundle changes."""
    before = snapshot(bundles)
    expected = "the candidate is not released: messages.explicit.written.f1 is 0.8000, at least 0.85 is wanted"
    with pytest.raises(GateError) as caught:
        release(candidate, build_report(f1=0.8), GATES, bundles=bundles)
    assert str(caught.value) == expected
    assert snapshot(bundles) == before


def test_a_gate_that_leads_nowhere_leaves_everything_as_it_was(candidate, bundles):
    """A misspelt gate releases nothing."""
    before = snapshot(bundles)
    with pytest.raises(GateError, match="mend the gate or the evaluation"):
        release(candidate, build_report(), [Gate(metric="messages.explict", minimum=0)], bundles=bundles)
    assert snapshot(bundles) == before


def test_a_broken_candidate_leaves_everything_as_it_was(candidate, bundles):
    """A candidate whose files don't match its manifest is never released, whatever its figures."""
    before = snapshot(bundles)
    (candidate / "message.onnx").write_bytes(b"altered")
    with pytest.raises(BundleCorrupt, match=r"message\.onnx"):
        release(candidate, build_report(), GATES, bundles=bundles)
    assert snapshot(bundles) == before


def test_a_report_without_figures_leaves_everything_as_it_was(candidate, bundles):
    """When the card can't be written the released bundle stays."""
    before = snapshot(bundles)
    report = {key: value for key, value in build_report().items() if key != "baselines"}
    with pytest.raises(KeyError):
        release(candidate, report, GATES, bundles=bundles)
    assert snapshot(bundles) == before


def test_a_move_that_fails_puts_the_former_bundle_back(candidate, bundles, monkeypatch):
    """When the disk refuses the last step, the bundle that was served before is in its place again."""
    before = snapshot(bundles / "tiny")
    rename = type(bundles).replace

    def refuse(path, target):
        if path.name == ".tiny.new":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(type(bundles), "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        release(candidate, build_report(), GATES, bundles=bundles)
    assert snapshot(bundles / "tiny") == before


def test_at_no_moment_is_a_half_written_bundle_in_place(candidate, bundles, monkeypatch):
    """While files are copied, what lies at the bundle's place is the whole former bundle."""
    seen = []
    copy = shutil.copytree

    def watched(*arguments, **options):
        seen.append(Bundle.load(bundles / "tiny").label)
        found = copy(*arguments, **options)
        seen.append(Bundle.load(bundles / "tiny").label)
        return found

    monkeypatch.setattr(shutil, "copytree", watched)
    release(candidate, build_report(), GATES, bundles=bundles)
    assert seen == ["tiny-1", "tiny-1"]
    assert Bundle.load(bundles / "tiny").label == "tiny-2"


def test_leftovers_of_a_release_that_was_cut_off_do_no_harm(candidate, bundles):
    """Folders that a killed release left behind are replaced."""
    for name in (".tiny.new", ".tiny.former"):
        (bundles / name).mkdir()
        (bundles / name / MANIFEST).write_text("{", encoding="utf-8")
    release(candidate, build_report(), GATES, bundles=bundles)
    assert Bundle.load(bundles / "tiny").label == "tiny-2"
    assert sorted(path.name for path in bundles.iterdir()) == ["RELEASES.toml", "tiny"]


def test_a_first_release_makes_its_place(candidate, tmp_path):
    """Where no bundle was, one is."""
    folder = tmp_path / "empty"
    folder.mkdir()
    assert Bundle.load(release(candidate, build_report(), GATES, bundles=folder)).label == "tiny-2"


def test_releases_are_recorded_in_order(candidate, bundles):
    """RELEASES.toml says of each release its version, data, code and files, the newest last."""
    release(candidate, build_report(), GATES, bundles=bundles)
    found = tomllib.loads((bundles / "RELEASES.toml").read_text("utf-8"))["release"]
    manifest = Bundle.load(bundles / "tiny").manifest
    assert [entry["version"] for entry in found] == ["1", "2"]
    assert found[1] == {
        "name": "tiny",
        "version": "2",
        "created_at": manifest.created_at,
        "commit": "abc",
        "data_fingerprints": ["a" * 64, "b" * 64],
        "sha256": dict(manifest.files),
    }


def test_the_commit_is_a_hash_or_unknown():
    """A bundle says from which code it came, or that nobody knows."""
    assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?|unknown", git_commit())

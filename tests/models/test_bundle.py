"""Bundles: what is written loads, and nothing else does."""

import json
import re
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from models.bundle import FORMAT_VERSION, MANIFEST, Bundle, Head, Manifest, sha256, write_manifest
from models.calibration import Platt
from models.errors import BundleCorrupt, BundleNotFound
from models.requests import FILE as REQUESTS
from models.scorer import Scorer
from tests.support.tiny_bundle import build_tiny_bundle

FILES = ("confidence.onnx", "message.onnx", "tokenizer.json")


def edit(folder, **changes):
    """Change fields of a manifest by hand, as a careless person would."""
    path = folder / MANIFEST
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(content), encoding="utf-8")


def manifest_of(folder):
    """The manifest as plain JSON."""
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))


def refusal(folder, kind=BundleCorrupt):
    """The message with which a folder is refused."""
    with pytest.raises(kind) as caught:
        Scorer(Bundle.load(folder))
    return str(caught.value)


def test_what_was_written_loads(tiny):
    """A bundle knows its name, its languages and the hash of every other file."""
    bundle = Bundle.load(tiny)
    assert bundle.label == "tiny-1"
    assert bundle.manifest.format_version == FORMAT_VERSION
    assert bundle.manifest.files == {name: sha256(tiny / name) for name in FILES}
    assert bundle.file("message.onnx") == tiny / "message.onnx"


def test_a_manifest_survives_being_written_again(tiny_copy):
    """Reading a manifest and writing it again changes nothing but the time."""
    first = Bundle.load(tiny_copy).manifest
    fields = first.model_dump(exclude={"format_version", "created_at", "files"})
    second = write_manifest(tiny_copy, created_at=first.created_at, **fields)
    assert second == first
    assert Bundle.load(tiny_copy).manifest == first


def test_the_same_seed_makes_the_same_bundle(tiny, tmp_path):
    """The tests' own bundle is the same on every machine."""
    again = build_tiny_bundle(tmp_path / "again")
    assert Bundle.load(again).manifest.files == Bundle.load(tiny).manifest.files


def test_an_empty_folder_is_no_bundle(tmp_path):
    """A place without a manifest is not found, with what was expected there."""
    assert refusal(tmp_path, BundleNotFound) == (
        f"no manifest.json in {tmp_path}; expected the folder of a bundle, as `baton train` writes it"
    )


def test_a_folder_that_does_not_exist_is_no_bundle(tmp_path):
    """A wrong path is not found either."""
    assert "no manifest.json in " in refusal(tmp_path / "nowhere", BundleNotFound)


@pytest.mark.parametrize("done", [(), FILES[:1], FILES[:2], FILES, (*FILES, MANIFEST + ".part")])
def test_a_half_written_bundle_never_loads(tiny, tmp_path, done):
    """The manifest comes last, so a bundle whose writing was cut off at any point is no bundle."""
    for name in done:
        source = tiny / name
        (tmp_path / name).write_bytes(source.read_bytes() if source.exists() else b'{"format_version": 1}')
    assert refusal(tmp_path, BundleNotFound).startswith("no manifest.json")


def test_new_graphs_under_an_old_manifest_never_load(tiny_copy, tmp_path):
    """Writing over a bundle and stopping before the manifest leaves a bundle that is refused."""
    other = build_tiny_bundle(tmp_path / "other", seed=6)
    (tiny_copy / "message.onnx").write_bytes((other / "message.onnx").read_bytes())
    assert "message.onnx" in refusal(tiny_copy)


def test_writing_leaves_no_part_behind(tiny):
    """A finished bundle holds the files of its manifest, the manifest and nothing else."""
    assert sorted(file.name for file in tiny.iterdir()) == sorted([*FILES, MANIFEST])


@pytest.mark.parametrize("name", FILES)
def test_one_altered_byte_is_found(tiny_copy, name):
    """A file that differs in one byte is refused with both hashes and what to do."""
    path = tiny_copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    expected = sha256(path)
    path.write_bytes(content)
    assert refusal(tiny_copy) == (
        f"{name} in {tiny_copy} has SHA-256 {sha256(path)[:12]}…, the manifest says {expected[:12]}…; "
        "fetch the bundle again"
    )


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(tiny_copy, name):
    """A file that the manifest lists must be there."""
    (tiny_copy / name).unlink()
    assert refusal(tiny_copy) == f"{name} is missing from {tiny_copy}; the manifest lists it; fetch the bundle again"


@pytest.mark.parametrize("name", FILES)
def test_an_unlisted_file_is_found(tiny_copy, name):
    """A graph or tokenizer that the manifest doesn't hash can't be trusted, even if it lies there."""
    edit(tiny_copy, files={key: value for key, value in manifest_of(tiny_copy)["files"].items() if key != name})
    assert refusal(tiny_copy) == f"the manifest in {tiny_copy} doesn't list {name}; release the bundle again"


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "sub/message.onnx", "..", ".", ".hidden", "", "..\\secret", "sub/../message.onnx"],
)
def test_a_path_out_of_the_folder_is_refused(tiny_copy, name):
    """A manifest names plain files beside it; nothing else is even opened."""
    secret = tiny_copy.parent / "secret"
    secret.write_text("x", encoding="utf-8")
    edit(tiny_copy, files=manifest_of(tiny_copy)["files"] | {name: sha256(secret)})
    assert refusal(tiny_copy) == f"the manifest in {tiny_copy} names {name!r}; expected a plain file name beside it"


@pytest.mark.parametrize("found", [0, 1, 99, "2", None])
def test_another_format_is_refused(tiny_copy, found):
    """A manifest of another format, older or newer, says which it is and which this version reads."""
    edit(tiny_copy, format_version=found)
    assert refusal(tiny_copy) == f"{tiny_copy / MANIFEST} has format {found}; this version reads 2; train it again"


def test_a_later_format_is_named_before_its_fields_are(tiny_copy):
    """A later format has fields that we don't know; what is reported is the format, not the fields."""
    edit(tiny_copy, format_version=3, encoders={"message": "x"})
    assert "has format 3; this version reads 2" in refusal(tiny_copy)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"not json"])
def test_a_manifest_that_is_no_json_is_refused(tiny_copy, content):
    """A manifest that can't be read is corrupt, with the reason."""
    (tiny_copy / MANIFEST).write_bytes(content)
    found = refusal(tiny_copy)
    assert re.search(r"manifest\.json is no JSON \(.+\); expected a manifest; fetch the bundle again", found)


@pytest.mark.parametrize("content", ["[]", "1", "null", '"text"'])
def test_a_manifest_that_is_no_object_is_refused(tiny_copy, content):
    """JSON that isn't an object has no format."""
    (tiny_copy / MANIFEST).write_text(content, encoding="utf-8")
    assert "has format None" in refusal(tiny_copy)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": None}, "name: "),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"created_at": "2026-01-01T00:00:00"}, "created_at: "),
        ({"languages": "en"}, "languages: "),
    ],
)
def test_a_wrong_field_is_named(tiny_copy, changes, expected):
    """A field that is missing, unknown or of another type is named."""
    edit(tiny_copy, **changes)
    found = refusal(tiny_copy)
    assert f"{MANIFEST}: {expected}" in found
    assert found.endswith("; release the bundle again")


def test_a_missing_head_is_refused(tiny_copy):
    """All heads of the message graph must be described."""
    heads = manifest_of(tiny_copy)["heads"]
    edit(tiny_copy, heads={name: head for name, head in heads.items() if name not in {"explicit", "polarity"}})
    assert refusal(tiny_copy) == f"the bundle in {tiny_copy} lacks the heads explicit, polarity; release it again"


def test_a_topic_that_is_no_label_is_refused(tiny_copy):
    """Topics are labels of the bundle."""
    edit(tiny_copy, topics=["billing_dispute", "weather"])
    assert refusal(tiny_copy) == f"topics weather are no labels of the bundle in {tiny_copy}; release it again"


@pytest.mark.parametrize(
    ("head", "labels", "expected"),
    [
        ("polarity", ["positive", "neutral", "negative"], "expected negative, neutral, positive"),
        ("polarity", ["bad", "so-so", "good"], "polarity has the labels bad, so-so, good"),
        ("answer", ["answers", "grounded", "sufficient"], "expected sufficient, grounded, answers"),
        ("explicit", ["request_human"], "explicit has the labels request_human, expected explicit"),
        ("dialogue", [f"bot_{n}" for n in range(7)], "expected not_helped, insists, resolved, bot_cannot, bot_offers_"),
    ],
)
def test_a_wrong_label_map_is_refused(tiny_copy, head, labels, expected):
    """Labels whose columns mean something else would score nonsense, so they are refused with what was expected."""
    heads = manifest_of(tiny_copy)["heads"]
    heads[head]["labels"] = labels
    edit(tiny_copy, heads=heads)
    found = refusal(tiny_copy)
    assert found.startswith("the label map of tiny-1 is wrong: ")
    assert expected in found
    assert found.endswith("; release it again")


def test_another_combiner_is_refused(tiny_copy):
    """A combiner over other features than this code computes is refused."""
    combiner = manifest_of(tiny_copy)["combiner"]
    edit(tiny_copy, combiner=combiner | {"features": combiner["features"][::-1]})
    found = refusal(tiny_copy)
    assert "the combiner has the features log_answers, log_grounded, log_sufficient" in found


def test_a_combiner_with_an_unknown_feature_is_refused(tiny_copy):
    """A feature that this code doesn't compute is refused, even beside all those that it does."""
    combiner = manifest_of(tiny_copy)["combiner"]
    more = {"features": [*combiner["features"], "surprise"], "weights": [*combiner["weights"], -1.0]}
    edit(tiny_copy, combiner=combiner | more)
    assert "surprise, expected log_sufficient, log_grounded, log_answers;" in refusal(tiny_copy)


def test_labels_and_calibration_of_other_widths_are_refused(tiny_copy):
    """A head with more labels than slopes contradicts itself."""
    heads = manifest_of(tiny_copy)["heads"]
    heads["intents"]["labels"] += ["one_more"]
    edit(tiny_copy, heads=heads)
    count = len(heads["intents"]["labels"])
    assert f"{count} labels but {count - 1} slopes" in refusal(tiny_copy)


@pytest.mark.parametrize(
    ("output", "width", "expected"),
    [("intents", 4, 37), ("polarity", 2, 3), ("explicit", 2, 1), ("dialogue", 3, 7), ("sentence_embedding", 8, 16)],
)
def test_graph_widths_must_be_the_manifests(tmp_path, output, width, expected):
    """A graph whose columns aren't the manifest's labels is refused with both widths."""
    folder = build_tiny_bundle(tmp_path / "odd", widths={output: width})
    assert refusal(folder) == (
        f"graph and manifest of tiny-1 differ: {output} has {width} columns, expected {expected}; release it again"
    )


def test_a_graph_that_is_no_graph_is_refused(tiny_copy):
    """A file with the right hash that isn't ONNX is refused when the scorer opens it."""
    (tiny_copy / "message.onnx").write_bytes(b"not a graph")
    edit(tiny_copy, files=manifest_of(tiny_copy)["files"] | {"message.onnx": sha256(tiny_copy / "message.onnx")})
    assert refusal(tiny_copy).startswith("message.onnx can't be loaded as an ONNX graph: ")


def test_a_bundle_without_answers_loads(tmp_path):
    """The answer graph is optional."""
    folder = build_tiny_bundle(tmp_path / "short", answers=False)
    assert sorted(Bundle.load(folder).manifest.files) == ["message.onnx", "tokenizer.json"]


def test_a_bundle_may_hold_weights_for_other_languages(tmp_path):
    """The weights of requests in other languages are optional, and hashed as every other file where they are."""
    folder = build_tiny_bundle(tmp_path / "asking", requests=True)
    manifest = Bundle.load(folder).manifest
    assert (sha256(folder / REQUESTS), ("de", "en", "es")) == (manifest.files[REQUESTS], manifest.requests.languages)
    content = bytearray((folder / REQUESTS).read_bytes())
    content[-1] ^= 1
    (folder / REQUESTS).write_bytes(content)
    assert refusal(folder).startswith(f"{REQUESTS} in {folder} has SHA-256 ")


def test_weights_for_other_languages_must_be_listed(tmp_path):
    """A manifest that describes the weights but doesn't hash their file is refused."""
    folder = build_tiny_bundle(tmp_path / "asking", requests=True)
    edit(folder, files={name: sha for name, sha in manifest_of(folder)["files"].items() if name != REQUESTS})
    assert refusal(folder) == f"the manifest in {folder} doesn't list {REQUESTS}; release the bundle again"


def test_weights_of_another_size_are_refused(tmp_path):
    """Weights that aren't as many as the manifest says are refused when the scorer opens them."""
    folder = build_tiny_bundle(tmp_path / "asking", requests=True)
    edit(folder, requests=manifest_of(folder)["requests"] | {"buckets": 510})
    assert refusal(folder) == (
        f"{REQUESTS} holds float32 of shape (509,), expected (510,) finite; release the bundle again"
    )


def test_the_card_may_be_corrected(tiny_copy):
    """README.md is not hashed: people may mend the words of a release."""
    (tiny_copy / "README.md").write_text("# Card", encoding="utf-8")
    assert Bundle.load(tiny_copy).label == "tiny-1"


def test_a_head_of_unequal_widths_cannot_be_made():
    """The contradiction is refused where it is made, not only where it is read."""
    with pytest.raises(ValidationError, match="2 labels but 1 slopes"):
        Head(labels=("a", "b"), calibration=Platt(slope=(1.0,), intercept=(0.0,)))


def test_a_manifest_is_immutable(tiny):
    """Nobody changes what a running service serves."""
    with pytest.raises(ValidationError, match="frozen"):
        Bundle.load(tiny).manifest.name = "other"


def test_created_at_needs_a_zone(tiny_copy):
    """An instant without a zone is refused before anything is written."""
    before = (tiny_copy / MANIFEST).read_bytes()
    fields = Manifest.model_validate_json(before).model_dump(exclude={"format_version", "created_at", "files"})
    with pytest.raises(ValidationError, match="timezone"):
        write_manifest(tiny_copy, created_at=datetime(2026, 1, 1), **fields)  # noqa: DTZ001 - that is the point
    assert (tiny_copy / MANIFEST).read_bytes() == before
    assert write_manifest(tiny_copy, created_at=datetime(2026, 1, 1, tzinfo=UTC), **fields).name == "tiny"

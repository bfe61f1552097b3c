"""Labels that nobody trained: what may be said of them, and how near messages are to what was said."""

from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from models.bundle import Bundle, write_manifest
from models.calibration import Logistic, sigmoid
from models.contracts import Role, ScoreStatus
from models.custom import MAX_EXAMPLES, CustomLabel, as_said
from models.errors import BundleCorrupt, InputError
from models.scorer import Scorer, ScoreRequest
from models.similarity import (
    BACKGROUND_FILE,
    EVIDENCE,
    FEATURES,
    SPACE_FILE,
    CustomHead,
    LabelVectors,
    Space,
    as_bytes,
    evidence_of,
)
from models.text import MAX_CHARACTERS
from tests.support.tiny_bundle import CUSTOM_HEAD, SIZE, build_tiny_bundle

LABELS = (
    CustomLabel(name="late", examples=("where is my parcel", "my order is late", "it still isn't here")),
    CustomLabel(name="angry-about-billing", description="Escalate when a customer is angry about billing"),
    CustomLabel(name="lost-card", description="The customer lost a card.", examples=("i lost my card",)),
)
TEXTS = ("where is my parcel", "i was charged twice", "thanks", "i lost my card", "ok", "")
GERMAN = "ich möchte bitte mit einem Menschen sprechen"


def customer(text, **extra):
    """A request to score a customer's message."""
    return ScoreRequest(role=Role.CUSTOMER, text=text, **extra)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny bundle that scores custom labels; nobody writes here."""
    return build_tiny_bundle(tmp_path_factory.mktemp("custom") / "tiny", custom=True)


@pytest.fixture(scope="module")
def knowing(folder):
    """A scorer of custom labels."""
    return Scorer(Bundle.load(folder))


@pytest.fixture(scope="module")
def compiled(knowing):
    """The labels, compiled."""
    return knowing.compile(LABELS)


def probabilities(scores):
    """Custom probabilities by label."""
    return {entry.label: entry.probability for entry in scores.custom}


class TestWhatALabelMayBe:
    """The document that a policy's author writes."""

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({}, "'x' has neither description nor examples; say what it means"),
            ({"description": " \u200b\n"}, "no visible character"),
            ({"examples": ("fine", "\x00")}, "no visible character"),
            ({"examples": ("a",) * (MAX_EXAMPLES + 1)}, f"at most {MAX_EXAMPLES} items"),
            ({"examples": ("a" * (MAX_CHARACTERS + 1),)}, f"at most {MAX_CHARACTERS} characters"),
            ({"description": "a", "threshold": 0.5}, "Extra inputs are not permitted"),
            ({"description": "a", "name": ""}, "no visible character"),
            ({"description": "a", "name": "n" * 101}, "at most 100 characters"),
        ],
    )
    def test_nothing_and_too_much_are_refused(self, fields, said):
        """A label that says nothing, or more than is read, is an error that tells what to mend."""
        with pytest.raises(ValidationError, match=said):
            CustomLabel(**({"name": "x"} | fields))

    def test_either_is_enough(self):
        """A description alone, an example alone, or as many as are read."""
        assert CustomLabel(name="x", description="angry").examples == ()
        assert CustomLabel(name="x", examples=("no!",)).description is None
        assert len(CustomLabel(name="x", examples=[str(n) for n in range(MAX_EXAMPLES)]).examples) == MAX_EXAMPLES

    def test_it_does_not_change(self):
        """A label is immutable, as the policy is that holds it."""
        with pytest.raises(ValidationError, match="frozen"):
            LABELS[0].name = "y"

    def test_the_same_words_count_once(self):
        """Examples that differ in case and blanks alone are one, the first of them, in their order."""
        label = CustomLabel(name="x", examples=("Late again", "where is it", "late  AGAIN", "lost"))
        assert ("Late again", "where is it", "lost") == label.distinct

    @pytest.mark.parametrize(
        ("description", "said"),
        [
            ("The customer wants to add a driver to the policy.", "I want to add a driver to the policy"),
            ("Escalate when a customer is angry about their bill", "I am angry about my bill"),
            ("Hand over, if the user repeatedly asks for themselves", "I repeatedly ask for myself"),
            ("Customer complains that they are kept waiting", "I complain that I am kept waiting"),
            ("users who have lost their card", "I have lost my card"),
            ("Customers are upset", "I am upset"),
            ("A caller tries to pay and he is refused", "I try to pay and I am refused"),
            ("someone wishes to leave", "I wish to leave"),
            ("the client doesn’t trust us", "I don't trust us"),
            ("The customer no longer wants it", "I no longer want it"),
            ("The guest cannot log in", "I cannot log in"),
            ("The customer paid for it twice", "I paid for it twice"),
            ("Escalate if the customer tried to pay and it failed", "I tried to pay and it failed"),
            ("  billing   problems ", "billing problems"),
            ("Customer records are wrong", "Customer records are wrong"),
            ("customer service was rude", "customer service was rude"),
            ("a customer's order is late", "a customer's order is late"),
            ("The customer business model", "The customer business model"),
            ("the customer", "the customer"),
            ("the customer 😡", "the customer 😡"),
            ("el cliente está enfadado", "el cliente está enfadado"),
        ],
    )
    def test_a_description_is_read_as_the_customer_would_say_it(self, description, said):
        """What is said of the customer becomes the customer's own words; anything else stays."""
        assert said == as_said(description)

    def test_a_long_description_is_read_soon(self):
        """As many characters as are allowed take no time to speak of."""
        assert as_said("when " * 1600)
        assert as_said("the customer " + "still " * 1300)


class TestEvidence:
    """How much is known of a label decides how its nearness is judged."""

    @pytest.mark.parametrize(
        ("n_examples", "described", "kind"),
        [
            (0, True, "description"), (1, False, "1"), (1, True, "1 and description"), (2, False, "2-4"), (4, False, "2-4"),
            (5, True, "5-9 and description"), (9, False, "5-9"), (10, False, "10+"), (50, True, "10+ and description"),
        ],
    )  # fmt: skip
    def test_kinds(self, n_examples, described, kind):
        """Kinds go by the number of examples and by whether there is a description."""
        assert kind == evidence_of(n_examples, described=described)
        assert kind in EVIDENCE

    def test_every_kind_has_its_calibration(self):
        """A head without one of them is refused when the manifest is read."""
        fields = CUSTOM_HEAD.model_dump()
        del fields["evidence"]["2-4"]
        with pytest.raises(ValidationError, match="no calibration for the evidence 2-4"):
            CustomHead.model_validate(fields)

    def test_features_are_known(self):
        """So is one over features that this code doesn't compute."""
        strange = Logistic(features=("centre", "length"), weights=(1.0, 1.0), intercept=0.0)
        with pytest.raises(ValidationError, match="features length, expected some of nearest"):
            CustomHead(evidence=dict.fromkeys(EVIDENCE, strange), share=0.04, neighbours=5)


class TestFeatures:
    """Nearness in numbers, on vectors that can be drawn on paper."""

    EAST, NORTH, WEST = (np.asarray(point, dtype=np.int8) for point in ((127, 0), (0, 127), (-127, 0)))
    PLAIN = np.vstack([np.zeros(2), np.eye(2)])

    def features(self, space, examples, description, message):
        """The features of one message for one label, by name."""
        found = LabelVectors(space, [np.stack(examples) if examples else np.zeros((0, 0))], [description])
        return dict(zip(FEATURES, found.features(message[None, :])[0, 0], strict=True))

    def test_by_hand(self):
        """Two examples at a right angle: centre between them; the background is one message away to the west."""
        space = Space(self.PLAIN, np.stack([self.WEST, self.NORTH]), neighbours=1)
        found = self.features(space, [self.EAST, self.NORTH], self.WEST, self.EAST)
        half = np.sqrt(0.5)
        expected = (1.0, half, -1.0, 0.0, half, 0.0)
        assert dict(zip(FEATURES, expected, strict=True)) == pytest.approx(found)

    def test_without_examples(self):
        """A description alone has no nearest example and no centre; how common it is, is its own."""
        space = Space(self.PLAIN, np.stack([self.WEST]), neighbours=3)
        found = self.features(space, [], self.WEST, self.NORTH)
        assert dict(zip(FEATURES, (0, 0, 0, 0, 1, 0), strict=True)) == pytest.approx(found)

    def test_cohesion_is_the_mean_cosine_of_two_examples(self):
        """It doesn't depend on how many there are: the same example thrice coheres wholly."""
        space = Space(self.PLAIN, np.stack([self.WEST]), neighbours=1)
        assert self.features(space, [self.EAST] * 3, None, self.EAST)["cohesion"] == pytest.approx(1.0)
        assert self.features(space, [self.EAST, self.WEST], None, self.EAST)["cohesion"] == pytest.approx(-1.0)

    def test_the_space_is_shifted_and_turned(self):
        """A message is placed by the map and the shift, and then has length 1."""
        quarter = np.asarray([[0.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])
        space = Space(quarter, np.stack([self.WEST]), neighbours=1)
        assert np.allclose(space.place(np.stack([self.EAST, self.NORTH])), [[0.0, 1.0], [-half2(), half2()]])

    def test_nothing_is_near_to_nothing(self):
        """An embedding of zeros has no direction: every cosine to it is 0."""
        space = Space(self.PLAIN, np.stack([self.WEST]), neighbours=1)
        found = self.features(space, [self.EAST], None, np.zeros(2, dtype=np.int8))
        assert found["nearest"] == found["centre"] == found["message_background"] == 0.0


def half2():
    """The cosine of 45 degrees."""
    return float(np.sqrt(0.5))


class TestScores:
    """Custom labels beside the trained ones."""

    def test_every_label_has_a_probability(self, knowing, compiled):
        """All labels, best first, in [0, 1]."""
        for scores in knowing.score([customer(text, custom=compiled) for text in TEXTS]):
            assert {label.name for label in LABELS} == {entry.label for entry in scores.custom}
            assert all(0.0 <= entry.probability <= 1.0 for entry in scores.custom)
            assert all(one.probability >= two.probability for one, two in pairwise(scores.custom))
            assert "custom" not in scores.status

    def test_an_example_is_found(self, knowing):
        """A message that is one of a label's examples scores higher for it than for a label shown by something else."""
        labels = [
            CustomLabel(name=text, examples=(text,)) for text in ("where is my parcel", "thanks", "i lost my card")
        ]
        shown = knowing.compile(labels)
        found = knowing.score([customer(label.name, custom=shown) for label in labels])
        assert [label.name for label in labels] == [scores.custom[0].label for scores in found]

    def test_the_formula(self, knowing, folder):
        """The probability is the calibration's of the features, computed here from the embeddings."""
        text, example = "my order is late", "where is my parcel"
        message, shown = (unit_of(knowing, each) for each in (text, example))
        background = np.load(folder / BACKGROUND_FILE).astype(float)
        background /= np.linalg.norm(background, axis=1, keepdims=True)
        near = [np.sort(background @ vector)[-5:].mean() for vector in (message, shown)]
        logit = 2.0 * (message @ shown) + 3.0 * (message @ shown) - near[0] - 0.5 * near[1] - 2.0
        labels = knowing.compile([CustomLabel(name="late", examples=(example,))])
        found = knowing.score([customer(text, custom=labels)])[0].custom[0].probability
        assert float(sigmoid(np.asarray(logit))) == pytest.approx(found, abs=1e-6)

    def test_a_label_is_judged_alone(self, knowing, compiled):
        """Which other labels are compiled with it changes nothing, to the last digit."""
        for text in TEXTS:
            together = probabilities(knowing.score([customer(text, custom=compiled)])[0])
            for label in LABELS:
                alone = knowing.score([customer(text, custom=knowing.compile([label]))])[0]
                assert {label.name: together[label.name]} == probabilities(alone)

    def test_other_scores_stay(self, knowing, compiled):
        """All else that is said of a message is said without custom labels too."""
        for text in TEXTS:
            plain, asked = knowing.score([customer(text), customer(text, custom=compiled)])
            assert plain.custom is None
            assert plain.status["custom"] is ScoreStatus.NOT_AVAILABLE
            names = [name for name in plain.__slots__ if name not in {"custom", "status"}]
            assert [getattr(plain, name) for name in names] == [getattr(asked, name) for name in names]

    def test_threads_change_nothing(self, folder, knowing, compiled):
        """Labels compiled, and messages scored, by four threads are the same."""
        scorer = Scorer(Bundle.load(folder), threads=4)
        labels = scorer.compile(LABELS)
        requests = [customer(text, custom=labels) for text in TEXTS]
        assert [s.custom for s in knowing.score([customer(t, custom=compiled) for t in TEXTS])] == [
            s.custom for s in scorer.score(requests)
        ]
        scorer.close()

    def test_a_record_is_enough(self, knowing, compiled):
        """From the embedding that the scores hold, the very same custom scores follow without the message."""
        for scores in knowing.score([customer(text, custom=compiled) for text in TEXTS]):
            assert scores.custom == knowing.score_custom(scores.embedding, compiled)

    def test_what_the_bot_said_before_has_no_part(self, knowing, compiled):
        """A message is compared alone, as examples are."""
        one, two = knowing.score(
            [customer("yes", custom=compiled), customer("yes", custom=compiled, before="A refund?")]
        )
        assert one.custom == two.custom

    def test_no_labels_have_no_scores(self, knowing):
        """An empty list is scored as one."""
        assert knowing.score([customer("hi there", custom=knowing.compile([]))])[0].custom == ()

    def test_thresholds_are_recommended_by_evidence(self, knowing, compiled):
        """Each label comes with the threshold for what is known of it."""
        assert dict.fromkeys((label.name for label in LABELS), 0.4) == compiled.thresholds
        assert compiled.names == tuple(label.name for label in LABELS)


def unit_of(scorer, text):
    """The direction of a message's embedding."""
    vector = np.frombuffer(scorer.score([customer(text)])[0].embedding, dtype=np.int8).astype(float)
    return vector / np.linalg.norm(vector)


class TestNoScores:
    """What can't be computed is None and says why; what makes no sense is an error."""

    def test_in_another_language(self, knowing, compiled):
        """A message that is surely in another language has none, as the trained heads have none."""
        scores = knowing.score([customer(GERMAN, custom=compiled)])[0]
        assert scores.custom is None
        assert scores.status["custom"] is ScoreStatus.UNSUPPORTED_LANGUAGE
        assert knowing.score([customer(GERMAN)])[0].status["custom"] is ScoreStatus.NOT_AVAILABLE

    def test_of_a_bundle_without(self, scorer):
        """A bundle that can't score custom labels compiles them and says so of every message."""
        labels = scorer.compile(LABELS)
        scores = scorer.score([customer("where is my parcel", custom=labels)])[0]
        assert scores.custom is None
        assert scores.status["custom"] is ScoreStatus.NOT_AVAILABLE
        assert scores.intents
        assert scorer.score_custom(scores.embedding, labels) is None
        with pytest.raises(InputError, match="can't score custom labels"):
            labels.probabilities(np.zeros((1, SIZE), dtype=np.int8))

    def test_compiled_for_another_bundle(self, knowing, scorer):
        """Labels of another encoder would score nonsense without failing."""
        with pytest.raises(InputError, match=r"compiled for .*, expected .*; compile them again"):
            knowing.score([customer("where is my parcel", custom=scorer.compile(LABELS))])

    def test_two_of_one_name(self, knowing, scorer):
        """Names are what scores go by."""
        for each in (knowing, scorer):
            with pytest.raises(InputError, match="two custom labels are called 'late'"):
                each.compile([LABELS[0], LABELS[1], LABELS[0]])

    def test_an_embedding_of_another_size(self, knowing, compiled):
        """A record of another encoder can't be scored anew."""
        with pytest.raises(InputError, match="an embedding of 3 bytes, expected 16"):
            knowing.score_custom(b"abc", compiled)


class TestFiles:
    """Space and background belong to the bundle, and a wrong one is refused before the first message."""

    def rewrite(self, folder, tmp_path, **arrays):
        """A bundle with other arrays and a manifest that fits them."""
        other = build_tiny_bundle(tmp_path / "spoiled", custom=True)
        for name, values in arrays.items():
            np.save(other / f"{name}.npy", values)
        fields = Bundle.load(folder).manifest.model_dump(exclude={"format_version", "created_at", "files"})
        write_manifest(other, created_at=Bundle.load(folder).manifest.created_at, **fields)
        return Bundle.load(other)

    @pytest.mark.parametrize(
        ("name", "values", "said"),
        [
            ("space", np.zeros((SIZE, SIZE)), r"space.npy holds float64 of shape \(16, 16\), expected finite numbers"),
            ("space", np.full((SIZE + 1, SIZE), np.nan), "space.npy holds"),
            ("space", np.zeros((SIZE + 1, SIZE), dtype=np.int64), "space.npy holds int64"),
            ("background", np.zeros((4, SIZE + 1), dtype=np.int8), r"background.npy holds int8 of shape \(4, 17\)"),
            ("background", np.zeros((0, SIZE), dtype=np.int8), "background.npy holds"),
            ("background", np.zeros((4, SIZE)), "background.npy holds float64"),
            ("background", np.asarray([{}]), "background.npy can't be read as an array"),
        ],
    )
    def test_what_they_hold_is_checked(self, folder, tmp_path, name, values, said):
        """Shape, kind and finite numbers."""
        with pytest.raises(BundleCorrupt, match=said):
            Scorer(self.rewrite(folder, tmp_path, **{name: values}))

    @pytest.mark.parametrize("name", [SPACE_FILE, BACKGROUND_FILE])
    def test_the_manifest_lists_them(self, tmp_path, name):
        """A manifest that speaks of custom labels and lists no space is refused."""
        other = build_tiny_bundle(tmp_path / "tiny", custom=True)
        fields = Bundle.load(other).manifest.model_dump(exclude={"format_version", "created_at", "files"})
        created_at = Bundle.load(other).manifest.created_at
        (other / name).unlink()
        write_manifest(other, created_at=created_at, **fields)
        with pytest.raises(BundleCorrupt, match=f"doesn't list {name}"):
            Bundle.load(other)

    def test_few_background_messages_are_enough(self):
        """More neighbours than there are messages are all of them."""
        space = Space(np.vstack([np.zeros(2), np.eye(2)]), as_bytes(np.eye(2)), neighbours=9)
        assert space.commonness(np.asarray([[1.0, 0.0]])) == pytest.approx([0.5])

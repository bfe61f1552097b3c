"""From messages to scores: the same numbers in any company, and None with a status where there are none."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import calibration
from models.bundle import ANSWER_HEAD, DIALOGUE_HEAD, INPUTS, MESSAGE_HEADS, TEXT_HEADS, Bundle
from models.contracts import LabelScore, Role, Scores, ScoreStatus
from models.custom import CustomLabel
from models.encoding import MAX_PASSAGES, Encoder
from models.errors import ScoringError
from models.language import identify
from models.phrases import find_request
from models.requests import FILE, RequestModel
from models.scorer import (
    COMBINER_FEATURES,
    EMBEDDING,
    MIN_PART,
    Scorer,
    ScoreRequest,
    combiner_features,
    joined,
    over_passages,
)
from models.session import Session
from tests.support.tiny_bundle import build_tiny_bundle
from training.labels import ANSWER_PARTS, BOT_DIALOGUE, CUSTOMER_DIALOGUE, DIALOGUE, LABELS, TOPICS

TEXTS = [
    "where is my parcel",
    "get me a person, this is useless",
    "thanks, that worked",
    "the agent on the phone said it would be here on tuesday and now it is friday and nobody tells me anything " * 6,
    "ok",
    "😡😡😡",
    "",
    "ich möchte bitte mit einem Menschen sprechen",
    "i was charged twice for order 5591",
]
TEXT_SCORES = ("intents", "topics", "out_of_scope", "explicit", "sentiment", "frustration")


def customer(text, **extra):
    """A request to score a customer's message."""
    return ScoreRequest(role=Role.CUSTOMER, text=text, **extra)


def draft(text="Your parcel is on its way.", **extra):
    """A request to score a bot's draft answer."""
    return ScoreRequest(role=Role.BOT, text=text, **({"question": "where is my parcel"} | extra))


REQUESTS = [
    *(customer(text) for text in TEXTS),
    *(customer(text, before="Have you tried to turn it off?") for text in TEXTS),
    draft(),
    draft(earlier_question="i ordered a card"),
    draft(passages=("parcels take two days",)),
    draft(passages=("a", "b", "c", "d"), confidence=0.4),
]


@pytest.fixture(scope="module")
def graph(tiny):
    """The tiny bundle's message graph, opened without the scorer."""
    return Session(tiny / "message.onnx", inputs=INPUTS, outputs=(*MESSAGE_HEADS, EMBEDDING))


@pytest.fixture(scope="module")
def answer_graph(tiny):
    """The tiny bundle's graph for answers, opened without the scorer."""
    return Session(tiny / "confidence.onnx", inputs=INPUTS, outputs=(ANSWER_HEAD,))


@pytest.fixture(scope="module")
def encoder(tiny):
    """The tiny bundle's tokenizer, opened without the scorer."""
    return Encoder(tiny / "tokenizer.json")


@pytest.fixture(scope="module")
def short_scorer(tmp_path_factory):
    """A scorer on a bundle without a graph for answers."""
    folder = build_tiny_bundle(tmp_path_factory.mktemp("short") / "bundle", answers=False)
    return Scorer(Bundle.load(folder))


@pytest.fixture(scope="module")
def asking_folder(tmp_path_factory):
    """Folder of the tiny bundle with weights for requests in other languages."""
    return build_tiny_bundle(tmp_path_factory.mktemp("asking") / "bundle", requests=True)


@pytest.fixture(scope="module")
def asking(asking_folder):
    """A scorer on a bundle with weights for requests in other languages."""
    return Scorer(Bundle.load(asking_folder))


# the same numbers in any company


def test_company_changes_nothing(scorer):
    """A message scored alone and among others gets the same scores, bit for bit."""
    assert scorer.score(REQUESTS) == [scorer.score([request])[0] for request in REQUESTS]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(len(REQUESTS))))
def test_order_changes_nothing(scorer, order):
    """In whatever order messages come, each keeps its scores and its place."""
    alone = [scorer.score([request])[0] for request in REQUESTS]
    assert scorer.score([REQUESTS[place] for place in order]) == [alone[place] for place in order]


def test_threads_change_nothing(tiny, scorer):
    """Four messages side by side score as one after the other."""
    four = Scorer(Bundle.load(tiny), threads=4)
    found = [four.score(REQUESTS * 5), four.score(REQUESTS[:1])]
    four.close()
    assert found == [scorer.score(REQUESTS) * 5, scorer.score(REQUESTS[:1])]


def test_callers_in_several_threads_do_not_disturb_each_other(scorer):
    """One scorer serves many threads at once."""
    expected = scorer.score(REQUESTS)
    start = threading.Barrier(4)

    def call(_):
        start.wait()
        return scorer.score(REQUESTS)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == [expected] * 4


def test_a_bundle_loaded_twice_scores_alike(tiny, scorer):
    """Nothing random happens between two starts of the service."""
    assert Scorer(Bundle.load(tiny)).score(REQUESTS) == scorer.score(REQUESTS)


def test_no_messages_have_no_scores(scorer):
    """An empty list is answered with an empty list."""
    assert scorer.score([]) == []


# what a customer message gets


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_every_text_is_scored_within_range_or_says_why_not(scorer, text):
    """Any text at all: probabilities in [0, 1], sentiment in [-1, 1], or None with a status."""
    found = scorer.score([customer(text)])[0]
    missing = {name for name in TEXT_SCORES if getattr(found, name) is None}
    assert missing == {name for name in TEXT_SCORES if name in found.status}
    probabilities = [entry.probability for entry in (*(found.intents or ()), *(found.topics or ()))]
    probabilities += [value for value in (found.explicit, found.out_of_scope, found.frustration) if value is not None]
    assert [value for value in probabilities if not 0.0 <= value <= 1.0] == []
    assert found.sentiment is None or -1.0 <= found.sentiment.score <= 1.0


def test_scores_are_the_graphs_logits_calibrated(scorer, graph, encoder, tiny):
    """Scores are exactly normalise, encode, run, calibrate, round to six digits: worked out here step by step."""
    text = "i was charged twice for order 5591"
    outputs = graph.run(encoder.batch([encoder.message(text)]))
    heads = Bundle.load(tiny).manifest.heads
    expected = {name: calibration.apply(heads[name].calibration, outputs[name])[0] for name in TEXT_HEADS}
    found = scorer.score([customer(text)])[0]
    assert {entry.label: entry.probability for entry in found.intents} == {
        label: round(float(value), 6) for label, value in zip(LABELS, expected["intents"], strict=True)
    }
    for name in ("explicit", "out_of_scope", "frustration"):
        assert getattr(found, name) == round(float(expected[name][0]), 6)
    assert found.embedding == np.rint(outputs[EMBEDDING][0] * 127).astype(np.int8).tobytes()


def test_intents_hold_every_label_best_first(scorer):
    """All labels are listed once, in falling order of probability."""
    found = scorer.score([customer(TEXTS[1])])[0].intents
    assert sorted(entry.label for entry in found) == sorted(LABELS)
    assert [entry.probability for entry in found] == sorted((entry.probability for entry in found), reverse=True)


def test_topics_are_the_intents_that_are_topics(scorer):
    """A topic has one probability, whether it is read as intent or as topic, and topics are best first too."""
    found = scorer.score([customer(TEXTS[1])])[0]
    assert found.topics == tuple(entry for entry in found.intents if entry.label in TOPICS)
    assert len(found.topics) == len(TOPICS)


@pytest.mark.parametrize("text", TEXTS[:6])
def test_sentiment_is_positive_minus_negative(scorer, graph, encoder, text):
    """The score is P(positive) - P(negative), the label the most probable of the three."""
    logits = graph.run(encoder.batch([encoder.message(text)]))["polarity"][0].astype(float)
    powers = np.exp(logits - logits.max())
    negative, _, positive = powers / powers.sum()
    found = scorer.score([customer(text)])[0].sentiment
    assert found.score == pytest.approx(positive - negative, abs=1e-6)
    assert found.label == ("negative", "neutral", "positive")[int(logits.argmax())]


def test_what_there_is_nothing_to_judge_by_is_not_available(scorer):
    """A customer's first message has no confidence and does nothing in a dialogue; the status says so."""
    found = scorer.score([customer(TEXTS[0])])[0]
    assert (found.confidence, found.answer, found.dialogue) == (None, None, None)
    assert found.status == {
        "confidence": ScoreStatus.NOT_AVAILABLE,
        "custom": ScoreStatus.NOT_AVAILABLE,
        "dialogue": ScoreStatus.NOT_AVAILABLE,
        "risk": ScoreStatus.NOT_AVAILABLE,
    }


def test_a_text_without_a_language_is_scored_as_the_bundles_own(scorer):
    """A bare "ok" tells no language: it is scored, and only the language is missing."""
    found = scorer.score([customer("ok")])[0]
    assert found.language is None
    assert found.status["language"] is ScoreStatus.NOT_AVAILABLE
    assert found.explicit is not None


# what a message does in its dialogue


BEFORE = "Have you tried to turn it off?"


def dialogue_of(graph, encoder, tiny, row, labels):
    """What the graph says of an encoded row as dialogue labels: run, calibrate, round, best first."""
    head = Bundle.load(tiny).manifest.heads[DIALOGUE_HEAD]
    values = calibration.apply(head.calibration, graph.run(encoder.batch([row]))[DIALOGUE_HEAD])[0]
    found = {label: round(float(value), 6) for label, value in zip(DIALOGUE, values, strict=True)}
    entries = [LabelScore(label=label, probability=found[label]) for label in labels]
    return tuple(sorted(entries, key=lambda entry: -entry.probability))


@pytest.mark.parametrize("text", TEXTS[:5])
def test_a_customers_dialogue_is_judged_with_the_message_before(scorer, graph, encoder, tiny, text):
    """After a bot's message a customer doesn't feel helped, insists or is done: read of both messages together."""
    row = encoder.message(text, BEFORE)
    expected = dialogue_of(graph, encoder, tiny, row, CUSTOMER_DIALOGUE)
    found = scorer.score([customer(text, before=BEFORE)])[0]
    assert (expected, False) == (found.dialogue, "dialogue" in found.status)


@pytest.mark.parametrize("request_", [draft(), draft(passages=("x",)), draft(confidence=0.4), draft(question=None)])
def test_a_bots_dialogue_is_judged_by_its_message_alone(scorer, graph, encoder, tiny, request_):
    """A bot can't, offers a person, didn't understand or asks for details: that stands in what it says, whatever was asked."""
    expected = dialogue_of(graph, encoder, tiny, encoder.message(request_.text), BOT_DIALOGUE)
    assert expected == scorer.score([request_])[0].dialogue


def test_a_bundle_without_answers_judges_a_bots_dialogue(short_scorer):
    """The dialogue comes from the message graph, so it needs no graph for answers."""
    assert set(BOT_DIALOGUE) == {entry.label for entry in short_scorer.score([draft()])[0].dialogue}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(TEXTS), st.text(max_size=80))
def test_what_was_said_before_changes_nothing_but_the_dialogue(scorer, text, before):
    """All other scores are the message's own: the same words score the same after whatever the bot said."""
    alone, found = scorer.score([customer(text), customer(text, before=before)])
    status = {name: value for name, value in found.status.items() if name != "dialogue"}
    assert {name: value for name, value in alone.status.items() if name != "dialogue"} == status
    assert replace(alone, dialogue=None, status={}) == replace(found, dialogue=None, status={})


def test_what_was_said_before_matters_to_the_dialogue(scorer):
    """The same words after another message do something else."""
    first, second = scorer.score(
        [customer("still nothing", before=before) for before in (BEFORE, "Shall I refund it?")]
    )
    assert first.dialogue != second.dialogue


@pytest.mark.parametrize("before", [None, ""])
def test_without_a_message_before_there_is_no_dialogue(scorer, before):
    """What opens a conversation answers nothing, so its dialogue is not available."""
    found = scorer.score([customer("still nothing", before=before)])[0]
    assert (None, ScoreStatus.NOT_AVAILABLE) == (found.dialogue, found.status["dialogue"])


# other languages


def test_an_unsupported_language_has_no_model_scores(scorer):
    """A message that is surely in another language gets None and a status, never a neutral number."""
    found = scorer.score([customer("ich möchte bitte mit einem Menschen sprechen", before="Can I help?")])[0]
    names = (*TEXT_SCORES, "dialogue")
    assert {name: getattr(found, name) for name in names} == dict.fromkeys(names)
    assert {name: found.status[name] for name in names} == dict.fromkeys(names, ScoreStatus.UNSUPPORTED_LANGUAGE)
    assert found.language.code == "de"
    assert (found.embedding, found.repeats) == (None, ())


def test_a_request_in_an_unsupported_language_is_still_found(scorer):
    """The phrase lists need no model: they find the request where the model has no say; a declined one is none."""
    asks, declines = scorer.score(
        [
            customer("ich möchte bitte mit einem Menschen sprechen"),
            customer("nein danke, ich brauche keinen Mitarbeiter"),
        ]
    )
    assert (asks.explicit, asks.request_phrase is None) == (None, False)
    assert (declines.explicit, declines.request_phrase) == (None, None)


def test_a_doubtful_language_is_scored(scorer):
    """Chat English that is taken for something else with little certainty is scored all the same."""
    found = scorer.score([customer("ich will en mensch rede")])[0]
    assert found.language.code == "de"
    assert found.language.probability < 0.8
    assert found.explicit is not None


def test_a_supported_language_is_the_manifests_to_say(tiny, scorer):
    """What a bundle was made for decides, not the code."""
    bundle = Bundle.load(tiny)
    manifest = bundle.manifest.model_copy(update={"languages": ("de",)})
    german = Scorer(replace(bundle, manifest=manifest))
    english, foreign = german.score([customer(TEXTS[0]), customer(TEXTS[7])])
    assert english.status["explicit"] is ScoreStatus.UNSUPPORTED_LANGUAGE
    assert foreign.explicit is not None


# requests for a person in other languages, where the bundle has weights for them


def together(folder, text):
    """P(asks for a person) by all witnesses, worked out from their parts: n-grams, phrase lists, the encoder's logit."""
    manifest, encoder = Bundle.load(folder).manifest, Encoder(folder / "tokenizer.json")
    graph = Session(folder / "message.onnx", inputs=INPUTS, outputs=("explicit",))
    logit = float(graph.run(encoder.batch([encoder.message(text)]))["explicit"][0, 0])
    language = identify(text)
    phrase = find_request(text, language.code if language else None)
    return round(RequestModel(manifest.requests, folder / FILE).probability(text, phrase, logit), 6)


@pytest.mark.parametrize(
    "text",
    [
        "ich möchte bitte mit einem Menschen sprechen",
        "nein danke, ich brauche keinen Mitarbeiter",
        "wann kommt endlich mein Paket an",
        "quiero hablar con una persona por favor",
    ],
)
def test_a_request_in_a_known_language_is_scored(asking, asking_folder, text):
    """Of a message in another language that the bundle has weights for, P(asks for a person) is scored, and nothing else."""
    found = asking.score([customer(text, before="Can I help?")])[0]
    assert together(asking_folder, text) == found.explicit
    assert "explicit" not in found.status
    others = [name for name in (*TEXT_SCORES, "dialogue") if name != "explicit"]
    assert dict.fromkeys(others) == {name: getattr(found, name) for name in others}
    assert {ScoreStatus.UNSUPPORTED_LANGUAGE} == {found.status[name] for name in others}
    assert (None, ()) == (found.embedding, found.repeats)


def test_a_request_in_a_language_without_weights_is_not_scored(asking):
    """A language that the weights weren't fitted on stays unsupported."""
    text = "je voudrais parler à quelqu'un du service client"
    found = asking.score([customer(text)])[0]
    assert ("fr", None) == (found.language.code, found.explicit)
    assert ScoreStatus.UNSUPPORTED_LANGUAGE is found.status["explicit"]


def test_a_request_in_a_doubtful_language_hears_all_witnesses(asking, asking_folder):
    """What is hardly German is scored as English, but who asks for a person is for all witnesses to say."""
    text = "ich will en mensch rede"
    found = asking.score([customer(text)])[0]
    assert ("de", True) == (found.language.code, found.intents is not None)
    assert together(asking_folder, text) == found.explicit


@pytest.mark.parametrize("text", [TEXTS[1], TEXTS[8]])
def test_an_english_request_is_the_encoders_alone(asking, scorer, text):
    """Weights for other languages change no score of what surely is an English message."""
    assert scorer.score([customer(text)]) == asking.score([customer(text)])


@pytest.mark.parametrize("text", ["ok", "agente", "human pls"])
def test_what_tells_no_language_hears_all_witnesses(asking, asking_folder, text):
    """A text too short to be of a language may be of any."""
    assert together(asking_folder, text) == asking.score([customer(text)])[0].explicit


def test_a_graph_that_gives_no_numbers_scores_no_request_either(tmp_path):
    """A foreign message whose encoder fails is a scoring error too, since the encoder is one of the witnesses."""
    folder = build_tiny_bundle(tmp_path / "odd", requests=True, fill=float("nan"), filled=("explicit",))
    with pytest.raises(ScoringError, match="not finite in explicit"):
        Scorer(Bundle.load(folder)).score([customer("ich möchte bitte mit einem Menschen sprechen")])


# repeats


def test_repeats_are_aligned_with_the_earlier_questions(scorer):
    """One cosine per earlier question, in its order: the same text is 1, an unknown embedding 0."""
    first, second = (scorer.score([customer(text)])[0].embedding for text in TEXTS[:2])
    found = scorer.score([customer(TEXTS[1], earlier=(first, None, second))])[0].repeats
    left, right = (np.frombuffer(raw, dtype=np.int8).astype(float) for raw in (first, second))
    cosine = left @ right / (np.linalg.norm(left) * np.linalg.norm(right))
    assert found == (round(cosine, 6), 0.0, 1.0)


@pytest.mark.parametrize("other", [b"\x01\x02", b"", bytes(16)])
def test_an_embedding_of_another_encoder_does_not_compare(scorer, other):
    """A question remembered under another bundle counts as unlike, and so does an embedding of zeros."""
    assert scorer.score([customer(TEXTS[0], earlier=(other,))])[0].repeats == (0.0,)


def test_earlier_questions_change_nothing_else(scorer):
    """What was asked before has no influence on any other score."""
    alone = scorer.score([customer(TEXTS[0])])[0]
    found = scorer.score([customer(TEXTS[0], earlier=(alone.embedding,))])[0]
    assert replace(found, repeats=()) == alone


# drafts


def test_a_draft_has_a_confidence_and_its_parts(scorer):
    """With passages, the confidence stands beside the three parts that it was made from."""
    found = scorer.score([draft(passages=("parcels take two days",))])[0]
    assert 0.0 <= found.confidence <= 1.0
    assert list(found.answer) == list(ANSWER_PARTS)


def test_a_draft_without_passages_is_judged_by_its_answer_alone(scorer):
    """Without passages nothing can be sufficient or grounded: the confidence is how likely the draft answers, alone."""
    found = scorer.score([draft()])[0]
    assert {"answers": found.confidence} == found.answer


def test_confidence_without_passages_is_the_calibrated_answers_logit(scorer, answer_graph, encoder, tiny):
    """Worked out here: run without a passage, calibrate the third column by its own slope, round."""
    logits = answer_graph.run(encoder.batch([encoder.answer("where is my parcel", "On its way.", None)]))[ANSWER_HEAD]
    head = Bundle.load(tiny).manifest.heads[ANSWER_HEAD]
    expected = round(float(calibration.apply(head.calibration, logits)[0, head.labels.index("answers")]), 6)
    assert expected == scorer.score([draft("On its way.")])[0].confidence


def test_the_bots_own_number_counts_without_passages(scorer):
    """Where the model has no passages to judge by, the bot's own confidence is taken as it is."""
    found = scorer.score([draft(confidence=0.123456789)])[0]
    assert (found.confidence, found.answer) == (0.123456789, None)


def test_the_model_counts_with_passages(scorer):
    """With passages the model judges, whatever the bot says of itself."""
    sure, unsure = scorer.score([draft(passages=("x",), confidence=value) for value in (1.0, 0.0)])
    assert sure == unsure == scorer.score([draft(passages=("x",))])[0]


def test_the_bots_own_number_counts_without_a_model(short_scorer):
    """A bundle without a graph for answers leaves the bot's own number, with passages too."""
    found = short_scorer.score([draft(passages=("x",), confidence=0.4)])[0]
    assert (found.confidence, "confidence" in found.status) == (0.4, False)


def test_without_number_and_model_there_is_no_confidence(short_scorer):
    """Nothing to judge by is None and a status, not a half."""
    found = short_scorer.score([draft(passages=("x",))])[0]
    assert found == Scores(dialogue=found.dialogue, status=found.status)
    assert found.status["confidence"] is ScoreStatus.NOT_AVAILABLE


@pytest.mark.parametrize("request_", [draft(), draft(passages=("x",)), draft(confidence=0.4)])
def test_a_draft_has_no_customer_scores(scorer, request_):
    """A bot's message has no intent, mood or language; each says not available."""
    found = scorer.score([request_])[0]
    names = (*TEXT_SCORES, "custom", "risk", "language")
    assert {name: getattr(found, name) for name in names} == dict.fromkeys(names)
    assert found.status == dict.fromkeys(names, ScoreStatus.NOT_AVAILABLE)


def test_passages_beyond_the_third_are_not_read(scorer):
    """The first three passages count; more cost nothing and change nothing."""
    three, more = scorer.score([draft(passages=("a", "b", "c")), draft(passages=("a", "b", "c", "d", "e"))])
    assert three == more


def test_the_order_of_passages_does_not_matter(scorer):
    """The same passages in another order are the same evidence."""
    one, other = scorer.score([draft(passages=("a", "b", "c")), draft(passages=("c", "a", "b"))])
    assert one.confidence == pytest.approx(other.confidence, abs=1e-6)


def test_an_absent_question_is_an_empty_one(scorer):
    """A bot that speaks first is judged without a question."""
    assert scorer.score([draft(question=None)]) == scorer.score([draft(question="")])


def test_an_earlier_question_is_read_with_the_question(scorer, answer_graph, encoder, tiny):
    """What the customer said before stands in front of the question: worked out here, without a passage."""
    row = encoder.answer("and for children?", "Half price.", None, "what is a ticket")
    head = Bundle.load(tiny).manifest.heads[ANSWER_HEAD]
    logits = answer_graph.run(encoder.batch([row]))[ANSWER_HEAD]
    expected = round(float(calibration.apply(head.calibration, logits)[0, head.labels.index("answers")]), 6)
    asked = {"question": "and for children?", "earlier_question": "what is a ticket"}
    assert expected == scorer.score([draft("Half price.", **asked)])[0].confidence


def test_an_absent_earlier_question_is_an_empty_one(scorer):
    """A first question has nothing in front of it."""
    assert scorer.score([draft()]) == scorer.score([draft(earlier_question="")])


def test_passages_fold_by_best_and_mean():
    """One good passage suffices: the best sufficient, the best grounded, the mean of answers."""
    logits = np.asarray([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
    assert over_passages(logits).tolist() == [1.0, 4.0, 1.0]


def test_combiner_features_by_hand():
    """The logarithms of the three parts, in the order of the head; a part counts as at least a thousandth."""
    assert tuple(f"log_{part}" for part in ANSWER_PARTS) == COMBINER_FEATURES
    parts = np.asarray([[1.0, 0.5, 0.25], [0.0, MIN_PART / 10, MIN_PART]])
    least = -3 * np.log(10)
    expected = np.asarray([[0.0, -np.log(2), -2 * np.log(2)], [least, least, least]])
    assert combiner_features(parts) == pytest.approx(expected)
    assert combiner_features(parts[0]) == pytest.approx(expected[0])


@pytest.mark.parametrize("place", range(3), ids=ANSWER_PARTS)
@settings(deadline=None)
@given(st.floats(0.0, 0.01), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_one_part_near_zero_keeps_confidence_low(place, low, first, second):
    """The combiner is a product: what one part lacks the others can't make up for, however sure they are."""
    combiner = calibration.Logistic(features=COMBINER_FEATURES, weights=(1.0, 1.0, 1.0), intercept=2.0)
    parts = np.insert(np.asarray([first, second]), place, low)
    low_confidence, high = calibration.apply(combiner, combiner_features(np.stack([parts, np.ones(3)])))
    assert low_confidence < 0.07
    assert high == pytest.approx(1 / (1 + np.exp(-2)))


@pytest.mark.parametrize("passages", [("a",), ("a", "b c", "my card")], ids=["one passage", "three passages"])
def test_confidence_is_the_combiner_of_the_calibrated_parts(scorer, answer_graph, encoder, tiny, passages):
    """With passages, worked out here step by step: run each passage, fold, calibrate to parts, combine them, round."""
    rows = [encoder.answer("where is my parcel", "On its way.", passage) for passage in passages]
    logits = np.concatenate([answer_graph.run(encoder.batch([row]))[ANSWER_HEAD] for row in rows])
    manifest = Bundle.load(tiny).manifest
    parts = calibration.apply(manifest.heads[ANSWER_HEAD].calibration, over_passages(logits)[None, :])[0]
    good = calibration.apply(manifest.combiner, combiner_features(parts)[None, :])[0]
    found = scorer.score([draft("On its way.", passages=passages)])[0]
    assert round(float(good), 6) == found.confidence
    assert {name: round(float(part), 6) for name, part in zip(ANSWER_PARTS, parts, strict=True)} == found.answer


# drafts in other languages


FOREIGN_DRAFT = "Ihr Paket ist unterwegs und wird voraussichtlich am Dienstag zugestellt."


@pytest.mark.parametrize("passages", [(), ("parcels take two days",)], ids=["no passages", "passages"])
def test_a_draft_in_an_unsupported_language_has_no_confidence(scorer, passages):
    """What the bundle wasn't made for it doesn't judge: no confidence, no parts, and a status that says why."""
    found = scorer.score([draft(FOREIGN_DRAFT, passages=passages)])[0]
    assert (None, None, None) == (found.confidence, found.answer, found.dialogue)
    assert {"confidence", "dialogue"} == {
        name for name, value in found.status.items() if value is ScoreStatus.UNSUPPORTED_LANGUAGE
    }
    assert {ScoreStatus.NOT_AVAILABLE} == {found.status[name] for name in (*TEXT_SCORES, "language")}


@pytest.mark.parametrize("passages", [(), ("parcels take two days",)], ids=["no passages", "passages"])
def test_the_bots_own_number_counts_for_a_draft_in_an_unsupported_language(scorer, passages):
    """Where the model has no say the bot's own confidence is all there is, with passages too."""
    found = scorer.score([draft(FOREIGN_DRAFT, passages=passages, confidence=0.4)])[0]
    assert (0.4, None, False) == (found.confidence, found.answer, "confidence" in found.status)
    assert (None, ScoreStatus.UNSUPPORTED_LANGUAGE) == (found.dialogue, found.status["dialogue"])


def test_a_draft_whose_language_is_in_doubt_is_judged(scorer):
    """A draft too short to tell its language is judged as the bundle's own."""
    assert scorer.score([draft("ok", passages=("x",))])[0].confidence is not None


# cost and failure


def test_tokens_are_counted_as_they_are_read(scorer, encoder):
    """What a request costs is the tokens of every row that the graphs read for it."""
    assert scorer.count_tokens(customer("the card")) == 4
    assert scorer.count_tokens(customer("the card", before="my order")) == 4 + 7
    passages = ("a b", "c", "d", "e")
    rows = [encoder.answer("where is my parcel", "yes", passage) for passage in passages[:MAX_PASSAGES]]
    rows.append(encoder.message("yes"))
    assert scorer.count_tokens(draft("yes", passages=passages)) == sum(len(row.ids) for row in rows)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_graph_that_fails_is_a_scoring_error(broken_folder, threads):
    """When a graph fails on a message the caller gets ScoringError, from worker threads too; others still score."""
    scorer = Scorer(Bundle.load(broken_folder), threads=threads)
    with pytest.raises(ScoringError, match=r"message\.onnx failed on a batch"):
        scorer.score([customer("the card"), customer("a human please")])
    assert scorer.score([customer("the card")])[0].explicit is not None
    scorer.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("request_", "graph_"),
    [
        (customer("where is my parcel"), "message"),
        (customer("where is my parcel", before="Can I help?"), "message"),
        (draft(confidence=0.4), "message"),
        (draft(), "confidence"),
        (draft(passages=("x", "y")), "confidence"),
    ],
    ids=["customer", "customer in a dialogue", "draft in a dialogue", "draft", "draft with passages"],
)
def test_a_graph_that_gives_no_numbers_is_a_scoring_error(tmp_path, value, request_, graph_):
    """Weights that are NaN or infinite make no scores: the caller gets ScoringError that names graph and outputs."""
    broken = {"message": (*MESSAGE_HEADS, EMBEDDING), "confidence": (ANSWER_HEAD,)}[graph_]
    expected = rf"{graph_}\.onnx .* not finite in {', '.join(broken)};"
    scorer = Scorer(Bundle.load(build_tiny_bundle(tmp_path / "odd", fill=value, filled=broken)))
    with pytest.raises(ScoringError, match=expected):
        scorer.score([request_])


def test_one_bad_number_is_enough(tmp_path):
    """A single infinite column is found among columns that are fine."""
    folder = build_tiny_bundle(tmp_path / "odd", fill=float("inf"), filled=("explicit",))
    with pytest.raises(ScoringError, match="not finite in explicit; expected finite logits, release the bundle again"):
        Scorer(Bundle.load(folder)).score([customer("where is my parcel")])


# only some scores


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """A scorer on a bundle that can do all that bundles can."""
    folder = build_tiny_bundle(tmp_path_factory.mktemp("bundles") / "whole", requests=True, custom=True)
    return Scorer(Bundle.load(folder))


@pytest.fixture(scope="module")
def own(knowing):
    """A custom label."""
    return knowing.compile([CustomLabel(name="ours", description="The customer wants a refund")])


GERMAN = "ich möchte bitte mit einem Menschen sprechen"
PARTS = [
    (customer("where is my parcel"), (*TEXT_SCORES, "custom")),
    (customer("where is my parcel", before="Can I help?"), (*TEXT_SCORES, "custom", "dialogue")),
    (customer("ok", before="Can I help?"), (*TEXT_SCORES, "custom", "dialogue")),
    (customer(GERMAN, before="Can I help?"), ("explicit",)),
    (draft(), ("dialogue", "confidence")),
    (draft(passages=("parcels take two days",), confidence=0.4), ("dialogue", "confidence")),
    (draft(confidence=0.4), ("dialogue",)),
]
PART_IDS = ["opening", "customer", "no language", "foreign", "draft", "draft with passages", "own number"]


@pytest.mark.parametrize(("request_", "heads"), PARTS, ids=PART_IDS)
def test_without_a_wanted_score_no_graph_runs(knowing, own, request_, heads):
    """S-14: what runs a graph is skipped and says so; language and phrases, and what doesn't exist anyway, are as always."""
    asked = replace(request_, custom=own if request_.role is Role.CUSTOMER else None)
    whole, bare = knowing.score([asked, replace(asked, heads=frozenset())])
    assert dict.fromkeys(heads, (None, ScoreStatus.SKIPPED)) == {
        name: (getattr(bare, name), bare.status.get(name)) for name in heads
    }
    assert (bare.language, bare.request_phrase, bare.declined_phrase) == (
        whole.language,
        whole.request_phrase,
        whole.declined_phrase,
    )
    assert bare.embedding is None
    assert {name: why for name, why in bare.status.items() if name not in heads} == dict(whole.status)


def test_a_graph_that_would_fail_is_not_run(broken_folder):
    """S-14: a score that nobody wants can't fail: the same message with a wanted one does."""
    scorer = Scorer(Bundle.load(broken_folder))
    found = scorer.score([customer("a human please", heads=frozenset())])[0]
    assert ("human please", ScoreStatus.SKIPPED) == (found.request_phrase, found.status["explicit"])
    with pytest.raises(ScoringError):
        scorer.score([customer("a human please", heads=frozenset({"explicit"}))])


@pytest.mark.parametrize(("request_", "heads"), PARTS, ids=PART_IDS)
def test_a_wanted_score_is_the_one_that_it_always_is(knowing, own, request_, heads):
    """Asked for alone each score has the value that it has among all, bit for bit, and so has what came along with it."""
    asked = replace(request_, custom=own if request_.role is Role.CUSTOMER else None)
    whole = knowing.score([asked])[0]
    for name in heads:
        found = knowing.score([replace(asked, heads=frozenset({name}))])[0]
        assert getattr(found, name) == getattr(whole, name) is not None
        assert name not in found.status
        for other in heads:
            assert getattr(found, other) in (None, getattr(whole, other))
            assert (getattr(found, other) is None) == (found.status.get(other) is ScoreStatus.SKIPPED)


@pytest.mark.parametrize(("request_", "heads"), PARTS, ids=PART_IDS)
@pytest.mark.parametrize("backwards", [False, True])
def test_joined_they_are_what_one_run_gives(knowing, own, request_, heads, backwards):
    """Scored for nothing, then for one score after the other, in whatever order: together they are the scores of one run."""
    asked = replace(request_, custom=own if request_.role is Role.CUSTOMER else None)
    found = joined(None, knowing.score([replace(asked, heads=frozenset())])[0])
    for name in heads[:: -1 if backwards else 1]:
        found = joined(found, knowing.score([replace(asked, heads=frozenset({name}))])[0])
    assert found == knowing.score([asked])[0]


def test_what_a_bundle_cannot_score_is_not_skipped(scorer):
    """Custom labels of a bundle that can't score them are not available from the first, so nobody asks for them in vain."""
    own = scorer.compile([CustomLabel(name="ours", description="The customer wants a refund")])
    asked = customer("where is my parcel", custom=own)
    bare = scorer.score([replace(asked, heads=frozenset())])[0]
    found = joined(bare, scorer.score([replace(asked, heads=frozenset({"explicit"}))])[0])
    assert [ScoreStatus.NOT_AVAILABLE] * 2 == [one.status["custom"] for one in (bare, found)]
    assert found == scorer.score([asked])[0]


@pytest.mark.parametrize(
    ("text", "asks", "declines"),
    [
        ("get me a human please", "get me a human", None),
        ("no need for an agent", None, "no need for an agent"),
        ("where is my parcel", None, None),
    ],
)
def test_a_phrase_about_persons_asks_for_one_or_declines_one(scorer, text, asks, declines):
    """S-04: the scores say which phrase was found, and whether it asks or declines; never both."""
    found = scorer.score([customer(text)])[0]
    assert (asks is None, declines is None) == (found.request_phrase is None, found.declined_phrase is None)
    for expected, phrase in ((asks, found.request_phrase), (declines, found.declined_phrase)):
        assert expected is None or expected in phrase or phrase in expected


def test_a_declined_person_is_found_in_a_foreign_language_too(scorer):
    """S-04: where the models have no say the phrase lists still tell a refusal from a request."""
    found = scorer.score([customer("nein danke, ich brauche keinen Mitarbeiter")])[0]
    assert (None, False) == (found.request_phrase, found.declined_phrase is None)

"""Which language a message is in, and when nobody can tell."""

import pytest

from models.language import identify


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("can someone actually look at my order please", "en"),
        ("quiero hablar con una persona", "es"),
        ("je veux parler à un humain", "fr"),
        ("ich möchte bitte mit einem Menschen sprechen", "de"),
        ("vorrei parlare con una persona, per favore", "it"),
        ("quero falar com uma pessoa, por favor", "pt"),
        ("ik wil graag met een medewerker praten", "nl"),
        ("chcę rozmawiać z człowiekiem", "pl"),
        ("bir insanla görüşmek istiyorum", "tr"),
        ("أريد التحدث إلى شخص", "ar"),
        ("मुझे किसी इंसान से बात करनी है", "hi"),
        ("人間と話したいです", "ja"),
        ("我想跟真人说话", "zh"),
    ],
)
def test_the_languages_of_the_phrase_lists_are_told_apart(text, expected):
    """A plain sentence in each language that we hold phrases for is recognised."""
    assert identify(text).code == expected


@pytest.mark.parametrize("text", ["", "   ", "ok", "no", "hi", "123456789", "!!??", "#5591-22", "😀😀😀😀", "asdf"])
def test_texts_that_do_not_tell_have_no_language(text):
    """Too few letters, digits, punctuation and emoji are no language, rather than a guess."""
    assert identify(text) is None


def test_case_and_odd_characters_make_no_difference():
    """Shouting and full-width letters are still the same language."""
    plain = identify("where is my parcel, it should be here")
    assert identify("WHERE IS MY PARCEL,\u00a0IT SHOULD\u200b BE HERE") == plain


def test_probability_is_a_probability():
    """The identifier's own number may exceed one by a rounding; ours doesn't."""
    found = [identify(text) for text in ("人間と話したい", "¿hola, hay alguien?", "hello, is anyone there?")]
    assert [0.5 <= language.probability <= 1.0 for language in found] == [True, True, True]


def test_cantonese_goes_by_the_chinese_phrases():
    """A variety without a two-letter code goes by the language that phrases and policies are written for."""
    assert identify("我想同真人講嘢唔該").code == "zh"


def test_a_language_without_a_short_code_keeps_its_long_one():
    """Cebuano is `ceb`, never cut to `ce`, which is Chechen."""
    assert identify("Maayong buntag kanimo, unsa may imong ngalan karon nga adlaw").code == "ceb"


def test_long_texts_are_identified_by_their_start():
    """Eight thousand characters, the most that a message may have, are no trouble."""
    assert identify("where is my parcel and why is it late again? " * 180).code == "en"

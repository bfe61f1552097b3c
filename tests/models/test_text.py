"""Text preprocessing: one function for training, serving and replay."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.text import excerpt, fold, normalise

ANY_TEXT = st.text(max_size=60) | st.text(st.characters(categories=["Cf", "Cc", "Mn", "Zs", "So", "Lo"]), max_size=40)


@given(ANY_TEXT)
@example("a\u0000\u0301")
@example("\u00a8\u00a8 x")
@example("e\u200b\u0301")
def test_normalising_twice_changes_nothing(text):
    """What has been normalised stays as it is when it is normalised again."""
    once = normalise(text)
    assert normalise(once) == once


@given(ANY_TEXT)
@example("\u0345\u0399")
@example("Straße ﬁn İ")
def test_folding_twice_changes_nothing(text):
    """What has been folded stays as it is when it is folded again."""
    once = fold(text)
    assert fold(once) == once


@given(ANY_TEXT)
def test_folding_sees_through_normalising(text):
    """A text and its normalised form are the same to a comparison."""
    assert fold(normalise(text)) == fold(text)


@given(ANY_TEXT)
def test_nothing_invisible_but_joiners_is_left(text):
    """No control, format, surrogate or private character survives, except the two zero-width joiners."""
    left = {char for char in normalise(text) if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"}}
    assert left <= {"\u200c", "\u200d"}


@given(ANY_TEXT)
def test_blanks_are_single_and_inside(text):
    """The result holds no run of blanks and none at either end."""
    found = normalise(text)
    assert " ".join(found.split(" ")) == found.strip()
    assert "  " not in found


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_plain_text_takes_the_short_way_to_the_same_place(text):
    """Printable ASCII, which skips the Unicode steps, comes out as the long way would have it."""
    assert normalise(text) == normalise(text + "\u200b")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("  two\t words\r\nhere ", "two words here"),
        ("ﬁne ①２", "fine 12"),
        ("full\u3000width", "full width"),
        ("no\u00a0break", "no break"),
        ("soft\u00adhyphen", "softhyphen"),
        ("zero\u200bwidth", "zerowidth"),
        ("bell\u0007", "bell"),
        ("nul\u0000byte", "nulbyte"),
        ("mark\ufeff", "mark"),
        ("\u202eright to left\u202c", "right to left"),
        ("private\ue000", "private"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("e\u0301", "é"),
        ("next\u0085line\u2028here", "next line here"),
        ("Case Stays", "Case Stays"),
        ("", ""),
        (" \u200b \u0000 ", ""),
    ],
)
def test_known_texts(written, expected):
    """Compatibility forms are unified, breaks become blanks, invisible characters go, case stays."""
    assert normalise(written) == expected


@pytest.mark.parametrize(
    "text",
    ["👍", "👨‍👩‍👧", "❤️", "👋🏽", "🇩🇪", "ok 😭😭", "می‌خواهم", "क्‍ष"],
    ids=["one", "family of joiners", "variation selector", "skin tone", "flag", "two", "non-joiner", "joiner"],
)
def test_emoji_and_joiners_stay(text):
    """Emoji keep their joiners, selectors and tones, and scripts that need joiners keep them too."""
    assert normalise(text) == text


@pytest.mark.parametrize("text", ["\ud83d", "a\ud83db", "\udc00\udc00 x"])
def test_lone_surrogates_go(text):
    """Half of a surrogate pair, as broken JSON brings it, is dropped, and the rest can be written as UTF-8."""
    assert normalise(text).encode() == text.encode("utf-8", "ignore").strip()


def test_three_hundred_emoji_stay_three_hundred():
    """A message of nothing but emoji is not emptied."""
    assert normalise("😡" * 300) == "😡" * 300


@pytest.mark.parametrize(
    ("left", "right"),
    [("Straße", "STRASSE"), ("ﬁn", "FIN"), ("Ａｇｅｎｔ", "agent"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("  A  b ", "a B")],
)
def test_fold_makes_equal_what_differs_in_case_or_form(left, right):
    """Comparisons don't see case, width, ligatures or spacing."""
    assert fold(left) == fold(right)


def test_fold_keeps_different_letters_apart():
    """Accents are letters: folding does not take them away."""
    assert fold("résumé") != fold("resume")


@pytest.mark.parametrize(
    ("text", "expected"), [("short", "short"), ("123456", "123456"), ("1234567", "12345…"), ("", "")]
)
def test_excerpt_cuts_with_an_ellipsis(text, expected):
    """An excerpt is never longer than its limit and shows that it was cut."""
    assert excerpt(text, limit=6) == expected

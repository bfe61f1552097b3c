"""Stub while the tables are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    phrase: str
    language: str
    negated: bool


def find_request(text: str, language: str | None) -> PhraseMatch | None:
    return None


def find_answer(text: str, language: str | None) -> bool | None:
    return None

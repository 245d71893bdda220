"""Halves of characters in JSON: no text in UTF-8 holds one, but an escape can."""
from __future__ import annotations

import re
from typing import Match

#: Every escape, from left to right: whole pairs of surrogates, single ones, all others.
_ESCAPES = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def repair(text: str) -> str:
    """A JSON text in which half of a character is U+FFFD: whoever writes it out, or hands it to a model, fails on it."""
    return _ESCAPES.sub(_repaired, text) if _HALF.search(text) else text


def _repaired(escape: "Match[str]") -> str:
    return escape.group() if escape.group(1) is None else "\ufffd"

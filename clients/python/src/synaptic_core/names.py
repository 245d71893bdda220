"""The grammar of names and rooms."""
from __future__ import annotations

import json
import re
import unicodedata
from typing import Optional

BROKER = "$broker"
EVENTS = "$events"
EVERYONE = "all"

_NAME_MAX_BYTES = 128
_SHOWN_MAX = 40
_RESERVED = frozenset({"all", "#all", "system", "server", "broker"})
#: How the names begin of sessions that command agents.
_CONTROL = "control-"
_ROOM = re.compile(r"#[A-Za-z0-9_\-.]{0,63}[A-Za-z0-9_-]")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
#: What Unicode calls default ignorable beside those, and the empty Braille cell: letters that nobody sees.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]")


def agent_name_problem(name: str) -> Optional[str]:
    """Why `name` cannot be an agent's name; None if it can."""
    if name == "":
        return "is empty"
    if len(name.encode(errors="surrogatepass")) > _NAME_MAX_BYTES:
        return f"is longer than {_NAME_MAX_BYTES} bytes"
    if name[0] in "#@$~":
        return "starts with # @ $ or ~"
    if name[-1] in "./:":
        return "ends in . / or :"
    if _UNSEEN.search(name) or any(unicodedata.category(letter) in _UNPRINTABLE for letter in name):
        return "contains unprintable characters"
    if any(letter != " " and letter.isspace() for letter in name) or name != name.strip(" ") or "  " in name:
        return "contains spaces other than single inner ones"
    if unicodedata.normalize("NFC", name) != name:
        return "is not in Unicode form NFC"
    if name.lower().startswith(_CONTROL):
        return f"begins with {_CONTROL}, which is reserved"
    return "is reserved" if name.lower() in _RESERVED else None


def shown(name: str) -> str:
    """A wrong name in an error: short, whatever it is."""
    return f"(a text of {len(name)} characters)" if len(name) > _SHOWN_MAX else json.dumps(name, ensure_ascii=False)


def is_room(topic: str) -> bool:
    """True if `topic` is a room: # and 1 to 64 of A-Z a-z 0-9 _ - . , not ending in . and not #all."""
    return _ROOM.fullmatch(topic) is not None and topic.lower() not in _RESERVED

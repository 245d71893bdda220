"""What is to be said, as a frame: looked at before it is kept."""
from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Optional

from ..fault import Fault
from .canonical import canonical
from .contents import RESERVED, content_problem
from .frames import FRAME_MAX_BYTES, ID_MAX, Frame, conversation_of, frame_text, metadata_of, new_id, now_ms

_SEALED_MORE = 700  #: bytes that ENCRYPTED has beside its ids, metadata and base64


def composed(
    own: str, to: str, kind: str, content: Mapping[str, Any], conversation_id: Optional[str], message_id: Optional[str], priority: str, requires_response: bool, is_plain: bool
) -> Frame:
    """Raises Fault malformed, unsupported, too-large."""
    for name, text in (("the recipient", to), ("message_type", kind), ("conversation_id", conversation_id or "-"), ("message_id", message_id or "-")):
        if not isinstance(text, str) or not 1 <= len(text) <= ID_MAX:
            raise Fault("malformed", f"{name} is a text of 1–{ID_MAX} characters")
    if to == own or kind in RESERVED:
        raise Fault("malformed", "an agent says nothing to itself" if to == own else f"{kind} is not the application's to say")
    if not is_plain and (to.startswith("#") or to in ("all", "system")):
        raise Fault("unsupported", f"{to} cannot open what is sealed: say it with plain=True")
    try:
        frame = Frame(message_id or new_id("msg"), conversation_id or conversation_of(own, to), own, to, kind, dict(content), now_ms(), metadata_of(priority, not is_plain, requires_response))
        problem = content_problem(kind, frame.content)
        size = len(canonical(frame.content).encode("utf-8"))
        whole = len(frame_text(replace(frame, content={})).encode("utf-8")) + (size if is_plain else _SEALED_MORE + len(kind) + (size + 64) * 4 // 3)
    except (ValueError, TypeError) as reason:
        raise Fault("malformed", f"the content of {kind}: {reason}") from None
    if problem is not None:
        raise Fault("malformed", problem)
    if whole > FRAME_MAX_BYTES:
        raise Fault("too-large", f"the message would have {whole} bytes as a frame, and {FRAME_MAX_BYTES} is the most: say it in parts", detail={"bytes": whole, "max": FRAME_MAX_BYTES})
    return frame

"""What is known of proposals (Agent Network §12.7)."""
from __future__ import annotations

from collections import OrderedDict
from typing import Any, Mapping, Optional, Tuple

from .frames import now_ms

PROPOSALS_MAX = 1_000


class Proposals:
    """
    Of others, since this program runs: by sender and id, with the time after which each is EXPIRED.

    bound: PROPOSALS_MAX · evicts: the oldest · owner: the agent
    """

    def __init__(self) -> None:
        self._known: "OrderedDict[Tuple[str, str], Optional[float]]" = OrderedDict()

    def heard(self, sender: str, proposal_id: str, details: Any) -> str:
        """Its status: PENDING, MODIFIED where one of this id was there, EXPIRED."""
        is_known = self._known.pop((sender, proposal_id), _NEVER) is not _NEVER
        self._known[(sender, proposal_id)] = end = end_of(details)
        if len(self._known) > PROPOSALS_MAX:
            self._known.popitem(last=False)
        if end is not None and end <= now_ms():
            return "EXPIRED"
        return "MODIFIED" if is_known else "PENDING"

    def is_expired(self, sender: str, proposal_id: str) -> bool:
        end = self._known.get((sender, proposal_id))
        return end is not None and end <= now_ms()


def end_of(details: Any) -> Optional[float]:
    """`expiresAt`, milliseconds since 1970."""
    end = details.get("expiresAt") if isinstance(details, Mapping) else None
    return float(end) if isinstance(end, (int, float)) and not isinstance(end, bool) else None


_NEVER: Any = object()

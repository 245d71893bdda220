"""What waits in one conversation with one recipient, sealed or plain: it leaves in its order (Agent Network §12.6)."""
from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from .frames import Frame

KEPT = "kept"  #: the vault's table of what waits
RANKS = {"HIGH": 0, "CRITICAL": 0, "LOW": 2}  #: what goes first; other words are 1


@dataclass(frozen=True)
class Kept:
    """A message as it lies in the vault. Times in milliseconds since 1970."""

    seq: int
    frame: Frame
    is_plain: bool
    expires_at: int

    def written(self) -> Dict[str, Any]:
        frame = self.frame
        return {
            "seq": self.seq, "plain": self.is_plain, "expiresAt": self.expires_at, "messageId": frame.message_id, "conversationId": frame.conversation_id, "senderId": frame.sender_id,
            "recipientId": frame.recipient_id, "messageType": frame.message_type, "content": frame.content, "timestamp": frame.timestamp, "metadata": frame.metadata,
        }


def read_kept(value: Mapping[str, Any]) -> Kept:
    """What `written` gave."""
    names = ("messageId", "conversationId", "senderId", "recipientId", "messageType", "content", "timestamp", "metadata")
    return Kept(value["seq"], Frame(*(value[name] for name in names)), value["plain"], value["expiresAt"])


class Item:
    """A message that waits."""

    def __init__(self, kept: Kept, size: int) -> None:
        self.kept = kept
        self.size = size  #: bytes, about
        self.tries = 0  #: how often its receipt was waited for in vain
        self.due_at = 0.0  #: when it is said again, monotonic
        self.text: Optional[str] = None  #: as it was said; the same again until there is another key
        self.was_said = False  #: under an earlier key, so that a receipt need not be of this frame
        self.is_over = False  #: delivered, but its counter may not have come: it is said until the receipt of a later counter
        self.told = "kept"

    @property
    def rank(self) -> int:
        return RANKS.get(str(self.kept.frame.metadata.get("priority", "")).upper(), 1)


class Lane:
    """
    bound: waiting_max of the recipient · evicts: what is delivered or given up · owner: the outbox
    """

    def __init__(self, peer: str, conversation_id: str, is_plain: bool) -> None:
        self.peer, self.conversation_id, self.is_plain = peer, conversation_id, is_plain
        self.items: "OrderedDict[str, Item]" = OrderedDict()
        self.is_wanted = False  #: a handshake is wanted, whether a message waits or not
        self.is_asked_for = False  #: only by what came: it is not waited for where nobody answers
        self.offer_id: Optional[str] = None
        self.offers = 0  #: how often one was said in vain
        self.offer_due_at = 0.0

    def unseal(self) -> None:
        """There is another key: what has no receipt is sealed anew, in its order."""
        self.no_try()
        for item in self.items.values():
            item.was_said = item.was_said or item.text is not None
            item.text = None

    def over_before(self, item: Item) -> List[Item]:
        """What is over and has a lower counter than one that was processed by its only frame: so all before it have come."""
        over = []
        for one in self.items.values():
            if one is item:
                break
            if one.is_over:
                over.append(one)
        return over

    def no_try(self) -> None:
        """What is on the line is said again at once, and does not count."""
        self.offer_due_at, self.offers = 0.0, max(0, self.offers - 1)
        for item in self.items.values():
            item.due_at = 0.0
            if item.text is not None and item.tries > 0:
                item.tries -= 1

    def settled_offer(self) -> None:
        self.offers, self.offer_due_at, self.is_wanted, self.is_asked_for = 0, 0.0, False, False

    def next_item(self, now: float, most: int) -> Optional[Item]:
        """What is to be said now: again, or for the first time while not more than `most` have no receipt."""
        under_way = 0
        for item in self.items.values():
            if item.text is None or item.due_at <= now:
                return item
            under_way += 1
            if under_way >= most:
                return None
        return None

    def due_at(self, most: int) -> float:
        """When something is to be said next, monotonic; infinity for never."""
        soonest = math.inf
        for count, item in enumerate(self.items.values()):
            if count >= most:
                break
            soonest = min(soonest, 0.0 if item.text is None else item.due_at)
        return soonest

"""All that waits, by lane and by id."""
from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from .lane import Item, Lane


class Lanes:
    """
    bound: waiting_max messages of a recipient, which the outbox looks at · evicts: what is delivered or given up · owner: the outbox
    """

    def __init__(self) -> None:
        self._lanes: Dict[Tuple[str, str, bool], Lane] = {}
        self._waiting: Dict[str, Tuple[Lane, Item]] = {}
        self._of_peer: Dict[str, int] = {}
        self._offers: Dict[str, Lane] = {}
        self.bytes = 0  #: of all that waits

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def __len__(self) -> int:
        return len(self._waiting)

    def of(self, peer: str) -> List[Lane]:
        return [lane for lane in self._lanes.values() if lane.peer == peer]

    def items(self) -> List[Tuple[Lane, Item]]:
        return list(self._waiting.values())

    def find(self, message_id: str) -> Tuple[Optional[Lane], Optional[Item]]:
        return self._waiting.get(message_id, (None, None))

    def offering(self, message_id: str) -> Optional[Lane]:
        """The lane whose HANDSHAKE has this id."""
        return self._offers.get(message_id)

    def count(self, peer: str) -> int:
        """Messages that wait for it, those on their way to the disk as well."""
        return self._of_peer.get(peer, 0)

    def reserve(self, peer: str) -> None:
        self._of_peer[peer] = self._of_peer.get(peer, 0) + 1

    def release(self, peer: str) -> None:
        left = self._of_peer.get(peer, 0) - 1
        if left > 0:
            self._of_peer[peer] = left
        else:
            self._of_peer.pop(peer, None)

    def enter(self, item: Item) -> None:
        frame = item.kept.frame
        lane = self.lane(frame.recipient_id, frame.conversation_id, item.kept.is_plain)
        lane.items[frame.message_id] = item
        self._waiting[frame.message_id] = (lane, item)
        self.reserve(frame.recipient_id)
        self.bytes += item.size

    def remove(self, lane: Lane, item: Item) -> None:
        message_id = item.kept.frame.message_id
        del self._waiting[message_id]
        del lane.items[message_id]
        self.release(lane.peer)
        self.bytes -= item.size

    def lane(self, peer: str, conversation_id: str, is_plain: bool) -> Lane:
        key = (peer, conversation_id, is_plain)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(peer, conversation_id, is_plain)
        return lane

    def offers(self, lane: Lane, message_id: str) -> None:
        """The lane's HANDSHAKE of now."""
        self._no_offer(lane)
        lane.offer_id = message_id
        self._offers[message_id] = lane

    def end_offer(self, lane: Lane) -> None:
        self._no_offer(lane)
        lane.settled_offer()

    def drop_empty(self, lane: Lane) -> bool:
        """True where nothing waits for its peer any more."""
        if lane.items or lane.is_wanted:
            return False
        self._no_offer(lane)
        self._lanes.pop((lane.peer, lane.conversation_id, lane.is_plain), None)
        return not self.of(lane.peer)

    def _no_offer(self, lane: Lane) -> None:
        if lane.offer_id is not None:
            self._offers.pop(lane.offer_id, None)
            lane.offer_id = None

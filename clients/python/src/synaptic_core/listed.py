"""What the broker's lists have in them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Union

from .envelope import Envelope, Message


@dataclass(frozen=True)
class ListedAgent:
    """An agent that is online."""

    name: str
    display_name: str  #: for people; never an address
    dialect: str  #: zmq, pan, agentchat …
    trust: str  #: claimed, shared, proved
    since: str  #: ISO 8601
    via: Optional[str] = None  #: proxy: it is behind somebody else's socket


@dataclass(frozen=True)
class ListedRoom:
    """A room that the asker may know of."""

    name: str
    members: int
    invite_only: bool
    durable: bool = False  #: it remembers what is said
    away: int = 0  #: so many of the members are away


@dataclass(frozen=True)
class Cursor:
    """A place in what a durable room remembers."""

    epoch: str
    seq: int


class Past(List[Message]):
    """What a room remembers, oldest first, or a page of it."""

    next: Optional[Cursor] = None  #: behind which the rest follows; None: the room is not durable
    gap: bool = False  #: something behind the cursor is not remembered
    more: bool = False  #: more follows behind `next` already


def agents_of(answer: Envelope) -> List[ListedAgent]:
    """The agents of an `agents.list` answer."""
    return [ListedAgent(one["name"], one["display_name"], one["dialect"], one["trust"], one["since"], one.get("via")) for one in answer.data["agents"]]


def rooms_of(answer: Envelope) -> List[ListedRoom]:
    """The rooms of a `rooms.list` answer."""
    return [ListedRoom(one["name"], one["members"], one["invite_only"], one.get("durable", False), one.get("away", 0)) for one in answer.data["rooms"]]


def members_of(answer: Envelope) -> List[str]:
    """The names in a `room.join` or `room.members` answer."""
    return [str(name) for name in answer.data["members"]]


def past_of(answer: Envelope, messages: List[Message]) -> Past:
    """The messages that follow a `room.history` answer, and where they end."""
    past = Past(messages)
    place = answer.data.get("next")
    past.next = None if place is None else Cursor(place["epoch"], place["seq"])
    past.gap, past.more = answer.data.get("gap") is True, answer.data.get("more") is True
    return past


def history_asked(room: str, count: Optional[int], after: Union[Cursor, str, None], limit: Optional[int]) -> Dict[str, Any]:
    """The fields of a `room.history` request."""
    asked: Dict[str, Any] = {"room": room}
    if after is None:
        asked["count"] = 20 if count is None else count
    else:
        asked["after"] = after if isinstance(after, str) else {"epoch": after.epoch, "seq": after.seq}
    if limit is not None:
        asked["max"] = limit
    return asked


"""What the broker's lists have in them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from .envelope import Envelope


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


def agents_of(answer: Envelope) -> List[ListedAgent]:
    """The agents of an `agents.list` answer."""
    return [ListedAgent(one["name"], one["display_name"], one["dialect"], one["trust"], one["since"], one.get("via")) for one in answer.data["agents"]]


def rooms_of(answer: Envelope) -> List[ListedRoom]:
    """The rooms of a `rooms.list` answer."""
    return [ListedRoom(one["name"], one["members"], one["invite_only"]) for one in answer.data["rooms"]]


def members_of(answer: Envelope) -> List[str]:
    """The names in a `room.join` or `room.members` answer."""
    return [str(name) for name in answer.data["members"]]

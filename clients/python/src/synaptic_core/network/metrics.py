"""Figures of a connection, and its last messages without their content."""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Deque, Dict, List, Mapping

LOG_MAX = 200


@dataclass
class Metrics:
    """Since the agent was made. Times in seconds."""

    said: int = 0  #: messages that were kept
    delivered: int = 0
    failed: int = 0
    heard: int = 0  #: messages that were processed
    repeated: int = 0  #: messages that came again
    connections: int = 0
    refused: Dict[str, int] = field(default_factory=dict)  #: by the broker, by code
    waiting: int = 0
    round_trip_s: float = 0.0  #: of the last heartbeat
    security: Mapping[str, int] = field(default_factory=dict)  #: security events by kind


class MessageLog:
    """
    bound: LOG_MAX · evicts: the oldest · owner: the agent
    """

    def __init__(self) -> None:
        self._entries: Deque[Dict[str, Any]] = deque(maxlen=LOG_MAX)

    def add(self, direction: str, message_type: str, peer: str, message_id: str, at: int) -> None:
        self._entries.append({"direction": direction, "type": message_type, "peer": peer, "message_id": message_id, "at": at})

    def read(self) -> List[Dict[str, Any]]:
        return list(self._entries)

"""What an agent can be told beside its name."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class AgentOptions:
    """Times are in seconds."""

    display_name: Optional[str] = None  #: a name for people; never routes
    request_timeout_s: float = 30.0  #: how long a request waits for its response
    ready_timeout_s: float = 10.0  #: how long `connect` waits for its round trip
    publish_timeout_s: float = 10.0  #: how long a message waits for the broker, or for room in the queue
    silent_s: float = 25.0  #: how often the broker is asked for a sign of life; a line on which nothing comes for as long again is made anew; 0: never
    close_timeout_s: float = 5.0  #: how long `close` waits for handlers
    pending_max: int = 10_000  #: requests that may wait for their response at once
    outgoing_max: int = 10_000  #: messages that may wait to be sent
    inbox_max: int = 1_000  #: messages kept for `receive` and iteration when no handler takes them; one more is dropped, a request answered as full
    answering_max: int = 1_000  #: handlers that may be under way; one more request is answered as full, one more inform waits with `inbox_max` others
    handler_threads: int = 8  #: threads of the blocking agent that answer requests
    message_max_bytes: int = 1_048_576  #: the largest message, bytes of JSON; the broker's zmqFrameMaxBytes
    hear_own: bool = False  #: hear what this agent itself said to rooms and topics
    exclusive: bool = True  #: refuse to be a second program under one name; False: both hear what is for it, and the first response answers a request

"""The way of what agents say: opened, in order to the handlers, then processed (Agent Network §11.4, §12.1, §12.4)."""
from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from typing import Any, Awaitable, Callable, Deque, Dict, Optional, Set, Tuple

from .calls import Calls
from .contents import content_problem
from .conversations import RECEIPT, Conversations, Opened
from .frames import Frame, metadata_of, new_id, now_ms
from .handshakes import V2
from .message import NetworkMessage
from .options import NetworkOptions
from .outbox import Outbox
from .processed import PLAIN, ProcessedIds
from .proposals import Proposals
from .receipts import Receipts
from .security import SecurityEvent, SecurityEvents

_RECEIPT_MOST = 1_000  #: ids of one RECEIPT, with some room for others' programs
_log = logging.getLogger("synaptic_core.network")
Work = Tuple[NetworkMessage, Any, int]


class Incoming:
    """
    Frames are taken one after the other. A message counts as processed when its handler has ended and its id is kept; if
    the handler raises, it comes again.

    bound: handling_max messages of a peer, handling_max_bytes in all · evicts: what is processed · owner: the agent
    """

    def __init__(
        self, own: str, conversations: Conversations, outbox: Outbox, processed: ProcessedIds, receipts: Receipts, calls: Calls, proposals: Proposals, events: SecurityEvents,
        hear: Callable[[NetworkMessage], Awaitable[None]], record: Callable[[NetworkMessage, bool], Awaitable[None]], options: NetworkOptions,
    ) -> None:
        self._own, self._conversations, self._outbox, self._processed, self._receipts = own, conversations, outbox, processed, receipts
        self._calls, self._proposals, self._events, self._hear, self._record, self._options = calls, proposals, events, hear, record, options
        self._queues: Dict[Tuple[str, str], Deque[Work]] = {}
        self._of_peer: Dict[str, Tuple[int, int]] = {}  #: messages, bytes
        self._bytes = 0
        self._in_work: Set[Tuple[str, str]] = set()
        self._tasks: "Set[asyncio.Task[None]]" = set()
        self._begun = asyncio.Event()
        self._is_open = True

    def begin(self) -> None:
        """Handlers may run: those that were registered at once are there."""
        self._begun.set()

    async def take(self, frame: Frame, size: int) -> None:
        """A frame of another agent; `size` is what it costs to keep it, in bytes."""
        is_direct = frame.recipient_id == self._own
        if frame.sender_id == self._own:
            if is_direct:
                self._tell("malformed", frame, f"a {frame.message_type[:64]} in this agent's own name is dropped")
            return
        if frame.message_type in ("HANDSHAKE", "ENCRYPTED") and not is_direct:
            self._tell("malformed", frame, f"a {frame.message_type} that is for {frame.recipient_id[:64]} is dropped")
        elif frame.message_type == "HANDSHAKE":
            await self._handshake(frame)
        elif frame.message_type == "ENCRYPTED":
            for opened in await self._conversations.open(frame, size):
                await self.opened(opened, size)
        elif is_direct and self._conversations.mode(frame.sender_id) == V2:
            self._tell("plain-from-pinned", frame, "a plain message is dropped: this agent seals what it says, so it is hardly from it")
        else:
            await self._deliver(_message(frame, False, False), None, size)

    async def opened(self, opened: Opened, size: int) -> None:
        """What was opened: at once, or after it was waited for."""
        frame = opened.frame
        self._outbox.here(frame.sender_id)
        if frame.message_type != RECEIPT:
            await self._deliver(replace(_message(frame, True, opened.is_verified), is_late=opened.is_late), opened.mode, size, opened.is_old)
            return
        ids = frame.content.get("messageIds")
        if isinstance(ids, list) and len(ids) <= _RECEIPT_MOST:
            self._outbox.receipt(frame.sender_id, [one for one in ids if isinstance(one, str)])
        else:
            self._tell("malformed", frame, "a RECEIPT without messageIds is dropped")

    async def close(self, within_s: float) -> None:
        """Waits for handlers that run; what they do not end, and what comes from now on, comes again."""
        self._is_open = False
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _handshake(self, frame: Frame) -> None:
        became = await self._conversations.handshake(frame)
        if became.answer is not None:
            answer = Frame(new_id("msg"), frame.conversation_id, self._own, frame.sender_id, "HANDSHAKE", became.answer, now_ms(), metadata_of("HIGH", False, False))
            self._outbox.ahead(lambda: answer, (frame.sender_id, frame.conversation_id))
        if became.is_ready:
            self._outbox.ready(frame.sender_id, frame.conversation_id)

    async def _deliver(self, message: NetworkMessage, mode: Any, size: int, is_old: bool = False) -> None:
        key = _key(message)
        if key in self._in_work or not self._is_open:
            return
        if await self._processed.has(*key):
            if mode == V2:
                self._receipts.processed(message.sender, message.conversation_id, message.message_id)
            return
        if is_old:
            self._tell("counter-reused", message, "a frame is dropped: its counter was there before")
            return
        problem = content_problem(message.type, message.content)
        if problem is not None:
            self._tell("malformed", message, f"a message is dropped: {problem[:200]}")
            await self._finish(message, mode, key, is_heard=False)
            return
        if message.type == "PROPOSAL" and message.proposal_id is not None:
            message = replace(message, status=self._proposals.heard(message.sender, message.proposal_id, message.details))
        self._in_work.add(key)
        if self._calls.answered(message):
            # Whoever waits for it may be a handler of this very conversation: it must not wait behind itself.
            self._start(self._safely(message, mode, key, None))
        else:
            self._queue(message, mode, size, key)

    def _queue(self, message: NetworkMessage, mode: Any, size: int, key: Tuple[str, str]) -> None:
        peer = message.sender
        count, held = self._of_peer.get(peer, (0, 0))
        if count >= self._options.handling_max or held + size > self._options.handling_of_peer_bytes or self._bytes + size > self._options.handling_max_bytes:
            self._in_work.discard(key)
            self._tell("flood", message, "too many of its messages wait for handlers: this one is handled when it comes again")
            return
        self._of_peer[peer] = (count + 1, held + size)
        self._bytes += size
        conversation = (peer, message.conversation_id)
        queue = self._queues.get(conversation)
        if queue is not None:
            queue.append((message, mode, size))
            return
        self._queues[conversation] = deque([(message, mode, size)])
        self._start(self._work(conversation))

    async def _work(self, conversation: Tuple[str, str]) -> None:
        """Handles what waits in a conversation, one after the other."""
        await self._begun.wait()
        queue = self._queues[conversation]
        try:
            while queue:
                message, mode, size = queue[0]
                await self._safely(message, mode, _key(message), self._hear)
                queue.popleft()
                self._left(message.sender, size)
        finally:
            del self._queues[conversation]
            for message, _, size in queue:  # the agent is closed
                self._left(message.sender, size)

    async def _safely(self, message: NetworkMessage, mode: Any, key: Tuple[str, str], hear: Optional[Callable[[NetworkMessage], Awaitable[None]]]) -> None:
        try:
            if hear is not None:
                await hear(message)
            await self._finish(message, mode, key)
        except Exception:
            _log.exception("%s %s is not processed; it comes again", message.type, message.message_id)
        finally:
            self._in_work.discard(key)

    async def _finish(self, message: NetworkMessage, mode: Any, key: Tuple[str, str], is_heard: bool = True) -> None:
        await self._processed.add(*key)
        if is_heard:
            await self._record(message, mode == V2)
        if mode == V2:
            self._receipts.processed(message.sender, message.conversation_id, message.message_id)

    def _left(self, peer: str, size: int) -> None:
        self._bytes -= size
        count, held = self._of_peer.get(peer, (0, 0))
        if count > 1:
            self._of_peer[peer] = (count - 1, held - size)
        else:
            self._of_peer.pop(peer, None)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, kind: str, about: Any, message: str) -> None:
        sender = about.sender if isinstance(about, NetworkMessage) else about.sender_id
        self._events.tell(SecurityEvent(kind, sender, message, about.conversation_id, about.message_id))


def _key(message: NetworkMessage) -> Tuple[str, str]:
    """Plain text can be anybody's: what is forged there must not hide what is sealed under the same id."""
    return (message.sender if message.is_sealed else f"{PLAIN}{message.sender}", message.message_id)


def _message(frame: Frame, is_sealed: bool, is_verified: bool) -> NetworkMessage:
    return NetworkMessage(
        frame.message_id, frame.conversation_id, frame.sender_id, frame.recipient_id, frame.message_type, frame.content, frame.timestamp, frame.metadata, is_sealed, is_verified
    )

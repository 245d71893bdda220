"""Everything that an agent says, until it is delivered or given up (Agent Network §12). It has no socket and no key."""
from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import Awaitable, Callable, List, Literal, Optional, Tuple, Union

from ..fault import Fault
from .absence import Absence
from .ahead import Ahead
from .conversations import Conversations
from .delivery import DeliveryReport, Settled
from .frames import Frame, frame_text, metadata_of, new_id, now_ms
from .handshakes import SEED, V2
from .lane import KEPT, Item, Kept, Lane, read_kept
from .lanes import Lanes
from .options import NetworkOptions
from .pace import Pace
from .refusals import Refusal
from .sealed import SealedHead
from .vault import Vault

_OVER_TRIES = 3
_ABSENT = "{} is not connected; this is sent when it comes"
_log = logging.getLogger("synaptic_core.network")


class Outbox:
    """
    One task says what may be said: answers and receipts first, then the most urgent lane, which has every fourth frame.

    bound: waiting_max messages of a recipient · owner: the agent
    """

    def __init__(
        self, own: str, vault: Vault, conversations: Conversations, write: Callable[[str], Awaitable[bool]], tell: Callable[[DeliveryReport], None],
        options: NetworkOptions, now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own, self._vault, self._conversations = own, vault, conversations
        self._write, self._options, self._now = write, options, now
        self._lanes = Lanes()
        self._absence = Absence(options.retry_first_s)
        self._settled = Settled(vault, tell)
        self._ahead = Ahead()
        self._pace = Pace(options.per_second, options.burst, now())
        self._looked_at = 0.0
        self._is_up = False
        self._woken = asyncio.Event()
        self._task: "Optional[asyncio.Task[None]]" = None
        self._seq = 0

    @property
    def size(self) -> int:
        """Messages that are not delivered yet."""
        return sum(1 for _, item in self._lanes.items() if not item.is_over)

    async def open(self) -> None:
        """Takes in what was kept before."""
        for kept in sorted(map(read_kept, await self._vault.read(KEPT)), key=lambda one: one.seq):
            self._seq = max(self._seq, kept.seq)
            item = Item(kept, len(frame_text(kept.frame)))
            item.was_said = True  # by the program before
            self._lanes.enter(item)
        self._task = asyncio.create_task(self._run())

    async def add(self, frame: Frame, is_plain: bool, expires_at: int) -> "asyncio.Future[None]":
        """Keeps a message: it is on disk, where there is one, when this returns. The future is for its delivery. Raises Fault full, conflict, unavailable."""
        peer = frame.recipient_id
        if self._lanes.count(peer) >= self._options.waiting_max:
            raise Fault("full", f"{self._options.waiting_max} messages wait for {peer}: wait until some are delivered")
        size = len(frame_text(frame))
        if self._lanes.bytes + size > self._options.waiting_max_bytes:
            raise Fault("full", f"{self._options.waiting_max_bytes} bytes wait for their recipients: wait until some are delivered")
        delivered = self._settled.expect(frame.message_id)
        self._seq += 1
        kept = Kept(self._seq, frame, is_plain, expires_at)
        self._lanes.reserve(peer)  # its place, before it is on disk
        try:
            await self._vault.commit(self._vault.put(KEPT, frame.message_id, kept.written()))
        except BaseException:
            self._settled.forget(frame.message_id)
            raise
        finally:
            self._lanes.release(peer)
        item = Item(kept, size)
        self._lanes.enter(item)
        self._settled.report(item, "kept")
        if self._absence.is_absent(peer):
            self._settled.report(item, "waiting", _ABSENT.format(peer))
        self.wake()
        return delivered

    def line_up(self, per_second: Optional[float], burst: Optional[float]) -> None:
        """The login is done, with the broker's rate, where it tells it (0: none). What has no receipt is said again, for the absent the first of each only."""
        self._pace.set(per_second, burst, self._now())
        self._is_up = True
        self._absence.new_line()
        self.wake()

    def line_down(self) -> None:
        """What was on the line is no try."""
        self._is_up = False
        for lane in self._lanes:
            lane.no_try()

    def ready(self, peer: str, conversation_id: str) -> None:
        """A handshake has made a new key."""
        self.here(peer)
        for lane in self._lanes.of(peer):
            if not lane.is_plain and (lane.conversation_id == conversation_id or self._conversations.mode(peer) == SEED):
                for item in [item for item in lane.items.values() if item.is_over]:
                    self._lanes.remove(lane, item)
                lane.unseal()
                self._end_offer(lane)
        self.wake()

    def offer_wanted(self, peer: str, conversation_id: str) -> None:
        """Something that came asks for a handshake."""
        lane = self._lanes.lane(peer, conversation_id, False)
        lane.is_asked_for, lane.is_wanted = lane.is_asked_for or not lane.is_wanted, True
        self.wake()

    def ahead(self, make: Callable[[], Optional[Frame]], answer_for: Optional[Tuple[str, str]] = None) -> None:
        """A receipt, or an answer to a handshake of this peer and conversation: made when its turn comes, and said before messages."""
        self._ahead.push(make, answer_for)
        self.wake()

    def receipt(self, peer: str, ids: List[str]) -> None:
        """The peer has processed these."""
        self.here(peer)
        for message_id in ids:
            lane, item = self._lanes.find(message_id)
            if lane is None or item is None or lane.peer != peer or lane.is_plain or self._conversations.mode(peer) != V2:
                continue
            if item.is_over:
                continue
            if item.was_said and item.text is not None:
                item.is_over = True
                self._settled.end(item, None)
            else:
                for before in [] if item.was_said else lane.over_before(item):
                    self._lanes.remove(lane, before)
                self._end(lane, item)
            for other in lane.items.values():
                other.tries = other.tries if other.is_over else 0  # it processes in order: the tries of what is behind count from here
        self.wake()

    def acked(self, message_id: str) -> None:
        """The broker has routed it: delivered, where there are no receipts (Agent Network §13.4)."""
        lane, item = self._lanes.find(message_id)
        lane = lane or self._lanes.offering(message_id)
        if lane is None:
            return
        self.here(lane.peer)
        if item is not None and item.text is not None:
            if lane.is_plain or self._conversations.mode(lane.peer) == SEED:
                self._end(lane, item)
        self.wake()

    def refused(self, refusal: Refusal) -> None:
        """The broker's ERROR about a message."""
        if refusal.is_rate:
            self._pace.slow(refusal.retry_after_s, self._now())
        lane, item = self._lanes.find(refusal.original_id or "")
        lane = lane or self._lanes.offering(refusal.original_id or "")
        if lane is None or item is not None and item.text is None:
            return
        again_at = self._now() + refusal.retry_after_s
        if refusal.is_absence:
            self._gone(lane.peer)
        elif not refusal.is_recoverable and item is not None and refusal.code != "ENCRYPTION_ERROR":
            self._end(lane, item, refusal.fault(lane.peer))
        elif not refusal.is_recoverable:
            self._fail_sealed(lane, refusal.fault(lane.peer))
        elif item is None:
            lane.offer_due_at = again_at if refusal.is_rate else max(lane.offer_due_at, again_at)
        elif refusal.is_rate:
            item.due_at, item.tries = again_at, item.tries - 1
        else:
            item.due_at = max(item.due_at, again_at)
        self.wake()

    def here(self, peer: str) -> None:
        """The peer is connected: by PRESENCE, or something came from it."""
        before = self._absence.here(peer)
        if before == "absent":
            for lane in self._lanes.of(peer):
                lane.no_try()
        if before != "here":
            self.wake()

    def key_accepted(self, peer: str) -> None:
        """What waited for that goes on."""
        for lane in self._lanes.of(peer):
            lane.no_try()
        self.wake()

    def wake(self) -> None:
        self._woken.set()

    async def drained(self, within_s: float) -> None:
        """Until what can be said has been said, or the time is over."""
        end = self._now() + within_s
        while self._is_up and self._now() < end and (self._ahead or self._pick(self._now()) is not None):
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """What waits stays in the vault."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._settled.close()

    async def _run(self) -> None:
        while True:
            try:
                wait_s = await self._step()
            except asyncio.CancelledError:
                raise
            except Exception:
                _log.exception("what is to be sent could not be")
                wait_s = 1.0
            if wait_s > 0:
                try:
                    await asyncio.wait_for(self._woken.wait(), None if wait_s == math.inf else wait_s)
                except asyncio.TimeoutError:
                    pass
            else:
                await asyncio.sleep(0)  # others have their turn between two frames
            self._woken.clear()

    async def _step(self) -> float:
        """Says one frame; gives the seconds until there is something to do."""
        now = self._now()
        if now - self._looked_at >= self._options.tick_s:
            self._looked_at = now
            self._expire()
        if not self._is_up:
            return self._options.tick_s
        self._absence.ask_one(now)
        lane = None if self._ahead.is_first else self._pick(now)
        if not self._ahead and lane is None:
            return self._idle_s(now)
        wait_s = self._pace.wait_s(now)
        if wait_s > 0:
            return wait_s
        make = self._ahead.take(lane)
        frame = make() if make is not None else None if lane is None else self._next(lane, now)
        if frame is not None:
            self._pace.take(now)
            await self._write(frame if isinstance(frame, str) else frame_text(frame))
        return 0.0

    def _pick(self, now: float) -> Optional[Lane]:
        """The most urgent lane that has something to say now; the oldest of those that are equal."""
        best, found = (9, 0), None
        for lane in self._lanes:
            due = self._due(lane, now)
            if due is None:
                continue
            order = (0, 0) if due == "offer" else (due.rank, due.kept.seq)
            if order < best:
                best, found = order, lane
        return found

    def _due(self, lane: Lane, now: float) -> "Union[Item, Literal['offer'], None]":
        """The message that is to be said, or that a handshake is to be offered."""
        if self._absence.is_silent(lane.peer, now) or not lane.items and not lane.is_wanted:
            return None
        if self._needs_offer(lane):
            return None if lane.offer_due_at > now or self._conversations.is_refused(lane.peer) else "offer"
        return lane.next_item(now, self._most(lane))

    def _needs_offer(self, lane: Lane) -> bool:
        peer, conversation_id = lane.peer, lane.conversation_id
        return not lane.is_plain and (lane.is_wanted or not self._conversations.is_ready(peer, conversation_id) or self._conversations.is_renewing(peer, conversation_id))

    def _most(self, lane: Lane) -> int:
        """Without a counter one at a time is on the line, so that the order is kept."""
        return self._options.under_way_max if not lane.is_plain and self._conversations.mode(lane.peer) == V2 else 1

    def _next(self, lane: Lane, now: float) -> "Union[Frame, str, None]":
        item = self._due(lane, now)
        if item is None or item == "offer":
            return None if item is None else self._offer(lane, now)
        if item.is_over and item.tries >= _OVER_TRIES:
            self._end(lane, item)
            self._renew(lane)
            return None
        if item.tries >= self._options.tries_max:
            again = f"has not confirmed the message after {item.tries} tries; it may have processed it: ask before you say it again"
            self._end(lane, item, Fault("timeout", f"{lane.peer} {again}"))
            return None
        if item.text is None:
            frame = item.kept.frame
            try:
                item.text = frame_text(frame if lane.is_plain else sealed_frame(self._conversations, frame))
            except ValueError as failed:
                self._end(lane, item, Fault("malformed", f"it cannot be sealed: {failed}"))
                return None
        item.due_at = now + self._wait_s(item.tries)
        item.tries += 1
        self._absence.said(lane.peer, now)
        self._settled.report(item, "sent")
        return item.text

    def _offer(self, lane: Lane, now: float) -> Optional[Frame]:
        if not lane.items and lane.offers >= self._options.tries_max:
            self._end_offer(lane)
            return None
        content = self._conversations.offer(lane.peer, lane.conversation_id)
        if content is None:
            self._end_offer(lane)
            return None
        message_id = new_id("msg")
        self._lanes.offers(lane, message_id)
        lane.offer_due_at = now + self._wait_s(lane.offers)
        lane.offers += 1
        self._absence.said(lane.peer, now)
        for item in lane.items.values():
            self._settled.report(item, "waiting", f"waits for the handshake with {lane.peer}")
        return Frame(message_id, lane.conversation_id, self._own, lane.peer, "HANDSHAKE", content, now_ms(), metadata_of("HIGH", False, True))

    def _wait_s(self, tries: int) -> float:
        return min(self._options.retry_first_s * float(2 ** min(tries, 16)), self._options.retry_most_s)

    def _idle_s(self, now: float) -> float:
        soonest = now + self._options.tick_s if len(self._lanes) else math.inf
        for lane in self._lanes:
            if self._absence.is_silent(lane.peer, now) or self._conversations.is_refused(lane.peer):
                continue
            if not self._needs_offer(lane):
                soonest = min(soonest, lane.due_at(self._most(lane)))
            elif lane.items or lane.is_wanted:
                soonest = min(soonest, lane.offer_due_at)
        return max(0.005, soonest - now)

    def _gone(self, peer: str) -> None:
        """The broker says that nobody of this name is here: no try."""
        is_news = self._absence.gone(peer, self._now())
        for lane in self._lanes.of(peer):
            if is_news:
                lane.no_try()
            for item in lane.items.values():
                self._settled.report(item, "waiting", _ABSENT.format(peer))
            if lane.is_asked_for and not lane.items:
                self._end_offer(lane)  # a stranger can have any name: it asks again

    def _expire(self) -> None:
        now = now_ms()
        for lane, item in self._lanes.items():
            if item.kept.expires_at <= now:
                self._end(lane, item, Fault("timeout", f"the message to {lane.peer} was not delivered before its end: say it again if it still matters"))

    def _fail_sealed(self, lane: Lane, fault: Fault) -> None:
        """Nothing that is sealed can go to this peer."""
        for one in self._lanes.of(lane.peer):
            if one.is_plain:
                continue
            for item in list(one.items.values()):
                item.text = None  # no counter is missed where nobody opens anything
                self._end(one, item, fault)
            self._end_offer(one)

    def _end(self, lane: Lane, item: Item, fault: Optional[Fault] = None) -> None:
        """Delivered, or given up for good."""
        self._lanes.remove(lane, item)
        if fault is not None and item.text is not None and not lane.is_plain and self._conversations.mode(lane.peer) == V2:
            self._renew(lane)
        self._drop_empty(lane)
        if not item.is_over:
            self._settled.end(item, fault)

    def _renew(self, lane: Lane) -> None:
        """A counter would be waited for in vain: there is a new key instead."""
        fresh = self._lanes.lane(lane.peer, lane.conversation_id, lane.is_plain)
        fresh.is_asked_for = False
        fresh.is_wanted = self._conversations.renew(lane.peer, lane.conversation_id) or fresh.is_wanted

    def _end_offer(self, lane: Lane) -> None:
        self._lanes.end_offer(lane)
        self._drop_empty(lane)

    def _drop_empty(self, lane: Lane) -> None:
        if self._lanes.drop_empty(lane):
            self._absence.forget(lane.peer)


def sealed_frame(conversations: Conversations, frame: Frame) -> Frame:
    """ENCRYPTED instead of a frame. Raises Fault unavailable, ValueError."""
    metadata = {**frame.metadata, "encrypted": True}
    head = SealedHead(frame.message_id, frame.conversation_id, frame.sender_id, frame.recipient_id, frame.message_type, frame.timestamp, metadata)
    content = conversations.seal(head, frame.content)
    return Frame(frame.message_id, frame.conversation_id, frame.sender_id, frame.recipient_id, "ENCRYPTED", content, frame.timestamp, metadata)

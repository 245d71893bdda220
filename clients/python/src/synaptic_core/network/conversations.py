"""Handshakes, pins, keys and order of all conversations (Agent Network §10, §11, §13). No sockets, no timers."""
from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Callable, List, Mapping, Optional, Tuple

from ..fault import Fault
from . import sodium
from .canonical import to_base64
from .frames import Frame
from .handshakes import SEED, V2, Handshake, HandshakeFacts, make_handshake, make_seed_handshake, read_handshake
from .in_order import Taken
from .options import NetworkOptions
from .peers import Peers, Pin, fingerprints_of
from .sealed import COUNTER_MAX, SealedHead, conversation_key, open_sealed, read_sealed, seal, verify
from .security import CryptoProblem, Fingerprints, SecurityEvent, SecurityEvents, key_has_changed
from .seed_talks import SeedTalks
from .talk import Session, Talk
from .tokens import Buckets
from .vault import Vault

RECEIPT = "RECEIPT"
_NAMES_MAX = 10_000  #: peers whose rates are remembered
_STRANGERS = ""  #: all who are not pinned, as if they were one peer: a stranger can have any name
_BARE = frozenset({"AUTH", "HANDSHAKE", "ENCRYPTED", "CONNECTED", "ACK", "HEARTBEAT", "PRESENCE", "ERROR", "DISCONNECT"})  #: types that nothing sealed has


@dataclass(frozen=True)
class Handshaken:
    """`answer` is to be sent; `is_ready`: the conversation has a new key."""

    answer: Optional[Mapping[str, Any]] = None
    is_ready: bool = False


@dataclass(frozen=True)
class Opened:
    """A frame as it was before it was sealed."""

    frame: Frame
    mode: Any  #: V2 or SEED
    is_verified: bool
    is_late: bool = False
    is_again: bool = False  #: its counter was there before, under this messageId
    is_old: bool = False  #: its counter was there before, who knows under which: right only if this message was processed


class Conversations:
    """
    Of one agent.

    bound: conversations_max, conversations_of_peer_max talks · evicts: the longest unused · owner: the agent
    """

    def __init__(
        self, own: str, vault: Vault, peers: Peers, events: SecurityEvents, want_offer: Callable[[str, str], None],
        options: NetworkOptions = NetworkOptions(), now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = own
        self._vault = vault
        self._peers = peers
        self._events = events
        self._want_offer = want_offer
        self._options = options
        self._now = now
        self._talks: "OrderedDict[Tuple[str, str], Talk]" = OrderedDict()
        self._seeds = SeedTalks(vault)
        self._offers = Buckets(options.offers_per_s, options.offers_burst, _NAMES_MAX)
        self._wants = Buckets(options.wants_per_s, options.wants_burst, _NAMES_MAX)
        self._strangers = Buckets(1 / options.offer_pause_s, 1, _NAMES_MAX)

    def offer(self, peer: str, conversation_id: str) -> Optional[Mapping[str, Any]]:
        """The content of a HANDSHAKE that gives the conversation a key; None where it has one. Raises Fault forbidden where the peer's key has changed."""
        pin = self._peers.get(peer)
        if pin is not None and pin.shown is not None:
            raise key_has_changed(peer)
        if self.is_ready(peer, conversation_id) and not self.is_renewing(peer, conversation_id):
            return None
        identity = self._vault.identity
        facts = HandshakeFacts(conversation_id, self._own, peer)
        talk = self._talk(peer, conversation_id)
        talk.is_offered = True
        return make_handshake(facts, identity.signing, identity.agreement.public, talk.own_pair().public)

    async def handshake(self, frame: Frame) -> Handshaken:
        """A HANDSHAKE came. What it changes is on disk, where there is one, when this returns. What is refused is told as a security event."""
        peer = frame.sender_id
        if not self._is_awaited(frame) and not self._offers.take(peer, self._now()):
            self._tell("flood", frame, "it offers handshakes faster than once a second; they are dropped")
            return Handshaken()
        try:
            shown = read_handshake(HandshakeFacts(frame.conversation_id, peer, frame.recipient_id), frame.content)
            pin = self._peers.get(peer)
            if pin is not None and not await self._is_pinned(pin, shown, frame):
                return Handshaken()
            if shown.mode == SEED and not self._options.seed_mode:
                self._tell("downgrade", frame, "it offers a handshake of seed mode, which is refused here (NetworkOptions.seed_mode)")
                return Handshaken()
            if shown.mode == SEED:
                return await self._seed_handshake(pin, shown, frame)
            return await self._handshake(pin, shown, frame)
        except CryptoProblem as problem:
            self._tell(problem.kind, frame, f"its HANDSHAKE is refused: {problem.message}")
            return Handshaken()

    def is_ready(self, peer: str, conversation_id: str) -> bool:
        """True where something can be sealed."""
        pin = self._peers.get(peer)
        if pin is None or pin.shown is not None:
            return False
        if pin.mode == SEED:
            return self._seeds.is_ready(peer)
        talk = self._talks.get((peer, conversation_id))
        return talk is not None and talk.session is not None

    def is_refused(self, peer: str) -> bool:
        """True while a changed key waits for `accept_key`."""
        pin = self._peers.get(peer)
        return pin is not None and pin.shown is not None

    def mode(self, peer: str) -> Any:
        """V2 or SEED; None for whom nothing is known of."""
        pin = self._peers.get(peer)
        return None if pin is None else pin.mode

    def session_number(self, peer: str, conversation_id: str) -> int:
        """Changes with each handshake."""
        talk = self._talks.get((peer, conversation_id))
        return 0 if talk is None or talk.session is None else talk.session.number

    def seal(self, head: SealedHead, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The content of ENCRYPTED. Raises Fault unavailable where there is no key, ValueError where `data` is no JSON."""
        peer = head.recipient_id
        if not self.is_ready(peer, head.conversation_id):
            raise Fault("unavailable", f"there is no key for {peer} yet")
        signing = self._vault.identity.signing.private
        pin = self._peers.get(peer)
        if pin is not None and pin.mode == SEED:
            return self._seeds.seal(pin, head, data, signing)
        session = self._talk(peer, head.conversation_id).session
        assert session is not None
        counter = 0 if head.original_type == RECEIPT else session.next_counter()
        try:
            return seal(head, counter, data, session.key, signing, sodium.random_bytes(sodium.NONCE_BYTES))
        except ValueError:
            if counter > 0:
                session.unused()
            raise

    async def open(self, frame: Frame, size: int = 0) -> List[Opened]:
        """What an ENCRYPTED frame releases, in order; `size` is what it costs to keep it, in bytes. What is refused is told as a security event, and never answered."""
        pin = self._peers.get(frame.sender_id)
        if pin is None or pin.shown is not None:
            self._tell("not-opened", frame, "nothing of it is opened: its key is not known" if pin is None else "nothing of it is opened until its new key is accepted (accept_key)")
            if pin is None and self._strangers.take(frame.sender_id, self._now()) and self._wants.take(_STRANGERS, self._now()):
                self._want_offer(frame.sender_id, frame.conversation_id)  # perhaps this side has lost its memory
            return []
        try:
            if pin.mode == SEED:
                data, is_verified, original = self._seeds.open(pin, frame)
                if original in _BARE or original == RECEIPT:
                    raise CryptoProblem("malformed", "what was sealed has a type that it cannot have")
                return [Opened(_as_said(frame, original, data), SEED, is_verified)]
            return self._open(pin, frame, size)
        except CryptoProblem as problem:
            self._tell(problem.kind, frame, f"a frame is dropped: {problem.message}")
            if pin.mode == V2 and problem.kind in ("bad-tag", "bad-signature"):
                talk = self._talks.get((pin.peer, frame.conversation_id))
                if talk is not None:
                    self._wants_offer(talk, frame)
            return []

    def tick(self) -> List[Opened]:
        """What waited too long for something that is missing; also renews what is old. To be called once a second."""
        released: List[Opened] = []
        now = self._now()
        for (peer, conversation_id), talk in list(self._talks.items()):
            if talk.session is not None:  # what was missing under the key before is sealed anew, and so is what waits for it
                released += self._released(talk.session.order.give_up(now), peer, conversation_id)
            if talk.session is not None and not talk.is_renewing and now - talk.session.since > self._options.renew_s:
                talk.is_renewing = True
                self._want_offer(peer, conversation_id)
        return released

    def renew_all(self) -> None:
        """Every conversation has a new handshake."""
        self._seeds.forget_keys()
        for (peer, conversation_id), talk in list(self._talks.items()):
            if talk.session is not None:
                talk.is_renewing = True
                self._want_offer(peer, conversation_id)

    def renew(self, peer: str, conversation_id: str) -> bool:
        """The conversation is to have a new handshake; False where it has no key."""
        talk = self._talks.get((peer, conversation_id))
        if talk is None or talk.session is None:
            return False
        talk.is_renewing = True
        return True

    async def accept_key(self, peer: str, fingerprint: str) -> None:
        """Accepts the key that was shown, or stays with the pinned one. Raises Fault not-found, conflict (it is neither of the two)."""
        pin = self._peers.get(peer)
        if pin is None or pin.shown is None:
            raise Fault("not-found", f"no key of {peer} waits to be accepted")
        prints = fingerprints_of(pin, pin.shown)
        given = "".join(fingerprint.split()).lower()
        if given == "".join(prints.shown.split()):
            self.drop_keys(peer)
            await self._peers.keep(Pin(peer, pin.shown.mode, pin.shown.public, pin.shown.signing, True))
        elif given == "".join(prints.pinned.split()):
            await self._peers.keep(replace(pin, shown=None))
        else:
            raise Fault("conflict", f"that is not the fingerprint that {peer} has shown ({prints.shown}), nor the pinned one")

    async def forget(self, peer: str) -> None:
        """As if it had never been heard of: its next key is trusted."""
        self.drop_keys(peer)
        await self._peers.forget(peer)

    def drop_keys(self, peer: str) -> None:
        for key in [key for key in self._talks if key[0] == peer]:
            del self._talks[key]
        self._seeds.drop(peer)

    def close(self) -> None:
        self._talks.clear()
        self._seeds.close()

    async def _is_pinned(self, pin: Pin, shown: Handshake, frame: Frame) -> bool:
        if pin.mode == V2 and shown.mode == SEED:
            self._tell("downgrade", frame, "it was known at version 2, and is not heard in seed mode again; `forget` it if its owner says that this is right")
            return False
        if pin.fits(shown):
            if pin.shown is not None:
                self._tell("not-opened", frame, "its handshake is refused until one of its two keys is accepted (accept_key)", fingerprints_of(pin, pin.shown))
            return pin.shown is None
        self.drop_keys(pin.peer)
        await self._peers.keep(replace(pin, shown=shown))
        self._tell("key-changed", frame, "its key has changed: compare fingerprints with its owner by another way, then accept_key", fingerprints_of(pin, shown))
        return False

    async def _handshake(self, pin: Optional[Pin], shown: Handshake, frame: Frame) -> Handshaken:
        assert shown.ephemeral is not None
        peer, now = frame.sender_id, self._now()
        talk = self._talk(peer, frame.conversation_id)
        done = talk.completed
        if shown.answers is None and done is not None and shown.ephemeral == done.peer:
            if not talk.may_answer(now, self._options.answer_pause_s):
                return Handshaken()
            return Handshaken(self._answer(frame, done.own, shown.ephemeral))
        if shown.answers is not None and (talk.open is None or shown.answers != talk.open.public):
            if done is None or shown.answers != done.own:
                self._tell("unbound-answer", frame, "it answers a handshake that nobody here has open")
            return Handshaken()
        if shown.answers is None and await self._peers.is_used(peer, shown.ephemeral):
            self._tell("used-ephemeral", frame, "its HANDSHAKE was said before: somebody repeats it, or its answer was lost; a new one is offered")
            self._wants_offer(talk, frame, is_failure=False)
            return Handshaken()
        own = talk.own_pair()
        session = Session(conversation_key(own.private, shown.ephemeral, frame.conversation_id), self._options.gap_s, now)
        await self._peers.keep(Pin(peer, V2, shown.public, shown.signing, pin is not None and pin.is_spoken_to), shown.ephemeral)
        talk.complete(own.public, shown.ephemeral, session, now, self._options.transition_s)
        return Handshaken(self._answer(frame, own.public, shown.ephemeral) if shown.answers is None else None, is_ready=True)

    async def _seed_handshake(self, pin: Optional[Pin], shown: Handshake, frame: Frame) -> Handshaken:
        kept = pin if pin is not None else Pin(frame.sender_id, SEED, shown.public, shown.signing)
        is_new = self._seeds.ready(kept)
        if pin is None:
            await self._peers.keep(kept)
        talk = self._talk(frame.sender_id, frame.conversation_id)
        is_answer, talk.is_offered, talk.is_renewing = talk.is_offered, False, False
        if is_answer or frame.metadata.get("requiresResponse") is False or not talk.may_answer(self._now(), self._options.seed_answer_pause_s):
            return Handshaken(is_ready=is_new)
        identity = self._vault.identity
        return Handshaken(make_seed_handshake(self._own, identity.agreement.public, identity.signing.public), is_ready=is_new)

    def _has_room(self, peer: str, now: float) -> bool:
        """True while what waits for something missing is not too much, of this peer and of all."""
        held = {key: sum(session.order.held_bytes for session in talk.sessions(now)) for key, talk in self._talks.items()}
        return sum(size for key, size in held.items() if key[0] == peer) <= self._options.held_of_peer_bytes and sum(held.values()) <= self._options.held_bytes

    def _open(self, pin: Pin, frame: Frame, size: int) -> List[Opened]:
        assert pin.signing is not None
        parts = read_sealed(frame.content)
        head = SealedHead(frame.message_id, frame.conversation_id, frame.sender_id, frame.recipient_id, parts.original_type, frame.timestamp, frame.metadata)
        verify(head, parts, pin.signing)
        now = self._now()
        talk = self._talk(pin.peer, frame.conversation_id)
        sessions = talk.sessions(now)
        if not sessions:
            self._tell("not-opened", frame, "it is sealed by a key that is not here any more; a new handshake is offered")
            self._wants_offer(talk, frame, is_failure=False)
            return []
        for session in sessions:
            try:
                counter, data = open_sealed(head, parts, session.key)
                break
            except CryptoProblem as problem:
                if problem.kind != "bad-tag" or session is sessions[-1]:
                    raise
        if parts.original_type in _BARE or (counter == 0) != (parts.original_type == RECEIPT):
            raise CryptoProblem("malformed", "what was sealed has a type, or a counter, that it cannot have")
        if frame.metadata.get("encrypted") is not True:
            raise CryptoProblem("malformed", "metadata.encrypted is not true")
        if counter == COUNTER_MAX:
            raise CryptoProblem("malformed", "its counter is at its end: the next one would be no whole number")
        talk.opened()
        opened = Opened(_as_said(frame, parts.original_type, data), V2, True)
        if counter == 0:
            return [opened]
        taken = session.order.take(counter, frame.message_id, opened, now, size)
        if taken.is_again or taken.is_old:
            return [replace(opened, is_again=taken.is_again, is_old=taken.is_old)]
        released = self._released(taken, pin.peer, frame.conversation_id)
        while session.order.held_bytes > 0 and not self._has_room(pin.peer, now):
            released += self._released(session.order.skip(), pin.peer, frame.conversation_id)
        return released

    def _released(self, taken: Taken, peer: str, conversation_id: str) -> List[Opened]:
        if taken.missing > 0:
            text = f"{taken.missing} of its messages did not come: the broker has lost or withheld them; ask it what it said"
            self._events.tell(SecurityEvent("gap", peer, text, conversation_id))
        return [replace(opened, is_late=is_late) for opened, is_late in taken.released]

    def _answer(self, frame: Frame, own: bytes, answers: bytes) -> Mapping[str, Any]:
        identity = self._vault.identity
        return make_handshake(HandshakeFacts(frame.conversation_id, self._own, frame.sender_id), identity.signing, identity.agreement.public, own, answers)

    def _is_awaited(self, frame: Frame) -> bool:
        """True for the answer to one's own offer: it was asked for."""
        talk = self._talks.get((frame.sender_id, frame.conversation_id))
        return talk is not None and talk.is_offered and talk.open is not None and frame.content.get("answers") == to_base64(talk.open.public)

    def is_renewing(self, peer: str, conversation_id: str) -> bool:
        """True where there is a key that nothing more is to be sealed by."""
        talk = self._talks.get((peer, conversation_id))
        return self.mode(peer) == V2 and talk is not None and talk.is_renewing

    def _talk(self, peer: str, conversation_id: str) -> Talk:
        key = (peer, conversation_id)
        known = self._talks.pop(key, None)
        self._talks[key] = talk = known or Talk()
        if known is not None:
            return talk
        of_peer = [one for one in self._talks if one[0] == peer]
        if len(of_peer) > self._options.conversations_of_peer_max:
            del self._talks[of_peer[0]]
        if len(self._talks) > self._options.conversations_max:
            self._talks.popitem(last=False)
        return talk

    def _wants_offer(self, talk: Talk, frame: Frame, is_failure: bool = True) -> None:
        """What came shows that the two have no key in common; a peer may name conversations without end."""
        now = self._now()
        if talk.needs_offer(now, self._options.offer_pause_s, is_failure) and self._wants.take(frame.sender_id, now):
            talk.wants_offer(now)
            self._want_offer(frame.sender_id, frame.conversation_id)

    def _tell(self, kind: str, frame: Frame, message: str, prints: Optional[Fingerprints] = None) -> None:
        self._events.tell(SecurityEvent(kind, frame.sender_id, message, frame.conversation_id, frame.message_id, prints))


def _as_said(frame: Frame, original: str, data: Mapping[str, Any]) -> Frame:
    return replace(frame, message_type=original, content=data)


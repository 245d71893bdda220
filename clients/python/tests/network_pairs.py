"""Two sides of a conversation without a socket: what one says is handed to the other, or to nobody."""
import itertools
import logging
from dataclasses import replace

from synaptic_core.network.conversations import Conversations
from synaptic_core.network.frames import Frame, metadata_of, new_id, now_ms
from synaptic_core.network.options import NetworkOptions
from synaptic_core.network.peers import Peers
from synaptic_core.network.sealed import SealedHead
from synaptic_core.network.security import SecurityEvents
from synaptic_core.network.store import MemoryStore
from synaptic_core.network.vault import Vault

CONVERSATION = "conv_1"
logging.getLogger("synaptic_core.network").setLevel(logging.CRITICAL)  # what is refused is looked at by its kind
_number = itertools.count(1)


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Side:
    """One agent's conversations, with what it was told."""

    @classmethod
    async def open(cls, name, clock=None, store=None, passphrase=None, **options):
        side = cls()
        side.name, side.clock, side.told, side.wanted = name, clock or Clock(), [], []
        side.vault = await Vault.open(store or MemoryStore(), passphrase, 1)
        side.peers = Peers(side.vault)
        await side.peers.load()
        events = SecurityEvents()
        events.listen(side.told.append)
        side.conversations = Conversations(name, side.vault, side.peers, events, lambda *about: side.wanted.append(about), NetworkOptions(**options), side.clock)
        return side

    @property
    def kinds(self):
        return [event.kind for event in self.told]

    def offers(self, to, conversation=CONVERSATION):
        content = self.conversations.offer(to.name, conversation)
        return None if content is None else self.frame(to, "HANDSHAKE", content, conversation, metadata_of("HIGH", False, True))

    async def hears_handshake(self, frame):
        """Its answer as a frame, or None."""
        became = await self.conversations.handshake(frame)
        self.became = became
        if became.answer is None:
            return None
        return Frame(new_id("msg"), frame.conversation_id, self.name, frame.sender_id, "HANDSHAKE", became.answer, now_ms(), metadata_of("HIGH", False, False))

    async def meets(self, other, conversation=CONVERSATION):
        answer = await other.hears_handshake(self.offers(other, conversation))
        await self.hears_handshake(answer)

    def seals(self, to, data, original="INFORM", message_id=None, conversation=CONVERSATION):
        head = SealedHead(message_id or f"m{next(_number)}", conversation, self.name, to.name, original, now_ms(), metadata_of("NORMAL", True, False))
        content = self.conversations.seal(head, data)
        return Frame(head.message_id, conversation, self.name, to.name, "ENCRYPTED", content, head.timestamp, head.metadata)

    async def opens(self, frame):
        return [opened.frame.content for opened in await self.conversations.open(frame)]

    def frame(self, to, kind, content, conversation=CONVERSATION, metadata=None):
        return Frame(new_id("msg"), conversation, self.name, to.name, kind, content, now_ms(), metadata or metadata_of())


def changed(frame, **content):
    """The same frame with other fields in its content; None takes one away."""
    merged = {**frame.content, **content}
    return replace(frame, content={name: value for name, value in merged.items() if value is not None})

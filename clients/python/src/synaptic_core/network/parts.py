"""An agent's parts, built in their order: records, conversations, what is said, what is heard."""
from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Awaitable, Callable, List, Optional

from ..fault import Fault
from .calls import Calls
from .conversations import RECEIPT, Conversations
from .delivery import DeliveryReport
from .frames import Frame, metadata_of, new_id, now_ms
from .incoming import Incoming
from .message import NetworkMessage
from .options import NetworkOptions
from .outbox import Outbox, sealed_frame
from .peers import Peers
from .processed import ProcessedIds
from .proposals import Proposals
from .receipts import Receipts
from .security import SecurityEvents
from .store import MemoryStore, Store
from .store_sqlite import SqliteStore
from .transcript import Transcript
from .vault import Vault


class Parts:
    """Made by `build_parts`; closed in the order in which they lean on each other."""

    def __init__(
        self, own: str, vault: Vault, peers: Peers, events: SecurityEvents, write: Callable[[str], Awaitable[bool]], tell: Callable[[DeliveryReport], None],
        hear: Callable[[NetworkMessage], Awaitable[None]], record: Callable[[NetworkMessage, bool], Awaitable[None]], transcript: Transcript, options: NetworkOptions,
    ) -> None:
        self._own = own
        self.vault, self.peers, self.transcript = vault, peers, transcript
        self.calls, self.proposals = Calls(), Proposals()
        self.conversations = Conversations(own, vault, peers, events, lambda peer, conversation_id: self.outbox.offer_wanted(peer, conversation_id), options)
        self.outbox = Outbox(own, vault, self.conversations, write, tell, options)
        self.receipts = Receipts(options.receipt_pause_s, self._receipt)
        processed = ProcessedIds(vault, options.processed_max)
        self.incoming = Incoming(own, self.conversations, self.outbox, processed, self.receipts, self.calls, self.proposals, events, hear, record, options)

    def _receipt(self, peer: str, conversation_id: str, ids: List[str]) -> None:
        """Sealed when its turn comes; where there is no key any more, the sender says the messages again."""

        def make() -> Optional[Frame]:
            if not self.conversations.is_ready(peer, conversation_id):
                return None
            return sealed_frame(self.conversations, Frame(new_id("msg"), conversation_id, self._own, peer, RECEIPT, {"messageIds": ids}, now_ms(), metadata_of("LOW", True)))

        self.outbox.ahead(make)

    async def tick(self) -> None:
        """What is due: gaps, renewals."""
        for opened in self.conversations.tick():
            await self.incoming.opened(opened, 1_024)

    async def close(self, within_s: float) -> None:
        await self.incoming.close(within_s)
        self.receipts.close()
        await self.outbox.drained(within_s)

    async def end(self) -> None:
        """After the line is closed."""
        await self.outbox.close()
        self.conversations.close()
        await self.vault.close()


async def build_parts(
    own: str, passphrase: Optional[str], store: Optional[str], events: SecurityEvents, write: Callable[[str], Awaitable[bool]], tell: Callable[[DeliveryReport], None],
    hear: Callable[[NetworkMessage], Awaitable[None]], record: Callable[[NetworkMessage, bool], Awaitable[None]], options: NetworkOptions,
) -> Parts:
    """Raises Fault forbidden (another passphrase), conflict (another program has the store), malformed, unavailable."""
    if passphrase is None and store is not None:
        raise Fault("malformed", "a store needs a passphrase: without one nothing of a key is on a disk")
    lies: Store = MemoryStore() if passphrase is None else await SqliteStore.open(store or _usual_store(own))
    try:
        vault = await Vault.open(lies, passphrase)
        await vault.own(own)
        peers = Peers(vault)
        await peers.load()
        transcript = Transcript(vault, options.transcript_max, options.transcript_max_bytes, options.transcript)
        await transcript.open()
        return Parts(own, vault, peers, events, write, tell, hear, record, transcript, options)
    except BaseException:
        await asyncio.shield(lies.close())
        raise


def _usual_store(own: str) -> str:
    """`$XDG_DATA_HOME/synaptic-core/network/AGENT.db`."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    name = re.sub(r"[^A-Za-z0-9_-]", lambda found: "".join(f"%{byte:02x}" for byte in found.group().encode("utf-8", "surrogatepass")), own)
    return str(Path(base) / "synaptic-core" / "network" / f"{name[:200]}.db")

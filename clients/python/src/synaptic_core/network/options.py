"""What an agent of the network can be told beside its name. Times are in seconds."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkOptions:
    """The defaults are those of the protocol (Agent Network §10, §12, §14)."""

    answer_timeout_s: float = 30.0  #: how long `query`, `ask` and `propose` wait for their answer
    connect_timeout_s: float = 10.0  #: how long `connect` waits for CONNECTED
    close_timeout_s: float = 5.0  #: how long `close` waits for handlers and what is to be sent
    keep_s: float = 7 * 86_400.0  #: how long a message waits for its receipt
    waiting_max: int = 1_000  #: messages that wait for one recipient
    waiting_max_bytes: int = 67_108_864  #: of all that waits
    tries_max: int = 8  #: how often one is sent
    retry_first_s: float = 5.0  #: how long its first try waits for the receipt; each further one twice as long
    retry_most_s: float = 300.0
    receipt_pause_s: float = 0.2  #: how long receipts are gathered
    per_second: float = 9.0  #: messages a second, below the broker's 10; CONNECTED may say otherwise
    burst: float = 45.0  #: messages at once, below the broker's 50
    under_way_max: int = 256  #: messages of one conversation without a receipt: as many as a receiver holds for one that is missing
    heartbeat_s: float = 0.0  #: how often a heartbeat is sent; 0: as CONNECTED says
    missed_max: int = 3  #: heartbeats without an echo after which the line counts as lost
    reconnect_first_s: float = 1.0  #: after the first try, which is made at once
    reconnect_factor: float = 1.5
    reconnect_most_s: float = 30.0
    gap_s: float = 60.0  #: how long a missing message is waited for
    transition_s: float = 60.0  #: how long the key before a new handshake opens
    renew_s: float = 30 * 86_400.0  #: after which keys are made anew
    earlier_s: float = 7 * 86_400.0  #: how long the long-term key before opens
    offer_pause_s: float = 60.0  #: between handshakes that failures bring
    answer_pause_s: float = 1.0  #: between equal answers to an offer that comes again
    seed_answer_pause_s: float = 10.0  #: the same of a peer in seed mode, which may take every answer for a new offer
    offers_per_s: float = 1.0  #: HANDSHAKEs of one peer
    offers_burst: float = 10.0
    wants_per_s: float = 1 / 6  #: handshakes that one peer's frames make wanted, over all its conversations
    wants_burst: float = 10.0
    conversations_max: int = 4_096  #: conversations that have keys
    conversations_of_peer_max: int = 64
    processed_max: int = 20_000  #: ids of a sender that are remembered
    handling_max: int = 1_000  #: messages of one peer that wait for handlers; more are dropped, and come again
    handling_of_peer_bytes: int = 16_777_216  #: of them, as JSON
    handling_max_bytes: int = 67_108_864  #: of all peers'
    held_of_peer_bytes: int = 4_194_304  #: of messages that wait for one that is missing
    held_bytes: int = 67_108_864  #: of all peers'
    seed_mode: bool = True  #: speak with peers whose handshake has no version; False: they are refused
    transcript: bool = True  #: keep what was said and heard, encrypted
    transcript_max: int = 10_000
    transcript_max_bytes: int = 67_108_864
    tick_s: float = 1.0  #: how often what is due is looked for

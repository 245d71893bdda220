"""Peers in seed mode: one pair of keys with each, for all its conversations (Agent Network §13)."""
from __future__ import annotations

from collections import OrderedDict
from typing import Any, Dict, List, Mapping, Tuple

from . import sodium
from .frames import Frame, now_ms
from .peers import Pin
from .sealed import SealedHead, read_sealed
from .security import CryptoProblem
from .seed_mode import open_for_seed, seal_for_seed, seed_keys, verify_for_seed
from .vault import Vault

_PEERS_MAX = 4_096


class SeedTalks:
    """
    The keys with peers that have shaken hands since this program runs.

    bound: _PEERS_MAX · evicts: the longest unused · owner: Conversations
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._ready: "OrderedDict[str, bytes]" = OrderedDict()  #: the key that seals

    def ready(self, pin: Pin) -> bool:
        """A handshake came: True where it is the first. Raises CryptoProblem bad-key."""
        is_new = pin.peer not in self._ready
        self._keep(pin.peer, seed_keys(self._vault.identity.agreement.private, pin.public).encryption)
        return is_new

    def is_ready(self, peer: str) -> bool:
        return peer in self._ready

    def seal(self, pin: Pin, head: SealedHead, data: Mapping[str, Any], signing: bytes) -> Dict[str, str]:
        """Only for who is ready."""
        return seal_for_seed(data, head.original_type, head.metadata, self._ready[pin.peer], signing, sodium.random_bytes(sodium.NONCE_BYTES))

    def open(self, pin: Pin, frame: Frame) -> Tuple[Mapping[str, Any], bool, str]:
        """Its content, whether a signature vouches for it, and its type. Raises CryptoProblem."""
        parts = read_sealed(frame.content, is_seed=True)
        if pin.signing is not None:
            verify_for_seed(parts, frame.metadata, pin.signing)
        problem = CryptoProblem("bad-tag", "it does not open")
        for key in self._opening(pin):
            try:
                return open_for_seed(parts, key), pin.signing is not None, parts.original_type
            except CryptoProblem as failed:
                problem = failed
                if failed.kind != "bad-tag":
                    break
        raise problem

    def forget_keys(self) -> None:
        """After one's own pair was made anew: each peer has to hear of it first."""
        self._ready.clear()

    def drop(self, peer: str) -> None:
        self._ready.pop(peer, None)

    def close(self) -> None:
        self._ready.clear()

    def _opening(self, pin: Pin) -> List[bytes]:
        identity = self._vault.identity.current(now_ms())
        first = [self._ready[pin.peer]] if pin.peer in self._ready else [seed_keys(identity.agreement.private, pin.public).encryption]
        return first + [seed_keys(one.pair.private, pin.public).encryption for one in identity.earlier]

    def _keep(self, peer: str, key: bytes) -> None:
        self._ready.pop(peer, None)
        self._ready[peer] = key
        if len(self._ready) > _PEERS_MAX:
            self._ready.popitem(last=False)

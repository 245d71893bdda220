"""What is known of other agents: pinned keys, ephemeral keys that were used (Agent Network §10.3, §10.4, §13.5)."""
from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional

from . import sodium
from .canonical import from_base64, to_base64
from .handshakes import SEED, V2, Handshake
from .security import Fingerprints
from .processed import PROCESSED
from .vault import Vault

PINS_MAX = 10_000
USED_MAX = 4_096  #: used ephemeral keys of a peer
_PINS, _USED = "pins", "used"


@dataclass(frozen=True)
class Pin:
    """A peer. While `shown` is there, its key has changed and nobody has accepted it."""

    peer: str
    mode: Any  #: V2 or SEED
    public: bytes
    signing: Optional[bytes]
    is_spoken_to: bool = False
    shown: Optional[Handshake] = None

    @property
    def known_by(self) -> bytes:
        """What its fingerprint is made of: a peer in seed mode may have no signing key."""
        return self.public if self.signing is None else self.signing

    def fits(self, shown: Handshake) -> bool:
        """True where a handshake is by the same keys. A peer with a signing key may come to version 2 by it."""
        if self.mode == V2:
            return shown.signing is not None and sodium.is_same(self.known_by, shown.signing)
        if self.signing is not None and shown.mode == V2:
            return shown.signing is not None and sodium.is_same(self.signing, shown.signing)
        return shown.mode == SEED and sodium.is_same(self.public, shown.public) and self.signing == shown.signing

    @property
    def fingerprint(self) -> str:
        return sodium.fingerprint(self.known_by)


def fingerprints_of(pin: Pin, shown: Handshake) -> Fingerprints:
    return Fingerprints(pin.fingerprint, sodium.fingerprint(shown.public if shown.signing is None else shown.signing))


class Peers:
    """
    The pins, in memory and in the vault.

    bound: PINS_MAX · evicts: the oldest that nothing was said to, else the oldest · owner: the agent
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._pins: "OrderedDict[str, Pin]" = OrderedDict()

    async def load(self) -> None:
        for value in await self._vault.read(_PINS):
            pin = _read(value)
            self._pins[pin.peer] = pin

    def get(self, peer: str) -> Optional[Pin]:
        return self._pins.get(peer)

    def all(self) -> List[Pin]:
        return list(self._pins.values())

    async def keep(self, pin: Pin, used: Optional[bytes] = None) -> None:
        """A pin, and the ephemeral key that came with it; on disk, where there is one, when it returns."""
        before = dict(self._pins)
        self._pins[pin.peer] = pin
        changes = [self._vault.put(_PINS, pin.peer, _written(pin))]
        if used is not None:
            changes += [self._vault.mark(_USED, f"{pin.peer}\n{to_base64(used)}", pin.peer), self._vault.trim(_USED, pin.peer, USED_MAX)]
        while len(self._pins) > PINS_MAX:
            gone = next((one for one in self._pins.values() if not one.is_spoken_to and one is not pin), next(iter(self._pins.values())))
            del self._pins[gone.peer]
            changes += [self._vault.drop(_PINS, gone.peer), self._vault.trim(_USED, gone.peer, 0), self._vault.trim(PROCESSED, gone.peer, 0)]
        try:
            await self._vault.commit(*changes)
        except BaseException:
            # What is not on the disk is not pinned: after a restart it would be another peer's place.
            if self._pins.get(pin.peer) is pin:
                del self._pins[pin.peer]
                self._pins.update({peer: old for peer, old in before.items() if peer not in self._pins})
            raise

    async def spoken_to(self, peer: str) -> None:
        pin = self._pins.get(peer)
        if pin is not None and not pin.is_spoken_to:
            await self.keep(replace(pin, is_spoken_to=True))

    async def is_used(self, peer: str, ephemeral: bytes) -> bool:
        return await self._vault.has(_USED, f"{peer}\n{to_base64(ephemeral)}")

    async def forget(self, peer: str) -> None:
        """Its keys, not what was used: that could be said again."""
        self._pins.pop(peer, None)
        await self._vault.commit(self._vault.drop(_PINS, peer))


def _written(pin: Pin) -> Dict[str, Any]:
    return {"peer": pin.peer, "spoken": pin.is_spoken_to, **_keys(pin.mode, pin.public, pin.signing), "shown": None if pin.shown is None else _keys(pin.shown.mode, pin.shown.public, pin.shown.signing)}


def _keys(mode: Any, public: bytes, signing: Optional[bytes]) -> Dict[str, Any]:
    return {"mode": mode, "public": to_base64(public), "signing": None if signing is None else to_base64(signing)}


def _read(value: Mapping[str, Any]) -> Pin:
    shown = value["shown"]
    return Pin(value["peer"], value["mode"], from_base64(value["public"]) or b"", from_base64(value["signing"]), value["spoken"], None if shown is None else _shown(shown))


def _shown(value: Mapping[str, Any]) -> Handshake:
    return Handshake(value["mode"], from_base64(value["public"]) or b"", from_base64(value["signing"]))

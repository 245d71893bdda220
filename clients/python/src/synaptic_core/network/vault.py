"""Records that only this agent reads: values are encrypted, names are keyed hashes (Agent Network §14.1)."""
from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any, Dict, List, Optional, Tuple, Union

from ..fault import Fault
from . import sodium
from .canonical import canonical_bytes, from_base64, read_json, to_base64
from .frames import now_ms
from .identity import Identity, read_identity
from .store import Change, Drop, Put, Store, Trim

ROUNDS = 600_000  #: of PBKDF2-SHA256
_VERSION = 1
_META, _KEYS = "meta", b"keys"
_OWNER = "owner"


class Vault:
    """
    Opened by `Vault.open`. Without a passphrase its keys are in memory only, and so is its store.

    The private keys and the key of the records are sealed by XChaCha20-Poly1305 under PBKDF2-SHA256 of the passphrase:
    libsodium's AES-256-GCM is not on every processor.
    """

    def __init__(self, store: Store, record_key: bytes, identity: Identity, wrapping: Optional[Tuple[bytes, bytes]], rounds: int = ROUNDS) -> None:
        self._store = store
        self._record_key = record_key
        self._name_key = sodium.hkdf(record_key, b"", b"names", 32)
        self._wrapping = wrapping  #: salt and key of the passphrase
        self._rounds = rounds
        self.identity = identity

    @classmethod
    async def open(cls, store: Store, passphrase: Optional[str] = None, rounds: int = ROUNDS) -> Vault:
        """Raises Fault forbidden (another passphrase), malformed (damaged, or of a newer version)."""
        if passphrase is None:
            return cls(store, sodium.random_bytes(32), Identity.new(now_ms()), None)
        kept = dict(await store.read(_META)).get(_KEYS)
        if kept is not None:
            return await cls._unlocked(store, passphrase, kept)
        salt = sodium.random_bytes(16)
        vault = cls(store, sodium.random_bytes(32), Identity.new(now_ms()), (salt, await _stretched(passphrase, salt, rounds)), rounds)
        await vault._keep_keys()
        return vault

    @property
    def is_durable(self) -> bool:
        return self._store.is_durable

    async def own(self, agent_id: str) -> None:
        """Keeps whose store it is: under another name its keys and what waits would be somebody else's. Raises Fault conflict where it is another agent's."""
        if not self.is_durable:
            return
        found = await self.read(_OWNER)
        if not found:
            await self.commit(self.put(_OWNER, "agentId", agent_id))
        elif found[0] != agent_id:
            raise Fault("conflict", f"the store is that of {json.dumps(found[0])}, and this agent is {agent_id}: name another store for it")

    async def save_identity(self, identity: Identity) -> None:
        self.identity = identity
        await self._keep_keys()

    async def change_passphrase(self, old: str, new: str) -> None:
        """Raises Fault forbidden (`old` is another), conflict (there is none)."""
        if self._wrapping is None:
            raise Fault("conflict", "this agent has no passphrase: give it one when it is made")
        salt, key = self._wrapping
        if not hmac.compare_digest(await _stretched(old, salt, self._rounds), key):
            raise Fault("forbidden", "the old passphrase is another")
        fresh = sodium.random_bytes(16)
        self._wrapping = (fresh, await _stretched(new, fresh, self._rounds))
        await self._keep_keys()

    async def read(self, table: str) -> List[Any]:
        """The values of a table, the oldest first. Raises Fault malformed where one was changed on the disk."""
        return [self._opened(table, name, value) for name, value in await self._store.read(table)]

    async def has(self, table: str, name: str) -> bool:
        return await self._store.has(table, self._hashed(table, name))

    def put(self, table: str, name: str, value: Any, group: str = "") -> Change:
        """To be committed."""
        hashed = self._hashed(table, name)
        nonce = sodium.random_bytes(sodium.NONCE_BYTES)
        sealed = nonce + sodium.encrypted(canonical_bytes(value), _head(table, hashed), nonce, self._record_key)
        return Put(table, hashed, sealed, self._group(table, group))

    def mark(self, table: str, name: str, group: str = "") -> Change:
        """A record that is only there or not: `has` finds it."""
        return Put(table, self._hashed(table, name), b"", self._group(table, group))

    def drop(self, table: str, name: str) -> Change:
        return Drop(table, self._hashed(table, name))

    def trim(self, table: str, group: str, keep: int) -> Change:
        return Trim(table, self._group(table, group), keep)

    async def commit(self, *changes: Change) -> None:
        await self._store.commit(changes)

    async def close(self) -> None:
        """Python cannot overwrite its bytes: the keys are let go."""
        self._record_key = self._name_key = b""
        self._wrapping = None
        await self._store.close()

    @classmethod
    async def _unlocked(cls, store: Store, passphrase: str, kept: bytes) -> Vault:
        try:
            written = read_json(kept.decode("utf-8"))
            version, rounds = written["version"], int(written["rounds"])
            salt, sealed = _sure(written["salt"]), _sure(written["sealed"])
        except (ValueError, KeyError, TypeError) as damaged:
            raise Fault("malformed", "the store's keys cannot be read: it is damaged; take its last copy") from damaged
        if version != _VERSION or not 1 <= rounds <= 100_000_000:
            raise Fault("malformed", f"the store is of version {str(version)[:20]}, and {_VERSION} is read here: take a newer synaptic-core")
        key = await _stretched(passphrase, salt, rounds)
        plain = sodium.decrypted(sealed[sodium.NONCE_BYTES :], _KEYS, sealed[: sodium.NONCE_BYTES], key)
        if plain is None:
            raise Fault("forbidden", "the passphrase does not open this store: try another, or make a new store (other agents then have to accept a new key)")
        value = read_json(plain.decode("utf-8"))
        return cls(store, _sure(value["records"]), read_identity(value["identity"]), (salt, key), rounds)

    async def _keep_keys(self) -> None:
        if self._wrapping is None:
            return
        salt, key = self._wrapping
        nonce = sodium.random_bytes(sodium.NONCE_BYTES)
        plain = canonical_bytes({"records": to_base64(self._record_key), "identity": self.identity.written()})
        written: Dict[str, Union[int, str]] = {
            "version": _VERSION, "rounds": self._rounds, "salt": to_base64(salt), "sealed": to_base64(nonce + sodium.encrypted(plain, _KEYS, nonce, key)),
            "signingKey": to_base64(self.identity.signing.public), "publicKey": to_base64(self.identity.agreement.public),
        }
        await self._store.commit([Put(_META, _KEYS, json.dumps(written).encode("utf-8"))])

    def _opened(self, table: str, name: bytes, sealed: bytes) -> Any:
        plain = sodium.decrypted(sealed[sodium.NONCE_BYTES :], _head(table, name), sealed[: sodium.NONCE_BYTES], self._record_key)
        if plain is None:
            raise Fault("malformed", f"a record of {table} was changed on the disk: take the store's last copy")
        return read_json(plain.decode("utf-8"))

    def _hashed(self, table: str, name: str) -> bytes:
        return hmac.new(self._name_key, f"{table}\0{name}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    def _group(self, table: str, group: str) -> bytes:
        return self._hashed(table + "/group", group) if group else b""


def _head(table: str, name: bytes) -> bytes:
    return table.encode("utf-8") + b"\0" + name


def _sure(text: Any) -> bytes:
    found = from_base64(text)
    if found is None:
        raise ValueError("no base64")
    return found


async def _stretched(passphrase: str, salt: bytes, rounds: int) -> bytes:
    """In another thread: it takes a third of a second, on purpose."""
    if not isinstance(passphrase, str) or passphrase == "":
        raise Fault("malformed", "the passphrase is empty: give one, or none at all (then nothing of a key is on a disk)")
    work = asyncio.get_running_loop().run_in_executor(None, hashlib.pbkdf2_hmac, "sha256", passphrase.encode("utf-8"), salt, rounds, 32)
    return await work


"""ENCRYPTED for peers whose HANDSHAKE has no `v` (Agent Network §13)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping

from . import sodium
from .canonical import canonical_bytes
from .sealed import SealedParts, content_of, read_plain
from .security import CryptoProblem


@dataclass(frozen=True)
class SeedKeys:
    """What is derived of the long-term keys. Only `encryption` is used (Agent Network §13.2)."""

    encryption: bytes
    authentication: bytes
    iv: bytes

    def __repr__(self) -> str:
        return "SeedKeys(…)"


def seed_keys(private: bytes, public: bytes) -> SeedKeys:
    """Raises CryptoProblem bad-key for a point of low order."""
    secret = sodium.agreed(private, public)
    return SeedKeys(sodium.hkdf(secret, b"", b"encryption", 32), sodium.hkdf(secret, b"", b"authentication", 32), sodium.hkdf(secret, b"", b"iv", 16))


def seal_for_seed(data: Mapping[str, Any], original_type: str, metadata: Mapping[str, Any], key: bytes, signing: bytes, nonce: bytes) -> Dict[str, str]:
    """The content of ENCRYPTED. Raises ValueError where `data` is no JSON."""
    sealed = sodium.encrypted(canonical_bytes(data), b"", nonce, key)
    return content_of(sealed, nonce, sodium.sign(_signed_text(nonce, sealed, metadata), signing), original_type)


def verify_for_seed(parts: SealedParts, metadata: Mapping[str, Any], signing: bytes) -> None:
    """Raises CryptoProblem bad-signature, malformed."""
    if not sodium.is_signed(_signed_text(parts.nonce, parts.data, metadata), parts.signature, signing):
        raise CryptoProblem("bad-signature", "its signature is not by the key that is pinned for this agent, or not for this frame")


def open_for_seed(parts: SealedParts, key: bytes) -> Dict[str, Any]:
    """Raises CryptoProblem bad-tag, malformed."""
    plain = sodium.decrypted(parts.data, b"", parts.nonce, key)
    if plain is None:
        raise CryptoProblem("bad-tag", "it does not open: it was changed, or sealed by another key")
    return read_plain(plain)


def _signed_text(nonce: bytes, sealed: bytes, metadata: Mapping[str, Any]) -> bytes:
    try:
        return nonce + sealed + canonical_bytes(metadata)
    except ValueError as reason:
        raise CryptoProblem("malformed", str(reason)) from reason

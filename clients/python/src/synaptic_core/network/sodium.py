"""What the network's cryptography stands on: libsodium by PyNaCl, HKDF of the standard library. Bytes in, bytes out."""
from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Optional

from .needed import sodium_bindings
from .security import CryptoProblem

_sodium = sodium_bindings()

KEY_BYTES = 32  #: of every public key, of an X25519 private key, and of a key that seals
NONCE_BYTES = 24
TAG_BYTES = 16
SIGNATURE_BYTES = 64
_NO_SECRET = bytes(KEY_BYTES)


@dataclass(frozen=True)
class KeyPair:
    """Ed25519 (its private key holds the public one, 64 bytes) or X25519 (32 bytes)."""

    public: bytes
    private: bytes

    def __repr__(self) -> str:
        return "KeyPair(…)"  # a private key is in no log


def random_bytes(count: int) -> bytes:
    return secrets.token_bytes(count)


def signing_pair(seed: Optional[bytes] = None) -> KeyPair:
    """An Ed25519 pair; `seed` has 32 bytes."""
    public, private = _sodium.crypto_sign_seed_keypair(random_bytes(32) if seed is None else seed)
    return KeyPair(public, private)


def agreement_pair(private: Optional[bytes] = None) -> KeyPair:
    """An X25519 pair."""
    own = random_bytes(KEY_BYTES) if private is None else private
    return KeyPair(_sodium.crypto_scalarmult_base(own), own)


def agreed(private: bytes, public: bytes) -> bytes:
    """X25519. Raises CryptoProblem bad-key for a point of low order, whose result is zero (Agent Network §10.3)."""
    try:
        secret: bytes = _sodium.crypto_scalarmult(private, public)
    except Exception as refused:  # libsodium's own word for such a point; PyNaCl has changed its class once
        raise CryptoProblem("bad-key", "its key is a point of low order") from refused
    if hmac.compare_digest(secret, _NO_SECRET):
        raise CryptoProblem("bad-key", "its key is a point of low order")
    return secret


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869). An empty salt is 32 zeros."""
    key = hmac.new(salt or bytes(32), secret, hashlib.sha256).digest()
    made, block = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.new(key, block + info + bytes([number]), hashlib.sha256).digest()
        made += block
    return made[:length]


def sign(text: bytes, private: bytes) -> bytes:
    signed: bytes = _sodium.crypto_sign(text, private)
    return signed[:SIGNATURE_BYTES]


def is_signed(text: bytes, signature: bytes, public: bytes) -> bool:
    if len(signature) != SIGNATURE_BYTES or len(public) != KEY_BYTES:
        return False
    try:
        _sodium.crypto_sign_open(signature + text, public)
    except Exception:  # CryptoError of PyNaCl: whatever libsodium says no to is not signed
        return False
    return True


def encrypted(plain: bytes, head: bytes, nonce: bytes, key: bytes) -> bytes:
    """XChaCha20-Poly1305, the tag behind it; `head` is the associated data."""
    sealed: bytes = _sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, head, nonce, key)
    return sealed


def decrypted(sealed: bytes, head: bytes, nonce: bytes, key: bytes) -> Optional[bytes]:
    """None where the tag does not fit."""
    if len(sealed) < TAG_BYTES or len(nonce) != NONCE_BYTES:
        return None
    try:
        plain: bytes = _sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, head, nonce, key)
    except Exception:  # CryptoError of PyNaCl
        return None
    return plain


def fingerprint(key: bytes) -> str:
    """What two people compare: SHA-256 over `"AN2F\\0" || key` as 64 hexadecimal digits in groups of four (Agent Network §10.1)."""
    digits = hashlib.sha256(b"AN2F\0" + key).hexdigest()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def is_same(one: bytes, other: bytes) -> bool:
    """In constant time."""
    return hmac.compare_digest(one, other)

"""ENCRYPTED of version 2: sealed, verified, opened (Agent Network §10.5, §11)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from . import sodium
from .canonical import canonical_bytes, from_base64, read_json, to_base64
from .security import CryptoProblem

COUNTER_MAX = 2**53 - 1
_MARK = b"AN2\0"


@dataclass(frozen=True)
class SealedHead:
    """What of the frame is bound to its content."""

    message_id: str
    conversation_id: str
    sender_id: str
    recipient_id: str
    original_type: str
    timestamp: Any
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class SealedParts:
    data: bytes
    nonce: bytes
    signature: bytes
    original_type: str


def conversation_key(private: bytes, public: bytes, conversation_id: str) -> bytes:
    """Raises CryptoProblem bad-key for a point of low order."""
    return sodium.hkdf(sodium.agreed(private, public), conversation_id.encode("utf-8"), b"encryption", sodium.KEY_BYTES)


def seal(head: SealedHead, counter: int, data: Mapping[str, Any], key: bytes, signing: bytes, nonce: bytes) -> Dict[str, str]:
    """The content of ENCRYPTED. Raises ValueError where `data` is no JSON."""
    bound = _bound(head)
    sealed = sodium.encrypted(canonical_bytes({"counter": counter, "data": data}), bound, nonce, key)
    return content_of(sealed, nonce, sodium.sign(_signed_text(nonce, sealed, bound), signing), head.original_type)


def content_of(sealed: bytes, nonce: bytes, signature: bytes, original_type: str) -> Dict[str, str]:
    return {"encryptedData": to_base64(sealed), "nonce": to_base64(nonce), "signature": to_base64(signature), "originalType": original_type}


def read_sealed(content: Any, is_seed: bool = False) -> SealedParts:
    """Its shape only; at version 2 exactly the four fields. Raises CryptoProblem malformed."""
    if not isinstance(content, dict):
        raise CryptoProblem("malformed", "content is no object")
    sealed, nonce, signature = (bytes_in(content, name) for name in ("encryptedData", "nonce", "signature"))
    original = content.get("originalType")
    if not isinstance(original, str) or not 1 <= len(original) <= 256:
        raise CryptoProblem("malformed", "originalType is no text of 1–256 characters")
    if len(sealed) < sodium.TAG_BYTES:
        raise CryptoProblem("malformed", "encryptedData is shorter than a tag")
    if len(nonce) != sodium.NONCE_BYTES:
        raise CryptoProblem("malformed", f"nonce has no {sodium.NONCE_BYTES} bytes")
    if len(signature) != sodium.SIGNATURE_BYTES:
        raise CryptoProblem("malformed", f"signature has no {sodium.SIGNATURE_BYTES} bytes")
    if not is_seed and len(content) != 4:
        raise CryptoProblem("malformed", "content has fields that its signature does not cover")
    return SealedParts(sealed, nonce, signature, original)


def bytes_in(content: Mapping[str, Any], name: str) -> bytes:
    """Raises CryptoProblem malformed where a field is no base64."""
    found = from_base64(content.get(name))
    if found is None:
        raise CryptoProblem("malformed", f"{name} is no base64 with padding")
    return found


def verify(head: SealedHead, parts: SealedParts, signing: bytes) -> None:
    """Raises CryptoProblem bad-signature, malformed."""
    if head.original_type != parts.original_type or not sodium.is_signed(_signed_text(parts.nonce, parts.data, _bound(head)), parts.signature, signing):
        raise CryptoProblem("bad-signature", "its signature is not by the key that is pinned for this agent, or not for this frame")


def open_sealed(head: SealedHead, parts: SealedParts, key: bytes) -> Tuple[int, Mapping[str, Any]]:
    """Counter and data. Raises CryptoProblem bad-tag, malformed."""
    plain = sodium.decrypted(parts.data, _bound(head), parts.nonce, key)
    if plain is None:
        raise CryptoProblem("bad-tag", "it does not open: it was changed, or sealed by another key")
    value = read_plain(plain, is_strict=True)
    counter, data = value.get("counter"), value.get("data")
    if isinstance(counter, bool) or not isinstance(counter, int) or not 0 <= counter <= COUNTER_MAX or not isinstance(data, dict) or len(value) != 2:
        raise CryptoProblem("malformed", "what was sealed is not {counter, data}")
    return counter, data


def read_plain(plain: bytes, is_strict: bool = False) -> Dict[str, Any]:
    """A JSON object, `is_strict` in its canonical form. Raises CryptoProblem malformed."""
    try:
        value = read_json(plain.decode("utf-8"))
        again = canonical_bytes(value)
    except ValueError as reason:
        raise CryptoProblem("malformed", "what was sealed is no JSON that has a canonical form") from reason
    if not isinstance(value, dict):
        raise CryptoProblem("malformed", "what was sealed is no JSON object")
    if is_strict and again != plain:
        raise CryptoProblem("malformed", "what was sealed is not canonical JSON")
    return value


def _bound(head: SealedHead) -> bytes:
    try:
        return canonical_bytes({
            "messageId": head.message_id, "conversationId": head.conversation_id, "senderId": head.sender_id, "recipientId": head.recipient_id,
            "messageType": "ENCRYPTED", "originalType": head.original_type, "timestamp": head.timestamp, "metadata": head.metadata,
        })
    except ValueError as reason:
        raise CryptoProblem("malformed", str(reason)) from reason


def _signed_text(nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
    return _MARK + nonce + len(sealed).to_bytes(4, "big") + sealed + bound

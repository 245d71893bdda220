"""The content of HANDSHAKE, made and read (Agent Network §10.2, §10.3, §13.1). Pins are looked at elsewhere."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from . import sodium
from .canonical import canonical_bytes, to_base64
from .sealed import bytes_in
from .security import CryptoProblem

V2 = 2
SEED = "seed"
_MARK = b"AN2H\0"
_FACTS = ("conversationId", "senderId", "recipientId")


@dataclass(frozen=True)
class HandshakeFacts:
    """What of the frame is signed together with its content."""

    conversation_id: str
    sender_id: str
    recipient_id: str


@dataclass(frozen=True)
class Handshake:
    """What a peer has shown. `ephemeral` is there in version 2 only, `signing` always there."""

    mode: Any  #: V2 or SEED
    public: bytes
    signing: Optional[bytes] = None
    ephemeral: Optional[bytes] = None
    answers: Optional[bytes] = None


def make_handshake(facts: HandshakeFacts, signing: sodium.KeyPair, public: bytes, ephemeral: bytes, answers: Optional[bytes] = None) -> Dict[str, Any]:
    """An offer, or the answer to the peer's key `answers`."""
    content: Dict[str, Any] = {
        "agentId": facts.sender_id, "publicKey": to_base64(public), "v": V2, "signingKey": to_base64(signing.public), "ephemeralKey": to_base64(ephemeral),
    }
    if answers is not None:
        content["answers"] = to_base64(answers)
    content["signature"] = to_base64(sodium.sign(_signed_text(facts, content), signing.private))
    return content


def make_seed_handshake(agent_id: str, public: bytes, signing: Optional[bytes]) -> Dict[str, Any]:
    """What a peer without `v` is answered by."""
    content: Dict[str, Any] = {"agentId": agent_id, "publicKey": to_base64(public)}
    if signing is not None:
        content["signingKey"] = to_base64(signing)
    return content


def read_handshake(facts: HandshakeFacts, content: Any) -> Handshake:
    """Raises CryptoProblem malformed, bad-key, bad-signature."""
    if not isinstance(content, dict):
        raise CryptoProblem("malformed", "content is no object")
    if content.get("agentId") != facts.sender_id:
        raise CryptoProblem("malformed", f"agentId is not {facts.sender_id}, who sends it")
    if "v" not in content:
        return Handshake(SEED, _key(content, "publicKey"), _key(content, "signingKey") if "signingKey" in content else None)
    if isinstance(content["v"], bool) or content["v"] != V2:
        raise CryptoProblem("malformed", f"it is of version {str(content['v'])[:20]}, and {V2} is spoken here")
    brought = [name for name in _FACTS if name in content]
    if brought:
        raise CryptoProblem("malformed", f"its content brings {brought[0]} itself")
    public, signing, ephemeral = (_key(content, name) for name in ("publicKey", "signingKey", "ephemeralKey"))
    answers = _key(content, "answers") if "answers" in content else None
    signature = bytes_in(content, "signature")
    if len(signature) != sodium.SIGNATURE_BYTES:
        raise CryptoProblem("malformed", f"signature has no {sodium.SIGNATURE_BYTES} bytes")
    try:
        text = _signed_text(facts, content)
    except ValueError as reason:
        raise CryptoProblem("malformed", str(reason)) from reason
    if not sodium.is_signed(text, signature, signing):
        raise CryptoProblem("bad-signature", "its signature is not by the signingKey that it shows")
    return Handshake(V2, public, signing, ephemeral, answers)


def _signed_text(facts: HandshakeFacts, content: Mapping[str, Any]) -> bytes:
    signed = {name: value for name, value in content.items() if name != "signature"}
    signed.update(zip(_FACTS, (facts.conversation_id, facts.sender_id, facts.recipient_id)))
    return _MARK + canonical_bytes(signed)


def _key(content: Mapping[str, Any], name: str) -> bytes:
    key = bytes_in(content, name)
    if len(key) != sodium.KEY_BYTES:
        raise CryptoProblem("bad-key", f"{name} has {len(key)} bytes, not {sodium.KEY_BYTES}")
    return key

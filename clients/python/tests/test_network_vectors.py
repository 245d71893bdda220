"""The vectors of Agent Network's clients: bridges/agent-network/vectors/README.md says how each list is run."""
import json
import struct
import unittest

from synaptic_core.network import sodium
from synaptic_core.network.canonical import canonical, canonical_bytes, from_base64, read_json, to_base64
from synaptic_core.network.handshakes import HandshakeFacts, make_handshake, read_handshake
from synaptic_core.network.sealed import SealedHead, conversation_key, open_sealed, read_sealed, seal, verify
from synaptic_core.network.security import CryptoProblem
from synaptic_core.network.seed_mode import open_for_seed, seal_for_seed, seed_keys, verify_for_seed

from .vectors import ROOT

hexed = bytes.fromhex


def vectors(name, key):
    found = json.loads((ROOT / "bridges" / "agent-network" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))[key]
    if not found:
        raise AssertionError(f"{name}.json has no {key}")
    return found


class Vectors(unittest.TestCase):
    def each(self, name, key, holds):
        for vector in vectors(name, key):
            with self.subTest(f"{key}: {vector['about']}"):
                holds(vector)

    def refuses(self, kind, work):
        with self.assertRaises(CryptoProblem) as refused:
            work()
        self.assertEqual(refused.exception.kind, kind)


class CanonicalVectors(Vectors):
    def test_hold(self):
        def numbers_vector(vector):
            self.assertEqual(canonical(struct.unpack(">d", hexed(vector["bits"]))[0]), vector["text"])

        self.each("canonical", "numbers", numbers_vector)

        def texts_vector(vector):
            self.assertEqual(canonical(read_json(vector["json"])), vector["canonical"])
            self.assertEqual(canonical(read_json(vector["canonical"])), vector["canonical"])

        self.each("canonical", "texts", texts_vector)

        def refused_vector(vector):
            with self.assertRaises(ValueError):
                canonical(read_json(vector["json"]))

        self.each("canonical", "refused", refused_vector)

        def bytes_vector(vector):
            self.assertEqual(from_base64(vector["base64"]), hexed(vector["hex"]))
            self.assertEqual(to_base64(hexed(vector["hex"])), vector["base64"])

        self.each("canonical", "bytes", bytes_vector)

        def no_bytes(vector):
            self.assertIsNone(from_base64(vector["base64"]))

        self.each("canonical", "noBytes", no_bytes)


class HandshakeVectors(Vectors):
    def test_hold_for_keys(self):
        def pairs_vector(vector):
            pair = (sodium.signing_pair if vector["kind"] == "Ed25519" else sodium.agreement_pair)(hexed(vector["secret"]))
            self.assertEqual(pair.public.hex(), vector["public"])

        self.each("handshakes", "pairs", pairs_vector)

        def fingerprints_vector(vector):
            self.assertEqual(sodium.fingerprint(hexed(vector["signingKey"])), vector["fingerprint"])

        self.each("handshakes", "fingerprints", fingerprints_vector)

        def keys_vector(vector):
            self.assertEqual(conversation_key(hexed(vector["own"]), hexed(vector["peer"]), vector["conversationId"]).hex(), vector["key"])

        self.each("handshakes", "keys", keys_vector)

        def seed_key(vector):
            keys = seed_keys(hexed(vector["own"]), hexed(vector["peer"]))
            self.assertEqual([keys.encryption.hex(), keys.authentication.hex(), keys.iv.hex()], [vector["encryption"], vector["authentication"], vector["iv"]])

        self.each("handshakes", "seedKeys", seed_key)

        def low_order(vector):
            self.refuses("bad-key", lambda: conversation_key(sodium.random_bytes(32), hexed(vector["key"]), "conv_1"))
            self.refuses("bad-key", lambda: seed_keys(sodium.random_bytes(32), hexed(vector["key"])))

        self.each("handshakes", "lowOrder", low_order)

    def test_hold_for_handshakes_that_are_made(self):
        def made_vector(vector):
            signing = sodium.signing_pair(hexed(vector["signingSeed"]))
            answers = hexed(vector["answers"]) if "answers" in vector else None
            made = make_handshake(facts(vector), signing, hexed(vector["publicKey"]), hexed(vector["ephemeralKey"]), answers)
            self.assertEqual(made, vector["content"])
            self.assertTrue(sodium.is_signed(hexed(vector["signed"]), from_base64(made["signature"]), signing.public))
            self.assertEqual(hexed(vector["signed"]), b"AN2H\0" + vector["canonical"].encode())

        self.each("handshakes", "made", made_vector)

    def test_hold_for_handshakes_that_are_read(self):
        def read_vector(vector):
            read = read_handshake(facts(vector), vector["content"])
            told = {"mode": read.mode, "publicKey": read.public, "signingKey": read.signing, "ephemeralKey": read.ephemeral, "answers": read.answers}
            self.assertEqual({name: key.hex() if isinstance(key, bytes) else key for name, key in told.items() if key is not None}, {name: vector[name] for name in told if name in vector})

        self.each("handshakes", "read", read_vector)

        def refused_vector(vector):
            self.refuses(vector["kind"], lambda: read_handshake(facts(vector), vector["content"]))

        self.each("handshakes", "refused", refused_vector)


class SealedVectors(Vectors):
    def test_hold_at_version_2(self):
        def sealed_vector(vector):
            key, pair, head = hexed(vector["key"]), sodium.signing_pair(hexed(vector["signingSeed"])), head_of(vector)
            made = seal(head, vector["counter"], vector["data"], key, pair.private, hexed(vector["nonce"]))
            self.assertEqual(made, vector["content"])
            self.assertTrue(sodium.is_signed(hexed(vector["signed"]), from_base64(made["signature"]), pair.public))
            self.assertEqual(sodium.decrypted(from_base64(made["encryptedData"]), vector["header"].encode(), hexed(vector["nonce"]), key).decode(), vector["plain"])
            self.assertEqual(opened(vector), (vector["counter"], vector["data"]))

        self.each("sealed", "sealed", sealed_vector)

        def refused_vector(vector):
            self.refuses(vector["kind"], lambda: opened(vector))

        self.each("sealed", "refused", refused_vector)

    def test_hold_in_seed_mode(self):
        def seed_vector(vector):
            key, pair, head = hexed(vector["key"]), sodium.signing_pair(hexed(vector["signingSeed"])), vector["head"]
            made = seal_for_seed(vector["data"], head["originalType"], head["metadata"], key, pair.private, hexed(vector["nonce"]))
            self.assertEqual(made, vector["content"])
            self.assertEqual(canonical_bytes(head["metadata"]).decode(), vector["metadata"])
            self.assertTrue(sodium.is_signed(hexed(vector["signed"]), from_base64(made["signature"]), pair.public))
            self.assertEqual(opened_for_seed(vector), vector["data"])

        self.each("sealed", "seed", seed_vector)

        def opened_vector(vector):
            self.assertEqual(opened_for_seed(vector), vector["data"])

        self.each("sealed", "seedOpened", opened_vector)

        def refused_vector(vector):
            self.refuses(vector["kind"], lambda: opened_for_seed(vector))

        self.each("sealed", "seedRefused", refused_vector)


def facts(vector):
    told = vector["facts"]
    return HandshakeFacts(told["conversationId"], told["senderId"], told["recipientId"])


def head_of(vector):
    head, content = vector["head"], vector["content"]
    original = head.get("originalType", content.get("originalType") if isinstance(content, dict) else None)
    return SealedHead(head["messageId"], head["conversationId"], head["senderId"], head["recipientId"], original, head["timestamp"], head["metadata"])


def opened(vector):
    head, parts = head_of(vector), read_sealed(vector["content"])
    verify(head, parts, hexed(vector["verifyKey"]))
    return open_sealed(head, parts, hexed(vector["key"]))


def opened_for_seed(vector):
    parts = read_sealed(vector["content"], is_seed=True)
    verify_for_seed(parts, vector["head"]["metadata"], hexed(vector["verifyKey"]))
    return open_for_seed(parts, hexed(vector["key"]))


if __name__ == "__main__":
    unittest.main()

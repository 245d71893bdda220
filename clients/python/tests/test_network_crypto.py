"""Published vectors, and what is no vector's business: private keys in logs."""
import math
import time
import unittest

from synaptic_core.json_text import DEPTH_MAX
from synaptic_core.network import sodium
from synaptic_core.network.canonical import canonical, from_base64, read_json
from synaptic_core.network.frames import conversation_of
from synaptic_core.network.security import CryptoProblem


class PublishedVectors(unittest.TestCase):
    def test_of_rfc_5869_hold_for_hkdf(self):
        made = sodium.hkdf(bytes([0x0B] * 22), bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
        self.assertEqual(made.hex(), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
        empty = sodium.hkdf(bytes([0x0B] * 22), b"", b"", 42)
        self.assertEqual(empty.hex(), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")

    def test_of_rfc_7748_hold_for_x25519(self):
        bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
        alice = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        self.assertEqual(sodium.agreement_pair(bob).public.hex(), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        self.assertEqual(sodium.agreed(bob, alice).hex(), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")

    def test_of_rfc_8032_hold_for_ed25519(self):
        pair = sodium.signing_pair(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        self.assertEqual(pair.public.hex(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        signature = sodium.sign(b"", pair.private)
        self.assertTrue(signature.hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"))
        self.assertTrue(sodium.is_signed(b"", signature, pair.public))
        self.assertFalse(sodium.is_signed(b"x", signature, pair.public))
        self.assertFalse(sodium.is_signed(b"", signature[:-1], pair.public))

    def test_of_its_draft_hold_for_xchacha20_poly1305(self):
        plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
        head, nonce, key = bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), bytes(range(0x40, 0x58)), bytes(range(0x80, 0xA0))
        sealed = sodium.encrypted(plain, head, nonce, key)
        self.assertEqual(sealed[-16:].hex(), "c0875924c1c7987947deafd8780acf49")
        self.assertEqual(sodium.decrypted(sealed, head, nonce, key), plain)
        for wrong in (sealed[:-1], sealed[1:], sealed[:15], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
            self.assertIsNone(sodium.decrypted(wrong, head, nonce, key))
        self.assertIsNone(sodium.decrypted(sealed, b"", nonce, key))

    def test_of_rfc_8785_hold_for_canonical_json(self):
        value = {"numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27], "string": "€$\u000f\nA'B\"\\\\\"/", "literals": [None, True, False]}
        self.assertEqual(canonical(value), '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}')
        keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
        self.assertEqual(list(read_json(canonical(keys)).values()), [2, 4, 6, 7, 1, 5, 3])  # by UTF-16 units: 😀 before דּ
        for number, text in ((-0.0, "0"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"), (9007199254740994.0, "9007199254740994"), (295147905179352830000.0, "295147905179352830000"), (1e21, "1e+21"), (1e-6, "0.000001"), (1e-7, "1e-7"), (7, "7")):
            self.assertEqual(canonical(number), text)


class LowOrder(unittest.TestCase):
    def test_points_are_refused(self):
        for point in ("00" * 32, "01" + "00" * 31, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "ec" + "ff" * 30 + "7f"):
            with self.subTest(point), self.assertRaises(CryptoProblem) as refused:
                sodium.agreed(sodium.random_bytes(32), bytes.fromhex(point))
            self.assertEqual(refused.exception.kind, "bad-key")


class Canonical(unittest.TestCase):
    def test_refuses_what_json_does_not_hold(self):
        deep = []
        for _ in range(DEPTH_MAX):
            deep = [deep]
        loop = {}
        loop["again"] = loop
        for value in (math.nan, math.inf, "\ud800", {"\udc00": 1}, {1: 2}, 2**53 + 1, 10**400, b"x", object(), {1}, deep, loop):
            with self.subTest(type(value)), self.assertRaises(ValueError):
                canonical({"value": value})
        self.assertEqual(canonical([[], {}, ()]), "[[],{},[]]")

    def test_reads_numbers_as_doubles(self):
        self.assertEqual(canonical(read_json("[9007199254740993, 1.0, -0, 1E2, 123456789012345678901234567890]")), "[9007199254740992,1,0,100,1.2345678901234568e+29]")
        for text in ("NaN", "[Infinity]", "[" * 200 + "]" * 200, "{", ""):
            with self.subTest(text[:10]), self.assertRaises(ValueError):
                read_json(text)

    def test_takes_nothing_else_for_base64(self):
        self.assertEqual(from_base64("+/8="), b"\xfb\xff")
        for text in ("YQ", "YQ=", "YQ===", "YR==", "YQ==\n", " YQ==", "-_8=", "YQ==YQ==", "Ä===", None, 7, b"YQ=="):
            with self.subTest(text):
                self.assertIsNone(from_base64(text))


class Json(unittest.TestCase):
    def test_without_its_end_is_refused_as_fast_as_it_came(self):
        for text in ("[" * 65 + '"' + '\\"' * 500_000, "[" * 65 + '"' + "\\" * 499_999 + '"' * 3 + "\\", '"' + "[" * 70):
            began = time.monotonic()
            with self.assertRaises(ValueError):
                read_json(text)
            self.assertLess(time.monotonic() - began, 5)


class Names(unittest.TestCase):
    def test_of_two_agents_give_one_conversation(self):
        self.assertEqual(conversation_of("agent_alice", "agent_bob"), conversation_of("agent_bob", "agent_alice"))
        self.assertEqual(len(conversation_of("ä", "\U0001f600")), 37)

    def test_of_keys_are_no_keys(self):
        pair = sodium.agreement_pair()
        self.assertNotIn(repr(pair.private), repr([pair]))


if __name__ == "__main__":
    unittest.main()

"""The vectors of the binary protocol, which every decoder of it runs."""
import json
import random
import unittest

from synaptic_core.visualisation import BinaryProblem, FrameReader, read_frames
from synaptic_core.visualisation.binary import heartbeat

from .vectors import ROOT

VECTORS = json.loads((ROOT / "bridges" / "visualisation" / "vectors" / "binary.json").read_text(encoding="utf-8"))


def frame_of(written):
    return {**written, "data": bytes.fromhex(written["data"])} if "data" in written else written


class BinaryVectors(unittest.TestCase):
    def test_frames_are_read(self):
        self.assertGreater(len(VECTORS["frames"]), 20)
        for vector in VECTORS["frames"]:
            with self.subTest(vector["about"]):
                self.assertEqual(read_frames(bytes.fromhex(vector["hex"])), [frame_of(vector["frame"])])

    def test_messages_are_read(self):
        for vector in VECTORS["messages"]:
            with self.subTest(vector["about"]):
                self.assertEqual(read_frames(bytes.fromhex(vector["hex"])), [frame_of(each) for each in vector["frames"]])

    def test_what_is_wrong_is_refused(self):
        self.assertGreater(len(VECTORS["refused"]), 50)
        for vector in VECTORS["refused"]:
            with self.subTest(vector["about"]), self.assertRaisesRegex(BinaryProblem, vector["names"].replace("^", r"\^")):
                read_frames(bytes.fromhex(vector["hex"]))

    def test_frames_may_come_in_pieces_and_several_at_once(self):
        whole = [vector for vector in VECTORS["frames"] if vector["frame"]["type"] != "compressed"]
        data = b"".join(bytes.fromhex(vector["hex"]) for vector in whole)
        chance = random.Random(3)
        for most in (1, 2, 7, 100, len(data)):
            with self.subTest(most=most):
                reader, read, at = FrameReader(), [], 0
                while at < len(data):
                    size = chance.randint(1, most)
                    read += reader.push(data[at:at + size])
                    at += size
                self.assertIsNone(reader.end())
                self.assertEqual(read, [vector["frame"] for vector in whole])

    def test_noise_is_a_problem_and_nothing_else(self):
        chance = random.Random(5)
        frames = [bytes.fromhex(vector["hex"]) for vector in VECTORS["frames"]]
        for _ in range(3_000):
            noise = bytearray(chance.choice(frames))
            for _ in range(chance.randint(1, 3)):
                noise[chance.randrange(len(noise))] = chance.randrange(256)
            try:
                read_frames(bytes(noise[:chance.randint(1, len(noise))]))
            except BinaryProblem:
                pass

    def test_a_heartbeat_is_written_as_it_is_read(self):
        self.assertEqual(read_frames(heartbeat(7)), [{"priority": 1, "type": "heartbeat", "at": 7}])

    def test_a_compressed_batch_is_kept_up_to_a_limit(self):
        batch = b"AGNT\x05\x00\x00\x00\x09" + bytes(11)
        self.assertEqual(len(read_frames(batch, 11)), 1)
        for most, words in ((10, "more than 10"), (0, "may not stand")):
            with self.assertRaisesRegex(BinaryProblem, words):
                read_frames(batch, most)

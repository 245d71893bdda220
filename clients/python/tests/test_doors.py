import json
import os
import tempfile
import unittest
from pathlib import Path

from synaptic_core.doors import Doors, find_doors
from synaptic_core.fault import Fault

STANDARD = Doors("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556")
LISTS = '{"zmqIn":["tcp://127.0.0.1:1"],"zmqOut":["tcp://127.0.0.1:2"]}'


class EndpointsFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data_dir = folder.name
        self.path = Path(folder.name) / "endpoints.json"

    def test_tells_where_the_broker_is(self):
        self.assertEqual(find_doors(data_dir=self.data_dir), STANDARD)
        self.assertEqual(find_doors(data_dir=self.data_dir).origin, f"the standard ports, because {self.path} is not there")
        self.path.write_text(LISTS)
        self.assertEqual(str(find_doors(data_dir=self.data_dir)), f"tcp://127.0.0.1:1 and tcp://127.0.0.1:2 (from {self.path})")

    def test_of_a_broker_without_zeromq_doors_leads_to_no_other_broker(self):
        self.path.write_text(json.dumps({"zmqIn": [], "zmqOut": []}))
        with self.assertRaisesRegex(Fault, "has no ZeroMQ doors") as refused:
            find_doors(data_dir=self.data_dir)
        self.assertEqual(refused.exception.code, "unavailable")

    def test_that_a_broker_has_not_written_is_named_with_the_remedy(self):
        for text in ["", "{", LISTS[:-5], "null", "7", "[]", "{}", '{"zmqIn":"x","zmqOut":[7]}', "[" * 60_000, " " * 70_000, "\udcff"]:
            self.path.write_text(text, errors="surrogateescape")
            self.refused()

    def test_that_is_no_file_is_named_and_not_waited_for(self):
        self.path.mkdir()
        self.refused()
        self.path.rmdir()
        os.mkfifo(self.path)
        self.refused()

    def refused(self):
        with self.assertRaises(Fault) as raised:
            find_doors(data_dir=self.data_dir)
        self.assertEqual(raised.exception.code, "malformed")
        self.assertRegex(str(raised.exception), r"endpoints\.json .*move it away and restart the broker, or say where")


if __name__ == "__main__":
    unittest.main()

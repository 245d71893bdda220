"""A broker of its own for a test: ports chosen by the system, data in a folder that goes with it."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from synaptic_core import Agent

from .vectors import ROOT

START_S = 30


class Broker:
    def __init__(self, *more):
        """`more`: options of `broker start`."""
        self._more = more
        self._folder = tempfile.TemporaryDirectory(prefix="synaptic-py-")
        self.data_dir = str(Path(self._folder.name) / "data")
        self.zmq_in = self.zmq_out = "tcp://127.0.0.1:0"
        self.ws = "ws://127.0.0.1:0"
        self._process = None
        self.start()

    def start(self):
        """Starts it; again on the same ports."""
        command = ["node", "bin/broker.js", "start", "--zmq-in", self.zmq_in, "--zmq-out", self.zmq_out, "--ws", self.ws.partition("://")[2], *self._more]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        endpoints = Path(self.data_dir) / "endpoints.json"
        end = time.monotonic() + START_S
        while not endpoints.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the broker did not start")
            time.sleep(0.02)
        found = json.loads(endpoints.read_text())
        self.zmq_in, self.zmq_out, self.ws = found["zmqIn"][0], found["zmqOut"][0], found["ws"][0]

    def kill(self):
        self._end(self._process.kill)
        (Path(self.data_dir) / "endpoints.json").unlink()

    def stop(self):
        self._end(self._process.terminate)

    def pause(self):
        """Returns when each of its threads stands still."""
        self._process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self._process.pid}/task")
        while any(stat.read_text().rpartition(")")[2].split()[0] != "T" for stat in threads.glob("*/stat")):
            time.sleep(0.01)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        if self._process.poll() is None:
            self.stop()
        self._folder.cleanup()

    def token(self, name, kind="zmq"):
        """`kind`: zmq, or pan for WebSocket."""
        said = subprocess.run(["node", "bin/broker.js", "token", name, f"--{kind}", "--json"], cwd=ROOT, env=self.env, check=True, capture_output=True, timeout=START_S)
        return json.loads(said.stdout)[kind]

    @property
    def env(self):
        return {**os.environ, "SYNAPTIC_DATA_DIR": self.data_dir}

    def _end(self, how):
        how()
        self._process.wait(START_S)


class BrokerCase(unittest.TestCase):
    """Tests with one broker together; agents are closed after each."""

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()
        cls.addClassCleanup(cls.broker.close)

    def connect(self, name, **more):
        agent = Agent.connect(name, data_dir=self.broker.data_dir, **more)
        self.addCleanup(agent.close)
        return agent

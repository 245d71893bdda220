"""The vectors of mailboxes that every SDK runs."""
import json
import threading
import unittest
from dataclasses import asdict

from synaptic_core import Agent, AgentOptions, Fault, Refuse

from .fake_link import FakeLink
from .vectors import vectors

WAIT_S = 20
STATUS = {
    "agent": "ada", "mode": "take", "trust": "claimed", "rooms": False, "keep_s": 604_800, "max": 1_000, "max_bytes": 16_777_216, "opened_at": "2026-02-03T04:05:06.000Z", "here": True,
    "waiting": 1, "leased": 0, "bytes": 9, "stored": 1, "done": 0, "answered": 0, "refused": 0, "expired": 0, "dead": 0, "epoch": "e",
}


class Desk(FakeLink):
    """A line behind which a broker answers questions about the mailbox: one message, and then the states that are told."""

    def __init__(self, heard, failed, taken, states):
        super().__init__(heard, failed)
        self.asked, self.answers = [], []
        self.changed = threading.Condition()
        self._taken = taken
        self._states = states

    def publish(self, topic, payload, timeout_s, is_wanted=None):
        said = json.loads(payload)
        if topic != "$broker":
            with self.changed:
                self.answers.append(said)
            return super().publish(topic, payload, timeout_s, is_wanted)
        kind, data = said["content"]["kind"], said["content"].get("data", {})
        answer = self._answer(kind, data)
        if answer is not None:
            content = {"message": "x", "kind": kind, "data": answer}
            self.heard("ada", json.dumps({"from": "$broker", "type": "response", "in_reply_to": said["message_id"], "content": content}).encode())
        return super().publish(topic, payload, timeout_s, is_wanted)

    def _answer(self, kind, data):
        if kind == "mailbox.open":
            return STATUS
        if kind == "mailbox.take":
            taken, self._taken = self._taken, None
            return None if taken is None else {"messages": [taken]}
        with self.changed:
            self.asked.append({"kind": kind, "data": data})
            self.changed.notify_all()
            return {"results": [{"delivery_id": "d1", "state": self._states.pop(0)}]} if self._states else None


class MailVectors(unittest.TestCase):
    def agent(self, taken=None, states=()):
        links = []

        def open_link(heard, failed):
            links.append(Desk(heard, failed, taken, list(states)))
            return links[0]

        agent = Agent("ada", AgentOptions(), open_link)
        agent._core.prove = lambda: None
        self.addCleanup(agent.close)
        return agent, links[0]

    def test_of_what_is_taken_hold(self):
        for vector in vectors("mail")["takes"]:
            with self.subTest(vector["about"]):
                self.takes(vector)

    def takes(self, vector):
        data = 1
        for _ in range(vector.get("nested", 0)):
            data = {"in": data}
        content = {"message": "x", "data": data} if "nested" in vector else {"message": "x"}
        marks = {"delivery_id": "d1", "attempt": vector["attempt"], "stored_at": "2026-02-03T04:05:06.000Z"}
        taken = {"message_id": "m1", "from": "bob", "to": "ada", "type": vector["type"], "content": content, "$broker": marks}
        agent, desk = self.agent(taken, [one["state"] for one in vector["asks"]])

        def handle(message):
            does = vector["handler"]
            if "refuses" in does:
                raise Refuse(does["refuses"])
            if "throws" in does:
                raise ValueError(does["throws"])
            return does["returns"]

        agent.open_mailbox({"mode": "take", "retry_ms": 1_000})
        {"request": agent.on_request, "inform": agent.on_inform, "response": agent.on_response}[vector["type"]](handle)
        with desk.changed:
            self.assertTrue(desk.changed.wait_for(lambda: len(desk.asked) >= len(vector["asks"]), WAIT_S), desk.asked)
        agent.close()  # what it says more is heard
        self.assertEqual(desk.asked, [{"kind": one["kind"], "data": {"ids": ["d1"], **one["data"]}} for one in vector["asks"]])
        expected = [vector["answer"]] if "answer" in vector else []
        keys = expected[0].keys() if expected else ()
        self.assertEqual([{key: said[key] for key in keys} for said in desk.answers], expected)

    def test_of_receipts_hold(self):
        for vector in vectors("mail")["sends"]:
            with self.subTest(vector["about"]):
                agent, desk = self.agent()
                sent = agent.send("bob", "x", type=vector["type"], message_id="m1")
                for tells in vector["tells"]:
                    kind = "receipt" if "receipt" in tells else "fault"
                    more = {} if kind == "receipt" else {"in_reply_to": "m1"}
                    content = {"message": "x", "kind": kind, "data": tells[kind]}
                    desk.heard("ada", json.dumps({"from": "$broker", "type": "inform", "content": content, **more}).encode())
                self.assertEqual(became(sent.stored), vector.get("stored"))
                self.assertEqual(became(sent.settled), vector.get("settled"))

    def test_of_settings_that_make_no_sense_hold(self):
        for vector in vectors("mail")["mistakes"]:
            with self.subTest(vector["about"]):
                agent, desk = self.agent()
                with self.assertRaises(Fault) as refused:
                    agent.open_mailbox(vector["mailbox"])
                self.assertEqual((refused.exception.code, desk.asked), ("malformed", []))
                for name in vector["names"]:
                    self.assertIn(name, refused.exception.message)


def became(future):
    """A receipt, the code of a fault, or None while it waits."""
    if not future.done():
        return None
    error = future.exception()
    if isinstance(error, Fault):
        return {"code": error.code}
    return {key: value for key, value in asdict(future.result()).items() if value is not None}


if __name__ == "__main__":
    unittest.main()

import json
import math
import unittest
from dataclasses import asdict
from datetime import datetime

from synaptic_core import Agent, AgentOptions, Fault, Request
from synaptic_core.json_text import integer
from synaptic_core.names import agent_name_problem, is_room
from synaptic_core.reading import read_envelope, read_payload

from .fake_link import FakeLink
from .vectors import vectors


class EnvelopeVectors(unittest.TestCase):
    def test_hold(self):
        told = vectors("envelope")
        received_at = datetime.fromisoformat(told["receivedAt"].replace("Z", "+00:00"))
        for vector in told["reads"]:
            with self.subTest(vector["about"]):
                def read():
                    return read_envelope(json.loads(vector["text"], parse_int=integer) if "text" in vector else vector["payload"], topic=told["topic"], received_at=received_at, fallback_id=told["fallbackId"])
                if "names" in vector:
                    with self.assertRaises(Fault) as refused:
                        read()
                    self.assertEqual(refused.exception.code, "malformed")
                    self.assertIn(vector["names"], str(refused.exception))
                else:
                    fields = {key: value for key, value in asdict(read()).items() if value not in (None, False, {})}
                    self.assertEqual({"from": fields.pop("sender"), **fields}, vector["envelope"])


class Trust(unittest.TestCase):
    def test_is_the_brokers_word_or_claimed(self):
        def trust_of(**more):
            return read_payload(json.dumps({"from": "ada", "type": "inform", **more}).encode(), "bob").trust

        self.assertEqual([trust_of(), trust_of(trust="proved"), trust_of(trust="very much")], ["claimed", "proved", "claimed"])


class Marks(unittest.TestCase):
    def test_are_the_brokers_word_where_they_make_sense(self):
        def marks_of(**more):
            return read_payload(json.dumps({"from": "ada", "type": "inform", **more}).encode(), "bob").marks

        kept = {"stored_at": "2026-02-03T04:05:06Z", "delivery_id": "b7", "attempt": 2, "room_seq": 3, "epoch": "e", "chain": 1}
        for said, expected in (({"$broker": kept}, kept), ({}, None), ({"$broker": 1}, None), ({"$broker": {"attempt": 0}}, None), ({"$broker": {"epoch": 1}}, None)):
            with self.subTest(said):
                self.assertEqual(marks_of(**said), expected)


class NameVectors(unittest.TestCase):
    def test_hold(self):
        told = vectors("names")
        for lists, can in (("agents", True), ("noAgents", False)):
            for name in told[lists]:
                with self.subTest(name):
                    self.assertEqual(agent_name_problem(name) is None, can)
        for vector in told["problems"]:
            with self.subTest(vector):
                with self.assertRaises(Fault) as refused:
                    Agent.connect(vector["name"])
                words = f"the name {vector['shown']} {vector['problem']}; choose another"
                self.assertEqual((refused.exception.code, refused.exception.message), ("malformed", words))
        for lists, can in (("rooms", True), ("noRooms", False)):
            for name in told[lists]:
                with self.subTest(name):
                    self.assertEqual(is_room(name), can)


class RefusedName(unittest.TestCase):
    def test_is_in_conflict_where_somebody_uses_it_and_else_not_ours(self):
        for told, code in (("conflict", "conflict"), ("forbidden", "unauthenticated")):
            with self.subTest(told):
                links = []

                def open_link(heard, failed):
                    links.append(FakeLink(heard, failed))
                    return links[0]

                agent = Agent("ada", AgentOptions(), open_link)
                asked = agent._core.ask("$broker", "ping", 10, message_id="first")
                agent._core._first_ping = "first"
                data = {"code": told, "subscription": "ada"}
                links[0].heard("ada", json.dumps({"from": "$broker", "type": "inform", "content": {"message": "no", "kind": "fault", "data": data}}).encode())
                self.assertEqual((asked.exception().code, asked.exception().message), (code, "the broker refuses ada: no"))
                agent.close()


class AgentVectors(unittest.TestCase):
    def test_hold(self):
        for vector in vectors("agent")["hears"]:
            with self.subTest(vector["about"]):
                self.holds(vector)

    def holds(self, vector):
        links, became = [], []

        def open_link(heard, failed):
            links.append(FakeLink(heard, failed))
            return links[0]

        agent = Agent("ada", AgentOptions(close_timeout_s=10), open_link)
        link = links[0]
        agent._core.prove = lambda: None  # there is no broker to answer it

        @agent.on_request
        def _(request):
            became.append("request")
            return "answer"

        agent.on_inform(lambda _: became.append("inform"))
        agent.on_response(lambda _: became.append("response"))
        asked = agent._core.ask("bob", "?", 10, message_id=vector["waits"]) if "waits" in vector else None
        link.said.clear()

        link.heard("ada", (vector["text"] if "text" in vector else json.dumps(vector["payload"])).encode())
        if asked is not None and asked.done():
            became.append("failed" if asked.exception() is not None else "answered")
        agent.close()  # finishes what is being answered

        self.assertEqual(agent.dropped, vector.get("dropped", 0))
        self.assertEqual(became, [] if vector["becomes"] == "nothing" else [vector["becomes"]])
        if "code" in vector:
            self.assertEqual(asked.exception().code, vector["code"])
            self.assertEqual(asked.exception().retry_after_ms, vector.get("retryAfterMs"))
        expected = [] if "answer" not in vector else [{"from": "ada", "priority": "NORMAL", "content": {"message": "answer"}, **vector["answer"]}]
        said = [{key: value for key, value in one.items() if key not in ("message_id", "timestamp")} for one in link.said]
        self.assertEqual(said, expected)


def with_numbers(content):
    """What JSON cannot hold, in the place of the texts that stand for it."""
    if isinstance(content, dict):
        return {key: with_numbers(one) for key, one in content.items()}
    if isinstance(content, list):
        return [with_numbers(one) for one in content]
    return {"<NaN>": math.nan, "<Infinity>": math.inf, "<-Infinity>": -math.inf}.get(content, content) if isinstance(content, str) else content


class SaidVectors(unittest.TestCase):
    def test_hold(self):
        for vector in vectors("agent")["says"]:
            with self.subTest(vector["about"]):
                links = []

                def open_link(heard, failed):
                    links.append(FakeLink(heard, failed))
                    return links[0]

                agent = Agent("ada", AgentOptions(), open_link)
                agent._core.prove = lambda: None
                content = with_numbers(vector["content"])
                if "refused" in vector:
                    with self.assertRaises(Fault) as refused:
                        agent.inform("bob", content)
                    self.assertEqual((refused.exception.code, refused.exception.message), ("malformed", vector["refused"]))
                    self.assertEqual(links[0].said, [])
                else:
                    agent.inform("bob", content)
                    self.assertEqual([one["content"] for one in links[0].said], [vector["content"]])
                agent.close()


class Respond(unittest.TestCase):
    def test_answers_nothing_but_requests(self):
        links = []

        def open_link(heard, failed):
            links.append(FakeLink(heard, failed))
            return links[0]

        agent = Agent("ada", AgentOptions(), open_link)
        for kind in ("response", "inform"):
            links[0].heard("ada", json.dumps({"from": "bob", "type": kind, "content": "x"}).encode())
            message = agent.receive(0)
            self.assertEqual(message.type, kind)
            self.assertNotIsInstance(message, Request)
            with self.assertRaises(TypeError):
                agent.respond(message, "never")
        self.assertEqual(links[0].said, [])
        agent.close()


if __name__ == "__main__":
    unittest.main()

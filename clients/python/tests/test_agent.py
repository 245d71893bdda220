import threading
import unittest
import uuid

import zmq

from synaptic_core import Agent, AgentOptions, Cursor, Fault, Request

from .broker import Broker, BrokerCase

WAIT_S = 20


class Talk(BrokerCase):
    def test_answers_a_request_with_what_its_handler_returns(self):
        ada, bob = self.connect("ada"), self.connect("bob", options=AgentOptions(display_name="Bob"))
        bob.on_request(lambda request: {"message": f"you said {request.text}", "data": {"from": request.sender}})
        answer = ada.request("bob", "hällo ✓", timeout_s=WAIT_S)
        self.assertEqual((answer.sender, answer.from_name, answer.to, answer.type), ("bob", "Bob", "ada", "response"))
        self.assertEqual((answer.text, answer.data), ("you said hällo ✓", {"from": "ada"}))

    def test_keeps_apart_the_answers_of_many_threads(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        bob.on_request(lambda request: request.text)
        answers = {}

        def ask(first):
            for n in range(first, 200, 8):
                answers[n] = ada.request("bob", str(n), timeout_s=WAIT_S).text

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, {n: str(n) for n in range(200)})

    def test_handlers_may_ask_whoever_asks_them(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        ada.on_request(lambda request: "42")
        bob.on_request(lambda request: bob.request(request.sender, "which?", timeout_s=WAIT_S).text)
        self.assertEqual(ada.request("bob", "?", timeout_s=WAIT_S).text, "42")

    def test_says_at_once_that_nobody_is_there(self):
        ada = self.connect("ada")
        with self.assertRaises(Fault) as refused:
            ada.request("ghost", "?", timeout_s=WAIT_S)
        self.assertEqual(refused.exception.code, "not-found")

    def test_gives_up_when_nobody_answers_in_time(self):
        ada = self.connect("ada")
        self.connect("silent")
        with self.assertRaises(Fault) as refused:
            ada.request("silent", "?", timeout_s=0.05, message_id="q1")
        self.assertEqual(refused.exception.code, "timeout")
        self.assertFalse(ada._core._pending._waiting)

    def test_refuses_what_cannot_be_sent(self):
        ada = self.connect("ada", options=AgentOptions(message_max_bytes=1_000))
        for said, code in (({"data": 1}, "malformed"), ({"message": "", "data": float("nan")}, "malformed"), ({"message": "", "data": {1}}, "malformed"), ("x" * 1_000, "too-large")):
            with self.assertRaises(Fault) as refused:
                ada.inform("bob", said)
            self.assertEqual(refused.exception.code, code)
        for whom, timeout_s in (("ada", 1), ("bob", 0)):
            with self.assertRaises(Fault) as refused:
                ada.request(whom, "?", timeout_s=timeout_s)
            self.assertEqual(refused.exception.code, "malformed")

    def test_tells_the_asker_when_a_handler_fails_but_not_why(self):
        ada, bob = self.connect("ada"), self.connect("bob")

        @bob.on_request
        def _(request):
            if request.text == "fault":
                raise Fault("forbidden", "not for you")
            raise RuntimeError("secret path")

        with self.assertLogs("synaptic_core", "ERROR"), self.assertRaises(Fault) as failed:
            ada.request("bob", "?", timeout_s=WAIT_S)
        self.assertEqual((failed.exception.code, failed.exception.message), ("internal", "the agent failed to answer"))
        with self.assertRaises(Fault) as refused:
            ada.request("bob", "fault", timeout_s=WAIT_S)
        self.assertEqual((refused.exception.code, refused.exception.message), ("forbidden", "not for you"))

    def test_tells_the_asker_when_what_a_handler_gives_cannot_be_said(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        given = iter([42, {"answer": 42}, {"message": "x", "data": object()}, "x" * 1_100_000])
        bob.on_request(lambda request: next(given))
        for _ in range(4):
            with self.assertLogs("synaptic_core", "ERROR"), self.assertRaises(Fault) as failed:
                ada.request("bob", "?", timeout_s=WAIT_S)
            self.assertEqual((failed.exception.code, failed.exception.message), ("internal", "the agent failed to answer"))

    def test_hears_informs_in_order_and_keeps_the_rest_in_its_inbox(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        told, all_told = [], threading.Event()

        @ada.on_inform
        def _(notice):
            told.append(notice.text)
            if len(told) == 100:
                all_told.set()

        for n in range(100):
            bob.inform("ada", str(n))
        self.assertTrue(all_told.wait(WAIT_S))
        self.assertEqual(told, [str(n) for n in range(100)])
        bob.send("ada", "question", message_id="q7", type="request")
        request = ada.receive(WAIT_S)
        self.assertIsInstance(request, Request)
        ada.respond(request, "answer")
        late = bob.receive(WAIT_S)
        self.assertEqual((late.type, late.in_reply_to, late.text), ("response", "q7", "answer"))

    def test_loses_nothing_of_a_burst_that_fills_its_queue(self):
        count = 5_000
        ada, bob = self.connect("ada"), self.connect("bob", options=AgentOptions(inbox_max=count))
        for n in range(count):
            ada.inform("bob", str(n))
        for n in range(count):
            self.assertEqual(bob.receive(WAIT_S).text, str(n))

    def test_finishes_its_answers_before_it_closes_and_says_nothing_after(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        begun, gate = threading.Event(), threading.Event()

        @bob.on_request
        def _(request):
            begun.set()
            gate.wait(WAIT_S)
            return "done"

        ada.send("bob", "take your time", message_id="q8", type="request")
        self.assertTrue(begun.wait(WAIT_S))
        closing = threading.Thread(target=bob.close)
        closing.start()
        gate.set()
        self.assertEqual(ada.receive(WAIT_S).text, "done")
        closing.join()
        with self.assertRaises(Fault) as refused:
            bob.inform("ada", "too late")
        self.assertEqual(refused.exception.code, "going-away")
        self.assertEqual(list(bob), [])

    def test_answers_as_leaving_what_it_cannot_answer_before_it_closes(self):
        ada, bob = self.connect("ada"), self.connect("bob", options=AgentOptions(close_timeout_s=0.05))
        begun, gate = threading.Event(), threading.Event()
        self.addCleanup(gate.set)

        @bob.on_request
        def _(request):
            begun.set()
            gate.wait(WAIT_S)
            return "too late"

        ada.send("bob", "?", message_id="q9", type="request")
        self.assertTrue(begun.wait(WAIT_S))
        bob.close()
        answer = ada.receive(WAIT_S)
        self.assertEqual((answer.kind, answer.data), ("fault", {"code": "going-away"}))


class Rooms(BrokerCase):
    def test_hears_rooms_it_joined_and_no_more_after_it_left(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        self.assertEqual(ada.join("#py"), ["ada"])
        bob.join("#py")
        bob.inform("#py", "hello")
        heard = ada.receive(WAIT_S)
        self.assertEqual((heard.to, heard.sender, heard.text), ("#py", "bob", "hello"))
        self.assertEqual(ada.members("#py"), ["ada", "bob"])
        self.assertEqual([(room.members, room.invite_only) for room in bob.rooms() if room.name == "#py"], [(2, False)])
        self.assertLessEqual({"ada", "bob"}, {agent.name for agent in ada.agents()})
        ada.leave("#py")
        bob.inform("#py", "unheard")
        bob.inform("ada", "marker")
        self.assertEqual(ada.receive(WAIT_S).text, "marker")
        self.assertIsNone(bob.receive(0), "bob does not hear itself")

    def test_reads_a_room_that_remembers_page_by_page_makes_it_and_ends_it(self):
        ada = self.connect("keeper", token=self.broker.token("keeper"))
        ada.create("#log", durable={"max": 5})
        for text in "abcdefg":
            ada.inform("#log", text)
        last = ada.history("#log", 1)
        while last.next.seq < 7:
            last = ada.history("#log", 1)
        self.assertEqual([message.text for message in last], ["g"])
        page = ada.history("#log", after=Cursor(last.next.epoch, 0), limit=3)
        self.assertEqual(([message.text for message in page], page.gap, page.more, page.next.seq), (["c", "d", "e"], True, True, 5))
        rest = ada.history("#log", after=page.next)
        self.assertEqual(([message.text for message in rest], rest.gap, rest.more), (["f", "g"], False, False))
        self.assertTrue(ada.history("#log", after=Cursor("another", 1)).gap)
        self.assertTrue(next(room.durable for room in ada.rooms() if room.name == "#log"))
        ada.keep("#log", {"max": 1})
        self.assertEqual(len(ada.history("#log", after=page.next)), 1)
        ada.keep("#log", False)
        self.assertIsNone(ada.history("#log").next)
        with self.assertRaises(Fault) as caught:
            self.connect("nobody").create("#hers", durable=True)
        self.assertEqual(caught.exception.code, "forbidden")

    def test_hears_itself_if_it_wants_to(self):
        echo = self.connect("echo", options=AgentOptions(hear_own=True))
        echo.join("#echo")
        echo.inform("#echo", "hello")
        self.assertEqual(echo.receive(WAIT_S).text, "hello")

    def test_gives_the_past_of_a_room_its_own_words_included(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        bob.join("#past")
        for agent, text in ((bob, "one"), (ada, "two"), (bob, "three")):
            agent.inform("#past", text)
            agent.members("#past")  # answered: what was said before has been read
        past = bob.history("#past", 2)
        self.assertEqual([(one.sender, one.to, one.text, one.replay) for one in past], [("ada", "#past", "two", True), ("bob", "#past", "three", True)])
        self.assertEqual(len(bob.history("#past")), 3)
        self.assertEqual(bob.history("#past", 0), [])
        with self.assertRaises(Fault) as refused:
            bob.history("#nowhere")
        self.assertEqual(refused.exception.code, "not-found")

    def test_cannot_join_what_is_no_room(self):
        ada = self.connect("ada")
        with self.assertRaises(Fault) as refused:
            ada.join("lab")
        self.assertEqual(refused.exception.code, "malformed")

    def test_proves_its_name_by_a_token_and_invites(self):
        owner = self.connect("owner", token=self.broker.token("owner"))
        guest = self.connect("guest", token=self.broker.token("guest"))
        owner.create("#secret", invite_only=True)
        with self.assertRaises(Fault) as refused:
            guest.join("#secret")
        self.assertIn(refused.exception.code, ("forbidden", "not-found"))
        owner.invite("#secret", "guest")
        invitation = next(message for message in guest if message.kind != "fault")  # its subscription was refused, too
        self.assertEqual((invitation.sender, invitation.kind, invitation.data["by"]), ("$broker", "room.invited", "owner"))
        guest.join("#secret")
        owner.inform("#secret", "between us")
        heard = guest.receive(WAIT_S)
        self.assertEqual((heard.text, heard.to), ("between us", "#secret"))
        with self.assertRaises(Fault) as refused:
            self.connect("owner", options=AgentOptions(ready_timeout_s=1))
        self.assertEqual(refused.exception.code, "unauthenticated")
        with self.assertRaises(Fault) as refused:
            self.connect("owner", token="wrong", options=AgentOptions(ready_timeout_s=3_600))
        self.assertEqual(refused.exception.code, "unauthenticated")
        self.assertIn("broker token owner", refused.exception.message)

    def test_hears_what_happens(self):
        ada = self.connect("ada")
        ada.subscribe("$events")
        ada.agents()  # answered: the broker knows of the subscription
        with Agent.connect("visitor", data_dir=self.broker.data_dir):
            event = ada.receive(WAIT_S)
        self.assertEqual((event.sender, event.kind, event.data["agent"]), ("$broker", "agent.online", "visitor"))


class Connection(unittest.TestCase):
    def test_refuses_a_name_that_cannot_be_one(self):
        with self.assertRaises(Fault) as refused:
            Agent.connect("#room")
        self.assertEqual(refused.exception.code, "malformed")

    def test_says_what_to_do_when_there_is_no_broker(self):
        with zmq.Context() as context, context.socket(zmq.PUB) as nobody:
            port = nobody.bind_to_random_port("tcp://127.0.0.1")
            door = f"tcp://127.0.0.1:{port}"
            nobody.unbind(door)
            with self.assertRaises(Fault) as refused:
                Agent.connect("ada", zmq_in=door, zmq_out=door, options=AgentOptions(ready_timeout_s=0.3))
        self.assertEqual(refused.exception.code, "unavailable")
        self.assertIn(f"at {door} and {door} (as you said); start one (broker start), or say where it is: data_dir", refused.exception.message)

    def test_says_what_address_is_none(self):
        with self.assertRaises(Fault) as refused:
            Agent.connect("ada", zmq_in="nowhere", zmq_out="nowhere")
        self.assertEqual(refused.exception.code, "malformed")

    def test_finds_the_broker_again_and_says_what_it_could_not_say_meanwhile(self):
        broker = Broker()
        self.addCleanup(broker.close)
        ada, bob = (Agent.connect(name, data_dir=broker.data_dir) for name in ("ada", "bob"))
        bob.join("#lab")
        broker.stop()
        ada.inform("bob", "said while the broker was away")
        broker.start()
        self.assertEqual(bob.receive(WAIT_S).text, "said while the broker was away")
        ada.inform("#lab", "in the room again")
        self.assertEqual(bob.receive(WAIT_S).text, "in the room again")
        ada.close()
        bob.close()

    def test_tells_that_nobody_has_confirmed_its_last_words(self):
        broker = Broker()
        self.addCleanup(broker.close)
        ada = Agent.connect("ada", data_dir=broker.data_dir, options=AgentOptions(close_timeout_s=0.1))
        broker.kill()
        ada.inform("bob", f"lost {uuid.uuid4()}")
        with self.assertRaises(Fault) as refused:
            ada.close()
        self.assertEqual(refused.exception.code, "unavailable")
        ada.close()  # a second call has nothing more to say

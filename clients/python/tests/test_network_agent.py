import asyncio
import json
import unittest
from dataclasses import replace

from synaptic_core import Agent, Fault
from synaptic_core.network import AnswerError, NetworkOptions, SecureAgent
from synaptic_core.network.frames import Frame, metadata_of, new_id, now_ms

from .network_agents import WAIT_S, Heard, NetworkCase, eventually

WEEK = {"startDate": "2030-06-01T00:00:00Z", "endDate": "2030-06-07T23:59:59Z"}


class Agents(NetworkCase):
    async def test_ask_and_answer_sealed_in_both_directions(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        asked = []

        @bob.on("QUERY")
        async def _(query):
            asked.append(query)
            back = await bob.query("agent_alice", "CUSTOM", {"text": "which zone?"}, timeout_s=WAIT_S)
            return {"availableTimes": [back.text]}

        alice.on("QUERY")(lambda query: {"text": f"{query.text} UTC"})
        answer = await alice.query("agent_bob", "AVAILABILITY", WEEK, timeout_s=WAIT_S)
        self.assertEqual((answer.data, answer.is_sealed, answer.is_verified), ({"availableTimes": ["which zone? UTC"]}, True, True))
        self.assertEqual((asked[0].parameters, asked[0].query_type), (WEEK, "AVAILABILITY"))
        self.assertEqual((await alice.query("agent_bob", "CUSTOM", {"text": "hm?"}, timeout_s=WAIT_S)).text, "")
        self.assertEqual(alice.fingerprint("agent_bob"), bob.fingerprint())
        self.assertEqual(sum(alice.metrics.security.values()) + sum(bob.metrics.security.values()), 0)
        await eventually(lambda: alice.metrics.waiting == bob.metrics.waiting == 0)

    async def test_propose_confirm_and_reject(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        seen = []

        @bob.on("PROPOSAL")
        async def _(proposal):
            seen.append((proposal.status, proposal.details["title"]))
            if proposal.details["title"] == "Coffee":
                await bob.confirm(proposal, calendar_event_id="evt_1")
            else:
                await bob.reject(proposal, "OTHER", "not on Mondays")

        agreed = await alice.propose("agent_bob", {"title": "Coffee"}, proposal_id="p1", timeout_s=WAIT_S)
        self.assertEqual((agreed.is_accepted, dict(agreed.content)), (True, {"proposalId": "p1", "status": "ACCEPTED", "calendarEventId": "evt_1"}))
        declined = await alice.propose("agent_bob", {"title": "Tea"}, proposal_id="p1", timeout_s=WAIT_S)
        self.assertEqual((declined.is_accepted, declined.reason, declined.details), (False, "OTHER", "not on Mondays"))
        self.assertEqual(seen, [("PENDING", "Coffee"), ("MODIFIED", "Tea")])

    async def test_a_proposal_expires_on_both_sides(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        heard = Heard(bob, "PROPOSAL")
        from synaptic_core.network.frames import now_ms
        end = now_ms() + 700
        with self.assertRaises(Fault) as late:
            await alice.propose("agent_bob", {"title": "soon", "expiresAt": end})
        self.assertIn("EXPIRED", str(late.exception))
        with self.assertRaises(Fault) as expired:
            await bob.confirm(await heard.next())
        self.assertEqual(expired.exception.code, "conflict")

    async def test_a_query_that_is_not_answered_raises_why(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")

        @bob.on("QUERY")
        def _(query):
            if query.text == "secret":
                raise AnswerError("PERMISSION_DENIED", "not for you", {"level": 3})
            raise RuntimeError("the path /etc/secret")

        for text, code, message, details in (("secret", "PERMISSION_DENIED", "not for you", {"level": 3}), ("else", "INTERNAL_ERROR", "the agent could not answer", {})):
            with self.assertRaises(AnswerError) as refused:
                await alice.query("agent_bob", "CUSTOM", {"text": text}, timeout_s=WAIT_S)
            self.assertEqual((refused.exception.code, refused.exception.message, refused.exception.details), (code, message, details))
        with self.assertRaises(AnswerError) as nobody:
            await bob.query("agent_alice", "CUSTOM", {"text": "?"}, timeout_s=WAIT_S)
        self.assertEqual(nobody.exception.code, "UNAVAILABLE_DATA")

    async def test_what_is_said_to_who_is_away_waits_in_order_and_comes_when_it_does(self):
        alice = await self.connect("agent_alice")
        told = []
        alice.on_delivery(lambda report: told.append(report.state))
        sent = [await alice.inform("agent_later", f"n{n}") for n in range(3)]
        await eventually(lambda: told.count("waiting") >= 3)
        with self.assertRaises(Fault) as timeout:
            await alice.query("agent_later", "CUSTOM", {"text": "there?"}, timeout_s=0.1)
        self.assertIn("it waits", str(timeout.exception))
        later = self.agent("agent_later")
        heard = Heard(later, "INFORM")
        await later.connect()
        self.addAsyncCleanup(later.close)
        self.assertEqual(await heard.texts(3), ["n0", "n1", "n2"])
        await asyncio.wait_for(asyncio.gather(*(one.delivered for one in sent)), WAIT_S)

    async def test_a_message_that_waits_too_long_fails(self):
        alice = await self.connect("agent_alice")
        sent = await alice.inform("agent_nobody", "hello", keep_s=0.2)
        with self.assertRaises(Fault) as expired:
            await asyncio.wait_for(asyncio.shield(sent.delivered), WAIT_S)
        self.assertEqual(expired.exception.code, "timeout")
        self.assertEqual(alice.metrics.waiting, 0)

    async def test_a_handler_that_fails_hears_the_message_again(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        heard = []

        @bob.on("INFORM")
        def _(message):
            heard.append(message.text)
            if len(heard) == 1:
                raise RuntimeError("not now")

        sent = await alice.inform("agent_bob", "once more")
        await asyncio.wait_for(sent.delivered, WAIT_S)
        self.assertEqual(heard, ["once more", "once more"])

    async def test_messages_come_in_order_and_once_with_a_transcript_of_both_sides(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        heard, told = Heard(bob, "INFORM"), []
        bob.on_transcript(told.append)
        sent = [await alice.inform("agent_bob", f"n{n}", {"n": n}) for n in range(20)]
        await asyncio.wait_for(asyncio.gather(*(one.delivered for one in sent)), WAIT_S)
        self.assertEqual([message.text for message in heard.messages], [f"n{n}" for n in range(20)])
        said = await alice.transcript("agent_bob")
        self.assertEqual([(entry.direction, entry.content["data"]["n"]) for entry in said if entry.type == "INFORM"], [("said", n) for n in range(20)])
        self.assertEqual([entry.message_id for entry in told], [one.message_id for one in sent])
        self.assertTrue(all("content" not in entry for entry in alice.message_log))

    async def test_keys_are_renewed_in_the_middle(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        heard = Heard(bob, "INFORM")
        for n in range(3):
            sent = [await alice.inform("agent_bob", f"{n} {k}") for k in range(3)]
            await (alice if n else bob).rotate()
            await asyncio.wait_for(asyncio.gather(*(one.delivered for one in sent)), WAIT_S)
        self.assertEqual([message.text for message in heard.messages], [f"{n} {k}" for n in range(3) for k in range(3)])
        self.assertEqual(sum(alice.metrics.security.values()) + sum(bob.metrics.security.values()), 0)

    async def test_what_cannot_be_said_is_refused_with_the_remedy(self):
        alice = await self.connect("agent_alice")
        for code, remedy, said in (
            ("too-large", "65536 is the most: say it in parts", lambda: alice.inform("agent_bob", "x" * 60_000)),
            ("unsupported", "plain=True", lambda: alice.inform("#room", "hello")),
            ("malformed", "to itself", lambda: alice.inform("agent_alice", "hello")),
            ("malformed", "not the application's to say", lambda: alice.send("agent_bob", "RECEIPT", {})),
            ("malformed", "give it as text", lambda: alice.send("agent_bob", "NOTE", {"n": 2**60 + 1})),
            ("malformed", "parameters.startDate is no time", lambda: alice.query("agent_bob", "AVAILABILITY", {})),
            ("malformed", "content.details is wrong: it.startTime is no time", lambda: alice.propose("agent_bob", {"startTime": "noon"})),
            ("not-found", "waits to be accepted", lambda: alice.accept_key("agent_nobody", "0")),
        ):
            with self.subTest(remedy):
                with self.assertRaises(Fault) as refused:
                    await said()
                self.assertEqual(refused.exception.code, code)
                self.assertIn(remedy, str(refused.exception))
        with self.assertRaises(Fault) as unknown:
            alice.fingerprint("agent_nobody")
        self.assertEqual(unknown.exception.code, "not-found")
        self.assertEqual(alice.metrics.said, 0)

    async def test_plain_words_reach_other_dialects_and_sealed_ones_are_refused_with_the_remedy(self):
        alice = await self.connect("agent_alice")
        with Agent.connect("plain_agent", data_dir=self.broker.data_dir) as plain:
            plain.on_request(lambda request: f"you said {request.text}")
            self.assertEqual((await alice.query("plain_agent", "CUSTOM", {"text": "hello"}, plain=True, timeout_s=WAIT_S)).text, "you said hello")
            with self.assertRaises(Fault) as sealed:
                await alice.query("plain_agent", "CUSTOM", {"text": "hello"}, timeout_s=WAIT_S)
            self.assertEqual(sealed.exception.code, "unsupported")
            self.assertIn("plain=True", str(sealed.exception))
            alice.on("QUERY")(lambda query: {"text": f"sealed: {query.is_sealed}"})
            answer = await asyncio.get_running_loop().run_in_executor(None, lambda: plain.request("agent_alice", "?", timeout_s=WAIT_S))
            self.assertEqual(answer.text, "sealed: False")


    async def test_ask_the_broker_and_hear_rooms_over_a_restart(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        self.assertIn("agent_bob", json.dumps(await alice.ask("agents.list")))
        with self.assertRaises(AnswerError) as unknown:
            await alice.ask("room.members", {"room": "#nowhere"})
        self.assertEqual(unknown.exception.code, "UNAVAILABLE_DATA")
        self.assertEqual((await alice.ask("ROOM_JOIN", {"room": "#den"}))["room"], "#den")
        states = []
        alice.on_state(lambda state, why: states.append(state))
        self.broker.kill()
        await eventually(lambda: "down" in states)
        with self.assertRaises(Fault) as down:
            await alice.ask("agents.list")
        self.assertEqual(down.exception.code, "unavailable")
        await asyncio.get_running_loop().run_in_executor(None, self.broker.start)
        await eventually(lambda: states[-1] == "up" and bob.metrics.connections == 2)
        heard = Heard(alice, "INFORM")
        for n in range(100):
            if "agent_alice" in json.dumps(await bob.ask("ROOM_JOIN", {"room": "#den"})):
                break
            await asyncio.sleep(0.05)
        await bob.inform("#den", "hello room", plain=True)
        message = await heard.next()
        self.assertEqual((message.text, message.recipient, message.is_sealed), ("hello room", "#den", False))

    async def test_vote_where_the_broker_asks_them_and_hear_what_is_decided(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        asked, told = [], Heard(alice, "INFORM")

        @bob.on("QUERY")
        async def _(query):
            asked.append((query.sender, query.is_sealed, query.parameters["kind"]))
            return {"vote": "approve"}

        voter = {"id": "agent_bob", "role": "voter"}
        plan = {"participants": [voter], "parameters": {"proposal": {"type": "sale"}}}
        started = await alice.ask("coordination.start", plan)
        result = await told.next()
        self.assertEqual((result.sender, result.content["kind"], result.content["data"]["status"]), ("system", "coordination.result", "APPROVED"))
        self.assertEqual(result.content["data"]["coordinationId"], started["coordinationId"])
        self.assertEqual(asked, [("system", False, "coordination.vote")])
        await eventually(lambda: bob.metrics.waiting == 0)


class Logins(NetworkCase):
    async def test_by_a_function_that_brings_tokens(self):
        async def fresh():
            return self.token("agent_alice")

        alice = await self.connect("agent_alice", token=fresh)
        self.assertEqual(alice.metrics.connections, 1)

    async def test_that_are_refused_name_the_remedy(self):
        for token, words in (("wrong", "broker token AGENT --pan"), (self.token("agent_bob"), "broker token AGENT --pan"), (lambda: 1 / 0, "has failed"), ("", "a text of")):
            with self.subTest(words), self.assertRaises(Fault) as refused:
                await self.agent("agent_alice", token=token or (lambda: "")).connect()
            self.assertEqual(refused.exception.code, "unauthenticated")
            self.assertIn(words, str(refused.exception))
        with self.assertRaises(Fault) as nobody:
            await SecureAgent("ws://127.0.0.1:9", "t", "agent_alice", options=NetworkOptions(connect_timeout_s=0.3)).connect()
        self.assertEqual(nobody.exception.code, "unavailable")

    async def test_of_a_second_program_end_the_first(self):
        alice = await self.connect("agent_alice")
        told = []
        alice.on_state(lambda state, why: told.append(state))
        await self.connect("agent_alice")
        await eventually(lambda: "ended" in told)
        with self.assertRaises(Fault) as ended:
            await alice.inform("agent_bob", "hello")
        self.assertEqual(ended.exception.code, "conflict")


class Strangers(NetworkCase):
    async def test_say_nothing_that_hurts(self):
        bob, eve = await self.connect("agent_bob"), await self.raw("agent_eve")
        told = []
        bob.on_security(told.append)
        heard = Heard(bob)
        deep = json.loads("[" * 50 + "]" * 50)
        for kind, content, metadata in (
            ("HANDSHAKE", {}, {}), ("HANDSHAKE", {"agentId": "agent_eve", "publicKey": "AAAA", "v": 2}, {}), ("ENCRYPTED", {"encryptedData": 7}, {}),
            ("ENCRYPTED", {"deep": deep}, {}), ("QUERY", {"requestId": 1}, {}), ("RESPONSE", {"requestId": "r", "error": 7}, {}),
        ):
            await eve.says(messageId=f"m{len(told)}{kind}{len(content)}", recipientId="agent_bob", messageType=kind, content=content, metadata=metadata)
        await eve.says(messageId="last", recipientId="agent_bob", messageType="INFORM", content={"text": "hello"})
        message = await heard.next()
        self.assertEqual((message.text, message.is_sealed, message.is_verified), ("hello", False, False))
        self.assertEqual([event.kind for event in told], ["malformed", "bad-key", "not-opened", "not-opened", "malformed", "malformed"])
        self.assertEqual({event.peer for event in told}, {"agent_eve"})

    async def test_are_not_heard_in_plain_for_who_seals(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        heard = Heard(bob)
        await alice.inform("agent_bob", "sealed")
        self.assertEqual(await heard.texts(1), ["sealed"])
        await alice.inform("agent_bob", "in plain", plain=True)
        await eventually(lambda: bob.metrics.security["plain-from-pinned"] == 1)
        self.assertEqual(len(heard.messages), 1)

    async def test_that_only_say_that_they_are_encrypted_are_heard_as_what_they_are_and_none_in_ones_own_name(self):
        bob = await self.connect("agent_bob")
        heard = Heard(bob)
        said = Frame(new_id("msg"), "conv_1", "agent_carol", "agent_bob", "INFORM", {"text": "in plain"}, now_ms(), metadata_of("NORMAL", True))
        await bob._parts.incoming.take(said, 100)
        self.assertEqual(await heard.texts(1), ["in plain"])
        self.assertEqual((heard.messages[0].is_sealed, heard.messages[0].is_verified), (False, False))
        await bob._parts.incoming.take(replace(said, message_id=new_id("msg"), sender_id="agent_bob"), 100)
        self.assertEqual(bob.metrics.security["malformed"], 1)
        self.assertEqual(len(heard.messages), 1)


if __name__ == "__main__":
    unittest.main()

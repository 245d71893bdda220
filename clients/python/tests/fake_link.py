"""A line on which everything is sent at once and nothing arrives by itself."""
import json
from concurrent.futures import Future


class FakeLink:
    is_connected = True
    instance = "the only one"

    def __init__(self, heard, failed):
        self.heard = heard
        self.failed = failed
        self.said = []
        self.topics = set()

    def subscribe(self, topic):
        is_new = topic not in self.topics
        self.topics.add(topic)
        return is_new

    def unsubscribe(self, topic):
        was_there = topic in self.topics
        self.topics.discard(topic)
        return was_there

    def publish(self, topic, payload, timeout_s, is_wanted=None):
        self.said.append(json.loads(payload))
        sent = Future()
        sent.set_result(None)
        return sent

    def close(self):
        pass

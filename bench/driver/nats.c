#define _GNU_SOURCE
#include "topics.h"
#include "wire.h"
#include "ws.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The NATS client protocol: over TCP, or over WebSocket, where its lines are a stream which frames cut anywhere.
static int over_ws;

static void say(line *l, const char *text) {
  if (over_ws) ws_send(l, 0, text, strlen(text));
  else put(&l->out, text, strlen(text));
}

static void ask(line *l, const char *name) {
  static int subscription;
  char text[128];
  snprintf(text, sizeof text, "SUB %s %d\r\n", name, subscription++);
  say(l, text);
}

static void greet(line *l) {
  say(l, "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\n");
  if (!l->publisher) each_topic(l, ask);
  say(l, "PING\r\n");
  line_flush(l);
}

static void open_tcp(line *l, int publisher) {
  l->publisher = publisher;
  greet(l);
}

static void open_ws(line *l, int publisher) {
  over_ws = 1;
  l->publisher = publisher;
  ws_upgrade(l, "/", greet);
}

static size_t make_head(char *bytes, size_t room, const char *name, size_t payload) {
  return (size_t)snprintf(bytes, room, "PUB %s %zu\r\n", name, payload);
}

static void publish(line *l, int topic, uint64_t stamp) {
  static buffer text;
  char payload[4096];
  size_t size = envelope(payload, stamp, told.prefix);
  buffer *b = over_ws ? &text : &l->out;
  put_head(b, topic, size, make_head);
  put(b, payload, size);
  put(b, "\r\n", 2);
  if (!over_ws) return;
  ws_send(l, 0, text.bytes, text.end);
  text.end = 0;
}

static void take(line *l, buffer *b, void (*arrived)(line *l, uint64_t stamp)) {
  for (;;) {
    unsigned char *text = b->bytes + b->start, *end = memmem(text, b->end - b->start, "\r\n", 2);
    if (!end) return;
    size_t head = (size_t)(end - text) + 2;
    if (!memcmp(text, "MSG ", 4)) {
      unsigned char *space = memrchr(text, ' ', (size_t)(end - text));
      size_t size = strtoull((char *)space + 1, 0, 10);
      if (b->end - b->start < head + size + 2) return;
      uint64_t stamp = stamp_in(text + head, size);
      b->start += head + size + 2;
      if (stamp) arrived(l, stamp);
    } else {
      if (!memcmp(text, "PONG", 4)) l->ready = 1;
      else if (!memcmp(text, "PING", 4)) say(l, "PONG\r\n"), line_flush(l);
      else if (!memcmp(text, "-ERR", 4)) fprintf(stderr, "%.*s\n", (int)(end - text), text);
      b->start += head;
    }
  }
}

static void read_tcp(line *l, void (*arrived)(line *l, uint64_t stamp)) { take(l, &l->in, arrived); }

static void (*arrived_)(line *l, uint64_t stamp);

static void took(line *l, unsigned char *bytes, size_t count) {
  put(&l->plain, bytes, count);
  take(l, &l->plain, arrived_);
}

static void read_ws(line *l, void (*arrived)(line *l, uint64_t stamp)) {
  arrived_ = arrived;
  ws_read(l, took);
}

const wire nats_wire = {open_ws, publish, read_ws};
const wire nats_tcp_wire = {open_tcp, publish, read_tcp};

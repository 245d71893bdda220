#define _GNU_SOURCE
#include "wire.h"
#include "ws.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The NATS client protocol over WebSocket: its lines are a stream, which frames cut anywhere.
static void say(line *l, const char *text, int size) { ws_send(l, 0, text, (size_t)size); }

static void greet(line *l) {
  char text[256];
  say(l, text, snprintf(text, sizeof text, "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\n"));
  if (!l->publisher && told.room) say(l, text, snprintf(text, sizeof text, "SUB %s 1\r\n", told.prefix));
  else if (!l->publisher) say(l, text, snprintf(text, sizeof text, "SUB %s%d 1\r\n", told.prefix, l->id));
  say(l, text, snprintf(text, sizeof text, "PING\r\n"));
  line_flush(l);
}

static void open_line(line *l, int publisher) {
  l->publisher = publisher;
  ws_upgrade(l, "/", greet);
}

static void publish(line *l, int topic, uint64_t stamp) {
  char text[4608], payload[4096], to[64];
  size_t size = envelope(payload, stamp, told.prefix);
  if (told.room) snprintf(to, sizeof to, "%s", told.prefix);
  else snprintf(to, sizeof to, "%s%d", told.prefix, topic);
  int head = snprintf(text, sizeof text, "PUB %s %zu\r\n", to, size);
  memcpy(text + head, payload, size);
  memcpy(text + head + size, "\r\n", 2);
  say(l, text, head + (int)size + 2);
}

static void (*arrived_)(line *l, uint64_t stamp);

static void took(line *l, unsigned char *bytes, size_t count) {
  put(&l->plain, bytes, count);
  buffer *b = &l->plain;
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
      if (stamp) arrived_(l, stamp);
    } else {
      if (!memcmp(text, "PONG", 4)) l->ready = 1;
      else if (!memcmp(text, "PING", 4)) say(l, "PONG\r\n", 6), line_flush(l);
      else if (!memcmp(text, "-ERR", 4)) fprintf(stderr, "%.*s\n", (int)(end - text), text);
      b->start += head;
    }
  }
}

static void read_line(line *l, void (*arrived)(line *l, uint64_t stamp)) {
  arrived_ = arrived;
  ws_read(l, took);
}

const wire nats_wire = {open_line, publish, read_line};

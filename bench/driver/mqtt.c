#define _GNU_SOURCE
#include "topics.h"
#include "wire.h"
#include <stdio.h>
#include <string.h>

// MQTT 3.1.1 with QoS 0: no acknowledgement of a message, no session kept, no keep-alive.
enum { connect_ = 0x10, connack = 0x20, publish_ = 0x30, subscribe = 0x82, suback = 0x90, pingreq = 0xc0, pingresp = 0xd0, refused = 0x80 };

// Writes type and remaining length (clause 2.2.3); returns how many bytes that took.
static size_t write_fixed(char *bytes, int type, size_t rest) {
  size_t at = 0;
  bytes[at++] = (char)type;
  do bytes[at++] = (char)((rest & 127) | (rest > 127 ? 128 : 0));
  while (rest >>= 7);
  return at;
}

static size_t write_text(char *bytes, const char *text) {
  size_t size = strlen(text);
  bytes[0] = (char)(size >> 8);
  bytes[1] = (char)size;
  memcpy(bytes + 2, text, size);
  return size + 2;
}

static void ask(line *l, const char *name) {
  char text[128];
  size_t size = write_fixed(text, subscribe, 5 + strlen(name));
  memcpy(text + size, "\0\1", 2);
  size += 2;
  size += write_text(text + size, name);
  text[size++] = 0;
  put(&l->out, text, size);
}

// What follows CONNECT need not wait for its answer (clause 3.1.4).
static void open_line(line *l, int publisher) {
  char name[64], text[128];
  snprintf(name, sizeof name, "%s%s%d", told.prefix, publisher ? "-p" : "", l->id);
  size_t size = write_fixed(text, connect_, 12 + strlen(name));
  size += write_text(text + size, "MQTT");
  memcpy(text + size, "\4\2\0\0", 4);
  size += 4;
  size += write_text(text + size, name);
  put(&l->out, text, size);
  if (!publisher) each_topic(l, ask);
  put(&l->out, text, write_fixed(text, pingreq, 0));
  line_flush(l);
}

static size_t make_head(char *bytes, size_t room, const char *name, size_t payload) {
  size_t size = 2 + strlen(name);
  if (5 + size > room) return room + 1;
  size = write_fixed(bytes, publish_, size + payload);
  return size + write_text(bytes + size, name);
}

static void publish(line *l, int topic, uint64_t stamp) {
  char payload[4096];
  size_t size = envelope(payload, stamp, told.prefix);
  put_head(&l->out, topic, size, make_head);
  put(&l->out, payload, size);
}

static void read_line(line *l, void (*arrived)(line *l, uint64_t stamp)) {
  buffer *b = &l->in;
  for (;;) {
    unsigned char *at = b->bytes + b->start;
    size_t have = b->end - b->start, head = 1, size = 0;
    for (int shift = 0;; shift += 7) {
      if (have <= head) return;
      size |= (size_t)(at[head] & 127) << shift;
      if (at[head++] < 128) break;
    }
    if (have < head + size) return;
    b->start += head + size;
    if ((*at & 0xf0) == publish_) {
      uint64_t stamp = stamp_in(at + head, size);
      if (stamp) arrived(l, stamp);
    } else if (*at == pingresp) l->ready = 1;
    else if ((*at == connack && at[head + 1]) || (*at == suback && at[head + 2] == refused)) fprintf(stderr, "packet %02x: refused with %d\n", *at, at[head + size - 1]);
  }
}

const wire mqtt_wire = {open_line, publish, read_line};

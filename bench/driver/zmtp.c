#define _GNU_SOURCE
#include "wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ZMTP 3.0 with mechanism NULL (RFC 23).
static void open_line(line *l, int publisher) {
  unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
  put(&l->out, greeting, sizeof greeting);
  unsigned char ready[] = "\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB";
  if (publisher) memcpy(ready + sizeof ready - 4, "PUB", 3);
  put(&l->out, ready, sizeof ready - 1);
  l->more = publisher ? -1 : 0;
  line_flush(l);
}

static void subscribe(line *l) {
  for (int topic = l->id; topic < told.topics; topic += told.subscribers) {
    char name[64];
    int length = snprintf(name, sizeof name, "%s%d", told.prefix, topic);
    unsigned char head[3] = {0, (unsigned char)(length + 1), 1};
    put(&l->out, head, 3);
    put(&l->out, name, (size_t)length);
  }
  line_flush(l);
}

static void publish(line *l, int topic, uint64_t stamp) {
  static char (*names)[64];
  if (!names) {
    names = calloc((size_t)told.topics, sizeof *names);
    for (int at = 0; at < told.topics; at += 1) snprintf(names[at], sizeof *names, "%s%d", told.prefix, at);
  }
  char *name = names[topic], payload[4096];
  size_t length = strlen(name);
  size_t size = envelope(payload, stamp, name);
  unsigned char head[9] = {1, (unsigned char)length};
  put(&l->out, head, 2);
  put(&l->out, name, length);
  if (size < 256) {
    unsigned char tail[2] = {0, (unsigned char)size};
    put(&l->out, tail, 2);
  } else {
    unsigned char tail[9] = {2, 0, 0, 0, 0, 0, 0, (unsigned char)(size >> 8), (unsigned char)size};
    put(&l->out, tail, 9);
  }
  put(&l->out, payload, size);
}

static void read_line(line *l, void (*arrived)(line *l, uint64_t stamp)) {
  buffer *b = &l->in;
  if (l->stage == 0) {
    if (b->end - b->start < 64) return;
    b->start += 64;
    l->stage = 1;
  }
  while (b->end - b->start >= 2) {
    unsigned char *frame = b->bytes + b->start;
    size_t have = b->end - b->start, head = 2, size = frame[1];
    if (frame[0] & 2) {
      if (have < 9) return;
      head = 9;
      size = (size_t)frame[7] << 8 | frame[8] | (size_t)frame[6] << 16;
    }
    if (have < head + size) return;
    if (frame[0] & 4) {
      if (size > 5 && !memcmp(frame + head + 1, "READY", 5)) {
        l->ready = 1;
        if (l->more >= 0) subscribe(l);
      }
    } else if (l->more >= 0) {
      if (!(frame[0] & 1) && l->more) arrived(l, stamp_in(frame + head, size));
      l->more = frame[0] & 1;
    }
    b->start += head + size;
  }
}

const wire zmtp_wire = {open_line, publish, read_line};

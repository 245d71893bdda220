#define _GNU_SOURCE
#include "topics.h"
#include "wire.h"
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

static void ask(line *l, const char *name) {
  size_t length = strlen(name);
  unsigned char head[3] = {0, (unsigned char)(length + 1), 1};
  put(&l->out, head, 3);
  put(&l->out, name, length);
}

// The topic's frame and the first bytes of the payload's.
static size_t make_head(char *bytes, size_t room, const char *name, size_t payload) {
  size_t length = strlen(name);
  if (length + 11 > room) return room + 1;
  bytes[0] = 1;
  bytes[1] = (char)length;
  memcpy(bytes + 2, name, length);
  char *tail = bytes + 2 + length;
  if (payload < 256) {
    tail[0] = 0;
    tail[1] = (char)payload;
    return length + 4;
  }
  memcpy(tail, "\2\0\0\0\0\0\0", 7);
  tail[7] = (char)(payload >> 8);
  tail[8] = (char)payload;
  return length + 11;
}

static void publish(line *l, int topic, uint64_t stamp) {
  char payload[4096];
  size_t size = envelope(payload, stamp, told.prefix);
  put_head(&l->out, topic, size, make_head);
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
        if (l->more >= 0) {
          each_topic(l, ask);
          line_flush(l);
        }
      }
    } else if (l->more >= 0) {
      if (!(frame[0] & 1) && l->more) arrived(l, stamp_in(frame + head, size));
      l->more = frame[0] & 1;
    }
    b->start += head + size;
  }
}

const wire zmtp_wire = {open_line, publish, read_line};

#define _GNU_SOURCE
#include "topics.h"
#include "wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Redis publish and subscribe over RESP3 (Redis 6 and later), in which one connection may do both.
static void say(line *l, const char *text) { put(&l->out, text, strlen(text)); }

static void ask(line *l, const char *name) {
  char text[128];
  snprintf(text, sizeof text, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(name), name);
  say(l, text);
}

static void open_line(line *l, int publisher) {
  say(l, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
  if (!publisher) each_topic(l, ask);
  say(l, "*1\r\n$4\r\nPING\r\n");
  line_flush(l);
}

static size_t make_head(char *bytes, size_t room, const char *name, size_t payload) {
  return (size_t)snprintf(bytes, room, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(name), name, payload);
}

static void publish(line *l, int topic, uint64_t stamp) {
  char payload[4096];
  size_t size = envelope(payload, stamp, told.prefix);
  put_head(&l->out, topic, size, make_head);
  put(&l->out, payload, size);
  put(&l->out, "\r\n", 2);
}

// Where the value that begins at `at` is over, or 0 if it has not come as a whole.
static unsigned char *value_end(unsigned char *at, unsigned char *end) {
  unsigned char *next = memchr(at, '\n', (size_t)(end - at));
  if (!next) return 0;
  next += 1;
  if (!memchr("$=*>~%", *at, 6)) return next;
  long count = strtol((char *)at + 1, 0, 10);
  if (*at == '$' || *at == '=') return count < 0 ? next : end - next < count + 2 ? 0 : next + count + 2;
  for (count *= *at == '%' ? 2 : 1; count > 0 && next; count -= 1) next = value_end(next, end);
  return next;
}

// What is pushed is a message, or says that a subscription holds; the number that answers each PUBLISH is passed over.
static void read_line(line *l, void (*arrived)(line *l, uint64_t stamp)) {
  buffer *b = &l->in;
  for (;;) {
    unsigned char *at = b->bytes + b->start, *end = value_end(at, b->bytes + b->end);
    if (!end) return;
    b->start += (size_t)(end - at);
    if (*at == '>') {
      uint64_t stamp = stamp_in(at, (size_t)(end - at));
      if (stamp) arrived(l, stamp);
    } else if (*at == '+') l->ready = 1;
    else if (*at == '-') fprintf(stderr, "%.*s", (int)(end - at), at);
  }
}

const wire redis_wire = {open_line, publish, read_line};

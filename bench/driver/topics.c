#include "topics.h"
#include "wire.h"
#include <stdio.h>
#include <stdlib.h>

// As large as a line of the processor's cache.
typedef struct head {
  unsigned char size;
  char bytes[63];
} head;

static void write_name(char *name, size_t room, int topic) {
  if (told.room) snprintf(name, room, "%s", told.prefix);
  else snprintf(name, room, "%s%d", told.prefix, topic);
}

void each_topic(line *l, void (*ask)(line *l, const char *name)) {
  char name[64];
  int topic = l->id;
  do {
    write_name(name, sizeof name, topic);
    ask(l, name);
    topic += told.subscribers;
  } while (!told.room && topic < told.topics);
}

void put_head(buffer *b, int topic, size_t payload, size_t (*make)(char *bytes, size_t room, const char *name, size_t payload)) {
  static head *heads;
  if (!heads) heads = calloc((size_t)(told.topics > told.subscribers ? told.topics : told.subscribers), sizeof *heads);
  if (!heads) fail("calloc");
  head *h = &heads[topic];
  if (!h->size) {
    char name[64];
    write_name(name, sizeof name, topic);
    size_t size = make(h->bytes, sizeof h->bytes, name, payload);
    if (size > sizeof h->bytes) {
      fprintf(stderr, "%s is too long a topic\n", name);
      exit(1);
    }
    h->size = (unsigned char)size;
  }
  put(b, h->bytes, h->size);
}

#define _GNU_SOURCE
#include "wire.h"
#include "ws.h"
#include <stdio.h>
#include <string.h>

// PAN v1.0 over WebSocket. A line's agent has its topic's name; with `told.room` all of them are in one room, and that is where the publisher speaks.
static void greet(line *l) {
  char text[512];
  int size = snprintf(text, sizeof text, "{\"type\":\"auth\",\"agentId\":\"%s%s%d\",\"token\":\"%s\"}", told.prefix, l->publisher ? "-p" : "", l->id, told.token);
  ws_send(l, 1, text, (size_t)size);
  if (told.room && !l->publisher) {
    size = snprintf(text, sizeof text, "{\"type\":\"join\",\"room\":\"#%s\"}", told.prefix);
    ws_send(l, 1, text, (size_t)size);
  }
  line_flush(l);
}

static void open_line(line *l, int publisher) {
  l->publisher = publisher;
  ws_upgrade(l, "/pan", greet);
}

static void publish(line *l, int topic, uint64_t stamp) {
  static char chat[70000], text[66000];
  char to[64];
  int filler = told.size - 120 < 0 ? 0 : told.size - 120;
  memset(text, 'x', (size_t)filler);
  text[filler] = 0;
  if (told.room) snprintf(to, sizeof to, "#%s", told.prefix);
  else snprintf(to, sizeof to, "%s%d", told.prefix, topic);
  int size = snprintf(chat, sizeof chat, "{\"type\":\"chat\",\"to\":\"%s\",\"messageId\":\"stamp%016llx\",\"intent\":\"inform\",\"text\":\"%s\"}", to, (unsigned long long)stamp, text);
  ws_send(l, 1, chat, (size_t)size);
}

static void (*arrived_)(line *l, uint64_t stamp);

static void took(line *l, unsigned char *payload, size_t size) {
  uint64_t stamp = stamp_in(payload, size);
  if (stamp) arrived_(l, stamp);
  else if (memmem(payload, size, told.room && !l->publisher ? "\"joined\"" : "Welcome", told.room && !l->publisher ? 8 : 7)) l->ready = 1;
  else if (memmem(payload, size, "\"error\"", 7)) fprintf(stderr, "%.*s\n", (int)size, payload);
}

static void read_line(line *l, void (*arrived)(line *l, uint64_t stamp)) {
  arrived_ = arrived;
  ws_read(l, took);
}

const wire pan_wire = {open_line, publish, read_line};

#define _GNU_SOURCE
#include "wire.h"
#include <stdio.h>
#include <string.h>

// PAN v1.0 over WebSocket (RFC 6455), client frames masked with a key of zeros.
static void send_text(line *l, const char *text, size_t size) {
  unsigned char head[8] = {0x81};
  size_t length = 2;
  if (size < 126) head[1] = (unsigned char)(0x80 | size);
  else {
    head[1] = 0x80 | 126;
    head[2] = (unsigned char)(size >> 8);
    head[3] = (unsigned char)size;
    length = 4;
  }
  put(&l->out, head, length + 4 > 8 ? 8 : length + 4);
  put(&l->out, text, size);
}

static void open_line(line *l, int publisher) {
  const char *upgrade = "GET /pan HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: c3luYXB0aWMtY29yZS1iIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  put(&l->out, upgrade, strlen(upgrade));
  char auth[512];
  int size = snprintf(auth, sizeof auth, "{\"type\":\"auth\",\"agentId\":\"%s%s%d\",\"token\":\"%s\"}", told.prefix, publisher ? "-p" : "", l->id, told.token);
  send_text(l, auth, (size_t)size);
  line_flush(l);
}

static void publish(line *l, int topic, uint64_t stamp) {
  char chat[4096], text[2048];
  int filler = told.size - 120 < 0 ? 0 : told.size - 120;
  memset(text, 'x', (size_t)filler);
  text[filler] = 0;
  int size = snprintf(chat, sizeof chat, "{\"type\":\"chat\",\"to\":\"%s%d\",\"messageId\":\"stamp%016llx\",\"intent\":\"inform\",\"text\":\"%s\"}", told.prefix, topic, (unsigned long long)stamp, text);
  send_text(l, chat, (size_t)size);
}

static void read_line(line *l, void (*arrived)(uint64_t stamp)) {
  buffer *b = &l->in;
  if (l->stage == 0) {
    unsigned char *end = memmem(b->bytes + b->start, b->end - b->start, "\r\n\r\n", 4);
    if (!end) return;
    b->start = (size_t)(end - b->bytes) + 4;
    l->stage = 1;
  }
  while (b->end - b->start >= 2) {
    unsigned char *frame = b->bytes + b->start;
    size_t have = b->end - b->start, head = 2, size = frame[1];
    if (size == 126) {
      if (have < 4) return;
      head = 4;
      size = (size_t)frame[2] << 8 | frame[3];
    }
    if (have < head + size) return;
    if ((frame[0] & 15) == 1) {
      uint64_t stamp = stamp_in(frame + head, size);
      if (stamp) arrived(stamp);
      else if (memmem(frame + head, size, "Welcome", 7)) l->ready = 1;
      else fprintf(stderr, "%.*s\n", (int)size, frame + head);
    }
    b->start += head + size;
  }
}

const wire pan_wire = {open_line, publish, read_line};

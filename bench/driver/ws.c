#define _GNU_SOURCE
#include "ws.h"
#include <stdio.h>
#include <string.h>

enum { upgrading = 0, open_ = 1 };

void ws_upgrade(line *l, const char *path, void (*greet)(line *l)) {
  l->greet = greet;
  char head[256];
  int size = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: c3luYXB0aWMtY29yZS1iIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path);
  put(&l->out, head, (size_t)size);
  line_flush(l);
}

void ws_send(line *l, int is_text, const void *bytes, size_t size) {
  unsigned char head[8] = {is_text ? 0x81 : 0x82};
  size_t length = 2;
  if (size < 126) head[1] = (unsigned char)(0x80 | size);
  else {
    head[1] = 0x80 | 126;
    head[2] = (unsigned char)(size >> 8);
    head[3] = (unsigned char)size;
    length = 4;
  }
  put(&l->out, head, length + 4);
  put(&l->out, bytes, size);
}

void ws_read(line *l, void (*took)(line *l, unsigned char *payload, size_t size)) {
  buffer *b = &l->in;
  if (l->stage == upgrading) {
    unsigned char *end = memmem(b->bytes + b->start, b->end - b->start, "\r\n\r\n", 4);
    if (!end) return;
    b->start = (size_t)(end - b->bytes) + 4;
    l->stage = open_;
    l->greet(l);
  }
  while (b->end - b->start >= 2) {
    unsigned char *frame = b->bytes + b->start;
    size_t have = b->end - b->start, head = 2, size = frame[1] & 127;
    if (size == 126) {
      head = 4;
      if (have < head) return;
      size = (size_t)frame[2] << 8 | frame[3];
    } else if (size == 127) {
      head = 10;
      if (have < head) return;
      size = 0;
      for (int at = 2; at < 10; at += 1) size = size << 8 | frame[at];
    }
    if (have < head + size) return;
    b->start += head + size;
    int kind = frame[0] & 15;
    if (kind <= 2) took(l, frame + head, size);
  }
}

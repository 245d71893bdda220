// Non-blocking sockets with growing buffers, for one thread and one epoll.
#ifndef NET_H
#define NET_H
#include <stddef.h>
#include <stdint.h>

typedef struct buffer {
  unsigned char *bytes;
  size_t start, end, room;
} buffer;

typedef struct line {
  int fd, id, publisher, ready, stage, more, wants_write;
  // `plain`: what frames carried, where a message may be cut by them.
  buffer in, out, plain;
  // Says what is said first, once the other side may hear it.
  void (*greet)(struct line *l);
} line;

uint64_t now_ns(void);
void fail(const char *what);
void put(buffer *b, const void *bytes, size_t count);
void net_open(void);
void line_connect(line *l, const char *host_port);
void line_flush(line *l);
// Waits at most `ms` for something to read; calls `read` for each line that has new bytes.
void net_wait(int ms, void (*read)(line *l));
#endif

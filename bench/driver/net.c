#define _GNU_SOURCE
#include "net.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int poll_fd;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void fail(const char *what) {
  perror(what);
  exit(1);
}

static void make_room(buffer *b, size_t count) {
  if (b->start == b->end) b->start = b->end = 0;
  if (b->end + count <= b->room) return;
  if (b->start > 0) {
    memmove(b->bytes, b->bytes + b->start, b->end - b->start);
    b->end -= b->start;
    b->start = 0;
  }
  if (b->end + count <= b->room) return;
  b->room = (b->end + count) * 2;
  b->bytes = realloc(b->bytes, b->room);
  if (!b->bytes) fail("realloc");
}

void put(buffer *b, const void *bytes, size_t count) {
  make_room(b, count);
  memcpy(b->bytes + b->end, bytes, count);
  b->end += count;
}

void net_open(void) {
  poll_fd = epoll_create1(0);
  if (poll_fd < 0) fail("epoll_create1");
}

static void watch(line *l, int how) {
  struct epoll_event event = {.events = EPOLLIN | (l->wants_write ? EPOLLOUT : 0), .data.ptr = l};
  if (epoll_ctl(poll_fd, how, l->fd, &event) < 0) fail("epoll_ctl");
}

void line_connect(line *l, const char *host_port) {
  char host[64];
  const char *colon = strrchr(host_port, ':');
  if (!colon || (size_t)(colon - host_port) >= sizeof host) fail("address");
  memcpy(host, host_port, (size_t)(colon - host_port));
  host[colon - host_port] = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail("address");
  l->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  int on = 1;
  setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(l->fd, F_SETFL, O_NONBLOCK);
  watch(l, EPOLL_CTL_ADD);
}

void line_flush(line *l) {
  while (l->out.start < l->out.end) {
    ssize_t sent = send(l->fd, l->out.bytes + l->out.start, l->out.end - l->out.start, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (sent < 0) fail("send");
    l->out.start += (size_t)sent;
  }
  int wants = l->out.start < l->out.end;
  if (wants == l->wants_write) return;
  l->wants_write = wants;
  watch(l, EPOLL_CTL_MOD);
}

void net_wait(int ms, void (*read)(line *l)) {
  struct epoll_event events[256];
  int count = epoll_wait(poll_fd, events, 256, ms);
  for (int at = 0; at < count; at += 1) {
    line *l = events[at].data.ptr;
    if (events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      make_room(&l->in, 262144);
      ssize_t got = recv(l->fd, l->in.bytes + l->in.end, l->in.room - l->in.end, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        fprintf(stderr, "line %d was closed by the broker\n", l->id);
        exit(1);
      }
      if (got > 0) {
        l->in.end += (size_t)got;
        read(l);
      }
    }
    if (events[at].events & EPOLLOUT) line_flush(l);
  }
}

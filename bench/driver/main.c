// Windowed throughput of one publisher to topics spread over subscribers; prints one JSON line.
//   driver PROTO PUB SUB TOPICS SUBSCRIBERS SECONDS PID PREFIX [TOKEN]
#define _GNU_SOURCE
#include "wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { window = 1000, burst = 256, samples_max = 1 << 20, warm_ms = 500 };
settings told = {.prefix = "bench", .token = "", .size = 270};
static const wire *proto;
static uint64_t received, samples[samples_max];
static size_t sampled;
static int measuring;

// The text is made once and only the stamp's digits are written anew: the driver must not be what is measured.
size_t envelope(char *target, uint64_t stamp, const char *to) {
  static char text[4096];
  static int size;
  if (!size) {
    size = sprintf(text, "{\"message_id\":\"stamp%016x\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"from\":\"bench-writer\",\"to\":\"%s\",\"type\":\"inform\",\"priority\":\"NORMAL\",\"content\":{\"message\":\"", 0, to);
    for (; size < told.size - 3; size += 1) text[size] = size % 7 ? (char)('a' + size % 26) : ' ';
    memcpy(text + size, "\"}}", 3);
    size += 3;
  }
  memcpy(target, text, (size_t)size);
  write_stamp(target + 20, stamp);
  return (size_t)size;
}

void write_stamp(char *digits, uint64_t stamp) {
  for (int at = 15; at >= 0; at -= 1, stamp >>= 4) digits[at] = "0123456789abcdef"[stamp & 15];
}

uint64_t stamp_in(const unsigned char *bytes, size_t count) {
  const unsigned char *at = memmem(bytes, count, "\"stamp", 6);
  if (!at || (size_t)(bytes + count - at) < 22) return 0;
  char digits[17] = {0};
  memcpy(digits, at + 6, 16);
  return strtoull(digits, 0, 16);
}

static void arrived(uint64_t stamp) {
  received += 1;
  if (measuring && (received & 31) == 0 && sampled < samples_max) samples[sampled++] = now_ns() - stamp;
}

static void on_read(line *l) { proto->read(l, arrived); }

static double cpu_seconds(int pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) fail(path);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  unsigned long user = 0, kernel = 0;
  sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
  return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static int by_size(const void *a, const void *b) { return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : 1; }

int main(int count, char **args) {
  if (count < 9) return fprintf(stderr, "driver PROTO PUB SUB TOPICS SUBSCRIBERS SECONDS PID PREFIX [TOKEN]\n"), 2;
  proto = strcmp(args[1], "pan") ? &zmtp_wire : &pan_wire;
  told.topics = atoi(args[4]);
  told.subscribers = atoi(args[5]);
  told.prefix = args[8];
  if (count > 9) told.token = args[9];
  double seconds = atof(args[6]);
  int pid = atoi(args[7]);
  net_open();
  line *lines = calloc((size_t)told.subscribers + 1, sizeof *lines), *writer = &lines[told.subscribers];
  for (int at = 0; at <= told.subscribers; at += 1) {
    lines[at].id = at;
    line_connect(&lines[at], at < told.subscribers ? args[3] : args[2]);
    proto->open(&lines[at], at == told.subscribers);
    for (uint64_t end = now_ns() + 5000000000ull; !lines[at].ready;) {
      if (now_ns() > end) return fprintf(stderr, "line %d: the broker did not answer\n", at), 1;
      net_wait(50, on_read);
    }
  }
  for (uint64_t end = now_ns() + 500000000ull; now_ns() < end;) net_wait(20, on_read);

  uint64_t sent = 0, lost = 0, last = 0, begun = now_ns(), start = begun + warm_ms * 1000000ull, stop = start + (uint64_t)(seconds * 1e9), moved = begun, first = 0;
  double cpu = 0;
  for (uint64_t now = begun; now < stop; now = now_ns()) {
    if (!measuring && now >= start) {
      measuring = 1;
      start = now;
      first = received;
      cpu = cpu_seconds(pid);
    }
    int some = 0;
    while (some < burst && sent < received + lost + window && writer->out.end - writer->out.start < 65536) {
      proto->publish(writer, (int)(sent % (uint64_t)told.topics), now);
      sent += 1;
      some += 1;
    }
    if (some) line_flush(writer);
    net_wait(some ? 0 : 1, on_read);
    if (received != last) last = received, moved = now;
    else if (now - moved > 1000000000ull) lost = sent - received, moved = now;
  }
  double took = (double)(now_ns() - start) / 1e9, messages = (double)(received - first);
  cpu = cpu_seconds(pid) - cpu;
  qsort(samples, sampled, sizeof *samples, by_size);
  printf("{\"perSecond\":%.0f,\"cpuMicros\":%.4f,\"p50Micros\":%.1f,\"p99Micros\":%.1f,\"lost\":%llu}\n", messages / took, cpu * 1e6 / messages,
         sampled ? (double)samples[sampled / 2] / 1e3 : 0, sampled ? (double)samples[sampled * 99 / 100] / 1e3 : 0, (unsigned long long)lost);
  return 0;
}

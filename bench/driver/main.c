// Loads a broker in one of four ways and prints one JSON line.
//   driver MODE PROTO PUB SUB COUNT SUBSCRIBERS SECONDS PID PREFIX [TOKEN [SIZE]]
// PROTO zmtp, pan, network (its TOKEN is a file of them), nats (over WebSocket), nats-tcp, redis, mqtt
// MODE load: one publisher, COUNT topics spread over the subscribers, a window of messages under way
//      fan:  one publisher, all subscribers hear the same, COUNT messages under way
//      trip: COUNT messages a second go to a subscriber and come back
//      idle: SUBSCRIBERS sessions are opened and held; what each costs the broker in memory
#define _GNU_SOURCE
#include "wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { window = 1000, burst = 256, samples_max = 1 << 20, warm_ms = 500, opening_max = 64 };
settings told = {.prefix = "bench", .token = "", .size = 270};
static const wire *proto;
static uint64_t received, samples[samples_max];
static size_t sampled;
static int measuring;
static line *lines, *writer;

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

static void sample(uint64_t stamp) {
  if (measuring && sampled < samples_max) samples[sampled++] = now_ns() - stamp;
}

static void counted(line *l, uint64_t stamp) {
  (void)l;
  received += 1;
  if ((received & 31) == 0) sample(stamp);
}

// The second line answers, the first one measures.
static void tripped(line *l, uint64_t stamp) {
  if (l == &lines[1]) {
    proto->publish(l, 0, stamp);
    line_flush(l);
  } else if (l == &lines[0]) {
    received += 1;
    sample(stamp);
  }
}

static void (*arrived)(line *l, uint64_t stamp) = counted;
static void on_read(line *l) { proto->read(l, arrived); }

static char *process_file(int pid, const char *name) {
  static char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  FILE *file = fopen(path, "r");
  if (!file) fail(path);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  return text;
}

static double cpu_seconds(int pid) {
  unsigned long user = 0, kernel = 0;
  sscanf(strrchr(process_file(pid, "stat"), ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
  return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static long resident_bytes(int pid) {
  long pages = 0;
  sscanf(process_file(pid, "statm"), "%*d %ld", &pages);
  return pages * sysconf(_SC_PAGESIZE);
}

static int by_size(const void *a, const void *b) { return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : 1; }

static void wait_ms(int ms) {
  for (uint64_t end = now_ns() + (uint64_t)ms * 1000000ull; now_ns() < end;) net_wait(20, on_read);
}

// Opens lines, some at a time, and waits until the broker has answered each.
static int open_lines(int count, const char *publish_at, const char *subscribe_at) {
  int opened = 0, ready = 0;
  uint64_t end = now_ns() + 60000000000ull;
  while (ready < count) {
    for (; opened < count && opened - ready < opening_max; opened += 1) {
      lines[opened].id = opened;
      lines[opened].publisher = &lines[opened] == writer;
      line_connect(&lines[opened], lines[opened].publisher ? publish_at : subscribe_at);
      proto->open(&lines[opened], lines[opened].publisher);
    }
    net_wait(50, on_read);
    while (ready < count && lines[ready].ready) ready += 1;
    if (now_ns() > end) return fprintf(stderr, "line %d: the broker did not answer\n", ready), 0;
  }
  return 1;
}

static void report(int pid, double cpu, uint64_t start, uint64_t first, uint64_t lost) {
  double took = (double)(now_ns() - start) / 1e9, messages = (double)(received - first);
  cpu = cpu_seconds(pid) - cpu;
  if (received == first) {
    fprintf(stderr, "no message came\n");
    exit(1);
  }
  qsort(samples, sampled, sizeof *samples, by_size);
  printf("{\"perSecond\":%.0f,\"cpuMicros\":%.4f,\"p50Micros\":%.1f,\"p99Micros\":%.1f,\"lost\":%llu}\n", messages / took, cpu * 1e6 / messages,
         sampled ? (double)samples[sampled / 2] / 1e3 : 0, sampled ? (double)samples[sampled * 99 / 100] / 1e3 : 0, (unsigned long long)lost);
}

// Keeps `under_way` messages under way, each of which `copies` lines hear.
static void load(int pid, double seconds, uint64_t under_way, uint64_t copies) {
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
    while (some < burst && sent * copies < received + lost + under_way * copies && (copies == 1 || sent < (received + lost) / copies + under_way) && writer->out.end - writer->out.start < 65536) {
      proto->publish(writer, (int)(sent % (uint64_t)told.topics), now);
      sent += 1;
      some += 1;
    }
    if (some) line_flush(writer);
    net_wait(some ? 0 : 1, on_read);
    if (received != last) last = received, moved = now;
    else if (now - moved > 1000000000ull) lost = sent * copies - received, moved = now;
  }
  report(pid, cpu, start, first, lost);
}

static void trip(int pid, double seconds, double rate) {
  uint64_t begun = now_ns(), start = begun + warm_ms * 1000000ull, stop = start + (uint64_t)(seconds * 1e9), sent = 0, first = 0;
  double cpu = 0;
  arrived = tripped;
  for (uint64_t now = begun; now < stop; now = now_ns()) {
    if (!measuring && now >= start) measuring = 1, start = now, first = received, cpu = cpu_seconds(pid);
    if ((double)(now - begun) * rate / 1e9 > (double)sent) {
      proto->publish(&lines[0], 1, now);
      line_flush(&lines[0]);
      sent += 1;
    }
    net_wait(0, on_read);
  }
  report(pid, cpu, start, first, sent - received > 10 ? sent - received : 0);
}

static const wire *wire_named(const char *name) {
  static const struct {
    const char *name;
    const wire *wire;
  } known[] = {{"zmtp", &zmtp_wire}, {"pan", &pan_wire}, {"network", &network_wire}, {"nats", &nats_wire}, {"nats-tcp", &nats_tcp_wire}, {"redis", &redis_wire}, {"mqtt", &mqtt_wire}};
  for (size_t at = 0; at < sizeof known / sizeof *known; at += 1)
    if (!strcmp(known[at].name, name)) return known[at].wire;
  return 0;
}

int main(int count, char **args) {
  if (count < 10) return fprintf(stderr, "driver MODE PROTO PUB SUB COUNT SUBSCRIBERS SECONDS PID PREFIX [TOKEN [SIZE]]\n"), 2;
  const char *mode = args[1];
  proto = wire_named(args[2]);
  if (!proto) return fprintf(stderr, "%s: no such protocol\n", args[2]), 2;
  told.room = !strcmp(mode, "fan");
  told.topics = !strcmp(mode, "load") ? atoi(args[5]) : 1;
  told.subscribers = atoi(args[6]);
  told.prefix = args[9];
  if (count > 10) told.token = args[10];
  if (count > 11) told.size = atoi(args[11]);
  double seconds = atof(args[7]);
  int pid = atoi(args[8]), speaks = strcmp(mode, "trip") && strcmp(mode, "idle");
  net_open();
  lines = calloc((size_t)told.subscribers + 1, sizeof *lines);
  writer = speaks ? &lines[told.subscribers] : 0;
  long before = resident_bytes(pid);
  uint64_t opening = now_ns();
  if (!open_lines(told.subscribers + speaks, args[3], args[4])) return 1;
  double opened_ms = (double)(now_ns() - opening) / 1e6;
  wait_ms(500);
  if (!strcmp(mode, "idle")) {
    wait_ms((int)(seconds * 1000));
    printf("{\"perSession\":%ld,\"openedMs\":%.0f}\n", (resident_bytes(pid) - before) / told.subscribers, opened_ms);
  } else if (!strcmp(mode, "trip")) trip(pid, seconds, atof(args[5]));
  else if (told.room) load(pid, seconds, (uint64_t)atoi(args[5]), (uint64_t)told.subscribers);
  // A receiver that is far behind is dropped for, so of large ones fewer are under way.
  else load(pid, seconds, told.size > 512 ? window * 512 / (uint64_t)told.size : window, 1);
  return 0;
}

// The protocols that are driven: what opens a line, what one message is, what arrives.
#ifndef WIRE_H
#define WIRE_H
#include "net.h"

typedef struct wire {
  // Greets; a subscriber asks for its topics; the line is ready once the broker has answered.
  void (*open)(line *l, int publisher);
  void (*publish)(line *l, int topic, uint64_t stamp);
  // Consumes what has come; calls `arrived` with each message's stamp.
  void (*read)(line *l, void (*arrived)(line *l, uint64_t stamp));
} wire;

typedef struct settings {
  const char *prefix, *token;
  int topics, subscribers, size;
  // All subscribers hear the same: one room, one subject.
  int room;
} settings;

extern settings told;
extern const wire zmtp_wire, pan_wire, network_wire, nats_wire, nats_tcp_wire, redis_wire, mqtt_wire;
// A payload (ZeroMQ §1.2) with the stamp as its message id; `text_room` bytes of text. Returns its length.
size_t envelope(char *target, uint64_t stamp, const char *to);
void write_stamp(char *digits, uint64_t stamp);
// The stamp in a text, or 0.
uint64_t stamp_in(const unsigned char *bytes, size_t count);
#endif

// What is spoken about. With `told.room` all of it has one name; otherwise a topic is the prefix and a number.
#ifndef TOPICS_H
#define TOPICS_H
#include "net.h"

// Calls `ask` with each topic that is this subscriber's: its own number, and every so-many-subscribers-th after it.
void each_topic(line *l, void (*ask)(line *l, const char *name));
// Appends to `b` what stands before a payload of `payload` bytes, which never changes, on `topic`: `make` writes at most `room`
// bytes and returns the length, once a topic. The driver must not be what is measured.
void put_head(buffer *b, int topic, size_t payload, size_t (*make)(char *bytes, size_t room, const char *name, size_t payload));
#endif

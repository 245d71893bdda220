#define _GNU_SOURCE
#include "wire.h"
#include "ws.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Agent Network over WebSocket: sealed frames of which the broker reads the header. A line's agent has its topic's name; each proves it by a token of its own, a line of the file that is `told.token`.
static char *tokens_text, **tokens;

static void read_tokens(void) {
  FILE *file = fopen(told.token, "r");
  size_t room = 0, count = 0;
  if (!file || getdelim(&tokens_text, &room, 0, file) < 0) fail(told.token);
  fclose(file);
  tokens = calloc((size_t)told.subscribers + 2, sizeof *tokens);
  for (char *line = strtok(tokens_text, "\n"); line && count <= (size_t)told.subscribers; line = strtok(0, "\n")) tokens[count++] = line;
}

static void greet(line *l) {
  char text[4096];
  if (!tokens) read_tokens();
  if (!tokens[l->id]) fail("a token is missing");
  int size = snprintf(text, sizeof text, "{\"type\":\"AUTH\",\"agentId\":\"%s%d\",\"token\":\"%s\"}", told.prefix, l->id, tokens[l->id]);
  ws_send(l, 1, text, (size_t)size);
  line_flush(l);
}

static void open_line(line *l, int publisher) {
  l->publisher = publisher;
  ws_upgrade(l, "/agent-network/v1/connect", greet);
}

static void publish(line *l, int topic, uint64_t stamp) {
  static char frame[70000];
  static int size, at;
  if (!size) {
    int filler = told.size - 430 < 0 ? 0 : told.size - 430;
    size = sprintf(frame, "{\"messageId\":\"");
    at = size + 5;
    size += sprintf(frame + size, "stamp%016x\",\"conversationId\":\"conv_abcdefg\",\"senderId\":\"%s%d\",\"recipientId\":\"%s%d\",\"messageType\":\"ENCRYPTED\",\"content\":{\"encryptedData\":\"", 0, told.prefix, l->id, told.prefix, topic);
    for (int end = size + filler; size < end; size += 1) frame[size] = (char)('A' + size % 26);
    size += sprintf(frame + size, "\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"signature\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"originalType\":\"QUERY\"},\"timestamp\":1622548800000,\"metadata\":{\"priority\":\"NORMAL\",\"encrypted\":true,\"requiresResponse\":true}}");
  }
  write_stamp(frame + at, stamp);
  ws_send(l, 1, frame, (size_t)size);
}

static void (*arrived_)(line *l, uint64_t stamp);

// What the publisher hears are acknowledgements.
static void took(line *l, unsigned char *payload, size_t size) {
  uint64_t stamp = l->publisher ? 0 : stamp_in(payload, size);
  if (stamp) arrived_(l, stamp);
  else if (memmem(payload, size, "\"CONNECTED\"", 11)) l->ready = 1;
  else if (memmem(payload, size, "\"ERROR\"", 7)) fprintf(stderr, "%.*s\n", (int)size, payload);
}

static void read_line(line *l, void (*arrived)(line *l, uint64_t stamp)) {
  arrived_ = arrived;
  ws_read(l, took);
}

const wire network_wire = {open_line, publish, read_line};

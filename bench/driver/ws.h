// WebSocket (RFC 6455) on a line: the upgrade, frames out masked with a key of zeros, frames in taken apart.
#ifndef WS_H
#define WS_H
#include "net.h"

// Calls `greet` once the upgrade is done: some servers refuse what comes before.
void ws_upgrade(line *l, const char *path, void (*greet)(line *l));
void ws_send(line *l, int is_text, const void *bytes, size_t size);
// Calls `took` with the payload of each whole frame that has come.
void ws_read(line *l, void (*took)(line *l, unsigned char *payload, size_t size));
#endif

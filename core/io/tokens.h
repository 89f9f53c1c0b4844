/* tokens: who may open a media socket.
 *
 * A token is minted with the call, is the last segment of the socket's path, works once and for a short time.
 * The check happens in the upgrade, before anything is allocated for the socket. Any thread. */
#ifndef CAL_IO_TOKENS_H
#define CAL_IO_TOKENS_H

#include "io/party.h"

typedef struct cal_tokens cal_tokens;

cal_tokens *cal_tokens_new(uint32_t ceiling); /* returns owned; at most `ceiling` outstanding */
cal_tokens *cal_tokens_free(cal_tokens *tokens);
int cal_tokens_add(cal_tokens *tokens, cal_party *party,
                   uint64_t now_ns); /* takes one reference of its own; -ENOBUFS, -EEXIST */
void cal_tokens_withdraw(cal_tokens *tokens,
                         const char *path); /* the call ended before its socket came: never heard of it */

/* The call whose socket this path opens, once; returns owned. NULL with *status 401 (the path carries no
 * token that was ever ours), 403 (used or expired). Does not consume when `signature` is wrong: *status 403.
 */
cal_party *cal_tokens_take(cal_tokens *tokens, const char *path,
                           const char *(*header)(void *context, const char *name), void *context,
                           uint64_t now_ns, int *status);

#endif

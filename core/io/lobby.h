/* lobby: media sockets that come before their call.
 *
 * Some carriers open the media socket without asking a webhook first. A service VM declares the paths they
 * use; an upgrade there that carries no media token is let in and *held*: its messages are kept, and when the
 * first ones are there the script plane is asked. It opens a call that takes the socket, with everything that
 * was kept, or refuses it.
 *
 *   upgrade ──► held ──(first messages)──► on_socket ─┬─► CAL_COMMAND_SOCKET_TAKE ────► leg: what was kept,
 *                │                                    │                                then the rest
 *                │                                    └─► CAL_COMMAND_SOCKET_REFUSE ──► a last word, closed
 *                └── 5 s without an answer, or more than half a megabyte kept: closed
 *
 * Messages that were handed to the script count as answered by it: the text of a refusal is the answer to
 * them. Later ones are answered as the refusal's wire declares.
 *
 * io thread only. */
#ifndef CAL_IO_LOBBY_H
#define CAL_IO_LOBBY_H

#include "io/legs.h"
#include "io/prefixes.h"
#include "net/message.h"
#include "net/server.h"

typedef struct cal_lobby cal_lobby;

#define CAL_LOBBY_WAIT_MS 5000

typedef struct cal_lobby_options {
  cal_legs *legs;         /* borrowed: of the same thread; where sockets that are taken go */
  cal_prefixes *prefixes; /* borrowed */
  uint8_t tag;            /* of the ids given out */
  uint32_t ceiling;       /* held at a time */
  /* A socket asks for a call, its first texts, each with a final zero, being the body; takes the message. 0, or
   * anything else: it is turned away. NULL: every one is. */
  int (*on_socket)(void *context, cal_id socket, cal_http_message *message);
  int (*has_time)(
      void *context); /* whether a socket that came now would be asked about soon; NULL: it would */
  void *context;
} cal_lobby_options;

cal_lobby *cal_lobby_new(const cal_lobby_options *options); /* returns owned */
cal_lobby *cal_lobby_free(cal_lobby *lobby);                /* takes; after its sockets are closed */
/* The upgrade of a path without a token. 0: held, with the handlers filled in; -ENOENT: no such prefix;
 * -EBUSY: as many are live as may be, or all lines are held; -EAGAIN: there is no time for it now. */
int cal_lobby_hold(cal_lobby *lobby, const cal_http_request *request, cal_upgrade *upgrade);
/* Takes the call. A socket that is gone meanwhile is told as the end of its leg. */
void cal_lobby_take(cal_lobby *lobby, cal_id socket, cal_party *party);

/* How a held socket is turned away; counted (mem.h), never changed. */
typedef struct cal_refusal {
  char *text; /* sent first; NULL: nothing */
  char *reason;
  cal_wire *wire; /* how to go on until the other side closes; NULL: closed at once */
  int code;       /* of the close frame */
} cal_refusal;

cal_refusal *cal_refusal_new(const char *text, cal_wire *wire, int code,
                             const char *reason);                             /* copies; returns owned */
void cal_lobby_refuse(cal_lobby *lobby, cal_id socket, cal_refusal *refusal); /* takes */
uint32_t cal_lobby_held(const cal_lobby *lobby);

#endif

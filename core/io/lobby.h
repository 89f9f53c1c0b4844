/* lobby: media sockets that come before their call.
 *
 * Some carriers open the media socket without asking a webhook first. A service VM declares the paths they
 * use; an upgrade there that carries no media token is let in and *held*. The script plane is asked at once whether the
 * upgrade proves who comes; until it has said so the socket is unproven and takes none of the places that are
 * the carrier's. Its messages are kept, and when the first ones are there the script plane is asked again. It opens a
 * call that takes the socket, with everything that was kept, or refuses it.
 *
 *   upgrade ──► unproven ──► on_socket(PROOF) ──► CAL_COMMAND_SOCKET_PROVEN ─┬─► proven: a place of the carrier's
 *                                                                           └─► forged: a second for its first words
 *   proven ─(first messages)─► on_socket(CALL) ───┬─► CAL_COMMAND_SOCKET_TAKE ───► leg: what was kept, then the rest
 *   forged ─(first messages)─► on_socket(WORDS) ──┴─► CAL_COMMAND_SOCKET_REFUSE ─► a last word, closed
 *   any    ── 5 s without an answer, or more than half a megabyte kept ──────────► closed
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
#define CAL_LOBBY_FORGED_WAIT_MS 1000 /* for the first messages of one that proves nothing */

/* What the script plane is asked about a socket. */
typedef enum cal_lobby_asks {
  CAL_LOBBY_PROOF, /* whether its upgrade proves who comes; there are no texts yet */
  CAL_LOBBY_CALL,  /* for a call */
  CAL_LOBBY_WORDS, /* for the words in which it is turned away: it proves nothing */
} cal_lobby_asks;

typedef struct cal_lobby_options {
  cal_legs *legs;         /* borrowed: of the same thread; where sockets that are taken go */
  cal_prefixes *prefixes; /* borrowed */
  uint8_t tag;            /* of the ids given out */
  uint32_t ceiling;       /* held at a time */
  /* A socket is asked about, its first texts, each with a final zero, being the body; takes the message. 0, or
   * anything else: it is turned away. NULL: every one is. */
  int (*on_socket)(void *context, cal_id socket, cal_lobby_asks asks, cal_http_message *message);
  int (*has_time)(
      void *context); /* whether a socket that came now would be asked about soon; NULL: it would */
  void *context;
} cal_lobby_options;

cal_lobby *cal_lobby_new(const cal_lobby_options *options); /* returns owned */
cal_lobby *cal_lobby_free(cal_lobby *lobby);                /* takes; after its sockets are closed */
/* The upgrade of a path without a token. 0: held, with the handlers filled in; -ENOENT: no such prefix;
 * -EBUSY: as many are live as may be, or all lines are held; -EAGAIN: there is no time for it now. */
int cal_lobby_hold(cal_lobby *lobby, const cal_http_request *request, cal_upgrade *upgrade);
/* The answer to CAL_LOBBY_PROOF. */
void cal_lobby_prove(cal_lobby *lobby, cal_id socket, int is_proven);
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
uint32_t cal_lobby_proven(const cal_lobby *lobby); /* of those that are held */

#endif

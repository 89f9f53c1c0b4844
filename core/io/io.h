/* io: one thread of the io plane.
 *
 *   sockets ──► cal_server / cal_ws ──► legs (wire → decode → vad → …) ──events──► script threads
 *   commands (mailbox) ──► legs, HTTP answers, HTTP requests
 *
 * An io owns a loop, a net, the legs whose sockets landed on its thread, and the tick that sends their frames
 * on an absolute schedule. It names no carrier and knows no Lua; what it cannot know comes through the hooks.
 * Made and freed on the main thread while its loop does not run; everything else happens on its own thread,
 * or through its mailbox. */
#ifndef CAL_IO_IO_H
#define CAL_IO_IO_H

#include "io/party.h"
#include "io/legs.h"
#include "io/lobby.h"
#include "io/prefixes.h"
#include "io/tokens.h"
#include "loop/loop.h"
#include "net/message.h"
#include "net/net.h"
#include "net/server.h"

typedef struct cal_io cal_io;

/* How io reaches the other planes. All run on the io thread and must not block. */
typedef struct cal_io_hooks {
  void *context;
  /* A request that is not an upgrade; takes the message. 0, or an HTTP status to refuse it with. */
  int (*on_request)(void *context, cal_io *io, cal_id request, cal_http_message *message);
  /* A media socket that came before its call (lobby.h), with its first messages as the body; takes the
   * message. 0, or anything else: it is turned away. NULL: such sockets are refused. */
  int (*on_socket)(void *context, cal_id socket, cal_lobby_asks asks, cal_http_message *message);
  /* Whether such a socket, let in now, would be asked about soon; NULL: it would. */
  int (*has_time)(void *context);
  /* The answer to a CAL_COMMAND_HTTP_FETCH, _READ or _WRITE, by the script's number of it; takes the message (NULL: it
   * failed). */
  void (*on_response)(void *context, cal_id asked, cal_http_message *message, int code, const char *text,
                      int was_sent);
  cal_talk_ear ear;       /* of finished pieces of callers' speech */
  cal_talk_voice voice;   /* says what a vendor does not */
  cal_breakers *breakers; /* borrowed: of vendors */
  cal_recordings recordings;
  cal_hearing hearing;
  cal_watcher watcher; /* of the messages of legs of role AGENT */
} cal_io_hooks;

typedef struct cal_io_options {
  uint8_t index;          /* 1..; tag of the ids this io gives out */
  cal_loop *loop;         /* borrowed */
  cal_tokens *tokens;     /* borrowed; shared by all io threads */
  cal_prefixes *prefixes; /* the same; NULL: no socket may come before its call (lobby.h) */
  cal_io_hooks hooks;
  cal_net_options net;
  uint32_t legs_ceiling; /* on this thread; beyond it upgrades get 503 + Retry-After */
} cal_io_options;

int cal_io_new(cal_io **result, const cal_io_options *options);
cal_io *cal_io_free(cal_io *io); /* ends its legs, closes its sockets; returns NULL */
int cal_io_listen(cal_io *io, const cal_server_options *options); /* handlers are filled in by io */
uint16_t cal_io_port(cal_io *io);
/* Answers a request that on_request was told of; on the io thread, also from inside it. */
void cal_io_answer(cal_io *io, cal_id request, const cal_http_answer *answer);
cal_mailbox *cal_io_commands(cal_io *io); /* borrowed */
/* Any thread. From now on only sockets of calls that were answered before are let in, others get 503; calls
 * live on. */
void cal_io_refuse_calls(cal_io *io);
void cal_io_stop_listening(cal_io *io);
cal_legs *cal_io_legs(cal_io *io);   /* borrowed */
cal_lobby *cal_io_lobby(cal_io *io); /* borrowed */

#endif

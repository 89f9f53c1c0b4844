/* pieces: answers of services whose bodies come in pieces.
 *
 *   a script's piece (CAL_COMMAND_HTTP_WRITE) ──► server ── room ──► CAL_EVENT_HTTP_RESPONSE, without a body
 *                                                        └─ slow ──► the same, once the client has read on, or left
 *
 * Every piece is answered, so a script that waits for the answer never sends faster than its client reads.
 * Of an io thread; its own thread. */
#ifndef CAL_IO_PIECES_H
#define CAL_IO_PIECES_H

#include "io/command.h"
#include "net/message.h"
#include "net/server.h"

typedef struct cal_pieces cal_pieces;

typedef struct cal_pieces_options {
  void *context;
  /* Once for each piece: the message has no body, and is taken (NULL: the client has gone, or the answer is not open). */
  void (*on_response)(void *context, cal_id asked, cal_http_message *message, int code, const char *text,
                      int was_sent);
} cal_pieces_options;

cal_pieces *cal_pieces_new(const cal_pieces_options *options); /* returns owned */
cal_pieces *cal_pieces_free(cal_pieces *pieces);               /* returns NULL; who waits is told */
/* Sends the piece of a CAL_COMMAND_HTTP_WRITE; a NULL server has no client. */
void cal_pieces_send(cal_pieces *pieces, cal_server *server, const cal_command *command);
void cal_pieces_room(cal_pieces *pieces, cal_id request, int code); /* as cal_server_options.on_room */

#endif

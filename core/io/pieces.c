#include "io/pieces.h"

#include <errno.h>

#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/message.h"

/* A piece that was taken, and whose sender waits for room. */
typedef struct waiting {
  cal_list node;
  cal_id request, asked;
} waiting;

struct cal_pieces {
  cal_pieces_options options;
  cal_list waiting;
};

static void answer(cal_pieces *pieces, cal_id asked, int code, const char *text) {
  pieces->options.on_response(pieces->options.context, asked, code ? NULL : cal_http_message_new(), code,
                              text, 1);
}

void cal_pieces_send(cal_pieces *pieces, cal_server *server, const cal_command *command) {
  const cal_http_message *message = command->piece.message;
  int code = server
                 ? cal_server_piece(server, command->target, (cal_span){message->body, message->body_bytes},
                                    (cal_piece_end)message->status)
                 : cal_fail(-ENOENT, "nobody is served here");
  if (code != CAL_PIECE_WAIT) return answer(pieces, command->piece.asked, code, code ? cal_error_text() : "");
  waiting *w = cal_alloc(sizeof *w);
  w->request = command->target;
  w->asked = command->piece.asked;
  cal_list_append(&pieces->waiting, &w->node);
}

/* `request` 0: all of them. */
static void answer_waiting(cal_pieces *pieces, cal_id request, int code, const char *text) {
  cal_list_each_safe(&pieces->waiting, node, next) {
    waiting *w = cal_list_entry(node, waiting, node);
    if (request && w->request != request) continue;
    cal_list_remove(&w->node);
    answer(pieces, w->asked, code, text);
    cal_free(w);
  }
}

void cal_pieces_room(cal_pieces *pieces, cal_id request, int code) {
  answer_waiting(pieces, request, code, code ? "the client has gone" : "");
}

cal_pieces *cal_pieces_new(const cal_pieces_options *options) {
  cal_pieces *pieces = cal_alloc(sizeof *pieces);
  pieces->options = *options;
  cal_list_init(&pieces->waiting);
  return pieces;
}

cal_pieces *cal_pieces_free(cal_pieces *pieces) {
  if (!pieces) return NULL;
  answer_waiting(pieces, 0, -ECANCELED, "the engine stops");
  return cal_free(pieces);
}

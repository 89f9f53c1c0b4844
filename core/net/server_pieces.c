/* An answer whose body comes in pieces: its head leaves at once, each piece when it is there. */
#include <errno.h>

#include "base/error.h"
#include "net/server_private.h"
#include "net/sockets.h"

static size_t waiting_bytes(const cal_conn *conn) { return conn->stream.output.bytes - conn->stream.sent; }

/* A chunk of nothing would be the last one. */
static void frame(const cal_conn *conn, cal_buf *into, cal_span piece, cal_piece_end end) {
  if (conn->is_old) {
    if (piece.bytes) cal_buf_append(into, piece.at, piece.bytes);
    return;
  }
  if (piece.bytes) {
    cal_buf_format(into, "%zx\r\n", piece.bytes);
    cal_buf_append(into, piece.at, piece.bytes);
    cal_buf_text(into, "\r\n");
  }
  if (end == CAL_PIECE_LAST) cal_buf_text(into, "0\r\n\r\n");
}

void cal_conn_open_answer(cal_conn *conn, const cal_http_answer *answer) {
  static const cal_http_answer wrong = {.status = 500};
  cal_buf bytes;
  cal_buf_init(&bytes, 2 * (size_t)CAL_ANSWER_CEILING);
  if (conn->is_old) conn->closes = 1;
  if (cal_answer_write(&bytes, answer, cal_conn_manner(conn), cal_conn_word(conn))) {
    cal_answer_write(&bytes, &wrong, CAL_ANSWER_WHOLE, cal_conn_word(conn));
    return cal_conn_say_all(conn, &bytes);
  }
  frame(conn, &bytes, answer->body, CAL_PIECE_MORE);
  conn->phase = CAL_CONN_OPEN;
  cal_conn_deadline(conn, conn->server->net->options.reply_timeout_ms);
  int code = cal_stream_write(&conn->stream, bytes.data, bytes.bytes);
  cal_buf_free(&bytes);
  if (code) cal_conn_cut(conn);
}

/* ---- room */

static void tell(cal_conn *conn, int code) {
  const cal_server_options *options = &conn->server->options;
  if (!conn->awaits_room) return;
  conn->awaits_room = 0;
  if (options->on_room) options->on_room(options->context, conn->request->view.id, code);
}

void cal_conn_has_room(cal_conn *conn) { tell(conn, 0); }
void cal_conn_pieces_end(cal_conn *conn) { tell(conn, -EPIPE); }

/* ---- a piece */

static int send_piece(cal_conn *conn, cal_buf *bytes) {
  int code = cal_stream_write(&conn->stream, bytes->data, bytes->bytes);
  cal_buf_free(bytes);
  if (code || waiting_bytes(conn) > CAL_PIECES_CEILING_BYTES) {
    cal_conn_cut(conn);
    return code ? cal_fail(-ENOENT, "the client has gone")
                : cal_fail(-ENOBUFS, "the client takes too little of the answer");
  }
  cal_conn_deadline(conn, conn->server->net->options.reply_timeout_ms);
  conn->awaits_room = waiting_bytes(conn) > CAL_PIECES_ROOM_BYTES;
  return conn->awaits_room ? CAL_PIECE_WAIT : 0;
}

int cal_sockets_piece(cal_server *server, cal_id id, cal_span piece, cal_piece_end end) {
  cal_conn *conn = cal_slots_get(server->waiting, id);
  if (!conn || conn->phase != CAL_CONN_OPEN)
    return cal_fail(-ENOENT, "this answer is not open, or its client has gone");
  cal_buf bytes;
  cal_buf_init(&bytes, piece.bytes + 64);
  frame(conn, &bytes, piece, end);
  if (end == CAL_PIECE_MORE) return send_piece(conn, &bytes);
  conn->awaits_room = 0;
  if (end == CAL_PIECE_LAST) {
    cal_conn_say_all(conn, &bytes);
    return 0;
  }
  cal_stream_write(&conn->stream, bytes.data, bytes.bytes);
  cal_buf_free(&bytes);
  cal_conn_cut(conn);
  return 0;
}

/* The decision about a WebSocket (RFC 6455, 4.2). */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/server_private.h"

#define KEY_BYTES 24 /* of base64: 16 random bytes */

/* ---- refusing */

static int refuse(cal_upgrade *upgrade, int status, const char *why) {
  cal_problem problem;
  return cal_upgrade_refuse(upgrade, cal_problem_say(&problem, status, why));
}

static int refuse_version(cal_upgrade *upgrade) {
  static const cal_http_field version = {{"sec-websocket-version", 21}, {"13", 2}};
  return cal_upgrade_refuse(upgrade, &(cal_http_answer){.status = 426, .fields = &version, .field_count = 1});
}

int cal_upgrade_refuse(cal_upgrade *upgrade, const cal_http_answer *answer) {
  static const cal_http_answer wrong = {.status = 500};
  if (!cal_answer_write(upgrade->refusal, answer, CAL_ANSWER_WHOLE, "close")) return answer->status;
  cal_answer_write(upgrade->refusal, &wrong, CAL_ANSWER_WHOLE, "close");
  return wrong.status;
}

/* ---- deciding */

static int is_key(cal_span key) {
  unsigned char random[KEY_BYTES];
  if (key.bytes != KEY_BYTES || memcmp(key.at + KEY_BYTES - 2, "==", 2)) return 0;
  return EVP_DecodeBlock(random, (const unsigned char *)key.at, KEY_BYTES) == 18; /* with the padding's two */
}

static int check(cal_conn *conn, cal_upgrade *upgrade) {
  const cal_head *head = &conn->request->head;
  if (strcmp(head->method, "GET")) return refuse(upgrade, 405, "a WebSocket begins with GET");
  if (head->is_chunked || head->content_length > 0)
    return refuse(upgrade, 400, "a WebSocket begins without a body");
  if (conn->server->is_stopping) return refuse(upgrade, 503, "this server is going away");
  if (!cal_head_lists(head, "connection", "upgrade"))
    return refuse(upgrade, 400,
                  "the Connection field does not say upgrade: a proxy in between must pass it on");
  if (!cal_span_is(cal_head_field(head, "sec-websocket-version"), "13")) return refuse_version(upgrade);
  if (!is_key(cal_head_field(head, "sec-websocket-key")))
    return refuse(upgrade, 400, "the Sec-WebSocket-Key is missing or malformed");
  if (!conn->server->options.on_upgrade) return refuse(upgrade, 404, "no WebSocket is served here");
  return 0;
}

static int ask(cal_conn *conn, cal_upgrade *upgrade) {
  const cal_server_options *options = &conn->server->options;
  cal_request_show(conn->request, conn->server);
  conn->request->view.peer = conn->peer;
  int status = options->on_upgrade(options->context, &conn->request->view, upgrade);
  if (status && !upgrade->refusal->bytes) cal_upgrade_refuse(upgrade, &(cal_http_answer){.status = status});
  return status;
}

/* ---- answering */

static void write_accept(cal_buf *into, cal_span key) {
  static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[KEY_BYTES + sizeof magic];
  unsigned char digest[SHA_DIGEST_LENGTH], accept[32];
  memcpy(text, key.at, KEY_BYTES);
  memcpy(text + KEY_BYTES, magic, sizeof magic - 1);
  SHA1((const unsigned char *)text, KEY_BYTES + sizeof magic - 1, digest);
  EVP_EncodeBlock(accept, digest, sizeof digest);
  cal_buf_format(into, "sec-websocket-accept: %s\r\n", (const char *)accept);
}

static int accept_it(cal_conn *conn, const cal_upgrade *upgrade) {
  const cal_head *head = &conn->request->head;
  cal_buf answer;
  cal_buf_init(&answer, 1024);
  cal_buf_text(&answer, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n");
  write_accept(&answer, cal_head_field(head, "sec-websocket-key"));
  if (upgrade->subprotocol && cal_head_lists(head, "sec-websocket-protocol", upgrade->subprotocol))
    cal_buf_format(&answer, "sec-websocket-protocol: %s\r\n", upgrade->subprotocol);
  cal_buf_text(&answer, "\r\n");
  conn->phase = CAL_CONN_UPGRADED;
  conn->ws = cal_served_new(conn, &upgrade->handlers);
  cal_conn_forget_request(conn);
  int code = cal_stream_write(&conn->stream, answer.data, answer.bytes);
  cal_buf_free(&answer);
  return code;
}

static void send_refusal(cal_conn *conn, const cal_buf *refusal) {
  cal_metric_add(conn->server->refused, 1);
  if (cal_stream_write(&conn->stream, refusal->data, refusal->bytes))
    cal_conn_cut(conn);
  else
    cal_conn_leave(conn);
}

void cal_conn_upgrade(cal_conn *conn) {
  cal_buf refusal;
  cal_buf_init(&refusal, CAL_ANSWER_CEILING);
  cal_upgrade upgrade = {.refusal = &refusal};
  int status = check(conn, &upgrade);
  if (!status) status = ask(conn, &upgrade);
  if (status)
    send_refusal(conn, &refusal);
  else if (accept_it(conn, &upgrade))
    cal_served_end(conn->ws, -EPIPE);
  else
    cal_served_open(conn->ws);
  cal_buf_free(&refusal);
}

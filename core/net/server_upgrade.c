/* The decision about a WebSocket. Refusals are answered here, before lws upgrades anything: later it can only
 * hang up. */
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "net/server_private.h"

/* Is `word` one of the comma-separated words? */
static int lists(const char *list, const char *word) {
  size_t bytes = strlen(word);
  while (*list) {
    list += strspn(list, ", \t");
    size_t length = strcspn(list, ", \t");
    if (length == bytes && !strncasecmp(list, word, bytes)) return 1;
    list += length;
  }
  return 0;
}

static int offers_known_subprotocol(cal_conn *conn) {
  cal_server *server = conn->server;
  if (cal_request_token(server, conn->wsi, WSI_TOKEN_PROTOCOL) <= 0) return 1;
  for (size_t i = 0; i < server->options.subprotocol_count; i++)
    if (lists(server->scratch, server->options.subprotocols[i])) return 1;
  return 0;
}

static int refuse(cal_upgrade *upgrade, int status, const char *text, const char *name, const char *value) {
  cal_http_field fields[] = {{cal_span_of("content-type"), cal_span_of("text/plain; charset=utf-8")},
                             {cal_span_of(name), cal_span_of(value)}};
  return cal_upgrade_refuse(upgrade, &(cal_http_answer){.status = status,
                                                        .fields = fields,
                                                        .field_count = name ? 2 : 1,
                                                        .body = cal_span_of(text)});
}

/* What lws would only hang up on. */
static int check(cal_conn *conn, cal_upgrade *upgrade) {
  cal_server *server = conn->server;
  struct lws *wsi = conn->wsi;
  if (!lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI))
    return refuse(upgrade, 405, "a WebSocket begins with GET\n", "allow", "GET");
  if (server->is_stopping) return refuse(upgrade, 503, "this server is going away\n", "retry-after", "1");
  if (cal_request_token(server, wsi, WSI_TOKEN_CONNECTION) <= 0 || !lists(server->scratch, "upgrade"))
    return refuse(upgrade, 400, "the Connection field does not say upgrade\n", NULL, NULL);
  if (cal_request_token(server, wsi, WSI_TOKEN_VERSION) <= 0 || strcmp(server->scratch, "13"))
    return refuse(upgrade, 426, "only version 13 is spoken\n", "sec-websocket-version", "13");
  if (cal_request_token(server, wsi, WSI_TOKEN_KEY) != 24)
    return refuse(upgrade, 400, "Sec-WebSocket-Key is missing or wrong\n", NULL, NULL);
  if (!offers_known_subprotocol(conn))
    return refuse(upgrade, 400, "none of the sub-protocols is spoken\n", NULL, NULL);
  if (!server->options.on_upgrade) return refuse(upgrade, 404, "no WebSocket is served here\n", NULL, NULL);
  return 0;
}

static int ask(cal_conn *conn, cal_upgrade *upgrade) {
  cal_server_options *options = &conn->server->options;
  cal_request *request = cal_request_read(conn);
  int status = options->on_upgrade(options->context, &request->view, upgrade);
  cal_request_free(request);
  if (status && !upgrade->refusal->bytes) cal_upgrade_refuse(upgrade, &(cal_http_answer){.status = status});
  return status;
}

/* Always closes: lws would go on with whatever else was read from a connection it should not trust any more.
 */
static int send_refusal(cal_conn *conn) {
  cal_metric_add(conn->server->refused, 1);
  if (conn->reply.bytes)
    lws_write(conn->wsi, (unsigned char *)conn->reply.data, conn->reply.bytes, LWS_WRITE_HTTP_FINAL);
  cal_buf_free(&conn->reply);
  return -1;
}

int cal_conn_upgrade(cal_conn *conn, const char *to) {
  if (conn->phase != CAL_CONN_AWAITING || strcasecmp(to, "websocket")) return -1;
  cal_upgrade upgrade = {.refusal = &conn->reply};
  int status = check(conn, &upgrade);
  if (!status) status = ask(conn, &upgrade);
  if (status) return send_refusal(conn);
  conn->phase = CAL_CONN_UPGRADED;
  conn->ws = cal_ws_socket_new(conn->server->net, &upgrade.handlers);
  conn->ws->owner = &conn->ws;
  conn->ws->wsi = conn->wsi;
  return 0;
}

int cal_upgrade_refuse(cal_upgrade *upgrade, const cal_http_answer *answer) {
  static const cal_http_answer wrong = {.status = 500};
  if (!cal_answer_write(upgrade->refusal, answer, 0, "close")) return answer->status;
  cal_answer_write(upgrade->refusal, &wrong, 0, "close");
  return wrong.status;
}

/* Outgoing WebSockets of sockets: the way from a target to an open connection.
 *
 *   look-up (thread pool) ─► address ─► lws: connect, TLS, upgrade ─► open
 *                              ▲                   │ refused: next address
 *                              └───────────────────┘
 *
 * One deadline covers it all. Failures are only noted inside lws's callbacks; a timer goes on from there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/sockets.h"
#include "net/ws_socket.h"

typedef struct cal_ws_attempt {
  cal_net *net;
  cal_ws_socket *ws; /* NULL when it was given up and only the look-up keeps us */
  cal_ws_target target;
  char *subprotocol;
  int deny_private;
  struct sockaddr_storage only; /* of a numeric host */
  struct addrinfo *found, *next;
  uv_getaddrinfo_t lookup;
  int is_looking, was_sent;
  cal_timer deadline, step;
  int error; /* of the last address */
  char text[160];
} cal_ws_attempt;

static void release(cal_ws_attempt *attempt) {
  if (attempt->found) uv_freeaddrinfo(attempt->found);
  cal_ws_target_free(&attempt->target);
  cal_free(attempt->subprotocol);
  cal_free(attempt);
}

void cal_ws_attempt_free(cal_ws_attempt *attempt) {
  if (!attempt) return;
  cal_timer_stop(attempt->net->loop, &attempt->deadline);
  cal_timer_stop(attempt->net->loop, &attempt->step);
  attempt->ws = NULL;
  if (attempt->is_looking)
    uv_cancel((uv_req_t *)&attempt->lookup);
  else
    release(attempt);
}

static void give_up(cal_ws_attempt *attempt, int error, const char *text) {
  cal_ws *ws = &attempt->ws->base;
  cal_ws_fail(ws, error, text);
  cal_ws_finish(ws);
}

static void on_deadline(cal_timer *timer) {
  cal_ws_attempt *attempt = cal_list_entry(timer, cal_ws_attempt, deadline);
  give_up(attempt, -ETIMEDOUT, "the WebSocket did not open in time");
}

/* ---- connecting to one address */

static void try_next(cal_timer *timer);

static void step_soon(cal_ws_attempt *attempt) {
  cal_timer_start(attempt->net->loop, &attempt->step, cal_loop_now_ns(attempt->net->loop), try_next);
}

static void note(cal_ws_attempt *attempt, int error, const char *text) {
  attempt->error = error;
  snprintf(attempt->text, sizeof attempt->text, "%s", text);
}

static int take_next_address(cal_ws_attempt *attempt, char *numeric, size_t room) {
  const struct sockaddr *address = NULL;
  if (attempt->found) {
    if (!attempt->next) return 0;
    address = attempt->next->ai_addr;
    attempt->next = attempt->next->ai_next;
  } else {
    if (!attempt->only.ss_family) return 0;
    address = (const struct sockaddr *)&attempt->only;
  }
  if (attempt->deny_private && cal_address_is_private(address)) {
    note(attempt, -EACCES, "the address is private; only serve --allow-private lets flows reach such");
    numeric[0] = 0;
  } else {
    cal_address_text(address, numeric, room);
  }
  attempt->only.ss_family = 0;
  return 1;
}

static void connect_to(cal_ws_attempt *attempt, const char *numeric) {
  struct lws_client_connect_info info = {0};
  cal_net *net = attempt->net;
  info.context = net->client->context;
  info.vhost = net->client->vhost;
  info.address = numeric;
  info.port = attempt->target.port;
  info.path = attempt->target.path;
  info.host = attempt->target.host_header;
  info.origin = attempt->target.host_header;
  info.protocol = attempt->subprotocol;
  info.local_protocol_name = "callisto";
  info.ietf_version_or_minus_one = -1;
  info.alpn = "http/1.1";
  info.retry_and_idle_policy = &net->client->ping;
  info.opaque_user_data = attempt->ws;
  if (attempt->target.is_tls) {
    info.ssl_connection = LCCSCF_USE_SSL;
    if (net->options.skip_tls_verification)
      info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
                             LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
  }
  struct lws *wsi = lws_client_connect_via_info(&info);
  attempt->ws->wsi = wsi;
  if (!wsi && !cal_timer_is_started(&attempt->step)) {
    note(attempt, -ECONNREFUSED, "no connection could be made");
    step_soon(attempt);
  }
}

static void try_next(cal_timer *timer) {
  cal_ws_attempt *attempt = cal_list_entry(timer, cal_ws_attempt, step);
  char numeric[64] = "";
  while (take_next_address(attempt, numeric, sizeof numeric))
    if (numeric[0]) return connect_to(attempt, numeric);
  give_up(attempt, attempt->error ? attempt->error : -ENOENT,
          attempt->error ? attempt->text : "the name has no address");
}

/* ---- what lws tells about it */

static int append_fields(cal_ws_attempt *attempt, unsigned char **at, size_t room) {
  attempt->was_sent = 1;
  if (attempt->target.fields.bytes > room) return -1;
  if (attempt->target.fields.bytes) memcpy(*at, attempt->target.fields.data, attempt->target.fields.bytes);
  *at += attempt->target.fields.bytes;
  return 0;
}

static void classify(cal_ws_attempt *attempt, struct lws *wsi, const char *text) {
  int status = (int)lws_http_client_http_response(wsi);
  char sentence[128];
  if (status && status != 101) {
    attempt->ws->base.status = status;
    snprintf(sentence, sizeof sentence, "the server refused the WebSocket with status %d", status);
    return note(attempt, -EPROTO, sentence);
  }
  if (attempt->was_sent) {
    snprintf(sentence, sizeof sentence, "the server did not open the WebSocket: %s", text);
    return note(attempt, -EPROTO, sentence);
  }
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  int is_connected = !getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &size);
  if (attempt->target.is_tls && is_connected) {
    snprintf(sentence, sizeof sentence, "TLS with %s failed: %s", attempt->target.host, text);
    return note(attempt, -EKEYREJECTED, sentence);
  }
  snprintf(sentence, sizeof sentence, "no connection to %s, port %d: %s", attempt->target.host,
           attempt->target.port, text);
  note(attempt, -ECONNREFUSED, sentence);
}

static void failed(cal_ws_socket *ws, struct lws *wsi, const char *text) {
  cal_ws_attempt *attempt = ws->attempt;
  lws_set_opaque_user_data(wsi, NULL);
  ws->wsi = NULL;
  if (!attempt) return;
  classify(attempt, wsi, text);
  if (attempt->error != -ECONNREFUSED)
    attempt->next = NULL; /* it answered: another address would say the same */
  step_soon(attempt);
}

/* A connection that vanished without any other word. */
static void destroyed(cal_ws_socket *ws, struct lws *wsi) {
  if (ws->wsi != wsi) return;
  ws->wsi = NULL;
  if (ws->attempt) return failed(ws, wsi, "the connection was lost");
  cal_ws_fail(&ws->base, -ECONNRESET, "the connection was lost");
  cal_ws_finish(&ws->base);
}

int cal_ws_client_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                        size_t bytes) {
  cal_ws_socket *ws = wsi ? lws_get_opaque_user_data(wsi) : NULL;
  if (!ws) return 0;
  switch (reason) {
  case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
    return ws->attempt ? append_fields(ws->attempt, in, bytes) : -1;
  case LWS_CALLBACK_CLIENT_HTTP_REDIRECT:
    return 1;
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    failed(ws, wsi, in ? in : "unknown reason");
    return 0;
  case LWS_CALLBACK_WSI_DESTROY:
    destroyed(ws, wsi);
    return 0;
  default:
    return cal_ws_socket_event(ws, wsi, reason, in, bytes);
  }
}

/* ---- look-up */

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found) {
  cal_ws_attempt *attempt = lookup->data;
  attempt->net->lookups--;
  attempt->is_looking = 0;
  attempt->found = attempt->next = found;
  if (!attempt->ws) return release(attempt);
  if (status) {
    char text[128];
    snprintf(text, sizeof text, "no address for %s: %s", attempt->target.host, uv_strerror(status));
    return give_up(attempt, -ENOENT, text);
  }
  step_soon(attempt);
}

static int look_up(cal_ws_attempt *attempt) {
  if (!cal_address_parse(&attempt->only, attempt->target.host, attempt->target.port)) {
    step_soon(attempt);
    return 0;
  }
  attempt->only.ss_family = 0;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  attempt->lookup.data = attempt;
  int code = uv_getaddrinfo(cal_loop_uv(attempt->net->loop), &attempt->lookup, on_found, attempt->target.host,
                            NULL, &hints);
  if (code) return cal_fail(code, "the name %s cannot be looked up", attempt->target.host);
  attempt->is_looking = 1;
  attempt->net->lookups++;
  return 0;
}

int cal_sockets_connect(cal_ws **result, cal_net *net, const cal_ws_connect_options *options,
                        cal_ws_target *target) {
  cal_ws_attempt *attempt = cal_alloc(sizeof *attempt);
  attempt->net = net;
  attempt->target = *target;
  attempt->subprotocol = cal_strdup(options->subprotocol);
  attempt->deny_private = options->deny_private;
  int code = look_up(attempt);
  if (code) {
    release(attempt);
    return code;
  }
  attempt->ws = cal_ws_socket_new(net, &options->handlers);
  attempt->ws->attempt = attempt;
  uint32_t timeout_ms = options->timeout_ms ? options->timeout_ms : 10000;
  cal_timer_start(net->loop, &attempt->deadline, cal_net_after(net, timeout_ms), on_deadline);
  *result = &attempt->ws->base;
  return 0;
}

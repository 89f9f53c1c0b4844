#include "net/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/loopback_private.h"
#include "net/tls.h"

#define WAITING_CEILING 4096

/* ---- connections */

/* At once. lws would first flush what it holds for up to five seconds; a socket that is shut takes nothing
 * more. */
void cal_conn_cut(cal_conn *conn) {
  cal_timer_stop(conn->server->net->loop, &conn->timer);
  if (!conn->wsi) return;
  shutdown(lws_get_socket_fd(conn->wsi), SHUT_RDWR);
  lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_deadline(cal_timer *timer) {
  static const cal_http_answer too_late = {.status = 504};
  cal_conn *conn = cal_list_entry(timer, cal_conn, timer);
  if (conn->phase != CAL_CONN_WAITING) return cal_conn_cut(conn);
  cal_metric_add(conn->server->timed_out, 1);
  cal_conn_reply(conn, &too_late);
}

void cal_conn_deadline(cal_conn *conn, uint64_t after_ms) {
  cal_net *net = conn->server->net;
  cal_timer_start(net->loop, &conn->timer, cal_net_after(net, after_ms), on_deadline);
}

static void free_conn(cal_conn *conn) {
  cal_server *server = conn->server;
  cal_timer_stop(server->net->loop, &conn->timer);
  if (conn->ws) {
    conn->ws->wsi = NULL;
    cal_ws_fail(&conn->ws->base, -ECONNRESET, "the connection was lost");
    cal_ws_finish(&conn->ws->base);
  }
  cal_conn_forget_request(conn);
  cal_buf_free(&conn->reply);
  cal_list_remove(&conn->node);
  server->conn_count--;
  cal_free(conn);
}

void cal_server_take(cal_server *server, int fd, const struct sockaddr *peer) {
  if (server->conn_count >= server->net->options.connection_ceiling) {
    cal_metric_add(server->crowded, 1);
    close(fd);
    return;
  }
  cal_conn *conn = cal_alloc(sizeof *conn);
  conn->server = server;
  cal_address_text(peer, conn->peer, sizeof conn->peer);
  cal_buf_init(&conn->reply, CAL_ANSWER_CEILING);
  cal_list_append(&server->conns, &conn->node);
  server->conn_count++;
  cal_conn_deadline(conn, server->net->options.handshake_timeout_ms);
  lws_adopt_desc_t adopt = {.vh = server->lws->vhost,
                            .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
                            .opaque = conn};
  adopt.fd.sockfd = fd;
  struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&adopt);
  if (wsi)
    conn->wsi = wsi;
  else
    cal_timer_stop(server->net->loop, &conn->timer); /* lws closes it; WSI_DESTROY frees it */
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes) {
  cal_conn *conn = wsi ? lws_get_opaque_user_data(wsi) : NULL;
  if (!conn) return 0;
  conn->wsi = wsi;
  if (conn->server->is_dying && reason != LWS_CALLBACK_WSI_DESTROY) return -1;
  switch (reason) {
  case LWS_CALLBACK_HTTP:
    return cal_conn_http(conn);
  case LWS_CALLBACK_HTTP_BODY:
    return cal_conn_body(conn, in, bytes);
  case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    return cal_conn_body_complete(conn);
  case LWS_CALLBACK_HTTP_WRITEABLE:
    return cal_conn_writable(conn);
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    return cal_conn_upgrade(conn, in);
  case LWS_CALLBACK_CLOSED_HTTP:
    cal_conn_forget_request(conn);
    return 0;
  case LWS_CALLBACK_RAW_ADOPT:
    return -1; /* CONNECT: lws would make a raw socket of it */
  case LWS_CALLBACK_ESTABLISHED:
    cal_timer_stop(conn->server->net->loop, &conn->timer);
    break;
  case LWS_CALLBACK_WSI_DESTROY:
    free_conn(conn);
    return 0;
  default:
    break;
  }
  if (conn->ws) cal_ws_socket_event(conn->ws, wsi, reason, in, bytes);
  return 0;
}

/* ---- the server */

static void release(void *owner) {
  cal_server *server = owner;
  cal_list_each_safe(&server->conns, node, after) { free_conn(cal_list_entry(node, cal_conn, node)); }
  for (size_t i = 0; i < server->options.field_count; i++) cal_free(server->fields[i].name);
  for (size_t i = 0; i < server->options.subprotocol_count; i++)
    cal_free((void *)(uintptr_t)server->options.subprotocols[i]);
  cal_free((void *)(uintptr_t)server->options.subprotocols);
  cal_free((void *)(uintptr_t)server->options.host);
  cal_free((void *)(uintptr_t)server->options.cert_file);
  cal_free((void *)(uintptr_t)server->options.key_file);
  if (server->waiting) cal_slots_free(server->waiting);
  cal_free(server->scratch);
  cal_free(server);
}

static void copy_fields(cal_server *server, const cal_server_options *options) {
  for (size_t i = 0; i < options->field_count; i++) {
    cal_buf name;
    cal_buf_init(&name, 256);
    cal_buf_format(&name, "%s:", options->fields[i]);
    server->fields[i].bytes = strlen(options->fields[i]);
    server->fields[i].name = cal_buf_take(&name);
    server->fields[i].token = cal_field_token(server->fields[i].name);
  }
  server->options.fields = NULL;
}

static void copy_subprotocols(cal_server *server, const cal_server_options *options) {
  const char **names = cal_alloc((options->subprotocol_count + 1) * sizeof *names);
  for (size_t i = 0; i < options->subprotocol_count; i++) names[i] = cal_strdup(options->subprotocols[i]);
  server->options.subprotocols = names;
}

static cal_server *copy(cal_net *net, const cal_server_options *options) {
  cal_server *server = cal_alloc(sizeof *server);
  server->net = net;
  server->options = *options;
  server->options.host = cal_strdup(options->host);
  server->options.cert_file = cal_strdup(options->cert_file);
  server->options.key_file = cal_strdup(options->key_file);
  copy_fields(server, options);
  copy_subprotocols(server, options);
  server->is_tls = options->cert_file != NULL;
  server->scratch_bytes = net->options.header_ceiling_bytes + 1;
  server->scratch = cal_alloc(server->scratch_bytes);
  server->waiting = cal_slots_new(WAITING_CEILING, net->options.tag);
  cal_list_init(&server->conns);
  cal_list_init(&server->node);
  server->timed_out = cal_counter("callisto_http_unanswered_total", "requests nobody answered in time (504)");
  server->refused =
      cal_counter("callisto_http_refused_total", "requests and upgrades refused by a rule or a handler");
  server->crowded = cal_counter("callisto_http_crowded_total", "connections and requests over their ceiling");
  return server;
}

static int check(const cal_server_options *options) {
  if (options->port < 0 || options->port > 65535) return cal_fail(-EINVAL, "%d is no port", options->port);
  if (options->field_count > CAL_FIELDS_CEILING)
    return cal_fail(-EINVAL, "at most %d header fields", CAL_FIELDS_CEILING);
  if (options->subprotocol_count > 8) return cal_fail(-EINVAL, "at most 8 sub-protocols");
  if (!options->cert_file != !options->key_file)
    return cal_fail(-EINVAL, "TLS needs both a certificate and a key");
  return options->cert_file ? cal_tls_check(options->cert_file, options->key_file) : 0;
}

int cal_server_listen(cal_server **result, cal_net *net, const cal_server_options *options) {
  int code = check(options);
  if (code) return code;
  cal_server *server = copy(net, options);
  int is_real = !net->options.loopback;
  code = is_real ? cal_listener_open(server) : cal_loopback_listen(server);
  if (!code && is_real)
    code = cal_lws_open(&server->lws, net,
                        &(cal_lws_options){.callback = on_event,
                                           .subprotocols = server->options.subprotocols,
                                           .subprotocol_count = options->subprotocol_count,
                                           .cert_file = server->options.cert_file,
                                           .key_file = server->options.key_file});
  if (code) {
    server->listener = cal_listener_close(server->listener);
    release(server);
    return code;
  }
  cal_list_append(&net->servers, &server->node);
  *result = server;
  return 0;
}

int cal_server_port(const cal_server *server) { return server->port; }
int cal_server_connections(const cal_server *server) { return (int)server->conn_count; }

void cal_server_stop_listening(cal_server *server) {
  server->is_stopping = 1;
  if (server->net->options.loopback) return cal_loopback_stop_listening(server);
  server->listener = cal_listener_close(server->listener);
}

int cal_server_reload_tls(cal_server *server) {
  const char *cert = server->options.cert_file, *key = server->options.key_file;
  if (!server->is_tls) return cal_fail(-EINVAL, "this server has no certificate");
  int code = cal_tls_check(cert, key); /* lws says 0 whatever happens */
  if (code || !server->lws) return code;
  if (lws_tls_cert_updated(server->lws->context, cert, key, NULL, 0, NULL, 0))
    return cal_fail(-EINVAL, "the certificate in %s could not be loaded", cert);
  return 0;
}

void *cal_server_free(cal_server *server) {
  if (!server) return NULL;
  cal_server_stop_listening(server);
  server->is_dying = 1;
  cal_list_each(&server->conns, node) {
    cal_conn *conn = cal_list_entry(node, cal_conn, node);
    cal_conn_forget_request(conn);
    if (conn->ws)
      cal_ws_kill(&conn->ws->base, 1001);
    else
      cal_conn_cut(conn);
  }
  cal_list_remove(&server->node);
  if (server->net->options.loopback) {
    cal_loopback_cut_server(server);
    release(server);
    return NULL;
  }
  cal_list_append(&server->net->parked, &server->node);
  return NULL;
}

void cal_server_bury(cal_server *server) {
  cal_list_remove(&server->node);
  cal_lws_close(server->lws, release, server);
}

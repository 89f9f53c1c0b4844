#include "net/server.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/server_private.h"
#include "net/tls.h"

#define WAITING_CEILING 4096
#define NOTE_EVERY_NS CAL_S

/* ---- what is refused */

void cal_server_note(cal_server *server, const char *what, int code, const char *why) {
  uint64_t now_ns = cal_loop_now_ns(server->net->loop);
  if (server->noted_ns && now_ns - server->noted_ns < NOTE_EVERY_NS) {
    server->unnoted++;
    return;
  }
  cal_log(CAL_LOG_WARN, "net", NULL, "%s with %d: %s; %u more since the last such line", what, code, why,
          server->unnoted);
  server->noted_ns = now_ns;
  server->unnoted = 0;
}

/* ---- the server */

/* A list of names, copied into one block. */
static const char *const *copy_names(const char *const *names, size_t count) {
  const char **copies = cal_alloc((count + 1) * sizeof *copies);
  for (size_t i = 0; i < count; i++) copies[i] = cal_strdup(names[i]);
  return copies;
}

static void release(cal_server *server) {
  for (size_t i = 0; i < server->options.field_count; i++)
    cal_free((void *)(uintptr_t)server->options.fields[i]);
  cal_free((void *)(uintptr_t)server->options.fields);
  cal_free((void *)(uintptr_t)server->options.host);
  cal_free((void *)(uintptr_t)server->options.cert_file);
  cal_free((void *)(uintptr_t)server->options.key_file);
  SSL_CTX_free(server->tls);
  cal_slots_free(server->waiting);
  cal_free(server);
}

static cal_server *copy(cal_net *net, const cal_server_options *options) {
  cal_server *server = cal_alloc(sizeof *server);
  server->net = net;
  server->options = *options;
  server->options.host = cal_strdup(options->host);
  server->options.cert_file = cal_strdup(options->cert_file);
  server->options.key_file = cal_strdup(options->key_file);
  server->options.fields = copy_names(options->fields, options->field_count);
  server->waiting = cal_slots_new(WAITING_CEILING, net->options.tag);
  cal_list_init(&server->conns);
  cal_list_init(&server->node);
  server->timed_out =
      cal_counter("callisto_http_unanswered_total", "requests that were not answered in time (504)");
  server->refused =
      cal_counter("callisto_http_refused_total", "requests and upgrades refused by a rule or a handler");
  server->crowded = cal_counter("callisto_http_crowded_total", "connections and requests over their ceiling");
  return server;
}

static int check(const cal_server_options *options) {
  if (options->port < 0 || options->port > 65535)
    return cal_fail(-EINVAL, "%d is not a port (0 to 65535)", options->port);
  if (options->field_count > CAL_FIELDS_CEILING)
    return cal_fail(-EINVAL, "at most %d header fields", CAL_FIELDS_CEILING);
  if (!options->cert_file != !options->key_file)
    return cal_fail(-EINVAL, "TLS needs both a certificate and a key");
  return options->cert_file ? cal_tls_check(options->cert_file, options->key_file) : 0;
}

int cal_server_listen(cal_server **result, cal_net *net, const cal_server_options *options) {
  int code = check(options);
  if (code) return code;
  cal_server *server = copy(net, options);
  code = net->driver->listen(server);
  if (code) {
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
  server->net->driver->stop_listening(server);
}

int cal_server_reload_tls(cal_server *server) {
  SSL_CTX *fresh = NULL;
  const cal_server_options *options = &server->options;
  if (!options->cert_file) return cal_fail(-EINVAL, "this server has no certificate");
  int code = cal_tls_check(options->cert_file, options->key_file);
  if (code || !server->tls) return code;
  code = cal_tls_open(&fresh, options->cert_file, options->key_file);
  if (code) return code;
  SSL_CTX_free(server->tls); /* connections that use it keep it */
  server->tls = fresh;
  return 0;
}

int cal_server_reply(cal_server *server, cal_id id, const cal_http_answer *answer) {
  return server->net->driver->reply(server, id, answer);
}

int cal_server_piece(cal_server *server, cal_id id, cal_span piece, cal_piece_end end) {
  return server->net->driver->piece(server, id, piece, end);
}

void *cal_server_free(cal_server *server) {
  if (!server) return NULL;
  cal_server_stop_listening(server);
  server->net->driver->cut(server);
  cal_list_remove(&server->node);
  release(server);
  return NULL;
}

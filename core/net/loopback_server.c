/* What a host does with a request: a server of ours as server_http.c does, a double as its handler likes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/loopback_private.h"

#define FIRST_FREE_PORT 49152

/* ---- a request is there */

static void on_reply_due(cal_timer *timer) {
  static const cal_http_answer too_late = {.status = 504};
  cal_trip *trip = cal_list_entry(timer, cal_trip, reply_due);
  cal_metric_add(trip->server->timed_out, 1);
  cal_trip_answer(trip, &too_late);
}

static void answer_briefly(cal_trip *trip, int status, const char *text) {
  cal_http_field fields[] = {{cal_span_of("content-type"), cal_span_of("text/plain; charset=utf-8")},
                             {cal_span_of("retry-after"), cal_span_of("1")}};
  cal_trip_answer(trip, &(cal_http_answer){.status = status,
                                           .fields = fields,
                                           .field_count = status == 503 ? 2 : 1,
                                           .body = cal_span_of(text)});
}

static void refuse(cal_trip *trip, int status, const char *text) {
  cal_metric_add(trip->server->refused, 1);
  answer_briefly(trip, status, text);
}

static cal_span sent_field(const cal_sent *sent, const char *name) {
  return cal_http_request_field(&sent->view, name);
}

/* -EINVAL: not one number; -EMSGSIZE: over the ceiling. */
static int check_length(const cal_sent *sent, size_t ceiling) {
  cal_span length = sent_field(sent, "content-length");
  if (sent->view.body.bytes > ceiling) return -EMSGSIZE;
  if (!length.at) return 0;
  if (!length.bytes || length.bytes > 15 || strspn(length.at, "0123456789") != length.bytes) return -EINVAL;
  return atoll(length.at) > (long long)ceiling ? -EMSGSIZE : 0;
}

static void hand_over(cal_trip *trip) {
  cal_server *server = trip->server;
  cal_http_field fields[CAL_FIELDS_CEILING];
  cal_http_request view = cal_sent_for(trip->sent, server, fields);
  trip->asked = view.id = cal_slots_add(server->waiting, trip);
  if (!trip->asked) {
    cal_metric_add(server->crowded, 1);
    return answer_briefly(trip, 503, "too many requests wait for their answers\n");
  }
  if (!server->options.on_request) return answer_briefly(trip, 404, "nothing is served here\n");
  cal_timer_start(server->net->loop, &trip->reply_due,
                  cal_net_after(server->net, server->net->options.reply_timeout_ms), on_reply_due);
  server->options.on_request(server->options.context, &view);
}

static void take_at_server(cal_trip *trip, cal_server *server) {
  const cal_net_options *limits = &server->net->options;
  const cal_sent *sent = trip->sent;
  if (server->conn_count >= limits->connection_ceiling) {
    cal_metric_add(server->crowded, 1);
    return cal_trip_break(trip);
  }
  trip->server = server;
  server->conn_count++;
  int length = check_length(sent, limits->body_ceiling_bytes);
  if (sent->verdict < 0 || sent->head_bytes > limits->header_ceiling_bytes) return cal_trip_break(trip);
  if (sent->method) return refuse(trip, 403, "this method is not served\n");
  if (sent->verdict) return refuse(trip, sent->verdict, "the target is malformed\n");
  if (sent_field(sent, "transfer-encoding").at)
    return refuse(trip, 411, "send the body with a Content-Length, not in chunks\n");
  if (length == -EINVAL) return refuse(trip, 400, "Content-Length is not one number\n");
  if (length == -EMSGSIZE) return refuse(trip, 413, "the body is too big\n");
  hand_over(trip);
}

static void take_at_double(cal_trip *trip, const cal_loopback_double *host) {
  cal_http_request view = trip->sent->view;
  if (!host->on_request) return answer_briefly(trip, 404, "nothing is served here\n");
  trip->asked = view.id = cal_slots_add(trip->loopback->asked, trip);
  if (!trip->asked) return answer_briefly(trip, 503, "too many requests wait for their answers\n");
  host->on_request(host->context, &view);
}

void cal_trip_take(cal_trip *trip, cal_loopback_name *name) {
  if (name->server) return take_at_server(trip, name->server);
  cal_loopback_double host = name->handlers; /* it may be replaced meanwhile */
  take_at_double(trip, &host);
}

void cal_trip_leave(cal_trip *trip) {
  if (trip->asked)
    cal_slots_remove(trip->server ? trip->server->waiting : trip->loopback->asked, trip->asked);
  trip->asked = 0;
  cal_timer_stop(trip->loopback->loop, &trip->reply_due);
  if (trip->server) trip->server->conn_count--;
  trip->server = NULL;
}

int cal_loopback_reply(cal_server *server, cal_id id, const cal_http_answer *answer) {
  cal_trip *trip = cal_slots_get(server->waiting, id);
  if (!trip) return cal_fail(-ENOENT, "nobody waits for this answer any more");
  cal_trip_answer(trip, answer);
  return 0;
}

/* ---- a server's life */

static int free_port(cal_loopback *loopback) {
  if (!loopback->last_port || loopback->last_port == 65535) loopback->last_port = FIRST_FREE_PORT - 1;
  return ++loopback->last_port;
}

static int take_name(cal_server *server, const char *host, int port) {
  cal_loopback_name *name = cal_loopback_name_of(server->net->options.loopback, host, port);
  if (name->server || name->is_double)
    return cal_fail(-EADDRINUSE, "%s, port %d is taken by another %s", host, port,
                    name->server ? "server" : "host of this loopback");
  name->server = server;
  name->exists = 1;
  return 0;
}

int cal_loopback_listen(cal_server *server) {
  cal_loopback *loopback = server->net->options.loopback;
  char *host = NULL;
  int said = 0;
  int code =
      cal_loopback_split(&host, &said, server->options.host ? server->options.host : CAL_LOOPBACK_LOCAL);
  if (code) return code;
  int port = server->options.port;
  if (said && port && said != port)
    code = cal_fail(-EINVAL, "%s and port %d: which of both?", server->options.host, port);
  if (said) port = said;
  int is_local = !strcmp(host, CAL_LOOPBACK_LOCAL);
  if (!port && is_local) port = free_port(loopback);
  if (!code) code = take_name(server, host, port);
  server->port = port ? port : 443;
  cal_free(host);
  return code;
}

void cal_loopback_stop_listening(cal_server *server) {
  cal_list_each(&server->net->options.loopback->names, node) {
    cal_loopback_name *name = cal_list_entry(node, cal_loopback_name, node);
    if (name->server == server) name->server = NULL;
  }
}

void cal_loopback_cut_server(cal_server *server) {
  cal_loopback *loopback = server->net->options.loopback;
  cal_list_each_safe(&loopback->trips, node, after) {
    cal_trip *trip = cal_list_entry(node, cal_trip, node);
    if (trip->server == server) cal_trip_break(trip);
  }
  cal_loopback_end_links(loopback, server);
}

/* What a host does with a request: a server of ours as server_http.c does, a double as its handler likes. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/loopback_private.h"

#define FIRST_FREE_PORT 49152

/* ---- a request is there */

static void on_reply_due(cal_timer *timer) {
  cal_problem problem;
  cal_trip *trip = cal_list_entry(timer, cal_trip, reply_due);
  cal_metric_add(trip->server->timed_out, 1);
  cal_trip_answer(trip, cal_problem_say(&problem, 504, "the request was not answered in time"));
}

static void answer_problem(cal_trip *trip, int status, const char *detail) {
  cal_problem problem;
  cal_trip_answer(trip, cal_problem_say(&problem, status, detail));
}

static void hand_over(cal_trip *trip, cal_http_request *view) {
  cal_server *server = trip->server;
  trip->asked = view->id = cal_slots_add(server->waiting, trip);
  if (!trip->asked) {
    cal_metric_add(server->crowded, 1);
    return answer_problem(trip, 503, "too many requests wait for their answers");
  }
  if (!server->options.on_request) return answer_problem(trip, 404, "nothing is served here");
  trip->asker = view->asker = cal_asker_new();
  cal_timer_start(server->net->loop, &trip->reply_due,
                  cal_net_after(server->net, server->net->options.reply_timeout_ms), on_reply_due);
  server->options.on_request(server->options.context, view);
}

static void take_at_server(cal_trip *trip, cal_server *server) {
  int status = 0;
  const char *why = "";
  int is_crowded = server->conn_count >= server->net->options.connection_ceiling;
  trip->server = server;
  server->conn_count++;
  if (is_crowded) {
    cal_metric_add(server->crowded, 1);
    return answer_problem(trip, 503, "there are too many connections");
  }
  cal_request *request = cal_sent_read(trip->sent, server, &status, &why);
  if (status) {
    cal_metric_add(server->refused, 1);
    answer_problem(trip, status, why);
  } else {
    hand_over(trip, &request->view);
  }
  cal_request_free(request);
}

static void take_at_double(cal_trip *trip, const cal_loopback_double *host) {
  cal_http_request view = trip->sent->view;
  if (!host->on_request) return answer_problem(trip, 404, "nothing is served here");
  trip->asked = view.id = cal_slots_add(trip->loopback->asked, trip);
  if (!trip->asked) return answer_problem(trip, 503, "too many requests wait for their answers");
  host->on_request(host->context, &view);
}

void cal_trip_take(cal_trip *trip, cal_loopback_name *name) {
  if (name->server) return take_at_server(trip, name->server);
  cal_loopback_double host = name->handlers; /* it may be replaced meanwhile */
  take_at_double(trip, &host);
}

void cal_trip_room(cal_trip *trip, int code) {
  cal_server *server = trip->server;
  if (!trip->awaits_room) return;
  trip->awaits_room = 0;
  if (server->options.on_room) server->options.on_room(server->options.context, trip->asked, code);
}

void cal_trip_leave(cal_trip *trip) {
  cal_trip_room(trip, -EPIPE);
  if (trip->asked)
    cal_slots_remove(trip->server ? trip->server->waiting : trip->loopback->asked, trip->asked);
  trip->asked = 0;
  trip->asker = cal_asker_leave(trip->asker);
  cal_timer_stop(trip->loopback->loop, &trip->reply_due);
  if (trip->server) trip->server->conn_count--;
  trip->server = NULL;
}

int cal_loopback_reply(cal_server *server, cal_id id, const cal_http_answer *answer) {
  cal_trip *trip = cal_slots_get(server->waiting, id);
  if (!trip) return cal_fail(-ENOENT, "this request is not waiting for an answer any more");
  cal_trip_answer(trip, answer);
  return 0;
}

int cal_loopback_piece_of(cal_server *server, cal_id id, cal_span piece, cal_piece_end end) {
  return cal_trip_piece(cal_slots_get(server->waiting, id), piece, end);
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

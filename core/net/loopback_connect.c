/* A WebSocket through the network in memory. The client's half exists from the start; the host's is made when
 * the upgrade was accepted, and from then on ws_pair.c does the rest. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/loopback_private.h"

#define DOUBLE_MESSAGE_CEILING (16 * 1024 * 1024) /* what vendors take is their business */

/* ---- the end */

static void tell(cal_link *link, const cal_http_answer *answer, int error) {
  if (!link->is_told) cal_sent_tell(link->loopback, link->sent, answer, error);
  link->is_told = 1;
}

static void free_when_over(cal_link *link) {
  if (link->client || link->accepted) return;
  cal_list_remove(&link->node);
  link->loopback->open--;
  cal_sent_free(link->sent);
  cal_buf_free(&link->refusal);
  cal_free(link);
}

static void on_client_gone(void *owner, cal_ws *client) {
  cal_link *link = owner;
  link->client = NULL;
  cal_timer_stop(link->loopback->loop, &link->step);
  cal_timer_stop(link->loopback->loop, &link->deadline);
  tell(link, NULL, client->error ? client->error : -ECANCELED);
  free_when_over(link);
}

static void on_accepted_gone(void *owner, cal_ws *accepted) {
  cal_link *link = owner;
  link->accepted = NULL;
  if (link->server) link->server->conn_count--;
  link->server = NULL;
  free_when_over(link);
}

static void end_client(cal_link *link, int error, const char *text) {
  cal_ws *client = link->client;
  cal_ws_fail(client, error, text);
  cal_ws_finish(client);
}

static void on_failed(cal_timer *timer) {
  cal_link *link = cal_list_entry(timer, cal_link, step);
  end_client(link, link->error, link->text);
}

static void on_deadline(cal_timer *timer) {
  end_client(cal_list_entry(timer, cal_link, deadline), -ETIMEDOUT, "the WebSocket did not open in time");
}

static void step(cal_link *link, uint32_t after_ms, void (*on_due)(cal_timer *timer)) {
  cal_loop *loop = link->loopback->loop;
  cal_timer_start(loop, &link->step, cal_loop_now_ns(loop) + after_ms * CAL_MS, on_due);
}

static void fail(cal_link *link, int error, const char *text, uint32_t after_ms) {
  link->error = error;
  snprintf(link->text, sizeof link->text, "%s", text);
  step(link, after_ms, on_failed);
}

/* As a real client sees it: something was said, but no WebSocket came of it. */
static void lose(cal_link *link) {
  fail(link, -EPROTO, "the server did not open the WebSocket: the connection was lost", link->latency_ms);
}

/* ---- the host decides */

static int refuse(cal_upgrade *upgrade, int status, const char *why) {
  cal_problem problem;
  return cal_upgrade_refuse(upgrade, cal_problem_say(&problem, status, why));
}

static int ask_server(cal_link *link, cal_server *server, cal_upgrade *upgrade) {
  cal_server_options *options = &server->options;
  int status = 0;
  const char *why = "";
  if (server->conn_count >= server->net->options.connection_ceiling) {
    cal_metric_add(server->crowded, 1);
    return refuse(upgrade, 503, "there are too many connections");
  }
  cal_request *request = cal_sent_read(link->sent, server, &status, &why);
  if (status)
    status = refuse(upgrade, status, why);
  else if (!options->on_upgrade)
    status = refuse(upgrade, 404, "no WebSocket is served here");
  else
    status = options->on_upgrade(options->context, &request->view, upgrade);
  cal_request_free(request);
  return status;
}

static int ask_double(cal_link *link, const cal_loopback_double *host, cal_upgrade *upgrade) {
  if (!host->on_upgrade) return refuse(upgrade, 404, "no WebSocket is served here");
  return host->on_upgrade(host->context, &link->sent->view, upgrade);
}

static void on_refused(cal_timer *timer) {
  cal_link *link = cal_list_entry(timer, cal_link, step);
  cal_received received;
  char text[128];
  cal_received_read(&received, &link->refusal);
  tell(link,
       &(cal_http_answer){.status = received.status,
                          .fields = received.fields,
                          .field_count = received.field_count,
                          .body = received.body},
       0);
  link->client->status = received.status;
  snprintf(text, sizeof text, "the server refused the WebSocket with status %d", received.status);
  end_client(link, -EPROTO, text);
}

static void accept_link(cal_link *link, cal_server *server, const cal_upgrade *upgrade) {
  cal_loop *loop = link->loopback->loop;
  size_t ceiling = server ? server->net->options.message_ceiling_bytes : DOUBLE_MESSAGE_CEILING;
  link->accepted =
      cal_ws_half_new(link->loopback->line, &(cal_ws_half_options){.latency_ms = link->latency_ms,
                                                                   .message_ceiling_bytes = ceiling,
                                                                   .handlers = upgrade->handlers,
                                                                   .owner = link,
                                                                   .on_gone = on_accepted_gone});
  link->server = server;
  if (server) {
    server->conn_count++;
    cal_list_append(&server->net->sockets, &link->accepted->node);
  }
  cal_ws_half_join(link->client, link->accepted);
  uint64_t open_ns = cal_loop_now_ns(loop) + link->latency_ms * CAL_MS;
  if (open_ns < link->deadline.due_ns) cal_timer_stop(loop, &link->deadline);
  tell(link, &(cal_http_answer){.status = 101}, 0);
}

static void decide(cal_link *link, const cal_loopback_name *name) {
  cal_server *server = name->server;
  cal_loopback_double host = name->handlers;
  cal_upgrade upgrade = {.refusal = &link->refusal};
  int status = server ? ask_server(link, server, &upgrade) : ask_double(link, &host, &upgrade);
  if (!status) return accept_link(link, server, &upgrade);
  if (!link->refusal.bytes) cal_upgrade_refuse(&upgrade, &(cal_http_answer){.status = status});
  if (server) cal_metric_add(server->refused, 1);
  step(link, link->latency_ms, on_refused);
}

/* ---- on its way there */

static void miss(cal_link *link, int error) {
  char text[160];
  const cal_sent *sent = link->sent;
  snprintf(text, sizeof text, "no connection to %s, port %d: %s", sent->host, sent->port,
           cal_error_name(error));
  if (error == -ENOENT) snprintf(text, sizeof text, "no address for %s", sent->host);
  fail(link, error, text, link->latency_ms);
}

static void on_arrival(cal_timer *timer) {
  cal_link *link = cal_list_entry(timer, cal_link, step);
  cal_sent *sent = link->sent;
  const cal_loopback_fault *fault = cal_loopback_fault_of(link->loopback, sent->host, sent->port);
  if (fault->refuse == -ETIMEDOUT) return; /* the deadline says so */
  if (fault->refuse) return miss(link, fault->refuse);
  cal_loopback_name *name = cal_loopback_listener(link->loopback, sent->host, sent->port);
  if (!name) return miss(link, cal_loopback_missing(link->loopback, sent->host));
  if (fault->is_cut) return lose(link);
  if (fault->is_silent) return;
  decide(link, name);
}

static cal_sent *write_request(const cal_ws_connect_options *options, const cal_ws_target *target) {
  cal_sent *sent = cal_sent_new("GET", target->host, target->port, target->is_tls, target->path);
  for (size_t i = 0; i < options->field_count; i++)
    cal_sent_add(sent, options->fields[i].name, options->fields[i].value);
  cal_sent_default(sent, "host", cal_span_of(sent->authority));
  cal_sent_default(sent, "upgrade", cal_span_of("websocket"));
  cal_sent_default(sent, "connection", cal_span_of("Upgrade"));
  cal_sent_default(sent, "sec-websocket-version", cal_span_of("13"));
  cal_sent_default(sent, "sec-websocket-key", cal_span_of("Y2FsbGlzdG8gbG9vcGJhY2s="));
  if (options->subprotocol)
    cal_sent_default(sent, "sec-websocket-protocol", cal_span_of(options->subprotocol));
  return sent;
}

int cal_loopback_connect(cal_ws **result, cal_net *net, const cal_ws_connect_options *options,
                         cal_ws_target *target) {
  cal_loopback *loopback = net->options.loopback;
  uint32_t timeout_ms = options->timeout_ms ? options->timeout_ms : 10000;
  cal_link *link = cal_alloc(sizeof *link);
  link->loopback = loopback;
  link->sent = write_request(options, target);
  link->latency_ms = cal_loopback_latency_ms(loopback, link->sent->host, target->port);
  cal_ws_target_free(target);
  cal_buf_init(&link->refusal, CAL_ANSWER_CEILING);
  cal_list_append(&loopback->links, &link->node);
  loopback->open++;
  link->client = cal_ws_half_new(
      loopback->line, &(cal_ws_half_options){.latency_ms = link->latency_ms,
                                             .message_ceiling_bytes = net->options.message_ceiling_bytes,
                                             .handlers = options->handlers,
                                             .owner = link,
                                             .on_gone = on_client_gone});
  cal_list_append(&net->sockets, &link->client->node);
  cal_timer_start(loopback->loop, &link->deadline, cal_net_after(net, timeout_ms), on_deadline);
  if (options->deny_private && cal_loopback_is_private(link->sent->host))
    fail(link, -EACCES, "the address is private; only serve --allow-private lets flows reach such", 0);
  else
    step(link, link->latency_ms, on_arrival);
  *result = link->client;
  return 0;
}

/* ---- hosts that break or go */

void cal_loopback_cut_links(cal_loopback *loopback) {
  cal_list_each(&loopback->links, node) {
    cal_link *link = cal_list_entry(node, cal_link, node);
    const cal_sent *sent = link->sent;
    if (link->accepted && cal_loopback_fault_of(loopback, sent->host, sent->port)->is_cut)
      cal_ws_pair_cut(link->accepted);
  }
}

static cal_link *find_accepted(cal_loopback *loopback, const cal_server *server) {
  cal_list_each(&loopback->links, node) {
    cal_link *link = cal_list_entry(node, cal_link, node);
    if (link->accepted && (!server || link->server == server)) return link;
  }
  return NULL;
}

/* An on_close may end or begin others, so the search starts anew each time. */
void cal_loopback_end_links(cal_loopback *loopback, const cal_server *server) {
  for (cal_link *link; (link = find_accepted(loopback, server));) cal_ws_kill(link->accepted, 1001);
}

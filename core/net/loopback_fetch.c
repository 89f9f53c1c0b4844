/* The way of a request there and back. What curl does for real requests is done here, as curl does it: fields
 * of its own, redirects, time-outs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/loopback_private.h"

#define ANSWER_CEILING (4 * 1024 * 1024)
#define PIECE_BYTES (16 * 1024) /* of a body, given to on_data at a time */

/* ---- the end */

static void free_options(cal_http_fetch_options *options) {
  for (size_t i = 0; i < options->field_count; i++) {
    cal_free((void *)(uintptr_t)options->fields[i].name.at);
    cal_free((void *)(uintptr_t)options->fields[i].value.at);
  }
  cal_free((void *)(uintptr_t)options->fields);
  cal_free((void *)(uintptr_t)options->body.at);
  cal_free((void *)(uintptr_t)options->method);
  cal_free((void *)(uintptr_t)options->user);
  cal_free((void *)(uintptr_t)options->password);
}

static void free_trip(cal_trip *trip) {
  cal_trip_leave(trip);
  cal_timer_stop(trip->loopback->loop, &trip->step);
  cal_timer_stop(trip->loopback->loop, &trip->deadline);
  if (trip->id) cal_slots_remove(trip->net->fetches, trip->id);
  cal_list_remove(&trip->node);
  trip->loopback->open--;
  curl_url_cleanup(trip->url);
  cal_sent_free(trip->sent);
  cal_free(trip->first_authority);
  cal_buf_free(&trip->reply);
  cal_buf_free(&trip->pieces);
  free_options(&trip->options);
  cal_free(trip);
}

static void tell(cal_trip *trip, const cal_http_answer *answer, int error) {
  if (trip->sent && !trip->is_told) cal_sent_tell(trip->loopback, trip->sent, answer, error);
  trip->is_told = 1;
}

static void finish(cal_trip *trip, int error, const char *text) {
  cal_timer_stop(trip->loopback->loop, &trip->step);
  cal_timer_stop(trip->loopback->loop, &trip->deadline);
  cal_trip_leave(trip);
  cal_slots_remove(trip->net->fetches, trip->id);
  trip->id = 0;
  tell(trip, NULL, error);
  cal_http_result result = {.error = error,
                            .text = text,
                            .phase = error ? trip->phase : CAL_HTTP_DONE,
                            .was_sent = trip->phase != CAL_HTTP_CONNECTING,
                            .status = trip->received.status,
                            .fields = trip->received.fields,
                            .field_count = trip->received.field_count};
  if (!error && !trip->options.on_data) result.body = trip->received.body;
  if (trip->options.on_done) trip->options.on_done(trip->options.context, &result);
  free_trip(trip);
}

static void on_failed(cal_timer *timer) {
  cal_trip *trip = cal_list_entry(timer, cal_trip, step);
  finish(trip, trip->error, trip->text);
}

static void step(cal_trip *trip, uint32_t after_ms, void (*on_due)(cal_timer *timer)) {
  cal_loop *loop = trip->loopback->loop;
  cal_timer_start(loop, &trip->step, cal_loop_now_ns(loop) + after_ms * CAL_MS, on_due);
}

static void fail(cal_trip *trip, int error, const char *text, uint32_t after_ms) {
  trip->error = error;
  snprintf(trip->text, sizeof trip->text, "%s", text);
  step(trip, after_ms, on_failed);
}

static void on_deadline(cal_timer *timer) {
  cal_trip *trip = cal_list_entry(timer, cal_trip, deadline);
  finish(trip, -ETIMEDOUT,
         trip->phase == CAL_HTTP_CONNECTING ? "no connection in time" : "no whole answer in time");
}

/* ---- the answer arrives */

static void start(cal_trip *trip);

static const cal_loopback_fault *fault_of(const cal_trip *trip) {
  return cal_loopback_fault_of(trip->loopback, trip->sent->host, trip->sent->port);
}

static void on_next_piece(cal_timer *timer);

/* Of its body, what has come. */
static cal_span come(const cal_trip *trip) {
  return trip->pieces.bytes ? (cal_span){trip->pieces.data, trip->pieces.bytes} : trip->received.body;
}

/* To on_data, up to `end`. 1: all of it; 0: it goes on later, or the trip is over. */
static int give_pieces(cal_trip *trip, size_t end) {
  cal_http_fetch_options *options = &trip->options;
  const cal_loopback_fault *fault = fault_of(trip);
  size_t most = fault->piece_bytes ? fault->piece_bytes : PIECE_BYTES;
  while (trip->given < end) {
    size_t left = end - trip->given, bytes = left < most ? left : most;
    int wish = options->on_data(options->context, come(trip).at + trip->given, bytes);
    if (trip->is_cancelled) return 0;
    trip->is_paused = wish == CAL_HTTP_PAUSE;
    if (trip->is_paused) return 0;
    if (wish != CAL_HTTP_CONTINUE) {
      finish(trip, -ECANCELED, "stopped by the receiver");
      return 0;
    }
    trip->given += bytes;
    if (fault->piece_bytes) {
      step(trip, fault->piece_ms, on_next_piece);
      return 0;
    }
  }
  return 1;
}

static void give_body(cal_trip *trip) {
  const cal_http_fetch_options *options = &trip->options;
  size_t ceiling = options->answer_ceiling_bytes ? options->answer_ceiling_bytes : ANSWER_CEILING;
  size_t bytes = come(trip).bytes, cut = fault_of(trip)->cut_after_bytes;
  size_t end = cut && cut < bytes ? cut : bytes;
  if (!options->on_data && bytes > ceiling) return finish(trip, -EMSGSIZE, "the answer is too big");
  if (options->on_data && !give_pieces(trip, end)) return;
  if (options->on_data && end < bytes) return finish(trip, -ECONNRESET, "the connection was lost");
  if (trip->is_open) return cal_trip_room(trip, 0);
  if (trip->is_broken) return finish(trip, -ECONNRESET, "the connection was lost");
  trip->received.body = come(trip);
  finish(trip, 0, "");
}

static void on_next_piece(cal_timer *timer) { give_body(cal_list_entry(timer, cal_trip, step)); }

static void on_resumed(cal_timer *timer) {
  cal_trip *trip = cal_list_entry(timer, cal_trip, step);
  if (trip->is_paused) give_body(trip);
}

static cal_span received_field(const cal_trip *trip, const char *name) {
  for (size_t i = 0; i < trip->received.field_count; i++)
    if (cal_span_is(trip->received.fields[i].name, name)) return trip->received.fields[i].value;
  return (cal_span){0};
}

static int is_followed(const cal_trip *trip) {
  int status = trip->received.status;
  return trip->options.redirects && status >= 300 && status < 400 && received_field(trip, "location").bytes;
}

static void follow(cal_trip *trip) {
  cal_span location = received_field(trip, "location");
  if (trip->redirected == trip->options.redirects) return finish(trip, -ELOOP, "too many redirects");
  trip->redirected++;
  char *text = cal_strndup(location.at, location.bytes);
  CURLUcode code = curl_url_set(trip->url, CURLUPART_URL, text, CURLU_URLENCODE | CURLU_ALLOW_SPACE);
  cal_free(text);
  if (code == CURLUE_UNSUPPORTED_SCHEME)
    return finish(trip, -EPROTO, "redirected to something that is not HTTP");
  if (code) return finish(trip, -EINVAL, "redirected to something that is not a URL");
  if (trip->received.status <= 303) {
    cal_free((void *)(uintptr_t)trip->options.body.at);
    trip->options.body = (cal_span){0};
  }
  cal_trip_leave(trip); /* it may be open */
  trip->is_open = trip->is_broken = 0;
  cal_buf_clear(&trip->pieces);
  trip->received.field_count = 0; /* the next answer is written where these lie */
  trip->received.body = (cal_span){0};
  start(trip);
}

static cal_http_result head_of(const cal_received *received) {
  return (cal_http_result){.phase = CAL_HTTP_RECEIVING,
                           .text = "",
                           .was_sent = 1,
                           .status = received->status,
                           .fields = received->fields,
                           .field_count = received->field_count};
}

static void on_answer(cal_timer *timer) {
  cal_trip *trip = cal_list_entry(timer, cal_trip, step);
  cal_received *received = &trip->received;
  trip->phase = CAL_HTTP_RECEIVING;
  cal_received_read(received, &trip->reply);
  if (received->field_bytes > CAL_HTTP_FIELD_BYTES_CEILING)
    return finish(trip, -EMSGSIZE, "the answer is too big");
  tell(trip,
       &(cal_http_answer){.status = received->status,
                          .fields = received->fields,
                          .field_count = received->field_count,
                          .body = received->body},
       0);
  if (trip->is_cancelled) return;
  if (is_followed(trip)) return follow(trip);
  cal_http_result head = head_of(received);
  if (trip->options.on_answer) trip->options.on_answer(trip->options.context, &head);
  if (!trip->is_cancelled) give_body(trip);
}

/* ---- what the host does with it */

void cal_trip_break(cal_trip *trip) {
  cal_trip_leave(trip);
  trip->is_open = 0;
  trip->is_broken = 1;
  fail(trip, -ECONNRESET, "the connection was lost", trip->latency_ms);
}

void cal_trip_answer(cal_trip *trip, const cal_http_answer *answer) {
  static const cal_http_answer wrong = {.status = 500};
  const cal_loopback_fault *fault = cal_loopback_fault_of(trip->loopback, trip->sent->host, trip->sent->port);
  int is_head = !strcmp(trip->sent->view.method, "HEAD");
  cal_answer_manner manner = is_head ? CAL_ANSWER_HEAD : CAL_ANSWER_WHOLE;
  const char *connection = trip->server && trip->server->is_stopping ? "close" : NULL;
  trip->is_open = cal_answer_is_open(answer, manner) && !fault->is_cut && !fault->is_silent;
  if (!trip->is_open) cal_trip_leave(trip);
  cal_timer_stop(trip->loopback->loop, &trip->reply_due);
  if (fault->is_cut) return cal_trip_break(trip);
  if (fault->is_silent) return;
  if (cal_answer_write(&trip->reply, answer, manner, connection)) {
    trip->is_open = 0;
    cal_trip_leave(trip);
    cal_answer_write(&trip->reply, &wrong, manner, connection);
  }
  if (trip->is_open) cal_buf_append(&trip->pieces, answer->body.at, answer->body.bytes);
  step(trip, trip->latency_ms, on_answer);
}

/* Pieces that follow each other within the latency arrive together. */
int cal_trip_piece(cal_trip *trip, cal_span piece, cal_piece_end end) {
  if (!trip || !trip->is_open) return cal_fail(-ENOENT, "this answer is not open, or its client has gone");
  if (cal_buf_append(&trip->pieces, piece.at, piece.bytes)) {
    cal_trip_break(trip);
    return cal_fail(-ENOBUFS, "the client takes too little of the answer");
  }
  size_t unread = trip->pieces.bytes - trip->given;
  trip->awaits_room = end == CAL_PIECE_MORE && trip->server && unread > CAL_PIECES_ROOM_BYTES;
  trip->is_open = end == CAL_PIECE_MORE;
  trip->is_broken = end == CAL_PIECE_CUT;
  if (!trip->is_open) cal_trip_leave(trip);
  if (trip->phase == CAL_HTTP_RECEIVING && !trip->is_paused && !cal_timer_is_started(&trip->step))
    step(trip, trip->latency_ms, on_next_piece);
  return trip->awaits_room ? CAL_PIECE_WAIT : 0;
}

/* ---- on its way there */

static void expect_by(cal_trip *trip, uint64_t due_ns) {
  if (due_ns > trip->end_ns) due_ns = trip->end_ns;
  cal_timer_start(trip->loopback->loop, &trip->deadline, due_ns, on_deadline);
}

static void refuse(cal_trip *trip, int error) {
  char text[160];
  const cal_sent *sent = trip->sent;
  snprintf(text, sizeof text, "no connection to %s, port %d: %s", sent->host, sent->port,
           cal_error_name(error));
  if (error == -ENOENT) snprintf(text, sizeof text, "no address for %s", sent->host);
  fail(trip, error, text, trip->latency_ms);
}

static void on_arrival(cal_timer *timer) {
  cal_trip *trip = cal_list_entry(timer, cal_trip, step);
  const char *host = trip->sent->host;
  int port = trip->sent->port;
  const cal_loopback_fault *fault = cal_loopback_fault_of(trip->loopback, host, port);
  if (fault->refuse == -ETIMEDOUT) return; /* the deadline says so */
  if (fault->refuse) return refuse(trip, fault->refuse);
  cal_loopback_name *name = cal_loopback_listener(trip->loopback, host, port);
  if (!name) return refuse(trip, cal_loopback_missing(trip->loopback, host));
  trip->phase = CAL_HTTP_WAITING;
  expect_by(trip, trip->end_ns);
  cal_trip_take(trip, name);
  if (trip->asked && cal_loopback_fault_of(trip->loopback, host, port)->is_cut) cal_trip_break(trip);
}

static char *url_part(CURLU *url, CURLUPart part, unsigned flags) {
  char *text = NULL;
  if (curl_url_get(url, part, &text, flags)) return NULL;
  char *copy = cal_strdup(text);
  curl_free(text);
  return copy;
}

static void add_authorization(cal_trip *trip) {
  const cal_http_fetch_options *options = &trip->options;
  char *user = cal_strdup(options->user), *password = cal_strdup(options->password);
  if (!options->user) {
    user = url_part(trip->url, CURLUPART_USER, CURLU_URLDECODE);
    password = url_part(trip->url, CURLUPART_PASSWORD, CURLU_URLDECODE);
  }
  if (user || password) {
    size_t plain_bytes = strlen(user ? user : "") + strlen(password ? password : "") + 1;
    char *plain = cal_alloc(plain_bytes + 1), *value = cal_alloc(8 + (plain_bytes + 2) / 3 * 4);
    snprintf(plain, plain_bytes + 1, "%s:%s", user ? user : "", password ? password : "");
    memcpy(value, "Basic ", 6);
    EVP_EncodeBlock((unsigned char *)value + 6, (const unsigned char *)plain, (int)plain_bytes);
    cal_sent_default(trip->sent, "authorization", cal_span_of(value));
    cal_free(plain);
    cal_free(value);
  }
  cal_free(user);
  cal_free(password);
}

static int is_secret(cal_span name) {
  return (name.bytes == 13 && !strncasecmp(name.at, "authorization", 13)) ||
         (name.bytes == 6 && !strncasecmp(name.at, "cookie", 6)) ||
         (name.bytes == 4 && !strncasecmp(name.at, "host", 4));
}

/* The fields as curl sends them; ours come before its own. After a redirect to somebody else, what is for the
 * first host only is left out. */
static void add_fields(cal_trip *trip) {
  const cal_http_fetch_options *options = &trip->options;
  cal_sent *sent = trip->sent;
  char length[24];
  if (!trip->redirected) {
    trip->first_authority = cal_strdup(sent->authority);
    trip->first_is_tls = sent->view.is_tls;
  }
  int is_elsewhere =
      trip->first_is_tls != sent->view.is_tls || strcmp(trip->first_authority, sent->authority);
  for (size_t i = 0; i < options->field_count; i++)
    if (!is_elsewhere || !is_secret(options->fields[i].name))
      cal_sent_add(sent, options->fields[i].name, options->fields[i].value);
  cal_sent_default(sent, "host", cal_span_of(sent->authority));
  if (!is_elsewhere) add_authorization(trip);
  cal_sent_default(sent, "user-agent", cal_span_of("callisto/" CAL_VERSION));
  cal_sent_default(sent, "accept", cal_span_of("*/*"));
  if (!options->body.bytes && strcmp(options->method, "POST")) return;
  snprintf(length, sizeof length, "%zu", options->body.bytes);
  if (!cal_http_request_field(&sent->view, "transfer-encoding").at)
    cal_sent_default(sent, "content-length", cal_span_of(length));
  cal_sent_default(sent, "content-type", cal_span_of("application/x-www-form-urlencoded"));
  sent->view.body = options->body;
}

/* Reads the URL; NULL: it is none. */
static cal_sent *read_url(cal_trip *trip) {
  CURLU *url = trip->url;
  char *scheme = url_part(url, CURLUPART_SCHEME, 0), *host = url_part(url, CURLUPART_HOST, 0);
  char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT),
       *path = url_part(url, CURLUPART_PATH, CURLU_URLENCODE);
  char *query = url_part(url, CURLUPART_QUERY, 0);
  int is_tls = scheme && !strcmp(scheme, "https");
  cal_sent *sent = NULL;
  if (host && port && path && (is_tls || !strcmp(scheme, "http"))) {
    cal_buf target;
    cal_buf_init(&target, strlen(path) + (query ? strlen(query) : 0) + 2);
    cal_buf_format(&target, "%s%s%s", path, query ? "?" : "", query ? query : "");
    sent = cal_sent_new(trip->options.method, host, atoi(port), is_tls, target.data);
    cal_buf_free(&target);
  }
  cal_free(scheme);
  cal_free(host);
  cal_free(port);
  cal_free(path);
  cal_free(query);
  return sent;
}

static void start(cal_trip *trip) {
  uint32_t connect_ms = trip->options.connect_timeout_ms ? trip->options.connect_timeout_ms : 10000;
  trip->sent = cal_sent_free(trip->sent);
  trip->is_told = 0;
  trip->sent = read_url(trip);
  if (!trip->sent) return fail(trip, trip->redirected ? -EPROTO : -EINVAL, "the URL is malformed", 0);
  add_fields(trip);
  expect_by(trip, cal_net_after(trip->net, connect_ms));
  if (trip->options.deny_private && cal_loopback_is_private(trip->sent->host))
    return fail(trip, -EACCES, "the address is private; only serve --allow-private lets flows reach such", 0);
  trip->latency_ms = cal_loopback_latency_ms(trip->loopback, trip->sent->host, trip->sent->port);
  step(trip, trip->latency_ms, on_arrival);
}

/* ---- http.h */

static void copy_options(cal_http_fetch_options *into, const cal_http_fetch_options *options,
                         const char *method) {
  *into = *options;
  int is_safe = !strcmp(method, "GET") || !strcmp(method, "HEAD");
  if (!is_safe) into->redirects = 0;
  into->url = NULL;
  into->method = cal_strdup(method);
  into->user = cal_strdup(options->user);
  into->password = options->user ? cal_strdup(options->password) : NULL;
  into->body.at = cal_memdup(options->body.at, options->body.bytes);
  cal_http_field *fields = cal_alloc((options->field_count + 1) * sizeof *fields);
  for (size_t i = 0; i < options->field_count; i++) {
    cal_span name = options->fields[i].name, value = options->fields[i].value;
    fields[i].name = (cal_span){.at = cal_strndup(name.at, name.bytes), .bytes = name.bytes};
    fields[i].value =
        (cal_span){.at = cal_strndup(value.bytes ? value.at : "", value.bytes), .bytes = value.bytes};
  }
  into->fields = fields;
}

static int check_fields(const cal_http_fetch_options *options) {
  for (size_t i = 0; i < options->field_count; i++) {
    const cal_http_field *field = &options->fields[i];
    if (!cal_http_field_is_sound(field) ||
        field->name.bytes + field->value.bytes + 2 > CAL_HTTP_FIELD_BYTES_CEILING)
      return cal_fail(-EINVAL, "a header field of the request is malformed or too long");
  }
  return 0;
}

int cal_loopback_fetch(cal_id *result, cal_net *net, const char *method,
                       const cal_http_fetch_options *options) {
  int code = check_fields(options);
  if (code) return code;
  if (cal_slots_count(net->fetches) >= net->options.fetch_ceiling)
    return cal_fail(-EAGAIN, "too many requests are under way");
  cal_loopback *loopback = net->options.loopback;
  cal_trip *trip = cal_alloc(sizeof *trip);
  trip->loopback = loopback;
  trip->net = net;
  trip->id = cal_slots_add(net->fetches, trip);
  copy_options(&trip->options, options, method);
  cal_buf_init(&trip->reply, CAL_ANSWER_CEILING);
  cal_buf_init(&trip->pieces, CAL_ANSWER_CEILING);
  trip->end_ns = cal_net_after(net, options->timeout_ms ? options->timeout_ms : 30000);
  trip->url = curl_url();
  curl_url_set(trip->url, CURLUPART_URL, options->url, 0); /* when it cannot, start finds nothing in it */
  cal_list_append(&loopback->trips, &trip->node);
  loopback->open++;
  *result = trip->id;
  start(trip);
  return 0;
}

static void on_cancelled(cal_timer *timer) {
  cal_trip *trip = cal_list_entry(timer, cal_trip, step);
  tell(trip, NULL, -ECANCELED);
  free_trip(trip);
}

/* The watch is told a moment later: no callback runs inside the call that caused it. */
int cal_loopback_cancel(cal_net *net, cal_id id) {
  cal_trip *trip = cal_slots_remove(net->fetches, id);
  if (!trip) return cal_fail(-ENOENT, "this request is over");
  trip->id = 0;
  trip->is_cancelled = 1;
  cal_trip_leave(trip);
  cal_timer_stop(trip->loopback->loop, &trip->deadline);
  step(trip, 0, on_cancelled);
  return 0;
}

int cal_loopback_resume(cal_net *net, cal_id id) {
  cal_trip *trip = cal_slots_get(net->fetches, id);
  if (!trip) return cal_fail(-ENOENT, "this request is over");
  if (trip->phase == CAL_HTTP_RECEIVING && trip->is_told) step(trip, 0, on_resumed);
  return 0;
}

void cal_loopback_drop_trips(cal_net *net) {
  cal_list_each_safe(&net->options.loopback->trips, node, after) {
    cal_trip *trip = cal_list_entry(node, cal_trip, node);
    if (trip->net == net) free_trip(trip);
  }
}

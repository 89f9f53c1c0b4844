/* One io thread over loopback sockets: who gets in, requests and answers, dialling, and an end in the middle
 * of it all. */
#include "io/kit.h"

#include <poll.h>
#include <pthread.h>

#include "net/http.h"

#define PATIENCE_NS (20 * CAL_S) /* a test that waits longer has failed; machines are slow at times */

static kit k;
static cal_net *client;

/* What a client saw of its socket. */
typedef struct line {
  cal_ws *ws;
  int is_open, is_closed;
  cal_ws_end end;
  uint32_t messages;
} line;

static const char *const wanted[] = {"x-signature", "content-type", NULL};

static int setup(void **state) {
  kit_open_on(&k, cal_clock_real(), 3, 4096);
  assert_int_equal(cal_net_new(&client, k.loop, NULL), 0);
  if (cal_io_listen(k.io, &(cal_server_options){.host = "127.0.0.1", .fields = wanted, .field_count = 2}))
    fail_msg("no server: %s", cal_error_text());
  assert_true(cal_io_port(k.io) > 0);
  return 0;
}

static int teardown(void **state) {
  client = cal_net_close(client);
  kit_close(&k);
  return 0;
}

static int turn(uint64_t started_ns) {
  uv_run(cal_loop_uv(k.loop), UV_RUN_NOWAIT);
  struct pollfd backend = {.fd = uv_backend_fd(cal_loop_uv(k.loop)), .events = POLLIN};
  poll(&backend, 1, 1);
  return cal_loop_now_ns(k.loop) - started_ns < PATIENCE_NS;
}

#define WAIT_FOR(condition)                                                                                  \
  do {                                                                                                       \
    uint64_t started_ns_ = cal_loop_now_ns(k.loop);                                                          \
    while (!(condition))                                                                                     \
      if (!turn(started_ns_)) fail_msg("waited in vain for: %s", #condition);                                \
  } while (0)

/* ---- media sockets */

static void on_open(void *context, cal_ws *ws) { ((line *)context)->is_open = 1; }
static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  ((line *)context)->messages++;
}

static void on_close(void *context, const cal_ws_end *end) {
  line *l = context;
  l->is_closed = 1;
  l->end = *end;
  l->ws = NULL;
}

static void open_line(line *l, const char *path, const char *signature) {
  *l = (line){0};
  char url[256];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d%s", cal_io_port(k.io), path);
  cal_http_field field = {{"X-Signature", 11}, cal_span_of(signature)};
  cal_ws_connect_options options = {
      .url = url,
      .fields = &field,
      .field_count = signature != NULL,
      .handlers = {.context = l, .on_open = on_open, .on_message = on_message, .on_close = on_close}};
  assert_int_equal(cal_ws_connect(&l->ws, client, &options), 0);
}

/* The status by which the line was refused; 0 when it opened. */
static int try_line(line *l, const char *path, const char *signature) {
  open_line(l, path, signature);
  WAIT_FOR(l->is_open || l->is_closed);
  return l->is_open ? 0 : l->end.status;
}

static void close_line(line *l) {
  if (l->ws) cal_ws_close(l->ws, 1000, "");
  WAIT_FOR(l->is_closed);
}

static cal_party *expect(const char *path, cal_party_options options) {
  options.path = path;
  options.token_expires_ns = cal_loop_now_ns(k.loop) + 3600 * CAL_S;
  cal_party *call = kit_call(&k, options);
  assert_int_equal(cal_tokens_add(k.tokens, call, cal_loop_now_ns(k.loop)), 0);
  return call;
}

static void nobody_gets_in_without_a_token(void **state) {
  static const char *const right[] = {"good", NULL};
  line l;
  char long_one[600];
  memset(long_one, 'x', 599);
  long_one[599] = 0;
  cal_party *call = expect("/media/a", (cal_party_options){0});
  cal_party *signed_call =
      expect("/media/b", (cal_party_options){.signature_header = "x-signature", .signatures = right});
  assert_int_equal(try_line(&l, "/media/none", NULL), 401);
  assert_int_equal(try_line(&l, "/", NULL), 401);
  assert_int_equal(try_line(&l, "/media/b", "bad"), 403);
  assert_int_equal(try_line(&l, "/media/b", long_one), 403); /* not taken for one that was not sent */
  assert_int_equal(kit_legs(&k), 0);
  assert_int_equal(try_line(&l, "/media/a", NULL), 0);
  line again;
  assert_int_equal(try_line(&again, "/media/a", NULL), 403);
  close_line(&l);
  assert_int_equal(try_line(&again, "/media/a", NULL), 403);
  assert_int_equal(try_line(&l, "/media/b", "good"), 0);
  close_line(&l);
  WAIT_FOR(kit_legs(&k) == 0);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 2);
  cal_unref(call);
  cal_unref(signed_call);
}

static void beyond_the_ceiling_and_while_draining_it_is_503(void **state) {
  line lines[4];
  cal_party *calls[4];
  for (int i = 0; i < 4; i++) {
    char path[16];
    snprintf(path, sizeof path, "/media/%d", i);
    calls[i] = expect(path, (cal_party_options){0});
    assert_int_equal(try_line(&lines[i], path, NULL), i < 3 ? 0 : 503);
  }
  close_line(&lines[0]);
  WAIT_FOR(kit_legs(&k) == 2);
  assert_int_equal(try_line(&lines[3], "/media/3", NULL), 0); /* the refusal has not cost the token */
  close_line(&lines[3]);
  cal_party *late = expect("/media/late", (cal_party_options){0});
  WAIT_FOR(kit_legs(&k) == 2);
  cal_io_refuse_calls(k.io);
  line l;
  assert_int_equal(try_line(&l, "/media/unknown", NULL), 503);
  assert_int_equal(try_line(&lines[0], "/media/late", NULL),
                   0); /* a call that was answered before is not a new one */
  cal_ws_send_copy(lines[1].ws, kit_start, strlen(kit_start), CAL_WS_TEXT); /* those that are in live on */
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_STARTED) == 1);
  for (int i = 0; i < 3; i++) close_line(&lines[i]);
  for (int i = 0; i < 4; i++) cal_unref(calls[i]);
  cal_unref(late);
}

static void a_script_plane_without_room_for_the_end_is_overloaded(void **state) {
  line l;
  cal_party *call = expect("/media/a", (cal_party_options){0});
  for (int i = 0; i < 4096; i++) assert_int_equal(cal_mailbox_reserve(k.events), 0);
  assert_int_equal(try_line(&l, "/media/a", NULL), 503);
  assert_int_equal(kit_legs(&k), 0);
  for (int i = 0; i < 4096; i++) cal_mailbox_unreserve(k.events);
  cal_unref(call);
}

static void a_greeting_plays_when_the_stream_starts(void **state) {
  line l;
  cal_party *call = expect("/media/a", (cal_party_options){0});
  kit_say(call, 1, kit_clip(500, "hello", 0), 0);
  assert_int_equal(try_line(&l, "/media/a", NULL), 0);
  cal_ws_send_copy(l.ws, kit_start, strlen(kit_start), CAL_WS_TEXT);
  WAIT_FOR(l.messages == 26); /* 25 frames and the mark */
  static const char echo[] = "{\"event\":\"mark\",\"mark\":{\"name\":\"c1\"}}";
  cal_ws_send_copy(l.ws, echo, strlen(echo), CAL_WS_TEXT);
  WAIT_FOR(kit_ended(&k, 1));
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  kit_end(call, 0);
  WAIT_FOR(l.is_closed);
  assert_int_equal(l.end.code, 1000);
  cal_unref(call);
}

/* ---- HTTP */

typedef struct answer {
  int is_done, status, error;
  char body[64];
} answer;

static void on_answer(void *context, const cal_http_result *result) {
  answer *a = context;
  a->is_done = 1;
  a->status = result->status;
  a->error = result->error;
  snprintf(a->body, sizeof a->body, "%.*s", (int)result->body.bytes, result->body.at ? result->body.at : "");
}

static void ask(answer *a, const char *path, const char *body) {
  *a = (answer){0};
  char url[128];
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", cal_io_port(k.io), path);
  cal_id id;
  assert_int_equal(
      cal_http_fetch(&id, client,
                     &(cal_http_fetch_options){
                         .url = url, .body = cal_span_of(body), .context = a, .on_done = on_answer}),
      0);
}

static void post_command(cal_command command) {
  assert_int_equal(cal_mailbox_post(cal_io_commands(k.io), &command, CAL_MAIL_CONTROL), 0);
}

static void reply(cal_id to, int status, const char *body) {
  cal_http_message *message = cal_http_message_new();
  message->status = status;
  for (int i = 0; i < 40; i++) cal_http_message_add_header(message, "X-Many", 6, "yes", 3);
  cal_http_message_set_body(message, body, strlen(body));
  post_command((cal_command){.kind = CAL_COMMAND_HTTP_REPLY, .target = to, .message = message});
}

static void a_request_is_handed_over_and_answered(void **state) {
  answer a;
  ask(&a, "/hook?x=1", "To=123");
  WAIT_FOR(k.requests == 1);
  assert_string_equal(k.request_line, "POST /hook?x=1 To=123");
  reply(k.request, 201, "made");
  WAIT_FOR(a.is_done);
  assert_int_equal(a.status, 201);
  assert_string_equal(a.body, "made");
  reply(k.request, 200, "twice"); /* nobody waits any more */
  k.request_status = 503;
  ask(&a, "/hook", NULL);
  WAIT_FOR(a.is_done);
  assert_int_equal(a.status, 503);
}

static void fetch(cal_id id, const char *url) {
  cal_http_message *message = cal_http_message_new();
  message->method = cal_strdup("GET");
  message->url = cal_strdup(url);
  cal_http_message_add_header(message, "Accept", 6, "*/*", 3);
  post_command((cal_command){.kind = CAL_COMMAND_HTTP_FETCH, .target = id, .message = message});
}

static void a_fetch_is_answered_once_whatever_happens(void **state) {
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%d/there", cal_io_port(k.io));
  fetch(11, url);
  WAIT_FOR(k.requests == 1);
  reply(k.request, 200, "here");
  WAIT_FOR(k.responses == 1);
  assert_int_equal(k.response_to, 11);
  assert_int_equal(k.response_status, 200);
  assert_string_equal(k.response_body, "here");
  fetch(12, "http://127.0.0.1:1/");
  WAIT_FOR(k.responses == 2);
  assert_int_equal(k.response_code, -ECONNREFUSED);
  assert_int_equal(k.response_was_sent, 0);
  fetch(13, "gopher://x/");
  WAIT_FOR(k.responses == 3);
  assert_int_equal(k.response_to, 13);
  assert_true(k.response_code < 0);
  fetch(14, url); /* and one that is under way when the engine stops */
  WAIT_FOR(k.requests == 2);
  k.io = cal_io_free(k.io);
  assert_int_equal(k.responses, 4);
  assert_int_equal(k.response_to, 14);
  assert_int_equal(k.response_code, -ECANCELED);
}

/* ---- answers in pieces */

static void piece(cal_id to, cal_id asked, const char *text, cal_piece_end end) {
  cal_http_message *message = cal_http_message_new();
  message->status = end;
  cal_http_message_set_body(message, text, strlen(text));
  post_command((cal_command){
      .kind = CAL_COMMAND_HTTP_WRITE, .target = to, .piece = {.message = message, .asked = asked}});
}

static void open_answer(cal_id to, const char *first) {
  cal_http_message *message = cal_http_message_new();
  message->status = 200;
  message->is_streamed = 1;
  cal_http_message_set_body(message, first, strlen(first));
  post_command((cal_command){.kind = CAL_COMMAND_HTTP_REPLY, .target = to, .message = message});
}

static void every_piece_of_an_answer_is_answered(void **state) {
  answer a;
  ask(&a, "/stream", NULL);
  WAIT_FOR(k.requests == 1);
  piece(k.request, 21, "too early", CAL_PIECE_MORE);
  WAIT_FOR(k.responses == 1);
  assert_int_equal(k.response_code, -ENOENT);
  open_answer(k.request, "one ");
  piece(k.request, 22, "two ", CAL_PIECE_MORE);
  WAIT_FOR(k.responses == 2);
  assert_int_equal(k.response_to, 22);
  assert_int_equal(k.response_code, 0);
  piece(k.request, 23, "three", CAL_PIECE_LAST);
  WAIT_FOR(a.is_done);
  assert_string_equal(a.body, "one two three");
  piece(k.request, 24, "too late", CAL_PIECE_MORE);
  WAIT_FOR(k.responses == 4);
  assert_int_equal(k.response_code, -ENOENT);
}

/* ---- dialling */

static const char *const opening[] = {"{\"event\":\"connected\"}", kit_start, NULL};

static cal_party *line_to(const char *url) {
  cal_party *call =
      kit_call(&k, (cal_party_options){
                       .role = CAL_ROLE_CARRIER, .name = "line-1", .handle = 88, .start_deadline_ms = 10000});
  if (url)
    cal_party_set_dial(call, &(cal_dial){.url = url,
                                         .url_headers = "X-Signature: good\nbroken\nX-Other:   b\n",
                                         .stream = "MZ1",
                                         .carrier_call = "CA1",
                                         .opening = opening,
                                         .closing = "{\"event\":\"stop\"}"});
  return call;
}

static void dial(cal_party *call) {
  post_command((cal_command){.kind = CAL_COMMAND_CALL_DIAL, .object = cal_ref(call)});
}

static void a_dialled_line_and_its_agent_talk(void **state) {
  static const char *const right[] = {"good", NULL};
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/media/a", cal_io_port(k.io));
  cal_party *agent = expect("/media/a", (cal_party_options){.carrier_call = "CA1",
                                                            .signature_header = "x-signature",
                                                            .signatures = right,
                                                            .signature_is_required = 1});
  cal_party *carrier = line_to(url);
  kit_say(agent, 1, kit_clip(400, "hello", 0), 0);
  kit_end(agent, CAL_COMMAND_DRAIN);
  dial(carrier);
  dial(carrier); /* a second one while it lives is passed over */
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 2);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 2);
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  assert_int_equal(kit_ended(&k, 1)->number, 400);
  WAIT_FOR(kit_legs(&k) == 0);
  k.count = 0;
  dial(carrier); /* again, with a used token */
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 1);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_NO_SOCKET);
  cal_unref(agent);
  cal_unref(carrier);
}

static void a_line_that_cannot_be_had(void **state) {
  char refused[64], long_id[300];
  memset(long_id, 'x', 299);
  long_id[299] = 0;
  snprintf(refused, sizeof refused, "ws://127.0.0.1:%d/media/none", cal_io_port(k.io));
  const char *const urls[] = {"ws://127.0.0.1:1/", refused, "nonsense", "", NULL};
  for (int i = 0; i < 5; i++) {
    k.count = 0;
    cal_party *call = line_to(urls[i]);
    dial(call);
    WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 1);
    seen_event *end = kit_event(&k, CAL_EVENT_LEG_ENDED, 0);
    if (end->code != CAL_LEG_NO_SOCKET || end->target != 88) fail_msg("url %d: %s", i, end->text);
    WAIT_FOR(kit_legs(&k) == 0);
    cal_unref(call);
  }
  k.count = 0;
  cal_party *call = line_to(NULL);
  cal_party_set_dial(call, &(cal_dial){.url = refused, .stream = long_id});
  dial(call);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 1);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_NO_SOCKET);
  cal_unref(call);
}

/* ---- the end */

static void an_io_ends_with_legs_of_every_kind(void **state) {
  line up, waiting, opening_one;
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/media/none", cal_io_port(k.io));
  cal_party *calls[4] = {expect("/media/a", (cal_party_options){.recording_path = "x.wav"}),
                         expect("/media/b", (cal_party_options){0}),
                         expect("/media/c", (cal_party_options){0}), line_to(url)};
  assert_int_equal(try_line(&up, "/media/a", NULL), 0);
  cal_ws_send_copy(up.ws, kit_start, strlen(kit_start), CAL_WS_TEXT);
  kit_say(calls[0], 1, kit_clip(5000, "cut", 0), 0);
  WAIT_FOR(up.messages > 3);
  assert_int_equal(try_line(&waiting, "/media/b", NULL), 0);
  open_line(&opening_one, "/media/c", NULL);
  dial(calls[3]);
  WAIT_FOR(kit_legs(&k) >= 3);
  k.io = cal_io_free(k.io);
  WAIT_FOR(up.is_closed && waiting.is_closed && opening_one.is_closed);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) >= 3);
  assert_non_null(kit_ended(&k, 1));
  assert_int_equal(k.files_open, 0);
  for (int i = 0; i < 4; i++) cal_unref(calls[i]);
}

/* ---- threads */

static void *run(void *loop) {
  cal_loop_run(loop);
  return NULL;
}

/* The script plane here, the io plane on a thread of its own: calls open, talk and close while commands fly.
 */
static void two_planes_on_two_threads(void **state) {
  kit other = {0};
  pthread_t thread;
  cal_io *io;
  cal_loop *loop;
  assert_int_equal(cal_loop_new(&loop, cal_clock_real()), 0);
  assert_int_equal(cal_io_new(&io, &(cal_io_options){.index = 2,
                                                     .loop = loop,
                                                     .tokens = k.tokens,
                                                     .hooks = kit_hooks(&other),
                                                     .legs_ceiling = 100}),
                   0);
  assert_int_equal(
      cal_io_listen(io, &(cal_server_options){.host = "127.0.0.1", .fields = wanted, .field_count = 2}), 0);
  int port = cal_io_port(io);
  pthread_create(&thread, NULL, run, loop);
  enum { LINES = 12 };
  cal_party *agents[LINES], *carriers[LINES];
  for (int i = 0; i < LINES; i++) {
    char path[32], url[64];
    snprintf(path, sizeof path, "/media/%d", i);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d%s", port, path);
    agents[i] = expect(path, (cal_party_options){.carrier_call = "CA1", .recording_path = "x.wav"});
    carriers[i] = line_to(url);
    kit_say(agents[i], 1, kit_clip(200, "hello", 0), 0);
    cal_command command = {.kind = CAL_COMMAND_CALL_DIAL, .object = cal_ref(carriers[i])};
    assert_int_equal(cal_mailbox_post(cal_io_commands(io), &command, CAL_MAIL_CONTROL), 0);
  }
  for (uint32_t n = 2; n < 60; n++)
    for (int i = 0; i < LINES; i++) {
      kit_say(agents[i], n, kit_clip(20, "more", 0), n % 2 ? CAL_COMMAND_INTERRUPTIBLE : 0);
      if (n % 7 == 0) cal_party_command(agents[i], &(cal_command){.kind = CAL_COMMAND_LEG_STOP});
      if (n % 5 == 0)
        cal_party_command(carriers[i],
                          &(cal_command){.kind = CAL_COMMAND_LEG_DIGITS, .text = cal_strdup("1")});
      cal_tokens_withdraw(k.tokens, "/media/none");
      uv_run(cal_loop_uv(k.loop), UV_RUN_NOWAIT);
    }
  for (int i = 0; i < LINES; i++) kit_end(i % 2 ? agents[i] : carriers[i], i % 3 ? CAL_COMMAND_DRAIN : 0);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 2 * LINES);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 2 * LINES);
  WAIT_FOR(cal_legs_count(cal_io_legs(io)) == 0);
  cal_loop_stop(loop);
  pthread_join(thread, NULL);
  cal_io_free(io);
  assert_int_equal(cal_loop_free(loop), 0);
  assert_int_equal(other.files_open, 0);
  cal_free(other.file);
  for (int i = 0; i < LINES; i++) {
    cal_unref(agents[i]);
    cal_unref(carriers[i]);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(nobody_gets_in_without_a_token),
      TEST(beyond_the_ceiling_and_while_draining_it_is_503),
      TEST(a_script_plane_without_room_for_the_end_is_overloaded),
      TEST(a_greeting_plays_when_the_stream_starts),
      TEST(a_request_is_handed_over_and_answered),
      TEST(a_fetch_is_answered_once_whatever_happens),
      TEST(every_piece_of_an_answer_is_answered),
      TEST(a_dialled_line_and_its_agent_talk),
      TEST(a_line_that_cannot_be_had),
      TEST(an_io_ends_with_legs_of_every_kind),
      TEST(two_planes_on_two_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Media sockets that come before their call, over loopback: held, told, taken or turned away, and never too
 * many. */
#include "io/kit.h"

#include <poll.h>

#include "net/server.h"
#include "wire/numbered.h"

#define PATIENCE_NS (20 * CAL_S) /* a test that waits longer has failed; machines are slow at times */

static kit k;
static cal_net *client;
static cal_wire *numbered;

typedef struct line {
  cal_ws *ws;
  int is_open, is_closed;
  cal_ws_end end;
  uint32_t messages, binaries;
  char last[512];
} line;

static int declare(const char *path, uint32_t most, uint32_t first) {
  return cal_prefixes_declare(k.prefixes, path, &(cal_prefix_about){.most = most, .first = first});
}

static int setup(void **state) {
  kit_open_on(&k, cal_clock_real(), 5, 4096);
  assert_int_equal(cal_net_new(&client, k.loop, NULL), 0);
  static const char *const wanted[] = {"audiohook-session-id"};
  if (cal_io_listen(k.io, &(cal_server_options){.host = "127.0.0.1", .fields = wanted, .field_count = 1}))
    fail_msg("no server: %s", cal_error_text());
  assert_int_equal(declare("/ws/genesys/", 2, 1), 0);
  numbered = kit_wire(numbered_server());
  return 0;
}

static int teardown(void **state) {
  client = cal_net_close(client);
  numbered = cal_unref(numbered);
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

static void on_open(void *context, cal_ws *ws) { ((line *)context)->is_open = 1; }

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  line *l = context;
  l->messages++;
  l->binaries += is_binary != 0;
  if (!is_binary) snprintf(l->last, sizeof l->last, "%.*s", (int)bytes, data);
}

static void on_close(void *context, const cal_ws_end *end) {
  line *l = context;
  l->is_closed = 1;
  l->end = *end;
  l->ws = NULL;
}

/* 0 when it opened, else the status it was refused with. */
static int open_line(line *l, const char *path) {
  *l = (line){0};
  char url[256];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d%s", cal_io_port(k.io), path);
  cal_ws_connect_options options = {
      .url = url,
      .handlers = {.context = l, .on_open = on_open, .on_message = on_message, .on_close = on_close}};
  assert_int_equal(cal_ws_connect(&l->ws, client, &options), 0);
  WAIT_FOR(l->is_open || l->is_closed);
  return l->is_open ? 0 : l->end.status;
}

static void send_text(line *l, const char *text) { cal_ws_send_copy(l->ws, text, strlen(text), CAL_WS_TEXT); }

static void close_line(line *l) {
  if (l->ws) cal_ws_close(l->ws, 1000, "");
  WAIT_FOR(l->is_closed);
}

static void take(cal_id socket, cal_party *call) {
  cal_mailbox_post(cal_io_commands(k.io),
                   &(cal_command){.kind = CAL_COMMAND_SOCKET_TAKE, .target = socket, .object = cal_ref(call)},
                   CAL_MAIL_CONTROL);
}

static void refuse(cal_id socket, cal_refusal *refusal) {
  cal_mailbox_post(cal_io_commands(k.io),
                   &(cal_command){.kind = CAL_COMMAND_SOCKET_REFUSE, .target = socket, .object = refusal},
                   CAL_MAIL_CONTROL);
}

#define OPEN_TEXT                                                                                            \
  "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"open\",\"seq\":1,\"serverseq\":0,\"parameters\":{}}"

static void a_held_socket_becomes_the_leg_of_a_call(void **state) {
  line l;
  assert_int_equal(open_line(&l, "/ws/genesys/bot-7?lang=en"), 0);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 1);
  assert_int_equal(k.sockets, 0); /* it has said nothing yet */
  send_text(&l, OPEN_TEXT);
  WAIT_FOR(k.sockets == 1);
  assert_string_equal(k.socket_about, "/ws/genesys/bot-7?lang=en|" OPEN_TEXT);
  send_text(&l, "{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":2,\"serverseq\":0,\"parameters\":{}}");
  cal_party *call = kit_call(&k, (cal_party_options){.wire = numbered, .carrier_call = "5f5f"});
  kit_say(call, 1, kit_clip(400, "hello", 0), 0);
  take(k.socket, call);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_STARTED) == 1);
  WAIT_FOR(l.binaries == 2 && l.messages == 4);
  assert_non_null(strstr(l.last, "pong")); /* nothing of what was kept is lost */
  assert_int_equal(cal_lobby_held(cal_io_lobby(k.io)), 0);
  assert_int_equal(kit_legs(&k), 1);
  close_line(&l);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 1);
  cal_unref(call);
}

static void only_declared_paths_may_come_first_and_only_so_many(void **state) {
  line a, b, c, d;
  assert_int_equal(declare("ws", 1, 1), -EINVAL);
  assert_int_equal(open_line(&a, "/ws/other/bot"), 401);
  assert_int_equal(open_line(&a, "/ws/genesys"), 401);
  assert_int_equal(open_line(&a, "/ws/genesys/x"), 0);
  assert_int_equal(open_line(&b, "/ws/genesys/y"), 0);
  assert_int_equal(open_line(&c, "/ws/genesys/z"), 503);
  assert_int_equal(declare("/ws/genesys/", 3, 1), 0); /* a reload raises it */
  assert_int_equal(open_line(&c, "/ws/genesys/z"), 0);
  close_line(&a);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 2);
  assert_int_equal(open_line(&a, "/ws/genesys/x"), 0);
  assert_int_equal(open_line(&d, "/ws/genesys/v"), 503);
  /* as a leg it still counts */
  send_text(&a, OPEN_TEXT);
  WAIT_FOR(k.sockets == 1);
  cal_party *call = kit_call(&k, (cal_party_options){.wire = numbered});
  take(k.socket, call);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_STARTED) == 1);
  assert_int_equal(open_line(&d, "/ws/genesys/v"), 503);
  cal_io_refuse_calls(k.io);
  close_line(&b);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 1);
  assert_int_equal(open_line(&d, "/ws/genesys/v"), 503);
  close_line(&a);
  close_line(&c);
  WAIT_FOR(kit_legs(&k) == 0);
  cal_unref(call);
}

/* What has no line anyway is not let in to hear so. */
static void nobody_comes_in_while_all_lines_are_held(void **state) {
  line a;
  cal_span lines = cal_span_of("lines of genesys"), holder = cal_span_of("call");
  cal_prefix_about about = {.most = 9, .first = 1, .lines = lines.at, .lines_most = 1};
  uint32_t count;
  assert_int_equal(cal_prefixes_declare(k.prefixes, "/ws/genesys/", &about), 0);
  cal_holders_take(k.holders, &count, lines, holder, 1, 0, cal_loop_now_ns(k.loop));
  assert_int_equal(open_line(&a, "/ws/genesys/x"), 503);
  cal_holders_release(k.holders, lines, holder);
  assert_int_equal(open_line(&a, "/ws/genesys/x"), 0);
  close_line(&a);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 0);
}

/* Thirty that say nothing of who they are cannot take the two places there are. */
static void the_unproven_take_no_places(void **state) {
  line unsigned_ones[30], a, b, c;
  k.keeps_unproven = 1;
  for (int i = 0; i < 30; i++) assert_int_equal(open_line(&unsigned_ones[i], "/ws/genesys/x"), 0);
  WAIT_FOR(k.proofs == 30);
  assert_int_equal(cal_lobby_held(cal_io_lobby(k.io)), 30);
  assert_int_equal(cal_lobby_proven(cal_io_lobby(k.io)), 0);
  k.keeps_unproven = 0;
  assert_int_equal(open_line(&a, "/ws/genesys/x"), 0);
  assert_int_equal(open_line(&b, "/ws/genesys/x"), 0);
  WAIT_FOR(cal_lobby_proven(cal_io_lobby(k.io)) == 2);
  assert_int_equal(open_line(&c, "/ws/genesys/x"), 503);
  close_line(&a);
  close_line(&b);
  for (int i = 0; i < 30; i++) close_line(&unsigned_ones[i]);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 0);
  assert_int_equal(cal_lobby_proven(cal_io_lobby(k.io)), 0);
}

/* Two come at the same time for the last place. */
static void a_place_is_taken_when_it_is_proven(void **state) {
  line a, b;
  assert_int_equal(declare("/ws/genesys/", 1, 1), 0);
  k.keeps_unproven = 1;
  assert_int_equal(open_line(&a, "/ws/genesys/x"), 0);
  WAIT_FOR(k.proofs == 1);
  cal_id first = k.unproven;
  assert_int_equal(open_line(&b, "/ws/genesys/x"), 0);
  WAIT_FOR(k.proofs == 2);
  kit_prove(&k, k.unproven, 1);
  kit_prove(&k, first, 1);
  kit_prove(&k, k.unproven, 0); /* it is proven already */
  WAIT_FOR(a.is_closed);
  assert_int_equal(a.end.code, 1011);
  send_text(&b, OPEN_TEXT);
  WAIT_FOR(k.sockets == 1);
  assert_int_equal(k.socket_asks, CAL_LOBBY_CALL);
  close_line(&b);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 0);
}

static void what_was_said_before_the_proof_is_kept(void **state) {
  line l;
  k.keeps_unproven = 1;
  open_line(&l, "/ws/genesys/x");
  send_text(&l, OPEN_TEXT);
  WAIT_FOR(k.proofs == 1);
  for (int i = 0; i < 20; i++) turn(0);
  assert_int_equal(k.sockets, 0);
  kit_prove(&k, k.unproven, 1);
  WAIT_FOR(k.sockets == 1);
  assert_string_equal(k.socket_about, "/ws/genesys/x?|" OPEN_TEXT);
  close_line(&l);
}

static void one_that_proves_nothing_has_a_second_for_its_first_words(void **state) {
  line says, silent;
  k.keeps_unproven = 1;
  open_line(&silent, "/ws/genesys/x");
  WAIT_FOR(k.proofs == 1);
  kit_prove(&k, k.unproven, 0);
  WAIT_FOR(silent.is_closed);
  assert_int_equal(k.sockets, 0);
  open_line(&says, "/ws/genesys/x");
  WAIT_FOR(k.proofs == 2);
  kit_prove(&k, k.unproven, 0);
  send_text(&says, OPEN_TEXT);
  WAIT_FOR(k.sockets == 1);
  assert_int_equal(k.socket_asks, CAL_LOBBY_WORDS);
  assert_int_equal(cal_lobby_proven(cal_io_lobby(k.io)), 0);
  refuse(k.socket, cal_refusal_new("who are you?", NULL, 1008, "unauthorized"));
  WAIT_FOR(says.is_closed);
  assert_string_equal(says.last, "who are you?");
}

static void a_socket_there_is_no_time_for_is_refused_before_the_upgrade(void **state) {
  line l;
  k.has_no_time = 1;
  assert_int_equal(open_line(&l, "/ws/genesys/x"), 503);
  assert_int_equal(open_line(&l, "/ws/genesys/y"), 503);
  assert_int_equal(open_line(&l, "/ws/genesys/z"), 503); /* the places of the path are not used up */
  k.has_no_time = 0;
  assert_int_equal(open_line(&l, "/ws/genesys/x"), 0);
  close_line(&l);
}

static void the_longest_path_that_fits_is_meant(void **state) {
  line l;
  assert_int_equal(declare("/ws/genesys/at-once/", 2, 0), 0);
  assert_int_equal(open_line(&l, "/ws/genesys/at-once/x"), 0);
  WAIT_FOR(k.sockets == 1); /* before it has said a word */
  assert_string_equal(k.socket_about, "/ws/genesys/at-once/x?");
  refuse(k.socket, cal_refusal_new(NULL, NULL, 1008, "no such agent"));
  WAIT_FOR(l.is_closed);
  assert_int_equal(l.end.code, 1008);
}

static void a_refusal_may_have_a_word_and_manners(void **state) {
  static const char word[] = "{\"id\":\"5f5f\",\"type\":\"opened\",\"seq\":1,\"clientseq\":1,\"parameters\":{"
                             "\"media\":[]}}";
  line l;
  open_line(&l, "/ws/genesys/probe");
  send_text(&l, OPEN_TEXT);
  WAIT_FOR(k.sockets == 1);
  refuse(k.socket, cal_refusal_new(word, numbered, 1000, ""));
  WAIT_FOR(l.messages == 1);
  assert_string_equal(l.last, word); /* and no answer of the wire's to the open */
  send_text(&l, "{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":2,\"serverseq\":1,\"parameters\":{}}");
  WAIT_FOR(l.messages == 2);
  assert_non_null(strstr(l.last, "\"type\":\"pong\",\"seq\":2,\"clientseq\":2"));
  send_text(
      &l,
      "{\"id\":\"5f5f\",\"type\":\"close\",\"seq\":3,\"serverseq\":2,\"parameters\":{\"reason\":\"end\"}}");
  WAIT_FOR(l.messages == 3);
  assert_non_null(strstr(l.last, "\"type\":\"closed\",\"seq\":3,\"clientseq\":3"));
  assert_false(l.is_closed); /* that is the other side's business */
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 0);
  close_line(&l);
  open_line(&l, "/ws/genesys/short");
  send_text(&l, OPEN_TEXT);
  WAIT_FOR(k.sockets == 2);
  refuse(k.socket, cal_refusal_new("sorry", NULL, 4000, "busy"));
  WAIT_FOR(l.is_closed);
  assert_string_equal(l.last, "sorry");
  assert_int_equal(l.end.code, 4000);
}

static void a_caller_who_left_meanwhile_is_told_as_a_leg_that_ended(void **state) {
  line l;
  open_line(&l, "/ws/genesys/x");
  send_text(&l, OPEN_TEXT);
  WAIT_FOR(k.sockets == 1);
  close_line(&l);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 0);
  cal_party *call = kit_call(&k, (cal_party_options){.wire = numbered});
  take(k.socket, call);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_ENDED) == 1);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_HANGUP);
  refuse(k.socket, cal_refusal_new("late", numbered, 1000, "")); /* harmless */
  for (int i = 0; i < 3; i++) turn(0);
  assert_int_equal(kit_legs(&k), 0);
  cal_unref(call);
}

static void a_script_plane_without_room_turns_it_away(void **state) {
  line l;
  k.socket_status = -ENOBUFS;
  open_line(&l, "/ws/genesys/x");
  send_text(&l, OPEN_TEXT);
  WAIT_FOR(l.is_closed);
  assert_int_equal(l.end.code, 1011);
  k.socket_status = 0;
  open_line(&l, "/ws/genesys/x");
  send_text(&l, OPEN_TEXT);
  WAIT_FOR(k.sockets == 2);
  for (int i = 0; i < 4096; i++) assert_int_equal(cal_mailbox_reserve(k.events), 0);
  cal_party *call = kit_call(&k, (cal_party_options){.wire = numbered});
  take(k.socket, call); /* nobody could be told its end */
  WAIT_FOR(l.is_closed);
  assert_int_equal(l.end.code, 1011);
  for (int i = 0; i < 4096; i++) cal_mailbox_unreserve(k.events);
  cal_unref(call);
}

static void who_says_too_much_before_the_answer_is_closed(void **state) {
  line l;
  static char much[65536];
  memset(much, 'x', sizeof much);
  open_line(&l, "/ws/genesys/x");
  for (int i = 0; i < 10; i++) cal_ws_send_copy(l.ws, much, sizeof much, CAL_WS_BINARY);
  WAIT_FOR(l.is_closed);
  assert_int_equal(l.end.code, 1008);
  assert_int_equal(k.sockets, 0);
}

static void who_gets_no_answer_is_closed(void **state) {
  line silent, asked;
  open_line(&silent, "/ws/genesys/x");
  open_line(&asked, "/ws/genesys/y");
  send_text(&asked, OPEN_TEXT);
  WAIT_FOR(silent.is_closed && asked.is_closed);
  assert_int_equal(silent.end.code, 1011);
  assert_int_equal(asked.end.code, 1011);
  assert_int_equal(k.sockets, 1);
  WAIT_FOR(cal_lobby_held(cal_io_lobby(k.io)) == 0);
}

static void the_end_of_the_thread_closes_all(void **state) {
  static line held, asked, taken; /* they outlive the test */
  declare("/ws/genesys/", 5, 1);
  open_line(&held, "/ws/genesys/x");
  open_line(&taken, "/ws/genesys/z");
  send_text(&taken, OPEN_TEXT);
  WAIT_FOR(k.sockets == 1);
  cal_party *call = kit_call(&k, (cal_party_options){.wire = numbered});
  take(k.socket, call);
  WAIT_FOR(kit_events(&k, CAL_EVENT_LEG_STARTED) == 1);
  open_line(&asked, "/ws/genesys/y");
  send_text(&asked, OPEN_TEXT);
  WAIT_FOR(k.sockets == 2);
  take(k.socket, call); /* the call has a leg; and nobody will look at this any more */
  cal_unref(call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_held_socket_becomes_the_leg_of_a_call),
      TEST(only_declared_paths_may_come_first_and_only_so_many),
      TEST(nobody_comes_in_while_all_lines_are_held),
      TEST(the_unproven_take_no_places),
      TEST(a_place_is_taken_when_it_is_proven),
      TEST(what_was_said_before_the_proof_is_kept),
      TEST(one_that_proves_nothing_has_a_second_for_its_first_words),
      TEST(a_socket_there_is_no_time_for_is_refused_before_the_upgrade),
      TEST(the_longest_path_that_fits_is_meant),
      TEST(a_refusal_may_have_a_word_and_manners),
      TEST(a_caller_who_left_meanwhile_is_told_as_a_leg_that_ended),
      TEST(a_script_plane_without_room_turns_it_away),
      TEST(who_says_too_much_before_the_answer_is_closed),
      TEST(who_gets_no_answer_is_closed),
      TEST(the_end_of_the_thread_closes_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

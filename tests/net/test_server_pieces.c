/* Answers whose body comes in pieces: over sockets, and the same through the network in memory. */
#include "net/server_kit.h"

typedef struct paced {
  seen s;
  cal_id roomy; /* of the last on_room */
  int rooms, code;
} paced;

static void on_room(void *context, cal_id id, int code) {
  paced *p = context;
  p->roomy = id;
  p->rooms++;
  p->code = code;
}

static void begin(kit *k, paced *p, const cal_net_options *options) {
  kit_open(k, options);
  *p = (paced){0};
  p->s.mood = ANSWER_LATER;
  p->s.server = kit_serve(
      k, (cal_server_options){
             .fields = wanted, .field_count = 3, .context = p, .on_request = on_request, .on_room = on_room});
}

static int open_answer(paced *p, int status, const char *first) {
  return cal_server_reply(p->s.server, p->s.last,
                          &(cal_http_answer){.status = status, .body = cal_span_of(first), .is_open = 1});
}

static int piece(paced *p, const char *text, cal_piece_end end) {
  return cal_server_piece(p->s.server, p->s.last, cal_span_of(text), end);
}

static raw *ask_it(kit *k, paced *p, const char *head) {
  int before = p->s.count;
  raw *r = raw_open(cal_server_port(p->s.server));
  raw_say(r, head);
  WAIT_FOR(k, p->s.count > before);
  return r;
}

static void pieces_leave_as_they_come_and_the_connection_is_kept(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = ask_it(&k, &p, GET "\r\n");
  assert_int_equal(open_answer(&p, 200, "one"), 0);
  WAIT_FOR(&k, raw_has(r, "3\r\none\r\n"));
  assert_non_null(strstr(r->data, "transfer-encoding: chunked\r\n"));
  assert_null(strstr(r->data, "content-length"));
  assert_int_equal(piece(&p, "", CAL_PIECE_MORE), 0); /* a chunk of nothing would be the end */
  assert_int_equal(piece(&p, "twenty-two", CAL_PIECE_MORE), 0);
  WAIT_FOR(&k, raw_has(r, "a\r\ntwenty-two\r\n"));
  assert_int_equal(piece(&p, "three", CAL_PIECE_LAST), 0);
  WAIT_FOR(&k, raw_has(r, "5\r\nthree\r\n0\r\n\r\n"));
  assert_int_equal(piece(&p, "four", CAL_PIECE_MORE), -ENOENT);
  raw_say(r, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, p.s.count == 2);
  answer(&p.s, p.s.last, 200, "on the same connection");
  WAIT_FOR(&k, raw_has(r, "on the same connection"));
  assert_int_equal(p.rooms, 0);
  raw_close(r);
  kit_close(&k);
}

static void a_request_that_was_sent_ahead_waits_for_the_last_piece(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = ask_it(&k, &p, GET "\r\n" GET "\r\n");
  assert_int_equal(open_answer(&p, 200, "one"), 0);
  WAIT_FOR(&k, raw_has(r, "one"));
  assert_int_equal(p.s.count, 1);
  assert_int_equal(piece(&p, "", CAL_PIECE_LAST), 0);
  WAIT_FOR(&k, p.s.count == 2);
  answer(&p.s, p.s.last, 200, "two");
  WAIT_FOR(&k, raw_has(r, "two"));
  raw_close(r);
  kit_close(&k);
}

static void an_old_client_gets_them_until_the_connection_ends(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = ask_it(&k, &p, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert_int_equal(open_answer(&p, 200, "one "), 0);
  assert_int_equal(piece(&p, "two", CAL_PIECE_LAST), 0);
  WAIT_FOR(&k, raw_is_closed(r));
  assert_non_null(strstr(r->data, "connection: close\r\n\r\none two"));
  assert_null(strstr(r->data, "chunked"));
  raw_close(r);
  kit_close(&k);
}

static void what_has_no_body_is_over_at_once(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = ask_it(&k, &p, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert_int_equal(open_answer(&p, 200, "one"), 0);
  assert_int_equal(piece(&p, "two", CAL_PIECE_MORE), -ENOENT);
  WAIT_FOR(&k, raw_has(r, "\r\n\r\n"));
  assert_false(raw_has(r, "one"));
  raw_close(r);
  r = ask_it(&k, &p, GET "\r\n");
  assert_int_equal(open_answer(&p, 204, ""), 0);
  assert_int_equal(piece(&p, "two", CAL_PIECE_MORE), -ENOENT);
  WAIT_FOR(&k, raw_has(r, "204"));
  raw_close(r);
  kit_close(&k);
}

static void one_with_a_wrong_head_is_a_500(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = ask_it(&k, &p, GET "\r\n");
  assert_int_equal(open_answer(&p, 99, "one"), 0);
  assert_int_equal(piece(&p, "two", CAL_PIECE_MORE), -ENOENT);
  WAIT_FOR(&k, raw_has(r, "HTTP/1.1 500"));
  raw_close(r);
  kit_close(&k);
}

static void a_cut_one_ends_without_its_last_chunk(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = ask_it(&k, &p, GET "\r\n");
  assert_int_equal(open_answer(&p, 200, "one"), 0);
  assert_int_equal(piece(&p, "tw", CAL_PIECE_CUT), 0);
  WAIT_FOR(&k, raw_is_closed(r));
  assert_non_null(strstr(r->data, "2\r\ntw\r\n"));
  assert_null(strstr(r->data, "\r\n0\r\n"));
  assert_int_equal(cal_server_connections(p.s.server), 0);
  raw_close(r);
  kit_close(&k);
}

static void a_client_that_left_is_found_out(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = ask_it(&k, &p, GET "\r\n");
  assert_int_equal(open_answer(&p, 200, "one"), 0);
  raw_close(r);
  WAIT_FOR(&k, piece(&p, "more", CAL_PIECE_MORE) == -ENOENT);
  assert_int_equal(cal_server_connections(p.s.server), 0);
  kit_close(&k);
}

static void one_that_is_not_gone_on_with_is_cut(void **state) {
  kit k;
  paced p;
  begin(&k, &p, &(cal_net_options){.reply_timeout_ms = 30});
  raw *r = ask_it(&k, &p, GET "\r\n");
  assert_int_equal(open_answer(&p, 200, "one"), 0);
  WAIT_FOR(&k, raw_is_closed(r));
  assert_int_equal(piece(&p, "two", CAL_PIECE_MORE), -ENOENT);
  raw_close(r);
  kit_close(&k);
}

/* ---- slow clients */

#define BLOCK_BYTES (32 * 1024)

static int block(paced *p) {
  static char bytes[BLOCK_BYTES];
  return cal_server_piece(p->s.server, p->s.last, (cal_span){bytes, sizeof bytes}, CAL_PIECE_MORE);
}

static raw *slow_client(kit *k, paced *p) {
  raw *r = calloc(1, sizeof *r);
  int before = p->s.count;
  r->fd = raw_dial(cal_server_port(p->s.server), 4096);
  raw_say(r, GET "\r\n");
  WAIT_FOR(k, p->s.count > before);
  assert_int_equal(open_answer(p, 200, ""), 0);
  return r;
}

/* As many as it takes until the sender is asked to wait. */
static void fill(paced *p) {
  int code = 0;
  for (int i = 0; i < 1000 && !code; i++) code = block(p);
  assert_int_equal(code, CAL_PIECE_WAIT);
  assert_int_equal(p->rooms, 0);
}

static void read_away(raw *r) {
  char bytes[65536];
  while (recv(r->fd, bytes, sizeof bytes, 0) > 0) continue;
}

static void a_slow_client_makes_the_sender_wait(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = slow_client(&k, &p);
  fill(&p);
  WAIT_FOR(&k, (read_away(r), p.rooms));
  assert_int_equal(p.rooms, 1);
  assert_int_equal(p.code, 0);
  assert_int_equal(p.roomy, p.s.last);
  assert_int_equal(piece(&p, "end", CAL_PIECE_LAST), 0);
  raw_close(r);
  kit_close(&k);
}

static void a_sender_that_waits_hears_that_the_client_went(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = slow_client(&k, &p);
  fill(&p);
  raw_close(r);
  WAIT_FOR(&k, p.rooms);
  assert_int_equal(p.code, -EPIPE);
  assert_int_equal(block(&p), -ENOENT);
  kit_close(&k);
}

static void a_client_for_whom_too_much_waits_is_cut_off(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = slow_client(&k, &p);
  int code = 0;
  for (int i = 0; i < 1000 && code >= 0; i++) code = block(&p);
  assert_int_equal(code, -ENOBUFS);
  assert_int_equal(p.rooms, 1);
  assert_int_equal(p.code, -EPIPE);
  assert_int_equal(cal_server_connections(p.s.server), 0);
  raw_close(r);
  kit_close(&k);
}

static void a_server_that_goes_tells_who_waits(void **state) {
  kit k;
  paced p;
  begin(&k, &p, NULL);
  raw *r = slow_client(&k, &p);
  fill(&p);
  kit_close(&k);
  assert_int_equal(p.rooms, 1);
  assert_int_equal(p.code, -EPIPE);
  raw_close(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_leave_as_they_come_and_the_connection_is_kept),
      cmocka_unit_test(a_request_that_was_sent_ahead_waits_for_the_last_piece),
      cmocka_unit_test(an_old_client_gets_them_until_the_connection_ends),
      cmocka_unit_test(what_has_no_body_is_over_at_once),
      cmocka_unit_test(one_with_a_wrong_head_is_a_500),
      cmocka_unit_test(a_cut_one_ends_without_its_last_chunk),
      cmocka_unit_test(a_client_that_left_is_found_out),
      cmocka_unit_test(one_that_is_not_gone_on_with_is_cut),
      cmocka_unit_test(a_slow_client_makes_the_sender_wait),
      cmocka_unit_test(a_sender_that_waits_hears_that_the_client_went),
      cmocka_unit_test(a_client_for_whom_too_much_waits_is_cut_off),
      cmocka_unit_test(a_server_that_goes_tells_who_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

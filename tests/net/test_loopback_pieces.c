/* Answers whose body comes in pieces, through the network in memory. */
#include "net/loopback_kit.h"

static int rooms, room_code;

static void on_room(void *context, cal_id id, int code) {
  assert_int_equal(((host *)context)->id, id);
  rooms++;
  room_code = code;
}

static void serve_paced(world *w, host *h) {
  *h = (host){.w = w, .later = 1};
  rooms = 0;
  cal_server_options options = {.host = "app.test",
                                .port = 443,
                                .fields = wanted,
                                .field_count = 5,
                                .context = h,
                                .on_request = on_request,
                                .on_room = on_room};
  assert_int_equal(cal_server_listen(&h->server, w->far, &options), 0);
}

static void open_answer(host *h, int status, const char *first) {
  cal_http_field fields[] = {{cal_span_of("Location"), cal_span_of("/there")}};
  cal_http_answer answer = {
      .status = status, .fields = fields, .field_count = 1, .body = cal_span_of(first), .is_open = 1};
  if (h->server)
    assert_int_equal(cal_server_reply(h->server, h->id, &answer), 0);
  else
    cal_loopback_answer(h->w->loopback, h->id, &answer);
}

static int bytes_piece(host *h, cal_span piece, cal_piece_end end) {
  return h->server ? cal_server_piece(h->server, h->id, piece, end)
                   : cal_loopback_piece(h->w->loopback, h->id, piece, end);
}

static int piece(host *h, const char *text, cal_piece_end end) {
  return bytes_piece(h, cal_span_of(text), end);
}

static void ask_for(world *w, asked *a, const char *url, int is_read) {
  ask(w, a, (cal_http_fetch_options){.url = url, .on_data = is_read ? on_data : NULL, .timeout_ms = 5000});
  pass(w, 1);
}

static void pieces_arrive_as_they_are_sent(void **state) {
  world w;
  host server, vendor;
  asked a = {0}, b = {0};
  world_open(&w, (cal_net_options){0});
  serve_paced(&w, &server);
  play(&w, &vendor, "llm.example");
  vendor.later = 1;
  struct {
    host *h;
    asked *a;
    const char *url;
  } both[] = {{&server, &a, "https://app.test/"}, {&vendor, &b, "https://llm.example/"}};
  for (int i = 0; i < 2; i++) {
    host *h = both[i].h;
    asked *asks = both[i].a;
    ask_for(&w, asks, both[i].url, 1);
    assert_int_equal(piece(h, "too early", CAL_PIECE_MORE), -ENOENT);
    open_answer(h, 200, "one");
    pass(&w, 1);
    assert_int_equal(asks->bytes, 3);
    assert_int_equal(piece(h, "four", CAL_PIECE_MORE), 0);
    assert_int_equal(asks->bytes, 3);
    pass(&w, 1);
    assert_int_equal(asks->bytes, 7);
    pass(&w, 1000);
    assert_int_equal(piece(h, "end", CAL_PIECE_LAST), 0);
    assert_int_equal(piece(h, "more", CAL_PIECE_MORE), -ENOENT);
    pass(&w, 1);
    expect(asks, 0, 1, 200);
    assert_int_equal(asks->bytes, 10);
  }
  assert_int_equal(cal_server_connections(server.server), 0);
  world_close(&w);
}

static void who_wants_it_whole_waits_for_the_last(void **state) {
  world w;
  host h;
  asked a = {0};
  world_open(&w, (cal_net_options){0});
  serve_paced(&w, &h);
  ask_for(&w, &a, "https://app.test/", 0);
  open_answer(&h, 200, "one ");
  pass(&w, 100);
  assert_int_equal(piece(&h, "two", CAL_PIECE_LAST), 0);
  pass(&w, 1);
  expect(&a, 0, 1, 200);
  assert_string_equal(a.body, "one two");
  world_close(&w);
}

static void a_body_breaks_off_and_its_asker_goes(void **state) {
  world w;
  host h;
  asked cut = {0}, late = {0}, left = {0}, broken = {0};
  world_open(&w, (cal_net_options){0});
  serve_paced(&w, &h);
  ask_for(&w, &cut, "https://app.test/", 1);
  open_answer(&h, 200, "one");
  assert_int_equal(piece(&h, "tw", CAL_PIECE_CUT), 0);
  pass(&w, 2);
  expect(&cut, -ECONNRESET, 1, 200);
  assert_int_equal(cut.bytes, 5);
  ask_for(&w, &late, "https://app.test/", 1);
  open_answer(&h, 200, "one");
  pass(&w, 5000);
  expect(&late, -ETIMEDOUT, 1, 200);
  assert_int_equal(piece(&h, "two", CAL_PIECE_MORE), -ENOENT);
  ask_for(&w, &left, "https://app.test/", 1);
  open_answer(&h, 200, "one");
  pass(&w, 1);
  assert_int_equal(cal_http_cancel(w.net, left.id), 0);
  assert_int_equal(piece(&h, "two", CAL_PIECE_MORE), -ENOENT);
  pass(&w, 1);
  ask_for(&w, &broken, "https://app.test/", 1);
  open_answer(&h, 200, "one");
  pass(&w, 1);
  fault(&w, "app.test", (cal_loopback_fault){.cut_after_bytes = 5});
  assert_int_equal(piece(&h, "two three", CAL_PIECE_MORE), 0);
  pass(&w, 1);
  expect(&broken, -ECONNRESET, 1, 200);
  assert_int_equal(broken.bytes, 5);
  assert_int_equal(cal_server_connections(h.server), 0);
  world_close(&w);
}

static void an_open_redirect_is_followed(void **state) {
  world w;
  host h;
  asked a = {0};
  world_open(&w, (cal_net_options){0});
  serve_paced(&w, &h);
  ask(&w, &a,
      (cal_http_fetch_options){
          .method = "GET", .url = "https://app.test/", .on_data = on_data, .redirects = 1});
  pass(&w, 1);
  open_answer(&h, 302, "away");
  cal_id first = h.id;
  pass(&w, 2);
  assert_int_not_equal(first, h.id);
  open_answer(&h, 200, "here");
  assert_int_equal(piece(&h, "!", CAL_PIECE_LAST), 0);
  pass(&w, 2);
  expect(&a, 0, 1, 200);
  assert_int_equal(a.bytes, 5);
  world_close(&w);
}

static void a_receiver_that_pauses_makes_a_server_wait(void **state) {
  static char much[70000];
  world w;
  host h;
  asked a = {.pause_at = 1};
  world_open(&w, (cal_net_options){0});
  serve_paced(&w, &h);
  ask_for(&w, &a, "https://app.test/", 1);
  open_answer(&h, 200, "one");
  pass(&w, 1);
  assert_int_equal(bytes_piece(&h, (cal_span){much, sizeof much}, CAL_PIECE_MORE), CAL_PIECE_WAIT);
  pass(&w, 10);
  assert_int_equal(rooms, 0);
  assert_int_equal(cal_http_resume(w.net, a.id), 0);
  pass(&w, 1);
  assert_int_equal(rooms, 1);
  assert_int_equal(room_code, 0);
  assert_int_equal(a.bytes, sizeof much + 3);
  assert_int_equal(bytes_piece(&h, (cal_span){much, sizeof much}, CAL_PIECE_MORE), CAL_PIECE_WAIT);
  assert_int_equal(cal_http_cancel(w.net, a.id), 0);
  assert_int_equal(rooms, 2);
  assert_int_equal(room_code, -EPIPE);
  pass(&w, 1);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_arrive_as_they_are_sent),
      cmocka_unit_test(who_wants_it_whole_waits_for_the_last),
      cmocka_unit_test(a_body_breaks_off_and_its_asker_goes),
      cmocka_unit_test(an_open_redirect_is_followed),
      cmocka_unit_test(a_receiver_that_pauses_makes_a_server_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

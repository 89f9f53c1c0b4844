/* One table of cases over every kind of wire: a plain socket, a TLS socket, a pair in memory, a pair that
 * delivers in pieces. What holds for a call on a real line must hold for a simulated one. */
#include "net/kit.h"

typedef struct side {
  cal_ws *ws;
  int opened, closed, drained;
  int messages, binaries;
  size_t bytes;
  char last[64];
  size_t last_bytes;
  uint32_t next_number; /* of numbered frames */
  int out_of_order, echoes, closes_on_message;
  cal_ws_end end;
  char text[160];
} side;

static void on_open(void *context, cal_ws *ws) {
  side *s = context;
  s->opened++;
  s->ws = ws;
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  side *s = context;
  s->messages++;
  s->binaries += is_binary;
  s->bytes += bytes;
  s->last_bytes = bytes;
  memset(s->last, 0, sizeof s->last);
  memcpy(s->last, data, bytes < 63 ? bytes : 63);
  if (bytes >= 5 && (data[0] == 'A' || data[0] == 'C')) { /* numbered frames only ever grow */
    uint32_t number;
    memcpy(&number, data + 1, 4);
    if (number < s->next_number) s->out_of_order++;
    s->next_number = number + 1;
  }
  if (s->echoes) cal_ws_send_copy(s->ws, data, bytes, is_binary ? CAL_WS_BINARY : CAL_WS_TEXT);
  if (s->closes_on_message) cal_ws_close(s->ws, 4001, "enough");
}

static void on_drain(void *context) { ((side *)context)->drained++; }

static void on_close(void *context, const cal_ws_end *end) {
  side *s = context;
  s->closed++;
  s->end = *end;
  snprintf(s->text, sizeof s->text, "%s", end->text);
  s->ws = NULL;
}

static cal_ws_handlers handlers_of(side *s) {
  return (cal_ws_handlers){
      .context = s, .on_open = on_open, .on_message = on_message, .on_drain = on_drain, .on_close = on_close};
}

/* ---- wires */

typedef struct wire {
  kit k;
  const char *kind;
  side a, b; /* a: client, b: server */
  papers papers;
} wire;

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  upgrade->handlers = handlers_of(context);
  return 0;
}

static void open_socket(wire *w, int is_tls) {
  cal_net_options net = {.message_ceiling_bytes = 100000};
  if (is_tls) {
    papers_make(&w->papers, "DNS:localhost", 3600);
    net.ca_file = w->papers.cert;
  }
  kit_open(&w->k, &net);
  cal_server_options options = {.context = &w->b, .on_upgrade = on_upgrade};
  if (is_tls) {
    options.cert_file = w->papers.cert;
    options.key_file = w->papers.key;
  }
  char url[128];
  cal_server *server = kit_serve(&w->k, options);
  snprintf(url, sizeof url, "%s://localhost:%d/media?token=1", is_tls ? "wss" : "ws",
           cal_server_port(server));
  cal_ws_connect_options connect_options = {.url = url, .handlers = handlers_of(&w->a)};
  if (cal_ws_connect(&w->a.ws, w->k.net, &connect_options)) fail_msg("%s", cal_error_text());
}

static void open_pair(wire *w, size_t piece_bytes) {
  kit_open(&w->k, NULL);
  cal_ws_pair_options options = {.latency_ms = 1,
                                 .piece_bytes = piece_bytes,
                                 .message_ceiling_bytes = 100000,
                                 .a = handlers_of(&w->a),
                                 .b = handlers_of(&w->b)};
  assert_int_equal(cal_ws_pair_new(&w->a.ws, &w->b.ws, w->k.loop, &options), 0);
}

static void wire_start(wire *w, const char *kind) {
  *w = (wire){.kind = kind};
  if (!strcmp(kind, "socket"))
    open_socket(w, 0);
  else if (!strcmp(kind, "tls"))
    open_socket(w, 1);
  else if (!strcmp(kind, "pair"))
    open_pair(w, 0);
  else
    open_pair(w, 100);
}

static void wire_open(wire *w, const char *kind) {
  wire_start(w, kind);
  WAIT_FOR(&w->k, (w->a.opened && w->b.opened) || w->a.closed);
  if (w->a.closed) fail_msg("%s: %s", kind, w->a.text);
}

static void wire_close(wire *w) {
  if (w->a.ws) cal_ws_close(w->a.ws, 1000, "");
  if (w->b.ws && w->b.opened) cal_ws_close(w->b.ws, 1000, "");
  WAIT_FOR(&w->k, w->a.closed && (w->b.closed || !w->b.opened));
  assert_int_equal(w->a.closed, 1);
  assert_true(w->b.closed <= 1);
  kit_close(&w->k);
  if (w->papers.folder[0]) papers_burn(&w->papers);
}

/* ---- cases */

static void echo(wire *w) {
  static const size_t sizes[] = {0, 1, 5, 125, 126, 400, 4095, 4096, 4097, 20000, 65535, 65536, 100000};
  char *data = malloc(100000);
  for (size_t i = 0; i < 100000; i++) data[i] = (char)('a' + i % 26);
  w->b.echoes = 1;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (int kind = CAL_WS_TEXT; kind <= CAL_WS_BINARY; kind++) {
      int before = w->a.messages, binaries = w->a.binaries;
      assert_int_equal(cal_ws_send_copy(w->a.ws, data, sizes[i], kind), 0);
      WAIT_FOR(&w->k, w->a.messages > before || w->a.closed);
      if (w->a.closed) fail_msg("%s: closed at %zu bytes: %s", w->kind, sizes[i], w->a.text);
      assert_int_equal(w->a.last_bytes, sizes[i]);
      assert_memory_equal(w->a.last, data, sizes[i] < 63 ? sizes[i] : 63);
      assert_int_equal(w->a.binaries - binaries, kind == CAL_WS_BINARY);
    }
  }
  free(data);
}

static void many_in_order(wire *w) {
  for (uint32_t i = 0; i < 2000; i++) {
    char frame[CAL_WS_PAD + 300] = {0};
    frame[CAL_WS_PAD] = 'C';
    memcpy(frame + CAL_WS_PAD + 1, &i, 4);
    assert_int_equal(cal_ws_send(w->a.ws, frame + CAL_WS_PAD, 300, CAL_WS_BINARY), 0);
  }
  WAIT_FOR(&w->k, w->b.messages == 2000);
  assert_int_equal(w->b.next_number, 2000);
  assert_int_equal(w->b.out_of_order, 0);
}

static void client_closes(wire *w) {
  cal_ws_send_copy(w->a.ws, "last words", 10, CAL_WS_TEXT);
  cal_ws_close(w->a.ws, 1000, "good bye");
  assert_int_equal(w->a.closed, 0); /* never from inside */
  assert_int_equal(cal_ws_send_copy(w->a.ws, "x", 1, CAL_WS_TEXT), -ENOTCONN);
  cal_ws_close(w->a.ws, 4000, "again");
  WAIT_FOR(&w->k, w->a.closed && w->b.closed);
  assert_string_equal(w->b.last, "last words");
  assert_int_equal(w->b.end.code, 1000);
  assert_string_equal(w->b.text, "good bye");
  assert_true(w->b.end.is_clean && w->a.end.is_clean);
  assert_int_equal(w->a.end.code, 1000);
  assert_int_equal(w->a.end.error, 0);
}

static void server_closes_in_on_message(wire *w) {
  w->b.closes_on_message = 1;
  cal_ws_send_copy(w->a.ws, "one", 3, CAL_WS_TEXT);
  cal_ws_send_copy(w->a.ws, "two", 3, CAL_WS_TEXT);
  WAIT_FOR(&w->k, w->a.closed && w->b.closed);
  assert_int_equal(w->b.messages, 1);
  assert_int_equal(w->a.end.code, 4001);
  assert_string_equal(w->a.text, "enough");
  assert_true(w->a.end.is_clean);
}

static void both_close_at_once(wire *w) {
  cal_ws_close(w->a.ws, 1000, "a");
  cal_ws_close(w->b.ws, 1001, "b");
  WAIT_FOR(&w->k, w->a.closed && w->b.closed);
  assert_int_equal(w->a.closed + w->b.closed, 2);
  assert_true(w->a.end.is_clean && w->b.end.is_clean);
}

static void too_big_is_closed_with_1009(wire *w) {
  char *data = calloc(1, 100001);
  memset(data, 'x', 100001);
  cal_ws_send_copy(w->a.ws, data, 100001, CAL_WS_TEXT);
  free(data);
  WAIT_FOR(&w->k, w->a.closed && w->b.closed);
  assert_int_equal(w->b.messages, 0);
  assert_int_equal(w->a.end.code, 1009);
  assert_int_equal(w->b.end.code, 1009);
}

static void send_numbered(cal_ws *ws, char letter, uint32_t number, size_t bytes, int kind) {
  char *frame = calloc(1, CAL_WS_PAD + bytes);
  frame[CAL_WS_PAD] = letter;
  memcpy(frame + CAL_WS_PAD + 1, &number, 4);
  assert_int_equal(cal_ws_send(ws, frame + CAL_WS_PAD, bytes, kind), 0);
  free(frame);
}

/* Fills the line until messages wait here; returns the next number. */
static uint32_t fill_line(wire *w, cal_ws *ws) {
  uint32_t number = 0;
  while (cal_ws_waiting(ws) < CAL_WS_AUDIO_CEILING) {
    for (int i = 0; i < 10; i++) send_numbered(ws, 'A', number++, 4000, CAL_WS_BINARY | CAL_WS_AUDIO);
    uv_run(cal_loop_uv(w->k.loop), UV_RUN_NOWAIT);
    assert_true(number < 100000);
  }
  return number;
}

static void a_slow_reader_costs_audio_but_not_control(wire *w) {
  cal_ws_pause(w->a.ws, 1);
  int64_t counter = counted("callisto_ws_audio_dropped_total");
  uint32_t sent = fill_line(w, w->b.ws);
  uint64_t dropped = cal_ws_dropped(w->b.ws);
  for (int i = 0; i < 20; i++) send_numbered(w->b.ws, 'A', sent++, 4000, CAL_WS_BINARY | CAL_WS_AUDIO);
  assert_int_equal(cal_ws_dropped(w->b.ws) - dropped, 20);
  assert_int_equal(cal_ws_waiting(w->b.ws), CAL_WS_AUDIO_CEILING);
  for (int i = 0; i < 5; i++) send_numbered(w->b.ws, 'C', sent++, 100, CAL_WS_BINARY);
  assert_int_equal(cal_ws_waiting(w->b.ws), CAL_WS_AUDIO_CEILING + 5);
  assert_int_equal(cal_ws_dropped(w->b.ws) - dropped, 20);
  uint64_t lost = cal_ws_dropped(w->b.ws);
  assert_int_equal(counted("callisto_ws_audio_dropped_total") - counter, lost);
  cal_ws_pause(w->a.ws, 0);
  WAIT_FOR(&w->k, w->a.next_number == sent);
  assert_int_equal((uint64_t)w->a.messages + lost, sent); /* every frame arrived or was counted */
  assert_int_equal(w->a.out_of_order, 0);
  assert_true(w->b.drained > 0);
}

static void a_barge_in_empties_the_queue(wire *w) {
  cal_ws_pause(w->a.ws, 1);
  uint32_t sent = fill_line(w, w->b.ws);
  send_numbered(w->b.ws, 'C', sent++, 100, CAL_WS_BINARY);
  assert_int_equal(cal_ws_clear_audio(w->b.ws), CAL_WS_AUDIO_CEILING);
  assert_int_equal(cal_ws_waiting(w->b.ws), 1);
  assert_int_equal(cal_ws_clear_audio(w->b.ws), 0);
  cal_ws_pause(w->a.ws, 0);
  WAIT_FOR(&w->k, w->a.next_number == sent);
  assert_int_equal(w->a.out_of_order, 0);
}

static void a_hopeless_reader_is_closed(wire *w) {
  cal_ws_pause(w->a.ws, 1);
  fill_line(w, w->b.ws);
  int code = 0;
  int64_t counter = counted("callisto_ws_closed_total{reason=\"slow\"}");
  char *big = calloc(1, 90000);
  for (int i = 0; i < 20 && !code; i++) code = cal_ws_send_copy(w->b.ws, big, 90000, CAL_WS_TEXT);
  free(big);
  assert_int_equal(code, -ENOBUFS);
  assert_int_equal(counted("callisto_ws_closed_total{reason=\"slow\"}") - counter, 1);
  WAIT_FOR(&w->k, w->b.closed); /* it is given a second, then the line is cut */
  cal_ws_pause(w->a.ws, 0);
  WAIT_FOR(&w->k, w->a.closed);
}

static void a_lost_line_ends_both(wire *w) {
  if (!strncmp(w->kind, "pair", 4)) {
    cal_ws_send_copy(w->a.ws, "never", 5, CAL_WS_TEXT);
    cal_ws_pair_cut(w->a.ws);
    WAIT_FOR(&w->k, w->a.closed && w->b.closed);
    assert_int_equal(w->b.messages, 0);
    assert_int_equal(w->a.end.code, 1006);
    assert_int_equal(w->b.end.code, 1006);
    assert_false(w->a.end.is_clean || w->b.end.is_clean);
  }
}

static const struct {
  const char *name;
  void (*run)(wire *w);
} cases[] = {{"echo", echo},
             {"many in order", many_in_order},
             {"client closes", client_closes},
             {"server closes in on_message", server_closes_in_on_message},
             {"both close at once", both_close_at_once},
             {"too big", too_big_is_closed_with_1009},
             {"slow reader", a_slow_reader_costs_audio_but_not_control},
             {"barge-in", a_barge_in_empties_the_queue},
             {"hopeless reader", a_hopeless_reader_is_closed},
             {"lost line", a_lost_line_ends_both}};

static void run_all(const char *kind) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wire w;
    print_message("           %s: %s\n", kind, cases[i].name);
    wire_open(&w, kind);
    cases[i].run(&w);
    wire_close(&w);
  }
}

static void over_a_socket(void **state) { run_all("socket"); }
static void over_tls(void **state) { run_all("tls"); }
static void over_a_pair(void **state) { run_all("pair"); }
static void over_a_pair_in_pieces(void **state) { run_all("pair in pieces"); }

/* ---- what only a pair can show */

static void a_pair_obeys_simulated_time(void **state) {
  cal_clock *clock = cal_clock_simulated(5 * CAL_S, 0);
  cal_loop *loop = NULL;
  assert_int_equal(cal_loop_new(&loop, clock), 0);
  side a = {0}, b = {.echoes = 1};
  cal_ws_pair_options options = {.latency_ms = 40, .a = handlers_of(&a), .b = handlers_of(&b)};
  assert_int_equal(cal_ws_pair_new(&a.ws, &b.ws, loop, &options), 0);
  assert_false(cal_ws_is_open(a.ws));
  cal_loop_advance(loop, 5 * CAL_S + 39 * CAL_MS);
  assert_int_equal(a.opened + b.opened, 0);
  cal_loop_advance(loop, 5 * CAL_S + 40 * CAL_MS);
  assert_int_equal(a.opened + b.opened, 2);
  cal_ws_send_copy(a.ws, "hello", 5, CAL_WS_TEXT);
  cal_loop_advance(loop, 5 * CAL_S + 79 * CAL_MS);
  assert_int_equal(b.messages, 0);
  cal_loop_advance(loop, 5 * CAL_S + 80 * CAL_MS);
  assert_int_equal(b.messages, 1);
  assert_int_equal(a.messages, 0);
  cal_loop_advance(loop, 5 * CAL_S + 120 * CAL_MS);
  assert_string_equal(a.last, "hello");
  cal_loop_advance(loop, 400 * CAL_S);
  cal_ws_close(b.ws, 1000, "end");
  cal_loop_advance(loop, 401 * CAL_S);
  assert_int_equal(a.closed + b.closed, 2);
  assert_int_equal(cal_loop_timers(loop), 0);
  assert_int_equal(cal_loop_free(loop), 0);
  cal_clock_free(clock);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(over_a_pair),
      cmocka_unit_test(over_a_pair_in_pieces),
      cmocka_unit_test(over_a_socket),
      cmocka_unit_test(over_tls),
      cmocka_unit_test(a_pair_obeys_simulated_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

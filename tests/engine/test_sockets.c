/* Media sockets that come before their call, from the carrier's side to the service's script and back: told,
 * taken, refused, and let go when the script fails. */
#include "engine/kit.h"

/* Paths: /first/take opens a call, /first/refuse has no room, /first/boom fails, /first/forget says nothing,
 * /first/token opens a call whose socket comes to /media/c2. */
static const char service[] =
    "local core, shared = require 'callisto.core', require 'callisto.shared'\n"
    "local wire = core.wire { name = 'test', encoding = 'pcmu', event = 'type', binary_in = true, binary_out "
    "= true,\n"
    "  sub_protocol = 'media.test-v1',\n"
    "  start_in = { event = 'open', stream = 'id', call = 'id' }, stop_in = { event = 'close' },\n"
    "  sequence_in = 'seq', replies = { { event = 'ping', text = [[{\"type\":\"pong\",\"seq\":$seq}]] } },\n"
    "  bye_out = [[{\"type\":\"bye\",\"seq\":$seq,\"of\":$bye}]], bye_wait = 1 }\n"
    "local function wrong(name, ...)\n"
    "  local ok, why = pcall(core[name], ...)\n"
    "  shared.set('wrong:' .. name, ok and 'taken' or why)\n"
    "end\n"
    "local on, live, is_draining = {}, 0, false\n"
    "function on.start()\n"
    "  assert(core.sockets { { path = '/first/', most = 3, sub_protocol = 'first.test-v1' } })\n"
    "  local ok, why, code = core.sockets { { path = 'first', most = 3 } }\n"
    "  shared.set('path:refused', code)\n"
    "  wrong('sockets', { { most = 3 } })\n"
    "  wrong('socket_refuse', 1, { text = ('x'):rep(70000) })\n"
    "  core.socket_proven(77, true)\n"
    "  wrong('leg_text', 'nobody')\n"
    "  wrong('leg_bye', 'nobody', 'not json')\n"
    "  core.leg_bye('nobody', '{}') core.leg_text('nobody', '{}') core.socket_refuse(77)\n"
    "  core.started()\n"
    "end\n"
    "local function stop_if_idle() if is_draining and live == 0 then core.stopped() end end\n"
    "function on.stop() is_draining = true stop_if_idle() end\n"
    "function on.socket(number, message)\n"
    "  if message.asks == 'proof' then return core.socket_proven(number, #message.first == 0) end\n"
    "  local what = message.path:match '^/first/(%a+)$'\n"
    "  shared.set('told:' .. what, table.concat({ message.method, message.query, #message.first, "
    "message.first[1],\n"
    "    message.peer, tostring(message.body) }, ' '))\n"
    "  if what == 'boom' then error 'boom' end\n"
    "  if what == 'forget' then return end\n"
    "  if what == 'token' then\n"
    "    assert(core.call_open { id = 'c2', entry = 'exchange.hold', begin = 'c2', wire = wire, role = "
    "'agent', path = '/media/c2' })\n"
    "    live = live + 1\n"
    "    return core.socket_refuse(number)\n"
    "  end\n"
    "  if what == 'refuse' then return core.socket_refuse(number, { text = 'no room', code = 4001, reason = "
    "'full' }) end\n"
    "  assert(core.call_open { id = 'c1', entry = 'exchange.hold', begin = 'c1', wire = wire, role = "
    "'agent',\n"
    "    socket = number, bye = [[\"nothing\"]] })\n"
    "  live = live + 1\n"
    "end\n"
    "function on.leg(name, party, what)\n"
    "  if what == 'started' then\n"
    "    core.leg_text(name, [[{\"type\":\"hello\",\"id\":\"$stream\",\"seq\":$seq,\"after\":$peer_seq}]])\n"
    "    core.leg_bye(name, [[{\"outcome\":\"agent\"}]])\n"
    "    return core.leg_end(name, false, 1000)\n"
    "  end\n"
    "  core.call_close(name) live = live - 1 stop_if_idle()\n"
    "end\n"
    "core.handler(function(kind, ...) if on[kind] then on[kind](...) end end)\n"
    "return {}\n";

typedef struct seen {
  cal_ws *ws;
  int is_open, is_closed, code;
  uint32_t count;
  char text[8][256];
} seen;

static void on_open(void *context, cal_ws *ws) { ((seen *)context)->is_open = 1; }

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  seen *s = context;
  if (!is_binary && s->count < 8) snprintf(s->text[s->count++], sizeof s->text[0], "%.*s", (int)bytes, data);
}

static void on_close(void *context, const cal_ws_end *end) {
  seen *s = context;
  s->is_closed = 1;
  s->code = end->status ? end->status : end->code;
  s->ws = NULL;
}

static void come(world *w, seen *s, const char *path) {
  *s = (seen){0};
  char url[256];
  snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", cal_engine_port(w->engine), path);
  cal_ws_connect_options options = {
      .url = url,
      .handlers = {.context = s, .on_open = on_open, .on_message = on_message, .on_close = on_close}};
  assert_int_equal(cal_ws_connect(&s->ws, w->client.net, &options), 0);
  WAIT_FOR(&w->client, s->is_open || s->is_closed);
}

static void say(seen *s, const char *text) { cal_ws_send_copy(s->ws, text, strlen(text), CAL_WS_TEXT); }

static void open_world(world *w, int threads) {
  world_prepare_with(w, threads, "exchange/service.lua", service);
  world_run(w);
  WAIT_FOR(&w->client, is_fact(w, "wrong", "leg_bye", NULL));
}

static void from_socket_to_call(int threads) {
  world w;
  seen s;
  open_world(&w, threads);
  come(&w, &s, "/first/take?a=b");
  say(&s, "{\"type\":\"open\",\"id\":\"s1\",\"seq\":1}");
  WAIT_FOR(&w.client, s.count == 2);
  assert_true(
      is_fact(&w, "told", "take", "GET a=b 1 {\"type\":\"open\",\"id\":\"s1\",\"seq\":1} 127.0.0.1 nil"));
  assert_string_equal(s.text[0], "{\"type\":\"hello\",\"id\":\"s1\",\"seq\":1,\"after\":1}");
  assert_string_equal(s.text[1], "{\"type\":\"bye\",\"seq\":2,\"of\":{\"outcome\":\"agent\"}}");
  say(&s, "{\"type\":\"ping\",\"seq\":2}");
  WAIT_FOR(&w.client, s.count == 3);
  assert_string_equal(s.text[2], "{\"type\":\"pong\",\"seq\":3}");
  WAIT_FOR(&w.client, s.is_closed); /* it did not close, so we do */
  assert_int_equal(s.code, 1000);
  WAIT_FOR(&w.client, cal_engine_calls(w.engine) == 0 && cal_engine_legs(w.engine) == 0);
  world_close(&w);
}

static void a_call_takes_its_socket(void **state) { from_socket_to_call(2); }
static void a_call_takes_its_socket_on_one_thread(void **state) { from_socket_to_call(0); }

static void a_script_may_refuse_fail_or_forget(void **state) {
  static const char open_text[] = "{\"type\":\"open\",\"id\":\"s1\",\"seq\":1}";
  world w;
  seen refused, broken, forgotten;
  open_world(&w, 1);
  come(&w, &refused, "/first/refuse");
  say(&refused, open_text);
  WAIT_FOR(&w.client, refused.is_closed);
  assert_string_equal(refused.text[0], "no room");
  assert_int_equal(refused.code, 4001);
  come(&w, &broken, "/first/boom");
  say(&broken, open_text);
  WAIT_FOR(&w.client, broken.is_closed);
  assert_int_equal(broken.code, 1011);
  come(&w, &forgotten, "/first/forget");
  say(&forgotten, open_text);
  WAIT_FOR(&w.client, forgotten.is_closed); /* after five seconds */
  assert_int_equal(forgotten.code, 1011);
  assert_int_equal(cal_engine_legs(w.engine), 0);
  world_close(&w);
}

/* What an upgrade is answered whose client speaks these sub-protocols. */
static raw *upgrade(world *w, const char *path, const char *offered) {
  char text[512];
  raw *r = raw_open(cal_engine_port(w->engine));
  snprintf(text, sizeof text,
           "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "Sec-WebSocket-Protocol: %s\r\n\r\n",
           path, offered);
  raw_say(r, text);
  WAIT_FOR(&w->client, raw_has(r, "\r\n\r\n"));
  assert_non_null(strstr(r->data, "HTTP/1.1 101"));
  return r;
}

static void a_socket_speaks_the_declared_sub_protocol(void **state) {
  world w;
  seen s;
  open_world(&w, 1);
  raw *first = upgrade(&w, "/first/forget", "other, first.test-v1");
  assert_non_null(strstr(first->data, "sec-websocket-protocol: first.test-v1\r\n"));
  raw *stranger = upgrade(&w, "/first/forget", "other");
  assert_null(strstr(stranger->data, "sec-websocket-protocol"));
  come(&w, &s, "/first/token");
  say(&s, "{\"type\":\"open\",\"id\":\"s1\",\"seq\":1}");
  WAIT_FOR(&w.client, s.is_closed);
  raw *media = upgrade(&w, "/media/c2", "media.test-v1, other");
  assert_non_null(strstr(media->data, "sec-websocket-protocol: media.test-v1\r\n"));
  raw_close(first);
  raw_close(stranger);
  raw_close(media);
  WAIT_FOR(&w.client, cal_engine_calls(w.engine) == 0 && cal_engine_legs(w.engine) == 0);
  world_close(&w);
}

static void the_end_of_the_engine_closes_what_is_held(void **state) {
  world w;
  static seen s, late; /* they outlive the world */
  open_world(&w, 1);
  come(&w, &s, "/first/forget");
  say(&s, "{}");
  WAIT_FOR(&w.client, is_fact(&w, "told", "forget", NULL));
  come(&w, &late, "/second/take");
  assert_int_equal(late.code, 401);
  world_close(&w);
}

static void mistakes_are_named(void **state) {
  world w;
  open_world(&w, 1);
  assert_true(is_fact(&w, "path", "refused", "EINVAL"));
  static const struct {
    const char *function, *says;
  } cases[] = {{"sockets", "`path` is missing"},
               {"socket_refuse", "64 KiB"},
               {"leg_text", "string expected"},
               {"leg_bye", "is not JSON"}};
  for (size_t i = 0; i < 4; i++) {
    char key[64];
    cal_buf found;
    cal_buf_init(&found, 4096);
    snprintf(key, sizeof key, "wrong:%s", cases[i].function);
    cal_kv_get(cal_engine_reach(w.engine)->shared, cal_span_of(key), &found,
               cal_reach_now_ns(cal_engine_reach(w.engine)));
    if (!found.data || !strstr(found.data, cases[i].says))
      fail_msg("%s: %s", key, found.data ? found.data : "nothing");
    cal_buf_free(&found);
  }
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_call_takes_its_socket),
      cmocka_unit_test(a_call_takes_its_socket_on_one_thread),
      cmocka_unit_test(a_script_may_refuse_fail_or_forget),
      cmocka_unit_test(a_socket_speaks_the_declared_sub_protocol),
      cmocka_unit_test(the_end_of_the_engine_closes_what_is_held),
      cmocka_unit_test(mistakes_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

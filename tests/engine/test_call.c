/* Calls over real sockets: webhook, document, media socket, sound, hang-up; and what happens when a script
 * goes wrong. */
#include "engine/kit.h"

#include "audio/wav.h"

static void talk_to_the_end(int threads) {
  world w;
  line l;
  world_open(&w, threads);
  line_call(&w, &l, "talk", "a1");
  WAIT_FOR(&w.client, l.is_closed);
  assert_true(l.is_open);
  assert_true(l.frames >= 10 && l.loud > 0); /* 0.3 s of tone */
  assert_true(l.marks > 0);
  WAIT_FOR(&w.client, is_fact(&w, "ended", "a1", NULL));
  assert_true(is_fact(&w, "started", "a1", NULL));
  assert_true(is_fact(&w, "told", "a1", "begun a1"));
  WAIT_FOR(&w.client, cal_engine_calls(w.engine) == 0);
  assert_int_equal(owner_of(&w, "a1"), 0);
  world_close(&w);
}

static void a_call_is_heard_and_ends(void **state) { talk_to_the_end(1); }
static void a_call_is_heard_and_ends_on_one_thread(void **state) { talk_to_the_end(0); }

static void the_caller_hangs_up(void **state) {
  world w;
  line l;
  world_open(&w, 1);
  line_call(&w, &l, "hold", "b1");
  WAIT_FOR(&w.client, l.frames > 5);
  line_say_silence(&l);
  cal_ws_close(l.ws, 1000, "");
  WAIT_FOR(&w.client, is_fact(&w, "ended", "b1", NULL) && cal_engine_calls(w.engine) == 0);
  WAIT_FOR(&w.client, cal_engine_legs(w.engine) == 0);
  world_close(&w);
}

static void a_token_works_once(void **state) {
  world w;
  line first, second, stranger;
  world_open(&w, 1);
  line_call(&w, &first, "hold", "t1");
  WAIT_FOR(&w.client, first.frames > 0);
  line_dial(&w, &second, "t1");
  WAIT_FOR(&w.client, second.is_closed);
  assert_int_equal(second.status, 403);
  line_dial(&w, &stranger, "unheard-of");
  WAIT_FOR(&w.client, stranger.is_closed);
  assert_int_equal(stranger.status, 401);
  assert_false(first.is_closed);
  world_close(&w);
}

/* The first call keeps its name, its token and its VM when a second one wants the same id. */
static void an_id_is_given_once(void **state) {
  world w;
  line l;
  world_open(&w, 1);
  assert_int_equal(get(&w, "/open/hold/d1"), 200);
  assert_int_equal(get(&w, "/open/hold/d1"), 503);
  assert_int_equal(cal_engine_calls(w.engine), 1);
  assert_int_equal(owner_of(&w, "d1"), 1);
  line_dial(&w, &l, "d1");
  WAIT_FOR(&w.client, l.frames > 0);
  world_close(&w);
}

static void a_script_that_cannot_be_loaded_opens_no_call(void **state) {
  world w;
  world_prepare_with(&w, 1, "exchange/broken.lua", "this is not Lua\n");
  world_run(&w);
  assert_int_equal(get(&w, "/open/broken/e1"), 503);
  assert_int_equal(get(&w, "/open/missing/e2"), 503);
  assert_int_equal(cal_engine_calls(w.engine), 0);
  assert_int_equal(owner_of(&w, "e1"), 0);
  world_close(&w);
}

/* Another call's frames must go on coming while the script of this one is stopped. */
static void break_and_listen(const char *entry, const char *code, int threads) {
  world w;
  line steady, broken;
  world_open(&w, threads);
  line_call(&w, &steady, "hold", "steady");
  WAIT_FOR(&w.client, steady.frames > 0);
  line_call(&w, &broken, entry, "bad");
  WAIT_FOR(&w.client, is_fact(&w, "broken", "bad", NULL));
  assert_true(is_fact(&w, "broken", "bad", code));
  WAIT_FOR(&w.client, broken.is_closed);
  assert_true(broken.loud > 0); /* the fallback */
  int frames = steady.frames;
  WAIT_FOR(&w.client, steady.frames > frames + 10);
  assert_false(steady.is_closed);
  world_close(&w);
}

static void a_looping_script_is_stopped_and_the_caller_hears_the_fallback(void **state) {
  if (IS_TSAN) skip();
  break_and_listen("spin", "ETIMEDOUT", 1);
}

static void a_hog_is_stopped_and_the_caller_hears_the_fallback(void **state) {
  break_and_listen("hog", "ENOMEM", 1);
}
static void a_failing_script_is_stopped_and_the_caller_hears_the_fallback(void **state) {
  break_and_listen("boom", "EINVAL", 1);
}
static void a_failing_script_is_stopped_on_one_thread(void **state) { break_and_listen("boom", "EINVAL", 0); }

/* A warm VM has no call yet and is made on another thread. */
static void a_warm_file_that_acts_is_refused(void **state) {
  world w;
  world_prepare_with(&w, 1, "exchange/warm.lua",
                     "local core = require 'callisto.core'\n"
                     "assert(not pcall(core.wake_at, core.now()))\n"
                     "assert(not pcall(core.http_fetch, { url = 'http://127.0.0.1:1/' }))\n"
                     "assert(not pcall(core.tell, nil, 'hello'))\n"
                     "assert(not pcall(core.tell, 'somebody', 'hello'))\n"
                     "assert(not pcall(core.say, 1, 1, 'hello'))\n"
                     "return function(on) core.handler(function(kind, ...)\n"
                     "  if on[kind] then on[kind](...) end end) end\n");
  world_run(&w);
  line l;
  line_call(&w, &l, "talk", "w1");
  WAIT_FOR(&w.client, l.is_closed);
  assert_true(l.loud > 0);
  world_close(&w);
}

static void write_square_wave(const world *w, const char *path) {
  char full[256];
  uint8_t header[CAL_WAV_HEADER_BYTES];
  int16_t samples[4000];
  for (int i = 0; i < 4000; i++) samples[i] = i / 10 % 2 ? 8000 : -8000;
  cal_wav_header(header, 8000, 1, sizeof samples);
  snprintf(full, sizeof full, "%s/%s", w->folder, path);
  FILE *file = fopen(full, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(header, sizeof header, 1, file), 1);
  assert_int_equal(fwrite(samples, sizeof samples, 1, file), 1);
  fclose(file);
}

static void a_background_is_a_file_of_the_workspace_and_goes_on(void **state) {
  world w;
  line l;
  world_prepare_with(&w, 1, "exchange/office.lua",
                     "local core = require 'callisto.core'\n"
                     "require 'exchange.warm' {\n"
                     "  begin = function()\n"
                     "    local ok, _, code = core.background(1, 'nowhere.wav')\n"
                     "    local far = pcall(core.background, 1, '../office.wav')\n"
                     "    local loud = pcall(core.background, 1, 'office.wav', { volume = 2 })\n"
                     "    core.tell(nil, tostring(ok) .. code .. tostring(far) .. tostring(loud))\n"
                     "    assert(core.background(1, 'office.wav', { volume = 0.5 }))\n"
                     "  end }\n"
                     "return {}\n");
  write_square_wave(&w, "office.wav");
  world_run(&w);
  line_call(&w, &l, "office", "g1");
  WAIT_FOR(&w.client, l.loud > 60); /* longer than the file */
  assert_true(is_fact(&w, "told", "g1", "nilENOENTfalsefalse"));
  assert_int_equal(l.marks, 0);
  cal_ws_close(l.ws, 1000, "");
  WAIT_FOR(&w.client, cal_engine_calls(w.engine) == 0);
  world_close(&w);
}

static void free_text_is_refused_unless_it_is_allowed(void **state) {
  world w;
  world_prepare_with(
      &w, 1, "exchange/words.lua",
      "local core = require 'callisto.core'\n"
      "require 'exchange.warm' { begin = function()\n"
      "  assert(core.listen(1, { numbers = true }))\n"
      "  assert(core.listen(1, { numbers = { max = 99, fraction = true }, choices = { yes = {} } }))\n"
      "  assert(not pcall(core.listen, 1, { numbers = { max = 1e9 } }))\n"
      "  local ok, why, code = core.listen(1, { free_text = true })\n"
      "  core.tell(nil, tostring(ok) .. code .. tostring(why:find('--free-text', 1, true) ~= nil))\n"
      "end }\nreturn {}\n");
  world_run(&w);
  assert_int_equal(get(&w, "/open/words/f1"), 200);
  WAIT_FOR(&w.client, is_fact(&w, "told", "f1", NULL));
  assert_true(is_fact(&w, "told", "f1", "nilEOPNOTSUPPtrue"));
  world_close(&w);
}

static void a_request_the_service_fails_gets_500(void **state) {
  world w;
  world_open(&w, 1);
  assert_int_equal(get(&w, "/boom"), 500);
  if (!IS_TSAN) assert_int_equal(get(&w, "/spin"), 500);
  assert_int_equal(get(&w, "/nothing"), 404); /* and lives on */
  world_close(&w);
}

static void an_answer_that_comes_after_the_call_is_dropped(void **state) {
  world w;
  line l;
  world_open(&w, 1);
  char url[64];
  int listener = silent_server(url, sizeof url);
  set_fact(&w, "url", url);
  line_call(&w, &l, "fetch", "f1");
  WAIT_FOR(&w.client, is_fact(&w, "told", "f1", "asked"));
  cal_ws_close(l.ws, 1000, "");
  WAIT_FOR(&w.client, cal_engine_calls(w.engine) == 0);
  raw *silent = calloc(1, sizeof *silent);
  silent->fd = accept(listener, NULL, NULL);
  raw_say(silent, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert_int_equal(get(&w, "/nothing"), 404);
  assert_true(is_fact(&w, "told", "f1", "asked"));
  raw_close(silent);
  close(listener);
  world_close(&w);
}

static void a_call_waits_for_so_many_answers_at_most(void **state) {
  world w;
  line l;
  char url[64];
  world_open(&w, 1);
  int listener = silent_server(url, sizeof url);
  set_fact(&w, "url", url);
  line_call(&w, &l, "asks", "q1");
  WAIT_FOR(&w.client, is_fact(&w, "told", "q1", "17 EDQUOT"));
  world_close(&w);
  close(listener);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_call_is_heard_and_ends),
      cmocka_unit_test(a_call_is_heard_and_ends_on_one_thread),
      cmocka_unit_test(the_caller_hangs_up),
      cmocka_unit_test(a_token_works_once),
      cmocka_unit_test(an_id_is_given_once),
      cmocka_unit_test(a_script_that_cannot_be_loaded_opens_no_call),
      cmocka_unit_test(a_looping_script_is_stopped_and_the_caller_hears_the_fallback),
      cmocka_unit_test(a_hog_is_stopped_and_the_caller_hears_the_fallback),
      cmocka_unit_test(a_failing_script_is_stopped_and_the_caller_hears_the_fallback),
      cmocka_unit_test(a_failing_script_is_stopped_on_one_thread),
      cmocka_unit_test(a_warm_file_that_acts_is_refused),
      cmocka_unit_test(a_background_is_a_file_of_the_workspace_and_goes_on),
      cmocka_unit_test(free_text_is_refused_unless_it_is_allowed),
      cmocka_unit_test(a_request_the_service_fails_gets_500),
      cmocka_unit_test(an_answer_that_comes_after_the_call_is_dropped),
      cmocka_unit_test(a_call_waits_for_so_many_answers_at_most),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How fast simulated calls run: whole calls between two engines in a lab (lab/lab.h), on one core.
 *
 *   bench_lab [CALLS [MINUTES]]     calls at the same time [20], minutes of each [5]
 *
 * A talking call: the agent asks and asks, the caller answers each question, with pauses as people make them.
 * A quiet call: a word every hundred seconds, so that nobody takes it for a forgotten one. Prints minutes of
 * calls for each second of the machine. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "lab/lab.h"

static const char talking_text[] =
    "local template = require 'callisto.template'\n"
    "return template { name = 'talking', greeting = 'Hello, this is Blue Shop.', on_call = function(call)\n"
    "  while true do\n"
    "    local answer = call:ask { 'Shall we bring the order to Main Street tomorrow in the afternoon?',\n"
    "      choices = { yes = 'yes please do that', no = 'no' }, tries = 9 }\n"
    "    call:say('You said ' .. tostring(answer) .. ', thank you for telling us, and now once more.')\n"
    "  end\n"
    "end }\n";

static const char quiet_text[] =
    "local template = require 'callisto.template'\n"
    "return template { name = 'quiet', greeting = 'Hello, this is Blue Shop.', on_call = function(call)\n"
    "  while true do\n"
    "    require('callisto.task').sleep(100)\n"
    "    call:say 'Are you still there?'\n"
    "  end\n"
    "end }\n";

static const char subscribers_text[] =
    "local function answers(line)\n"
    "  while true do line:hears(60) line:silence(1.2) line:says 'yes please do that' end\n"
    "end\n"
    "local people = {}\n"
    "for i = 1, 999 do people[('+1415%07d'):format(i)] = { answers_after = 1, on_answer = answers } end\n"
    "for i = 1, 999 do people[('+1515%07d'):format(i)] = { answers_after = 1 } end\n"
    "return people\n";

static const cal_generation_root sources[] = {
    {.prefix = "templates.talking", .dir = "templates.talking", .text = talking_text},
    {.prefix = "templates.quiet", .dir = "templates.quiet", .text = quiet_text},
    {.prefix = "exchange.subscribers", .dir = "exchange.subscribers", .text = subscribers_text}};

static const char settings_json[] =
    "{\"env\":{\"PUBLIC_BASE_URL\":\"https://app.localhost\",\"TWILIO_ACCOUNT_SID\":\"AC01\","
    "\"TWILIO_AUTH_TOKEN\":\"a-secret\",\"TWILIO_PHONE_NUMBER\":\"+14150000002\",\"TWILIO_MAX_CONCURRENT\":"
    "\"1000\",\"TWILIO_CALLS_PER_SECOND\":\"1000\",\"TWILIO_API_BASE\":"
    "\"https://exchange.test\"},\"file\":{\"exchange\":{\"cps\":1000}},\"cli\":{}}";

static void check(int code) {
  if (code >= 0) return;
  fprintf(stderr, "bench_lab: %s\n", cal_error_text());
  exit(1);
}

static cal_engine *add(cal_lab *lab, const char *host, const char *service, const char *warm) {
  cal_engine *engine;
  const char *library = getenv("CALLISTO_LIBRARY");
  check(
      cal_lab_add(lab, &engine,
                  &(cal_lab_engine){.host = host,
                                    .service = service,
                                    .warm_module = warm,
                                    .workspace = "tests/bench/no-workspace",
                                    .library = library ? library : "lua",
                                    .settings_json = settings_json,
                                    .fields = "authorization content-type host user-agent x-twilio-signature",
                                    .sources = sources,
                                    .source_count = sizeof sources / sizeof *sources}));
  return engine;
}

static void on_done(void *context, const cal_http_result *result) {
  if (result->status == 201) return;
  fprintf(stderr, "bench_lab: a call was refused: %d %.*s\n", result->status, (int)result->body.bytes,
          result->body.bytes ? result->body.at : "");
  exit(1);
}

static void place(cal_lab *lab, const char *agent, const char *area, int number) {
  static const cal_http_field json = {{"content-type", 12}, {"application/json", 16}};
  char body[128];
  cal_id id;
  snprintf(body, sizeof body, "{\"agent_name\":\"%s\",\"to\":\"+1%s%07d\"}", agent, area, number);
  check(cal_http_fetch(&id, cal_lab_net(lab),
                       &(cal_http_fetch_options){.url = "https://app.localhost/api/calls/outbound",
                                                 .body = cal_span_of(body),
                                                 .fields = &json,
                                                 .field_count = 1,
                                                 .on_done = on_done}));
}

static double seconds_now(void) {
  struct timespec at;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void run(const char *agent, const char *area, int calls, int minutes) {
  cal_lab *lab;
  double before = seconds_now();
  check(cal_lab_new(&lab, &(cal_lab_options){.seed = 1, .wall_ms = 1772532900000}));
  cal_engine *exchange =
      add(lab, "exchange.test", "callisto.exchange.service", "callisto.exchange.subscriber");
  cal_engine *app = add(lab, "app.localhost", "callisto.service", "callisto.flow");
  double made = seconds_now();
  for (int i = 1; i <= calls; i++) place(lab, agent, area, i);
  cal_lab_move(lab, 5 * CAL_S, 0);
  uint32_t up = cal_engine_legs(app);
  double placed = seconds_now();
  cal_lab_move(lab, (uint64_t)minutes * 60 * CAL_S, 0);
  double ended = seconds_now();
  size_t words;
  cal_lab_words(lab, &words);
  if (up != (uint32_t)calls || cal_engine_legs(app) != up || !words) {
    fprintf(stderr, "bench_lab: of %d calls %u were connected and %u stayed so, %zu words were heard\n",
            calls, up, cal_engine_legs(app), words);
    exit(1);
  }
  printf("%-8s %4d calls of %d min: %8.0f call-minutes/s; a world %.0f ms, a call %.1f ms, %zu words\n",
         agent, calls, minutes, calls * minutes / (ended - placed), (made - before) * 1e3,
         (placed - made) * 1e3 / calls, words);
  (void)exchange;
  cal_lab_free(lab);
}

int main(int argc, char **argv) {
  int calls = argc > 1 ? atoi(argv[1]) : 20, minutes = argc > 2 ? atoi(argv[2]) : 5;
  cal_log_setup(CAL_LOG_ERROR, 0);
  if (calls < 1 || calls > 999 || minutes < 1 || minutes > 200) {
    fprintf(stderr, "usage: bench_lab [CALLS [MINUTES]], 1 to 999 calls of 1 to 200 minutes\n");
    return 2;
  }
  run("talking", "415", calls, minutes);
  run("quiet", "515", calls, minutes);
  return 0;
}

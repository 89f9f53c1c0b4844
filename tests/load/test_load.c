/* The load generator must be right before it may judge: its signatures, its frames, its measure of lateness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/perf_event.h>

#include "load/counters.h"
#include "load/flood.h"
#include "load/frame.h"
#include "load/player.h"
#include "load/sound.h"
#include "load/twilio.h"
#include "load/wire.h"

#define MS 1000000ull

/* ---- signatures */

static void assert_signed(const char *token, const char *url, load_parameter *parameters, size_t count,
                          const char *expected) {
  char signature[LOAD_SIGNATURE_BYTES];
  load_sign(signature, token, url, parameters, count);
  assert_string_equal(signature, expected);
}

static void signature_of_a_form_is_that_of_twilios_own_validator(void **state) {
  load_parameter parameters[] = {{"Digits", "1234"},
                                 {"To", "+18005551212"},
                                 {"CallSid", "CA1234567890ABCDE"},
                                 {"From", "+14158675309"},
                                 {"Caller", "+14158675309"}};
  assert_signed("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", parameters, 5,
                "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

static void signature_of_a_url_alone(void **state) {
  const char *token = "twilio_demo_token_01";
  assert_signed(token, "https://voice.example.com/telephony/twilio/inbound/agent-7", NULL, 0,
                "L5pQ5bWMaYlvyddKdzjiLl2A32Q=");
  assert_signed(token, "wss://voice.example.com/media/twilio/9f3c1e7a", NULL, 0,
                "x6S5C9rNjhAl2K7oTSSQsTsrv8k=");
}

static void form_is_percent_encoded(void **state) {
  char text[64];
  load_parameter parameters[] = {{"From", "+1415"}, {"Name", "a b&c"}, {"Empty", ""}};
  load_form(text, sizeof text, parameters, 3);
  assert_string_equal(text, "From=%2B1415&Name=a%20b%26c&Empty=");
}

static const load_wire *wire_of(const char *name) {
  const load_wire *wire = load_wire_find(name);
  assert_non_null(wire);
  return wire;
}

static void stream_url_is_found(void **state) {
  char url[64];
  const load_wire *wire = wire_of("twilio");
  const char *document =
      "<Response><Connect><Stream url=\"ws://127.0.0.1:1/ws/a/t\"><Parameter name=\"x\" value=\"y\"/>";
  assert_int_equal(load_wire_url(wire, document, url, sizeof url), 0);
  assert_string_equal(url, "ws://127.0.0.1:1/ws/a/t");
  assert_int_equal(load_wire_url(wire, "<Response><Stream name=\"a\"/><Play url=\"b\"/>", url, sizeof url),
                   -1);
  assert_int_equal(load_wire_url(wire, "<Response><Say>no</Say></Response>", url, sizeof url), -1);
}

/* What the carriers' adapters answer. */
static void stream_url_is_found_in_every_carriers_answer(void **state) {
  static const struct {
    const char *wire, *answer, *url;
  } cases[] = {
      {"plivo",
       "<Response><Stream bidirectional=\"true\" "
       "contentType=\"a/b\">ws://h:1/w?a=1&amp;b=2</Stream></Response>",
       "ws://h:1/w?a=1&b=2"},
      {"vobiz-l16", "<Response><Stream keepCallAlive=\"true\">ws://h:1/w/t</Stream></Response>",
       "ws://h:1/w/t"},
      {"exotel", "{\"url\":\"ws:\\/\\/h:1\\/w\"}", "ws://h:1/w"},
      {"telnyx", "<Response><Connect><Stream codec=\"PCMU\" url=\"ws://h:1/w\"></Stream>", "ws://h:1/w"},
      {"vonage",
       "[{\"action\":\"connect\",\"endpoint\":[{\"type\":\"websocket\",\"uri\":\"ws:\\/\\/h:1\\/w\"}]}]",
       "ws://h:1/w"},
  };
  char url[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(load_wire_url(wire_of(cases[i].wire), cases[i].answer, url, sizeof url), 0);
    assert_string_equal(url, cases[i].url);
    assert_int_equal(load_wire_url(wire_of(cases[i].wire), "<Response><Hangup/></Response>", url, sizeof url),
                     -1);
  }
}

/* ---- frames */

static void frame_of_any_length_can_be_unmasked(void **state) {
  static const size_t lengths[] = {0, 1, 5, 125, 126, 409, 65535};
  static char text[65535], buffer[LOAD_FRAME_PAD + 65535];
  for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    size_t bytes = lengths[i], frame_bytes;
    memcpy(buffer + LOAD_FRAME_PAD, text, bytes);
    char *frame = load_frame_write(buffer + LOAD_FRAME_PAD, bytes, LOAD_TEXT, 0x12345678, &frame_bytes);
    size_t head = bytes < 126 ? 2 : 4;
    assert_true(frame >= buffer);
    assert_int_equal(frame_bytes, head + 4 + bytes);
    assert_int_equal((unsigned char)frame[0], 0x81);
    assert_int_equal((unsigned char)frame[1] & 0x80, 0x80);
    for (size_t j = 0; j < bytes; j++)
      assert_int_equal((char)(frame[head + 4 + j] ^ frame[head + (j & 3)]), text[j]);
  }
}

static void frame_is_read_only_when_complete(void **state) {
  char wire[4 + 300] = {(char)0x81, 126, 300 >> 8, 300 & 255};
  load_frame frame;
  memset(wire + 4, 'x', 300);
  for (size_t bytes = 0; bytes < sizeof wire; bytes++)
    assert_int_equal(load_frame_read(wire, bytes, &frame), 0);
  assert_int_equal(load_frame_read(wire, sizeof wire, &frame), sizeof wire);
  assert_int_equal(frame.bytes, 300);
  assert_int_equal(frame.opcode, LOAD_TEXT);
  wire[1] = (char)(wire[1] | 0x80);
  assert_int_equal(load_frame_read(wire, sizeof wire, &frame), -1);
}

/* ---- messages */

static const load_values values = {.call = "C1",
                                   .stream = "S1",
                                   .agent = "held",
                                   .account = "A1",
                                   .status = "ringing",
                                   .mark = "m1",
                                   .audio = "QUJD",
                                   .audio_bytes = 4,
                                   .seq = 1234567,
                                   .peer = 3,
                                   .chunk = 50,
                                   .ms = 1000};

static void media_message_counts_chunks_and_milliseconds(void **state) {
  char text[512];
  size_t bytes = load_write(text, sizeof text, wire_of("twilio")->audio, &values);
  assert_int_equal(bytes, strlen(text));
  assert_string_equal(text,
                      "{\"event\":\"media\",\"sequenceNumber\":\"1234567\",\"media\":{\"track\":\"inbound\","
                      "\"chunk\":\"50\",\"timestamp\":\"1000\",\"payload\":\"QUJD\"},\"streamSid\":\"S1\"}");
}

/* A template with a variable that does not exist ends the program. */
static void every_wire_is_whole(void **state) {
  char text[2048];
  const load_wire *wire;
  size_t count = 0;
  for (; (wire = load_wire_at(count)); count++) {
    assert_ptr_equal(load_wire_find(wire->name), wire);
    const char *texts[] = {wire->ask,        wire->tell,  wire->path, wire->headers, wire->opening[0],
                           wire->opening[1], wire->audio, wire->mark, wire->stop};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      if (!texts[i]) continue;
      load_write(text, sizeof text, texts[i], &values);
      assert_null(strstr(text, "${"));
    }
    assert_non_null(wire->opening[0]);
    assert_true(wire->is_signed || wire->path || (wire->ask && wire->tell && wire->media_type));
    assert_true(wire->format.is_binary == !wire->audio && wire->format.is_binary == !wire->audio_in);
    assert_int_equal(LOAD_SOUND_MS % wire->format.frame_ms + wire->format.frame_ms % LOAD_TURN_MS, 0);
  }
  assert_int_equal(count, 10);
  assert_null(load_wire_find("carrier-pigeon"));
}

static void session_message_has_both_numbers(void **state) {
  char text[512];
  load_write(text, sizeof text, wire_of("genesys")->mark, &values);
  assert_string_equal(text,
                      "{\"version\":\"2\",\"id\":\"C1\",\"type\":\"playback_completed\",\"seq\":1234567,"
                      "\"serverseq\":3,\"position\":\"PT1S\",\"parameters\":{}}");
}

/* ---- sound */

static void sound_has_the_length_of_its_format(void **state) {
  static const struct {
    const char *wire;
    size_t payload, turn;
  } cases[] = {{"twilio", 216, 160},     {"plivo-l16", 856, 640}, {"exotel", 2136, 320},
               {"telnyx-l16", 856, 640}, {"vonage", 640, 640},    {"genesys", 1600, 160}};
  size_t bytes;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const load_format *format = &wire_of(cases[i].wire)->format;
    load_sound_make(format, 1);
    load_sound(0, &bytes);
    assert_int_equal(bytes, cases[i].payload);
    assert_int_equal(load_turn_bytes(format), cases[i].turn);
  }
}

/* The same samples either way round, and a voice in the second half that is not in the first. */
static void byte_orders_mirror_each_other(void **state) {
  load_format format = {LOAD_L16LE, 8000, 20, 1};
  unsigned char little[320];
  size_t bytes;
  load_sound_make(&format, 1);
  memcpy(little, load_sound(150, &bytes), sizeof little);
  format.coding = LOAD_L16BE;
  load_sound_make(&format, 1);
  const unsigned char *big = (const unsigned char *)load_sound(150, &bytes);
  int loudest = 0, faintest = 0;
  for (size_t i = 0; i < sizeof little; i += 2) {
    int sample = (int16_t)(little[i] | little[i + 1] << 8);
    assert_int_equal(sample, (int16_t)(big[i] << 8 | big[i + 1]));
    if (abs(sample) > loudest) loudest = abs(sample);
  }
  const unsigned char *noise = (const unsigned char *)load_sound(0, &bytes);
  for (size_t i = 0; i < bytes; i += 2) {
    int sample = (int16_t)(noise[i] << 8 | noise[i + 1]);
    if (abs(sample) > faintest) faintest = abs(sample);
  }
  assert_true(loudest > 1000 && faintest > 0 && faintest <= 12);
}

/* ---- the measure */

static load_player *new_player(void) {
  load_player *player = calloc(1, sizeof *player);
  assert_non_null(player);
  return player;
}

static void lateness_is_measured_behind_the_earliest_frame(void **state) {
  load_player *player = new_player();
  load_stats late = {0};
  uint64_t t = 1000 * MS;
  for (int i = 0; i < 6; i++) load_player_audio(player, t, 20000, &late); /* a burst, 100 ms ahead */
  for (int i = 1; i <= 100; i++) {
    uint64_t delay = i == 50 ? 30 * MS : i == 60 ? 7 * MS : 0;
    load_player_audio(player, t + (uint64_t)i * 20 * MS + delay, 20000, &late);
  }
  load_player_mark(player, t + 2000 * MS, "c1", 2, &late);
  assert_int_equal(late.count, 100);
  assert_int_equal(late.longest_us, 30000);
  assert_true(load_stats_ms(&late, 0.5) < 0.02);
  assert_true(load_stats_ms(&late, 0.98) < 7.1 && load_stats_ms(&late, 0.98) > 6.9);
  assert_int_equal(player->gaps, 0);
  free(late.buckets);
  free(player);
}

static void stall_is_a_gap_and_stays_late(void **state) {
  load_player *player = new_player();
  load_stats late = {0};
  for (int i = 0; i < 100; i++)
    load_player_audio(player, (uint64_t)(1000 + i * 20 + (i >= 50 ? 300 : 0)) * MS, 20000, &late);
  load_player_settle(player, &late);
  assert_int_equal(late.longest_us, 300000);
  assert_true(load_stats_ms(&late, 0.6) > 299);
  assert_int_equal(player->gaps, 1);
  free(late.buckets);
  free(player);
}

static void mark_comes_back_when_what_was_before_it_is_played(void **state) {
  load_player *player = new_player();
  char name[LOAD_MARK_BYTES];
  load_player_audio(player, 1000 * MS, 200000, NULL);
  load_player_mark(player, 1001 * MS, "c7", 2, NULL);
  assert_int_equal(load_player_due_mark(player, 1199 * MS, name), 0);
  assert_int_equal(load_player_due_mark(player, 1200 * MS, name), 1);
  assert_string_equal(name, "c7");
  load_player_audio(player, 1300 * MS, 200000, NULL);
  load_player_mark(player, 1301 * MS, "c8", 2, NULL);
  load_player_clear(player, 1302 * MS, NULL);
  assert_int_equal(load_player_due_mark(player, 1302 * MS, name), 1);
  assert_string_equal(name, "c8");
  free(player);
}

/* ---- floods */

static void steps_of_a_flood_are_read(void **state) {
  static const char *const wrong[] = {"",           "60",  "60:",  "60:5,",
                                      "60:5;700:1", "0:5", "60:0", "1:1,1:1,1:1,1:1,1:1"};
  load_flood flood = {0};
  assert_int_equal(load_flood_read(&flood, "60:5,700:15,60:20.5"), 0);
  assert_int_equal(flood.count, 3);
  assert_true(flood.steps[1].rate == 700 && load_flood_seconds(&flood) == 40.5);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    flood = (load_flood){0};
    assert_int_equal(load_flood_read(&flood, wrong[i]), -1);
  }
}

static void flood_asks_at_the_rate_of_its_step(void **state) {
  load_flood flood = {0};
  uint64_t t = 1000 * MS;
  load_flood_read(&flood, "10:1,100:2,10:1");
  for (int i = 0; i < 4000; i++) load_flood_due(&flood, t + (uint64_t)i * MS);
  assert_int_equal(flood.steps[0].asked, 10);
  assert_int_equal(flood.steps[1].asked, 200);
  assert_int_equal(flood.steps[2].asked, 10);
  assert_int_equal(flood.over_ns, t + 3000 * MS);
}

static void recovery_ends_with_the_last_webhook_that_was_not_answered_well_at_once(void **state) {
  load_flood flood = {0};
  uint64_t over = 4000 * MS;
  load_flood_read(&flood, "100:1,10:9");
  load_flood_due(&flood, 3000 * MS);
  load_flood_note(&flood, 0, LOAD_LOST, 3500 * MS, 3600 * MS); /* in the flood: that is what a flood is */
  load_flood_due(&flood, over);
  assert_true(load_flood_recovery_s(&flood) == 0);
  load_flood_note(&flood, 1, LOAD_REFUSED, over + 500 * MS, over + 501 * MS);
  load_flood_note(&flood, 1, LOAD_WELL, over + 1500 * MS, over + 2600 * MS); /* but slowly */
  load_flood_note(&flood, 1, LOAD_WELL, over + 1600 * MS, over + 1610 * MS);
  assert_true(load_flood_recovery_s(&flood) == 1.5);
  assert_int_equal(flood.steps[1].fates[LOAD_WELL], 2);
  for (int i = 0; i < flood.count; i++) free(flood.steps[i].answer.buckets);
}

/* The kernel's own counter stands for the processor's, which many machines have not got. */
static void counter_adds_up_the_threads_of_a_process(void **state) {
  load_counter counter;
  load_counter_open(&counter, getpid(), PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK);
  if (!counter.count) skip(); /* not allowed here */
  uint64_t before = load_counter_read(&counter), until = load_now_ns() + 5 * MS;
  while (load_now_ns() < until) continue;
  assert_true(load_counter_read(&counter) > before);
  load_counter_close(&counter);
  assert_int_equal(load_counter_read(&counter), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signature_of_a_form_is_that_of_twilios_own_validator),
      cmocka_unit_test(signature_of_a_url_alone),
      cmocka_unit_test(form_is_percent_encoded),
      cmocka_unit_test(stream_url_is_found),
      cmocka_unit_test(stream_url_is_found_in_every_carriers_answer),
      cmocka_unit_test(frame_of_any_length_can_be_unmasked),
      cmocka_unit_test(frame_is_read_only_when_complete),
      cmocka_unit_test(media_message_counts_chunks_and_milliseconds),
      cmocka_unit_test(every_wire_is_whole),
      cmocka_unit_test(session_message_has_both_numbers),
      cmocka_unit_test(sound_has_the_length_of_its_format),
      cmocka_unit_test(byte_orders_mirror_each_other),
      cmocka_unit_test(lateness_is_measured_behind_the_earliest_frame),
      cmocka_unit_test(stall_is_a_gap_and_stays_late),
      cmocka_unit_test(mark_comes_back_when_what_was_before_it_is_played),
      cmocka_unit_test(steps_of_a_flood_are_read),
      cmocka_unit_test(flood_asks_at_the_rate_of_its_step),
      cmocka_unit_test(recovery_ends_with_the_last_webhook_that_was_not_answered_well_at_once),
      cmocka_unit_test(counter_adds_up_the_threads_of_a_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The load generator must be right before it may judge: its signatures, its frames, its measure of lateness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "load/frame.h"
#include "load/player.h"
#include "load/twilio.h"

#define MS 1000000ull

/* ---- signatures -------------------------------------------------------------------------------------- */

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

static void stream_url_is_found(void **state) {
  char url[64];
  const char *document =
      "<Response><Connect><Stream url=\"ws://127.0.0.1:1/ws/a/t\"><Parameter name=\"x\" value=\"y\"/>";
  assert_int_equal(load_stream_url(document, url, sizeof url), 0);
  assert_string_equal(url, "ws://127.0.0.1:1/ws/a/t");
  assert_int_equal(load_stream_url("<Response><Stream name=\"a\"/><Play url=\"b\"/>", url, sizeof url), -1);
  assert_int_equal(load_stream_url("<Response><Say>no</Say></Response>", url, sizeof url), -1);
}

/* ---- frames ------------------------------------------------------------------------------------------ */

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

static void media_message_counts_chunks_and_milliseconds(void **state) {
  char text[513];
  load_sound_make(1);
  size_t bytes = load_media(text, "MZ1", 50, 1234567);
  text[bytes] = 0;
  assert_non_null(strstr(text, "\"sequenceNumber\":\"1234567\""));
  assert_non_null(strstr(text, "\"chunk\":\"50\",\"timestamp\":\"1000\",\"payload\":\""));
  assert_non_null(strstr(text, "\"},\"streamSid\":\"MZ1\"}"));
}

/* ---- the measure ------------------------------------------------------------------------------------- */

static load_player *new_player(void) {
  load_player *player = calloc(1, sizeof *player);
  assert_non_null(player);
  return player;
}

static void lateness_is_measured_behind_the_earliest_frame(void **state) {
  load_player *player = new_player();
  load_stats late = {0};
  uint64_t t = 1000 * MS;
  for (int i = 0; i < 6; i++) load_player_audio(player, t, 160, &late); /* a burst, 100 ms ahead */
  for (int i = 1; i <= 100; i++) {
    uint64_t delay = i == 50 ? 30 * MS : i == 60 ? 7 * MS : 0;
    load_player_audio(player, t + (uint64_t)i * 20 * MS + delay, 160, &late);
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
    load_player_audio(player, (uint64_t)(1000 + i * 20 + (i >= 50 ? 300 : 0)) * MS, 160, &late);
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
  load_player_audio(player, 1000 * MS, 1600, NULL);
  load_player_mark(player, 1001 * MS, "c7", 2, NULL);
  assert_int_equal(load_player_due_mark(player, 1199 * MS, name), 0);
  assert_int_equal(load_player_due_mark(player, 1200 * MS, name), 1);
  assert_string_equal(name, "c7");
  load_player_audio(player, 1300 * MS, 1600, NULL);
  load_player_mark(player, 1301 * MS, "c8", 2, NULL);
  load_player_clear(player, 1302 * MS, NULL);
  assert_int_equal(load_player_due_mark(player, 1302 * MS, name), 1);
  assert_string_equal(name, "c8");
  free(player);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signature_of_a_form_is_that_of_twilios_own_validator),
      cmocka_unit_test(signature_of_a_url_alone),
      cmocka_unit_test(form_is_percent_encoded),
      cmocka_unit_test(stream_url_is_found),
      cmocka_unit_test(frame_of_any_length_can_be_unmasked),
      cmocka_unit_test(frame_is_read_only_when_complete),
      cmocka_unit_test(media_message_counts_chunks_and_milliseconds),
      cmocka_unit_test(lateness_is_measured_behind_the_earliest_frame),
      cmocka_unit_test(stall_is_a_gap_and_stays_late),
      cmocka_unit_test(mark_comes_back_when_what_was_before_it_is_played),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Messages of any shape into a JSON wire, a binary wire, and one that numbers and answers. The first byte
 * says which, and whether the message is binary. What is understood as audio is written again and must read
 * back as the same samples. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/wire.h"
#include "data/jscan.h"
#include "wire/numbered.h"
#include "wire/twilio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MUST(condition)                                                                                      \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "does not hold: %s\n", #condition);                                                    \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

static cal_wire *json_wire, *binary_wire, *numbered_wire;

static void compile_once(void) {
  if (json_wire) return;
  cal_wire_spec s = twilio_app();
  s.clear.event = "clear";
  s.audio_out =
      "{\"event\":\"media\",\"n\":$seq,\"streamSid\":\"$stream\",\"media\":{\"payload\":\"$audio\"}}";
  MUST(cal_wire_compile(&json_wire, &s) == 0);
  cal_wire_spec b = {.name = "binary",
                     .encoding = CAL_L16LE,
                     .rate_hz = 16000,
                     .frame_ms = 20,
                     .is_binary_in = 1,
                     .is_binary_out = 1};
  MUST(cal_wire_compile(&binary_wire, &b) == 0);
  cal_wire_spec n = numbered_server();
  n.clear.event = "event";
  n.clear.when_path = "parameters.entities.0.type";
  n.clear.when_text = "barge_in";
  n.channels = 2;
  MUST(cal_wire_compile(&numbered_wire, &n) == 0);
}

static void go_round(cal_wire *wire, const cal_wire_state *known, const int16_t *samples, size_t count) {
  cal_wire_state state = *known;
  cal_wire_event event;
  if (!state.stream[0]) strcpy(state.stream, "s");
  size_t room = cal_wire_audio_room(wire, count);
  char *out = cal_alloc(room);
  ssize_t n = cal_wire_write_audio(wire, &state, samples, count, out, room);
  MUST(n > 0);
  int is_binary = cal_wire_is_binary_out(wire);
  if (!is_binary) MUST(cal_jscan_validate(out, (size_t)n) == 0);
  if (n <= CAL_WIRE_MESSAGE_BYTES) {
    int16_t *back = cal_alloc(count * sizeof *back);
    MUST(cal_wire_read(wire, &state, out, (size_t)n, is_binary, &event, back, count) == CAL_WIRE_AUDIO);
    MUST(event.samples == count && memcmp(back, samples, count * sizeof *back) == 0);
    cal_free(back);
  }
  cal_free(out);
}

static void mark_round(const cal_wire_state *known, const char *name) {
  cal_wire_state state = *known;
  cal_wire_event event;
  if (!state.stream[0]) strcpy(state.stream, "s");
  size_t room = cal_wire_control_room(json_wire);
  char *out = cal_alloc(room);
  ssize_t n = cal_wire_write_mark(json_wire, &state, name, out, room);
  MUST(n > 0);
  MUST(cal_wire_read(json_wire, &state, out, (size_t)n, 0, &event, NULL, 0) == CAL_WIRE_MARK);
  MUST(strcmp(event.name, name) == 0);
  cal_free(out);
}

/* What is answered is JSON and numbered; what is out of order has used nothing. */
static void answer_round(const cal_wire_state *before, const cal_wire_state *known,
                         const cal_wire_event *event) {
  cal_wire_state state = *known;
  MUST(event->kind != CAL_WIRE_OUT_OF_ORDER || !memcmp(before, known, sizeof state));
  MUST(event->kind == CAL_WIRE_ERROR || event->retry_ms == 0);
  if (event->reply < 0 || !state.stream[0]) return;
  size_t room = cal_wire_control_room(numbered_wire);
  char *out = cal_alloc(room);
  ssize_t n = cal_wire_write_reply(numbered_wire, &state, event->reply, out, room);
  MUST(n > 0 && state.seq == known->seq + 1);
  MUST(cal_jscan_validate(out, (size_t)n) == 0);
  n = cal_wire_write_bye(numbered_wire, &state, NULL, out, room);
  MUST(n > 0 && cal_jscan_validate(out, (size_t)n) == 0);
  cal_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  if (bytes == 0) return 0;
  compile_once();
  cal_wire *wire = data[0] & 4 ? numbered_wire : data[0] & 1 ? binary_wire : json_wire;
  int is_binary = (data[0] & 2) != 0;
  size_t bound = cal_wire_samples_bound(wire, bytes - 1);
  int16_t *samples = cal_alloc(bound * sizeof *samples + 1);
  cal_wire_state state;
  cal_wire_event event;
  cal_wire_state_init(&state);
  cal_wire_state before = state;
  cal_wire_kind kind = cal_wire_read(wire, &state, data + 1, bytes - 1, is_binary, &event, samples, bound);
  MUST(kind == event.kind);
  MUST(event.samples <= bound && (event.samples == 0 || kind == CAL_WIRE_AUDIO));
  MUST(strlen(event.name) < CAL_WIRE_NAME_BYTES && strlen(event.reason) < CAL_WIRE_NAME_BYTES);
  MUST(kind == CAL_WIRE_ERROR ||
       !!event.reason[0] ==
           (kind == CAL_WIRE_MALFORMED || kind == CAL_WIRE_WRONG_FORMAT || kind == CAL_WIRE_OUT_OF_ORDER));
  if (!is_binary && kind != CAL_WIRE_MALFORMED)
    MUST(cal_jscan_validate((const char *)data + 1, bytes - 1) == 0);
  if (wire == numbered_wire)
    answer_round(&before, &state, &event);
  else if (event.samples)
    go_round(wire, &state, samples, event.samples);
  if (kind == CAL_WIRE_MARK && wire == json_wire) mark_round(&state, event.name);
  if (kind == CAL_WIRE_START) go_round(json_wire, &state, (const int16_t[]){0}, 1);
  cal_free(samples);
  return 0;
}

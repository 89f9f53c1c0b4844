/* What a 20 ms frame costs on the wire: nanoseconds per frame, best of several rounds. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "wire/wire.h"
#include "data/base64.h"
#include "data/jscan.h"
#include "wire/twilio.h"

#define ROUNDS 15
#define FRAMES 50000

typedef struct bench {
  cal_wire *wire;
  cal_wire_state state;
  char message[1024];
  size_t bytes;
  char payload[256];
  int16_t samples[1024];
  char out[4096];
  cal_wire_event event;
} bench;

static volatile size_t sink; /* keeps the work from being optimised away */

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void run(const char *name, bench *b, void (*once)(bench *b)) {
  double best = 1e18;
  for (int round = 0; round < ROUNDS; round++) {
    double start = now_ns();
    for (int i = 0; i < FRAMES; i++) once(b);
    double took = (now_ns() - start) / FRAMES;
    if (took < best) best = took;
  }
  printf("%-28s %7.0f ns/frame\n", name, best);
}

static void inbound(bench *b) {
  cal_wire_read(b->wire, &b->state, b->message, b->bytes, 0, &b->event, b->samples, 1024);
  sink += b->event.samples;
}

static void outbound(bench *b) {
  sink += (size_t)cal_wire_write_audio(b->wire, &b->state, b->samples, 160, b->out, sizeof b->out);
}

static void scan(bench *b) {
  cal_jvalue value;
  sink += (size_t)cal_jscan_find(b->message, b->bytes, "media.payload", &value);
}

static void validate(bench *b) { sink += (size_t)cal_jscan_validate(b->message, b->bytes); }

static void decode(bench *b) {
  sink += (size_t)cal_base64_decode(CAL_BASE64_STD, (uint8_t *)b->out, sizeof b->out,
                                    (cal_span){b->payload, 216});
}

static void encode(bench *b) { sink += cal_base64_encode(CAL_BASE64_STD, b->out, b->samples, 160); }

static void decode_samples(bench *b) { sink += cal_decode(CAL_PCMU, (uint8_t *)b->payload, 160, b->samples); }

static void encode_samples(bench *b) { sink += cal_encode(CAL_PCMU, b->samples, 160, (uint8_t *)b->out); }

int main(void) {
  static bench b;
  cal_wire_spec spec = twilio_app();
  if (cal_wire_compile(&b.wire, &spec) < 0) return 1;
  cal_wire_state_init(&b.state);
  cal_wire_state_set(&b.state, "MZ00112233445566778899aabbccddeeff", "CA00112233445566778899aabbccddeeff");
  uint8_t sound[160];
  for (size_t i = 0; i < sizeof sound; i++) sound[i] = (uint8_t)(i * 37 + 11);
  b.payload[cal_base64_encode(CAL_BASE64_STD, b.payload, sound, sizeof sound)] = 0;
  b.bytes =
      (size_t)snprintf(b.message, sizeof b.message,
                       "{\"event\":\"media\",\"sequenceNumber\":\"1234\",\"media\":{\"track\":\"inbound\","
                       "\"chunk\":\"1233\",\"timestamp\":\"24680\",\"payload\":\"%s\"},\"streamSid\":\"%s\"}",
                       b.payload, b.state.stream);
  printf("a media message of %zu bytes\n", b.bytes);
  run("inbound: read", &b, inbound);
  run("outbound: write_audio", &b, outbound);
  run("  jscan find", &b, scan);
  run("  jscan validate", &b, validate);
  run("  base64 decode", &b, decode);
  run("  pcmu decode", &b, decode_samples);
  run("  base64 encode", &b, encode);
  run("  pcmu encode", &b, encode_samples);
  cal_unref(b.wire);
  return 0;
}

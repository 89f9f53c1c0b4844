/* bench_audio: what each piece of the audio path costs per 20 ms frame, in nanoseconds of CPU. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audio/codec.h"
#include "audio/dtmf.h"
#include "audio/endpoint.h"
#include "audio/mix.h"
#include "audio/pace.h"
#include "audio/playout.h"
#include "audio/recorder.h"
#include "audio/resample.h"
#include "audio/tone.h"
#include "audio/vad.h"
#include "base/mem.h"

enum { RATE = 8000, FRAME = 160, FRAMES = 3000, ROUNDS = 5 };

static int16_t quiet[FRAMES * FRAME], spoken[FRAMES * FRAME];
static uint8_t wire[FRAMES * FRAME];

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* One minute of faint noise, and one of a buzz with syllables and pauses over it. */
static void make_sound(void) {
  uint32_t seed = 1;
  for (size_t i = 0; i < FRAMES * FRAME; i++) {
    double t = (double)i / RATE, noise = (double)(int32_t)(seed = seed * 1664525 + 1013904223) / 2147483648.0;
    int is_talking = fmod(t, 4) < 2;
    double voice = 0;
    for (int k = 1; is_talking && k < 12; k++) voice += sin(753.98 * k * t) / k;
    quiet[i] = (int16_t)(30 * noise);
    spoken[i] = (int16_t)(quiet[i] + 4000 * voice * (0.55 - 0.45 * cos(25 * t)));
  }
  cal_encode(CAL_PCMU, spoken, FRAMES * FRAME, wire);
}

/* The best of some rounds: other programs share the machine. */
static void measure(const char *name, void (*frame)(void *context, size_t index), void *context) {
  double best = 1e18;
  for (int round = 0; round < ROUNDS; round++) {
    double begin = now_ns();
    for (size_t i = 0; i < FRAMES; i++) frame(context, i);
    double spent = (now_ns() - begin) / FRAMES;
    if (spent < best) best = spent;
  }
  printf("%-44s %8.0f ns/frame\n", name, best);
}

static volatile int sink;

static void decode(void *context, size_t i) {
  int16_t out[FRAME];
  cal_decode(*(cal_encoding *)context, wire + i * FRAME, FRAME, out);
  sink = out[7];
}

static void encode(void *context, size_t i) {
  uint8_t out[FRAME * 2];
  cal_encode(*(cal_encoding *)context, spoken + i * FRAME, FRAME, out);
  sink = out[7];
}

static void resample(void *context, size_t i) {
  int16_t out[1000];
  sink = cal_resampler_run(context, spoken + i * FRAME, FRAME, out, 1000);
}

static void detect_quiet(void *context, size_t i) {
  int16_t frame[FRAME];
  memcpy(frame, quiet + i * FRAME, sizeof frame);
  sink = cal_vad_frame(context, frame);
}

static void detect_spoken(void *context, size_t i) {
  int16_t frame[FRAME];
  memcpy(frame, spoken + i * FRAME, sizeof frame);
  sink = cal_vad_frame(context, frame);
}

static void cut_quiet(void *context, size_t i) { cal_endpoint_push(context, quiet + i * FRAME, FRAME); }
static void cut_spoken(void *context, size_t i) { cal_endpoint_push(context, spoken + i * FRAME, FRAME); }
static void keys(void *context, size_t i) { cal_dtmf_push(context, spoken + i * FRAME, FRAME); }

static void tone(void *context, size_t i) {
  int16_t out[FRAME];
  cal_tone_read(context, out, FRAME);
  sink = out[7];
}

static void background(void *context, size_t i) {
  int16_t frame[FRAME];
  memcpy(frame, spoken + i * FRAME, sizeof frame);
  cal_background_mix(context, frame, FRAME);
  sink = frame[7];
}

typedef struct playing {
  cal_playout playout;
  cal_clip *clip;
  uint32_t id;
  uint64_t clock;
} playing;

static void playout(void *context, size_t i) {
  playing *p = context;
  if (i % 250 == 0) {
    cal_playout_declare(&p->playout, ++p->id, 0);
    cal_playout_append(&p->playout, p->id, cal_ref(p->clip));
    cal_playout_complete(&p->playout, p->id);
  }
  p->clock += FRAME;
  cal_playout_advance(&p->playout, p->clock);
  int16_t frame[FRAME];
  cal_playout_frame pulled = cal_playout_pull(&p->playout, frame, FRAME);
  for (uint32_t m = 0; m < pulled.marks; m++) cal_playout_confirm(&p->playout, pulled.mark + m);
  sink = frame[7];
}

static void pace(void *context, size_t i) {
  static uint64_t now = 1000;
  now += 20000000;
  cal_pace_sent(context, cal_pace_due(context, now));
}

typedef struct recording {
  cal_recorder *recorder;
  uint64_t position;
} recording;

static void forget_block(void *context, uint8_t *block, size_t bytes) {
  (void)context, (void)bytes;
  cal_free(block);
}

static void record(void *context, size_t i) {
  recording *r = context;
  cal_recorder_write(r->recorder, CAL_SIDE_CALLER, r->position, spoken + i * FRAME, FRAME);
  cal_recorder_write(r->recorder, CAL_SIDE_AGENT, r->position, spoken + i * FRAME, FRAME);
  r->position += FRAME;
}

static void on_key(void *context, char key, uint64_t at_sample) { sink = key; }

static void on_speech(void *context, const cal_endpoint_event *event) {
  sink = event->kind;
  cal_unref(event->clip);
}

static void measure_vads(void) {
  static const struct {
    const char *name;
    cal_vad_options options;
  } cases[] = {{"speech detection, default", {.rate_hz = RATE}},
               {"speech detection, energy", {.rate_hz = RATE, .engine = CAL_VAD_ENERGY}},
               {"speech detection, no gate", {.rate_hz = RATE, .gate_db = -1}},
               {"speech detection, noise suppression", {.rate_hz = RATE, .denoise = 2}}};
  char name[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_vad *vad;
    if (cal_vad_new(&vad, &cases[i].options) < 0) continue;
    snprintf(name, sizeof name, "%s, silent line", cases[i].name);
    measure(name, detect_quiet, vad);
    snprintf(name, sizeof name, "%s, talking", cases[i].name);
    measure(name, detect_spoken, vad);
    cal_vad_free(vad);
  }
}

static void measure_resamplers(void) {
  static const uint32_t rates[][2] = {{8000, 16000}, {16000, 8000}, {8000, 24000}, {24000, 8000}};
  char name[64];
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    cal_resampler *resampler;
    if (cal_resampler_new(&resampler, rates[i][0], rates[i][1]) < 0) continue;
    snprintf(name, sizeof name, "160 samples, %u to %u Hz", rates[i][0], rates[i][1]);
    measure(name, resample, resampler);
    cal_resampler_free(resampler);
  }
}

static void measure_codecs(void) {
  char name[64];
  for (int i = CAL_PCMU; i <= CAL_L16BE; i++) {
    cal_encoding encoding = (cal_encoding)i;
    snprintf(name, sizeof name, "decode %s", cal_encoding_name(encoding));
    measure(name, decode, &encoding);
    snprintf(name, sizeof name, "encode %s", cal_encoding_name(encoding));
    measure(name, encode, &encoding);
  }
}

static void measure_listening(void) {
  cal_dtmf *dtmf;
  if (cal_dtmf_new(&dtmf, RATE, on_key, NULL) == 0) measure("key detection", keys, dtmf);
  cal_dtmf_free(dtmf);
  cal_endpoint *endpoint;
  if (cal_endpoint_new(&endpoint, &(cal_endpoint_options){.vad.rate_hz = RATE, .on_event = on_speech}) < 0)
    return;
  measure("end-pointing with detection, silent line", cut_quiet, endpoint);
  measure("end-pointing with detection, talking", cut_spoken, endpoint);
  cal_endpoint_free(endpoint);
}

static void measure_speaking(void) {
  playing leg = {.clip = cal_clip_of(RATE, spoken, 200 * FRAME, "hello")};
  cal_playout_init(&leg.playout, &(cal_playout_options){.rate_hz = RATE, .echoes_marks = 1, .can_flush = 1});
  measure("playout: advance, pull, marks", playout, &leg);
  cal_playout_done(&leg.playout);
  cal_pace schedule;
  cal_pace_init(&schedule, 20, 100, 0);
  measure("pace", pace, &schedule);
  cal_background loop;
  cal_background_init(&loop, leg.clip, CAL_GAIN_UNITY / 4);
  measure("background, looped and mixed", background, &loop);
  cal_background_done(&loop);
  cal_unref(leg.clip);
  cal_tone ring;
  if (cal_tone_init(&ring, "dial", RATE) == 0) measure("tone of two frequencies", tone, &ring);
  recording tape = {cal_recorder_new(&(cal_recorder_options){.rate_hz = RATE, .on_block = forget_block}), 0};
  measure("recorder, both sides", record, &tape);
  cal_recorder_free(tape.recorder);
}

int main(void) {
  make_sound();
  measure_codecs();
  measure_resamplers();
  measure_vads();
  measure_listening();
  measure_speaking();
  return 0;
}

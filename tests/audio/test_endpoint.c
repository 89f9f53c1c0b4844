/* Speech here is a buzz with syllables: harmonics of 120 Hz under a moving formant, four swells a second. The
 * human voice, when its package is installed, has a test of its own. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/endpoint.h"
#include "audio/wav.h"
#include "base/mem.h"

enum { RATE = 8000, MOST = 60 * RATE };

static int16_t line[MOST];
static size_t length;
static uint32_t seed;

static double noise(void) { return (double)(int32_t)(seed = seed * 1664525 + 1013904223) / 2147483648.0; }

static void begin(void) {
  length = 0;
  seed = 7;
}

static void put_silence(uint32_t ms, double level) {
  for (uint32_t i = 0; i < ms * RATE / 1000; i++) line[length++] = (int16_t)(level * noise());
}

static void put_speech(uint32_t ms, double level, double under) {
  for (uint32_t i = 0; i < ms * RATE / 1000; i++) {
    double t = (double)i / RATE, sum = 0;
    double formant = 600 + 300 * sin(6.283 * 1.3 * t);
    for (int k = 1; k < 25; k++)
      sum += sin(6.283185307 * 120 * k * t) * exp(-pow((120 * k - formant) / 250, 2));
    line[length++] = (int16_t)(level * sum * (0.55 - 0.45 * cos(6.283 * 4 * t)) / 2.5 + under * noise());
  }
}

static void through_ulaw(void) {
  for (size_t i = 0; i < length; i++) {
    uint8_t byte;
    cal_encode(CAL_PCMU, &line[i], 1, &byte);
    cal_decode(CAL_PCMU, &byte, 1, &line[i]);
  }
}

static struct {
  cal_endpoint_event starts[50], stops[50];
  int start_count, stop_count, continuing, order_is_right;
} seen;

static void on_event(void *context, const cal_endpoint_event *event) {
  (void)context;
  if (event->kind == CAL_SPEECH_STARTED) {
    seen.order_is_right &= seen.start_count == seen.stop_count;
    seen.starts[seen.start_count++] = *event;
  } else if (event->kind == CAL_SPEECH_STOPPED) {
    seen.order_is_right &= seen.start_count == seen.stop_count + 1;
    seen.stops[seen.stop_count++] = *event;
  } else {
    seen.continuing++;
  }
}

static void forget(void) {
  for (int i = 0; i < seen.stop_count; i++) cal_unref(seen.stops[i].clip);
  memset(&seen, 0, sizeof seen);
  seen.order_is_right = 1;
}

static int setup(void **state) {
  begin();
  forget();
  return 0;
}

static int teardown(void **state) {
  forget();
  return 0;
}

static cal_endpoint *open_endpoint(cal_vad_engine engine, cal_endpoint_options options) {
  options.vad.rate_hz = RATE;
  options.vad.engine = engine;
  options.on_event = on_event;
  cal_endpoint *endpoint;
  assert_int_equal(cal_endpoint_new(&endpoint, &options), 0);
  return endpoint;
}

static void push_line(cal_endpoint *endpoint, size_t chunk) {
  for (size_t at = 0; at < length; at += chunk)
    cal_endpoint_push(endpoint, line + at, length - at < chunk ? length - at : chunk);
}

static const cal_vad_engine engines[] = {CAL_VAD_BEST, CAL_VAD_ENERGY};

static void two_sentences_are_two_utterances(void **state) {
  put_silence(1000, 40);
  put_speech(2000, 6000, 40);
  put_silence(1500, 40);
  put_speech(1000, 6000, 40);
  put_silence(1500, 40);
  through_ulaw();
  static const size_t chunks[] = {160, 1, 77, 4000};
  for (int e = 0; e < 2; e++)
    for (int c = 0; c < 4; c++) {
      forget();
      cal_endpoint *endpoint = open_endpoint(engines[e], (cal_endpoint_options){0});
      push_line(endpoint, chunks[c]);
      assert_int_equal(seen.start_count, 2);
      assert_int_equal(seen.stop_count, 2);
      assert_true(seen.order_is_right);
      assert_in_range(seen.starts[0].at_sample, 7800, 8000 + 1200);
      assert_in_range(seen.stops[0].at_sample, 22000, 24000 + 2400);
      assert_int_equal(seen.stops[0].at_sample - seen.starts[0].at_sample, seen.stops[0].speech_samples);
      assert_false(seen.stops[0].is_cut);
      assert_true(seen.continuing >= 4);
      assert_false(cal_endpoint_is_speaking(endpoint));
      cal_endpoint_free(endpoint);
    }
}

/* The clip is the line itself, from before the first voiced frame to the end of the hang-over. */
static void the_clip_begins_before_the_voice(void **state) {
  put_silence(1000, 40);
  put_speech(1000, 6000, 40);
  put_silence(1000, 40);
  cal_endpoint *endpoint = open_endpoint(CAL_VAD_BEST, (cal_endpoint_options){.preroll_ms = 300});
  push_line(endpoint, 160);
  assert_int_equal(seen.stop_count, 1);
  const cal_clip *clip = seen.stops[0].clip;
  /* 300 ms before the decision, which fell three frames after the voice began. */
  uint64_t begin_at = seen.starts[0].at_sample + 480 - 2400;
  assert_true(begin_at < 8000);
  assert_memory_equal(clip->data, line + begin_at, clip->samples * 2);
  assert_int_equal(begin_at + clip->samples, seen.stops[0].at_sample + 4000);
  cal_endpoint_free(endpoint);
}

static void the_hangover_can_be_changed_while_it_runs(void **state) {
  put_silence(1000, 40);
  for (int i = 0; i < 4; i++) {
    put_speech(600, 6000, 40);
    put_silence(700, 40);
  }
  cal_endpoint *endpoint = open_endpoint(CAL_VAD_BEST, (cal_endpoint_options){.hangover_ms = 2000});
  push_line(endpoint, 160);
  assert_int_equal(seen.start_count, 1);
  assert_int_equal(seen.stop_count, 0);
  assert_int_equal(cal_endpoint_set_hangover(endpoint, 300), 0);
  assert_int_equal(cal_endpoint_set_hangover(endpoint, 10), -EINVAL);
  push_line(endpoint, 160);
  assert_int_equal(seen.stop_count, 5);
  cal_endpoint_free(endpoint);
}

static void an_endless_speaker_is_cut_at_the_ceiling_without_loss(void **state) {
  put_silence(1000, 40);
  put_speech(7000, 6000, 40);
  put_silence(1000, 40);
  cal_endpoint *endpoint = open_endpoint(CAL_VAD_ENERGY, (cal_endpoint_options){.longest_ms = 3000});
  push_line(endpoint, 160);
  assert_int_equal(seen.stop_count, 3);
  assert_true(seen.stops[0].is_cut);
  assert_true(seen.stops[1].is_cut);
  assert_false(seen.stops[2].is_cut);
  const int16_t *at = line + seen.starts[0].at_sample + 480 - 2400;
  for (int i = 0; i < 3; i++) {
    assert_true(seen.stops[i].clip->samples <= 3 * RATE);
    assert_memory_equal(seen.stops[i].clip->data, at, seen.stops[i].clip->samples * 2);
    at += seen.stops[i].clip->samples;
  }
  cal_endpoint_free(endpoint);
}

static void a_click_is_not_speech(void **state) {
  put_silence(1000, 40);
  for (int i = 0; i < 10; i++) {
    put_silence(20, 20000);
    put_silence(900, 40);
  }
  cal_endpoint *endpoint = open_endpoint(CAL_VAD_ENERGY, (cal_endpoint_options){0});
  push_line(endpoint, 160);
  assert_int_equal(seen.start_count, 0);
  cal_endpoint_free(endpoint);
}

/* Noise that would keep WebRTC's detector on for ever: the gate closes the utterance all the same. */
static void steady_noise_does_not_keep_an_utterance_open(void **state) {
  put_silence(5000, 1500);
  for (int i = 0; i < 4; i++) {
    put_speech(1500, 9000, 1500);
    put_silence(2000, 1500);
  }
  through_ulaw();
  for (int e = 0; e < 2; e++) {
    forget();
    cal_endpoint *endpoint = open_endpoint(engines[e], (cal_endpoint_options){0});
    push_line(endpoint, 160);
    assert_in_range(seen.stop_count, 4, 5); /* the noise itself may be taken for speech when it begins */
    assert_false(cal_endpoint_is_speaking(endpoint));
    cal_endpoint_free(endpoint);
  }
}

static void silence_of_every_kind_is_silence(void **state) {
  for (int i = 0; i < 5 * RATE; i++)
    line[length++] = (int16_t)(i < 2 * RATE ? 0 : 8); /* A-law's silence has an offset */
  for (int e = 0; e < 2; e++) {
    cal_endpoint *endpoint = open_endpoint(engines[e], (cal_endpoint_options){0});
    push_line(endpoint, 160);
    assert_int_equal(seen.start_count, 0);
    cal_endpoint_free(endpoint);
  }
}

static void the_end_of_the_line_ends_the_utterance(void **state) {
  put_silence(1000, 40);
  put_speech(1000, 6000, 40);
  cal_endpoint *endpoint = open_endpoint(CAL_VAD_BEST, (cal_endpoint_options){.no_sound = 1});
  push_line(endpoint, 160);
  assert_int_equal(seen.stop_count, 0);
  cal_endpoint_finish(endpoint);
  cal_endpoint_finish(endpoint);
  assert_int_equal(seen.stop_count, 1);
  assert_true(seen.stops[0].is_cut);
  assert_null(seen.stops[0].clip);
  cal_endpoint_free(endpoint);
}

static double power_of(const int16_t *samples, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)samples[i] * samples[i];
  return sum / (double)count;
}

static void the_suppressor_takes_noise_away(void **state) {
  put_silence(4000, 2000);
  cal_vad *vad;
  assert_int_equal(cal_vad_new(&vad, &(cal_vad_options){.rate_hz = RATE, .denoise = 2}), 0);
  if (cal_vad_engine_of(vad) != CAL_VAD_WEBRTC) {
    cal_vad_free(vad);
    skip();
  }
  double before = power_of(line + 3 * RATE, RATE);
  for (size_t at = 0; at < length; at += 160) cal_vad_frame(vad, line + at);
  assert_true(power_of(line + 3 * RATE, RATE) < before / 5);
  cal_vad_free(vad);
}

static void what_makes_no_sense_is_refused(void **state) {
  cal_endpoint *endpoint;
  cal_vad *vad;
  assert_int_equal(cal_vad_new(&vad, &(cal_vad_options){.rate_hz = 11025}), -EINVAL);
  assert_int_equal(cal_vad_new(&vad, &(cal_vad_options){.rate_hz = RATE, .mode = 9}), -EINVAL);
  assert_int_equal(
      cal_endpoint_new(&endpoint,
                       &(cal_endpoint_options){.vad.rate_hz = RATE, .hangover_ms = 1, .on_event = on_event}),
      -EINVAL);
  assert_int_equal(
      cal_endpoint_new(&endpoint, &(cal_endpoint_options){.vad.rate_hz = 1, .on_event = on_event}), -EINVAL);
}

/* A professional speaker, from the package asterisk-core-sounds-en-wav; skipped where it is not installed. */
static void a_human_sentence_is_found_whole(void **state) {
  static uint8_t bytes[1 << 20];
  FILE *file = fopen("/usr/share/asterisk/sounds/en_US_f_Allison/vm-theperson.wav", "rb");
  if (!file) skip();
  size_t count = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, bytes, count), 0);
  put_silence(1000, 30);
  memcpy(line + length, clip->data, clip->samples * 2);
  length += clip->samples;
  put_silence(1000, 30);
  through_ulaw();
  for (int e = 0; e < 2; e++) {
    forget();
    cal_endpoint *endpoint = open_endpoint(engines[e], (cal_endpoint_options){0});
    push_line(endpoint, 160);
    assert_int_equal(seen.stop_count, 1);
    assert_in_range(seen.stops[0].speech_samples, clip->samples / 2, clip->samples + 2400);
    cal_endpoint_free(endpoint);
  }
  cal_unref(clip);
}

int main(void) {
#define with_line(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {
      with_line(two_sentences_are_two_utterances),
      with_line(the_clip_begins_before_the_voice),
      with_line(the_hangover_can_be_changed_while_it_runs),
      with_line(an_endless_speaker_is_cut_at_the_ceiling_without_loss),
      with_line(a_click_is_not_speech),
      with_line(steady_noise_does_not_keep_an_utterance_open),
      with_line(silence_of_every_kind_is_silence),
      with_line(the_end_of_the_line_ends_the_utterance),
      with_line(the_suppressor_takes_noise_away),
      with_line(what_makes_no_sense_is_refused),
      with_line(a_human_sentence_is_found_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

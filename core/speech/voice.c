#include "speech/voice.h"

#include <errno.h>
#include <flite/flite.h>
#include <math.h>
#include <string.h>

#include "audio/resample.h"
#include "base/error.h"
#include "base/mem.h"
#include "speech/flite_setup.h"
#include "speech/readable.h"

#define DEFAULT_VOICE "slt"
#define DEFAULT_RATE_HZ 8000
#define LEVEL 5193.0       /* -16 dBFS: RMS of the parts that are speech */
#define SPEECH_FLOOR 300.0 /* RMS of 20 ms below which it is a pause, in flite's own level */
#define KNEE 22000.0       /* samples above are bent … */
#define PEAK 32000.0       /* … so that they come near this and never over */
#define LEAD_IN_MS 50      /* of silence kept before the first sound */
#define FIRST_SOUND 100    /* what counts as sound */

static const cal_voice_options defaults;

int cal_voice_check(const cal_voice_options *options) {
  if (!options) return 0;
  if (options->voice && !cal_flite_voice(options->voice))
    return cal_fail(-EINVAL, "there is no voice \"%s\": use slt, rms or kal", options->voice);
  if (options->rate_hz && (options->rate_hz < 8000 || options->rate_hz > 48000))
    return cal_fail(-EINVAL, "a voice speaks at 8000 to 48000 samples a second, not %u", options->rate_hz);
  if (options->speed != 0 && !(options->speed >= 0.5 && options->speed <= 2.0))
    return cal_fail(-EINVAL, "the speed of a voice is 0.5 to 2.0, not %g", options->speed);
  if (!(options->gain_db >= -40 && options->gain_db <= 12))
    return cal_fail(-EINVAL, "the gain of a voice is -40 to 12 dB, not %g", options->gain_db);
  return 0;
}

/* What is particular to this utterance is set on the utterance: the voice is shared by all threads. */
static cst_utterance *synthesise(const char *text, const cal_voice_options *options) {
  cst_voice *voice = cal_flite_voice(options->voice ? options->voice : DEFAULT_VOICE);
  cst_utterance *utterance = new_utterance();
  utt_set_input_text(utterance, text);
  utt_init(utterance, voice);
  double stretch = get_param_float(voice->features, "duration_stretch", 1.0f);
  if (options->speed != 0)
    feat_set_float(utterance->features, "duration_stretch", (float)(stretch / options->speed));
  if (utt_synth(utterance)) return utterance;
  delete_utterance(utterance);
  return NULL;
}

/* When the last sound of a token ends: the segments of its words; a token that is only punctuation has none.
 */
static double token_end_s(cst_item *token) {
  double end_s = 0;
  for (cst_item *word = item_daughter(token); word; word = item_next(word)) {
    cst_item *segment = path_to_item(word, "R:SylStructure.daughtern.daughtern.R:Segment");
    if (segment) end_s = item_feat_float(segment, "end");
  }
  return end_s;
}

/* Where the token ends in the text, with all that follows without a blank. flite hands its tokens out in the
 * order of the text, so each is looked for after the one before; one that cannot be found leaves the cursor
 * alone. */
static size_t token_end(const char *text, size_t from, cst_item *token) {
  const char *name = item_feat_string(token, "name"), *at = strstr(text + from, name);
  if (!at) return from;
  size_t end = (size_t)(at - text) + strlen(name);
  return end + strcspn(text + end, " ");
}

static uint32_t write_words(cal_word *words, cst_utterance *utterance, const cal_readable *readable,
                            uint32_t rate_hz, uint32_t samples) {
  uint32_t count = 0;
  size_t at = 0;
  for (cst_item *token = relation_head(utt_relation(utterance, "Token")); token; token = item_next(token)) {
    at = token_end(readable->text, at, token);
    double end_s = token_end_s(token);
    if (!at || (end_s <= 0 && !count)) continue;
    uint32_t bytes = readable->source[at - 1], end = (uint32_t)lround(end_s * rate_hz);
    if (end > samples) end = samples;
    int is_silent = end_s <= 0 || end <= (count ? words[count - 1].end_sample : 0);
    if (is_silent || (count && bytes <= words[count - 1].text_bytes)) {
      if (count && bytes > words[count - 1].text_bytes) words[count - 1].text_bytes = bytes;
      if (count && !is_silent) words[count - 1].end_sample = end;
      continue;
    }
    words[count++] = (cal_word){end, bytes};
  }
  return count;
}

static uint32_t silence_before(const cst_wave *wave) {
  uint32_t samples = (uint32_t)wave->num_samples, keep = (uint32_t)wave->sample_rate * LEAD_IN_MS / 1000,
           at = 0;
  while (at < samples && wave->samples[at] > -FIRST_SOUND && wave->samples[at] < FIRST_SOUND) at++;
  return at == samples || at < keep ? 0 : at - keep;
}

static cal_clip *clip_of(const char *text, const cal_readable *readable, cst_utterance *utterance) {
  cst_wave *wave = utt_wave(utterance);
  uint32_t rate_hz = (uint32_t)wave->sample_rate, samples = (uint32_t)wave->num_samples;
  cal_word *words = cal_alloc((readable->bytes + 1) * sizeof *words); /* a token has at least one byte */
  uint32_t count = write_words(words, utterance, readable, rate_hz, samples), cut = silence_before(wave);
  cal_clip *clip = cal_clip_new(rate_hz, samples - cut, text, count);
  memcpy(clip->data, wave->samples + cut, (samples - cut) * sizeof(int16_t));
  for (uint32_t i = 0; i < count; i++)
    clip->word[i] =
        (cal_word){words[i].end_sample > cut ? words[i].end_sample - cut : 0, words[i].text_bytes};
  cal_free(words);
  return clip;
}

static double speech_rms(const cal_clip *clip) {
  uint32_t frame = clip->rate_hz / 50, frames = 0;
  double energy = 0;
  for (uint32_t at = 0; at + frame <= clip->samples; at += frame) {
    double sum = 0;
    for (uint32_t i = 0; i < frame; i++) sum += (double)clip->data[at + i] * clip->data[at + i];
    if (sum / frame < SPEECH_FLOOR * SPEECH_FLOOR) continue;
    energy += sum / frame;
    frames++;
  }
  return frames ? sqrt(energy / frames) : 0;
}

static int16_t bend(double sample) {
  double size = fabs(sample);
  if (size > KNEE) size = KNEE + (PEAK - KNEE) * (size - KNEE) / (size - KNEE + PEAK - KNEE);
  return (int16_t)lround(sample < 0 ? -size : size);
}

static void set_level(cal_clip *clip, double gain_db) {
  double rms = speech_rms(clip);
  if (rms <= 0) return;
  double gain = LEVEL / rms * pow(10, gain_db / 20);
  for (uint32_t i = 0; i < clip->samples; i++) clip->data[i] = bend(clip->data[i] * gain);
}

static int say(cal_clip **result, const char *text, const cal_readable *readable,
               const cal_voice_options *options) {
  cst_utterance *utterance = synthesise(readable->text, options);
  cst_wave *wave = utterance ? utt_wave(utterance) : NULL;
  cal_clip *clip = NULL, *at_rate = NULL;
  int code = 0;
  if (!wave)
    code = cal_fail(-EIO, "the voice failed on \"%.60s\"", text);
  else if (wave->num_samples <= 0)
    code = cal_fail(-EINVAL, "there is nothing to say in \"%.60s\"", text);
  else if (wave->num_samples > CAL_CLIP_MAX_SAMPLES)
    code = cal_fail(-EMSGSIZE, "a text of %zu bytes is too long for one clip", strlen(text));
  if (!code) clip = clip_of(text, readable, utterance);
  if (utterance) delete_utterance(utterance);
  if (!code) code = cal_clip_resample(&at_rate, clip, options->rate_hz ? options->rate_hz : DEFAULT_RATE_HZ);
  cal_unref(clip);
  if (code) return code;
  set_level(at_rate, options->gain_db);
  *result = at_rate;
  return 0;
}

int cal_voice_say(cal_clip **result, const char *text, const cal_voice_options *options) {
  if (!options) options = &defaults;
  int code = cal_voice_check(options);
  if (code) return code;
  size_t bytes = text ? strlen(text) : 0;
  if (bytes > CAL_VOICE_TEXT_BYTES)
    return cal_fail(-EMSGSIZE, "a text may have %d bytes at most; say it sentence by sentence",
                    CAL_VOICE_TEXT_BYTES);
  if (!bytes) return cal_fail(-EINVAL, "there is nothing to say in an empty text");
  cal_readable readable;
  cal_readable_make(&readable, text, bytes);
  code = readable.has_words ? say(result, text, &readable, options)
                            : cal_fail(-EINVAL, "there is nothing to say in \"%.60s\"", text);
  cal_readable_free(&readable);
  return code;
}

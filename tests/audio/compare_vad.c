/* compare_vad: which speech detector for the telephone? Prints the table of docs/vad.md.
 *
 * A real voice (package asterisk-core-sounds-en-wav) is laid out with silences between the sentences, mixed
 * with noise at several levels and passed through µ-law; each detector says yes or no to every 20 ms, and its
 * answers are cut into utterances as endpoint.h does. The truth comes from the clean recording: frames within
 * 35 dB of its loudest ones, with gaps of up to 200 ms closed. Usage: compare_vad [folder of WAV files] */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/codec.h"
#include "audio/vad.h"
#include "audio/wav.h"
#include "base/mem.h"

enum {
  RATE = 8000,
  FRAME = 160,
  SECONDS = 300,
  FRAMES = SECONDS * 50,
  TAKEN_FILES = 120,
  CLOSED_GAP = 10, /* frames: 200 ms */
  ONSET = 3,       /* frames, as endpoint.h */
  HANGOVER = 25,   /* frames */
  LEAD_IN = 100,   /* frames of noise before the first word: 2 s */
};

static int16_t clean[FRAMES * FRAME], mixed[FRAMES * FRAME];
static float noise[FRAMES * FRAME];
static unsigned char truth[FRAMES];
static uint64_t seed = 88172645463325252u;

static double uniform(void) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (double)(seed >> 11) / 9007199254740992.0;
}

static double gauss(void) { return sqrt(-2 * log(uniform() + 1e-12)) * cos(6.283185307179586 * uniform()); }

static cal_clip *read_clip(const char *folder, const char *name) {
  static unsigned char bytes[4 << 20];
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  cal_clip *clip;
  return cal_wav_read(&clip, bytes, length) == 0 ? clip : NULL;
}

static double energy_of(const int16_t *frame) {
  double sum = 0;
  for (int i = 0; i < FRAME; i++) sum += (double)frame[i] * frame[i];
  return sum / FRAME;
}

static void mark_truth(void) {
  double loudest = 0;
  for (int f = 0; f < FRAMES; f++)
    if (energy_of(clean + f * FRAME) > loudest) loudest = energy_of(clean + f * FRAME);
  for (int f = 0; f < FRAMES; f++) truth[f] = energy_of(clean + f * FRAME) > loudest * pow(10, -3.5);
  for (int f = 0, last = -1000; f < FRAMES; f++) {
    if (!truth[f]) continue;
    if (f - last <= CLOSED_GAP) memset(truth + last, 1, (size_t)(f - last));
    last = f;
  }
}

static int lay_out(const char *folder) {
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort), taken = 0;
  size_t at = LEAD_IN * FRAME;
  for (int i = 0; i < count; i++) {
    cal_clip *clip = NULL;
    int is_wav = strstr(entries[i]->d_name, ".wav") != NULL;
    if (is_wav && taken < TAKEN_FILES && uniform() < 0.6) clip = read_clip(folder, entries[i]->d_name);
    if (clip && clip->rate_hz == RATE && clip->samples > RATE / 2 && clip->samples < 6 * RATE &&
        at + clip->samples + 3 * RATE < FRAMES * FRAME) {
      memcpy(clean + at, clip->data, clip->samples * 2);
      at += clip->samples + (size_t)(RATE * (0.8 + 1.4 * uniform()));
      taken++;
    }
    cal_unref(clip);
    free(entries[i]);
  }
  if (count >= 0) free(entries);
  mark_truth();
  return taken;
}

static void make_noise(const char *kind) {
  double pink[3] = {0};
  for (size_t i = 0; i < FRAMES * FRAME; i++) {
    double white = gauss(), t = (double)i / RATE * 6.283185307179586;
    if (!strcmp(kind, "pink")) {
      pink[0] = 0.99765 * pink[0] + white * 0.0990460;
      pink[1] = 0.96300 * pink[1] + white * 0.2965164;
      pink[2] = 0.57000 * pink[2] + white * 1.0526913;
      noise[i] = (float)(pink[0] + pink[1] + pink[2] + white * 0.1848);
    } else if (!strcmp(kind, "hum")) {
      noise[i] =
          (float)(sin(50 * t) + 0.5 * sin(150 * t) + 0.3 * sin(250 * t) + 0.2 * sin(350 * t) + 0.05 * white);
    } else if (!strcmp(kind,
                       "knocks")) { /* forty a minute, 10 to 70 ms long: keyboards, handsets, gateways */
      static size_t until, next;
      if (i == 0) until = next = 0;
      if (i >= next)
        next = i + (size_t)(RATE * (0.5 + 2 * uniform())),
        until = i + (size_t)(RATE * (0.01 + 0.06 * uniform()));
      noise[i] = (float)(i < until ? white : 0.02 * white);
    } else if (!strcmp(kind, "babble")) { /* the same speaker eight times, far away in time */
      double sum = 0;
      for (size_t k = 1; k <= 8; k++) sum += clean[(i + k * 263171) % (FRAMES * FRAME)];
      noise[i] = (float)sum;
    } else {
      noise[i] = (float)white;
    }
  }
}

/* Level of the noise relative to the mean power of the speech itself. */
static void mix(double snr_db) {
  double speech = 0, sound = 0;
  size_t spoken = 0;
  for (int f = 0; f < FRAMES; f++)
    if (truth[f]) speech += energy_of(clean + f * FRAME), spoken++;
  speech /= (double)spoken;
  for (size_t i = 0; i < FRAMES * FRAME; i++) sound += (double)noise[i] * noise[i];
  sound /= FRAMES * FRAME;
  double gain = snr_db > 90 ? 0 : sqrt(speech / sound / pow(10, snr_db / 10));
  for (size_t i = 0; i < FRAMES * FRAME; i++) {
    double sum = clean[i] + gain * noise[i];
    int16_t sample = (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
    uint8_t byte;
    cal_encode(CAL_PCMU, &sample, 1, &byte);
    cal_decode(CAL_PCMU, &byte, 1, &mixed[i]);
  }
}

typedef struct score {
  double hit, false_alarm, cut, missed, false_starts, delay_ms, ns;
} score;

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Utterances of the truth are found when a start falls into them (or 100 ms before); any other start is
 * false. */
static void judge(const unsigned char *said, score *into) {
  int voiced = 0, unvoiced = 0, speaking = 0, false_starts = 0, found = 0, total = 0, split = 0;
  double delay = 0;
  static unsigned char start[FRAMES], active[FRAMES];
  memset(start, 0, sizeof start);
  for (int f = 0; f < FRAMES; f++) {
    voiced = said[f] ? voiced + 1 : 0;
    unvoiced = said[f] ? 0 : unvoiced + 1;
    if (!speaking && voiced >= ONSET) speaking = start[f] = 1;
    if (speaking && unvoiced >= HANGOVER) speaking = 0;
    active[f] = (unsigned char)speaking;
  }
  for (int f = 0; f < FRAMES; f++)
    if (start[f] && !truth[f]) {
      int is_near = 0;
      for (int k = 1; k <= 5; k++)
        if ((f + k < FRAMES && truth[f + k]) || (f >= k && truth[f - k])) is_near = 1;
      false_starts += !is_near;
    }
  for (int f = 1; f < FRAMES; f++) {
    if (!truth[f] || truth[f - 1]) continue;
    int end = f;
    while (end < FRAMES && truth[end]) end++;
    if (end - f < 15) continue; /* shorter than 300 ms: a breath or a click */
    total++;
    int first = -1;
    for (int k = f - 5; k < end; k++)
      if (first < 0 && active[k]) first = k;
    if (first < 0) continue;
    found++;
    if (active[f - 25]) split++; /* was still open from before: not cut apart from the sentence before it */
    delay += (first > f ? first - f : 0) * 20.0;
  }
  into->missed = 100.0 * (total - found) / total;
  into->cut = 100.0 * split / total;
  into->false_starts = false_starts / (SECONDS / 60.0);
  into->delay_ms = found ? delay / found : 0;
}

static score run(cal_vad_options options) {
  static unsigned char said[FRAMES];
  score result = {0};
  cal_vad *vad;
  if (cal_vad_new(&vad, &options) < 0) exit(1);
  int hits = 0, alarms = 0, spoken = 0;
  double begin = now_ns();
  for (int f = 0; f < FRAMES; f++) {
    int16_t frame[FRAME];
    memcpy(frame, mixed + f * FRAME, sizeof frame);
    said[f] = (unsigned char)cal_vad_frame(vad, frame);
  }
  result.ns = (now_ns() - begin) / FRAMES;
  cal_vad_free(vad);
  for (int f = 0; f < FRAMES; f++) {
    spoken += truth[f];
    if (truth[f])
      hits += said[f];
    else
      alarms += said[f];
  }
  result.hit = 100.0 * hits / spoken;
  result.false_alarm = 100.0 * alarms / (FRAMES - spoken);
  judge(said, &result);
  return result;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "/usr/share/asterisk/sounds/en_US_f_Allison";
  int files = lay_out(folder), spoken = 0;
  if (files < 20) return fprintf(stderr, "compare_vad: too few recordings in %s\n", folder), 1;
  for (int f = 0; f < FRAMES; f++) spoken += truth[f];
  printf("%d recordings, %d s, %d %% speech, through µ-law\n", files, SECONDS, 100 * spoken / FRAMES);
  static const struct {
    const char *kind;
    double snr_db;
  } scenes[] = {{"clean", 99},  {"white", 30},  {"white", 20},  {"white", 10}, {"white", 5},
                {"pink", 20},   {"pink", 10},   {"pink", 5},    {"hum", 20},   {"hum", 10},
                {"knocks", 20}, {"knocks", 10}, {"babble", 20}, {"babble", 10}};
  static const struct {
    const char *name;
    cal_vad_options options;
  } detectors[] = {{"energy", {RATE, CAL_VAD_ENERGY, 0, 0, 0}},
                   {"webrtc 0", {RATE, CAL_VAD_WEBRTC, 1, -1, 0}},
                   {"webrtc 2", {RATE, CAL_VAD_WEBRTC, 3, -1, 0}},
                   {"webrtc 3", {RATE, CAL_VAD_WEBRTC, 4, -1, 0}},
                   {"webrtc 2 + gate 3", {RATE, CAL_VAD_WEBRTC, 3, 3, 0}},
                   {"webrtc 2 + gate 6", {RATE, CAL_VAD_WEBRTC, 3, 6, 0}},
                   {"webrtc 2 + gate 9", {RATE, CAL_VAD_WEBRTC, 3, 9, 0}},
                   {"webrtc 3 + gate 3", {RATE, CAL_VAD_WEBRTC, 4, 3, 0}},
                   {"webrtc 3 + gate 6", {RATE, CAL_VAD_WEBRTC, 4, 6, 0}},
                   {"ns 2, webrtc 2", {RATE, CAL_VAD_WEBRTC, 3, -1, 2}},
                   {"ns 2, webrtc 2 + gate 6", {RATE, CAL_VAD_WEBRTC, 3, 6, 2}},
                   {"ns 2, energy", {RATE, CAL_VAD_ENERGY, 0, 0, 2}}};
  for (size_t s = 0; s < sizeof scenes / sizeof *scenes; s++) {
    make_noise(scenes[s].kind);
    mix(scenes[s].snr_db);
    printf("\n%s %.0f dB\n", scenes[s].kind, scenes[s].snr_db);
    for (size_t d = 0; d < sizeof detectors / sizeof *detectors; d++) {
      score r = run(detectors[d].options);
      printf("  %-24s hit %5.1f  false %5.1f | missed %5.1f %%  merged %5.1f %%  false starts %5.1f /min  "
             "late %4.0f ms"
             " | %5.0f ns\n",
             detectors[d].name, r.hit, r.false_alarm, r.missed, r.cut, r.false_starts, r.delay_ms, r.ns);
    }
  }
  return 0;
}

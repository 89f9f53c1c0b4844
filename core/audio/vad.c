#include "audio/vad.h"

#include <errno.h>

#include "audio/energy.h"
#include "audio/webrtc.h"
#include "base/error.h"
#include "base/mem.h"

enum {
  DEFAULT_MODE = 3,      /* WebRTC's mode 2 */
  DEFAULT_GATE_DB = 6,   /* lets through what a caller says over line noise; keeps steady noise out */
  SPEECH_ABOVE_DB = 9,   /* ENERGY alone has to be stricter */
  HOLD_FRAMES = 5,       /* 100 ms: the soft ends of words … */
  HOLD_AFTER_FRAMES = 3, /* … but not of a click: only what was loud for 60 ms is held */
  FRAMES_PER_SECOND = 1000 / CAL_VAD_FRAME_MS,
};

static const float faintest_db = -55; /* no speech into a telephone is fainter */

struct cal_vad {
  const cal_webrtc_functions *webrtc; /* NULL: not there */
  void *detector;                     /* NULL: ENERGY */
  void *suppressor;                   /* NULL: off */
  cal_energy energy;
  uint32_t rate_hz, frame_samples;
  float threshold_db;
  uint32_t loud_frames; /* in a row */
  uint32_t hold;        /* frames */
};

static int check(const cal_vad_options *options) {
  if (options->rate_hz != 8000 && options->rate_hz != 16000)
    return cal_fail(-EINVAL, "speech is detected at 8000 or 16000 Hz, not at %u", options->rate_hz);
  if (options->mode < 0 || options->mode > 4 || options->denoise < 0 || options->denoise > 3)
    return cal_fail(-EINVAL, "a detector's mode is 0 to 4 and its noise suppression 0 to 3");
  if (options->engine == CAL_VAD_WEBRTC && !cal_webrtc())
    return cal_fail(-ENOTSUP, "libwebrtc_audio_processing.so.1 is not installed");
  return 0;
}

static void *new_detector(const cal_webrtc_functions *webrtc, int mode) {
  void *detector = webrtc->vad_create();
  if (!detector) return NULL;
  if (webrtc->vad_init(detector) == 0 && webrtc->vad_set_mode(detector, mode - 1) == 0) return detector;
  webrtc->vad_free(detector);
  return NULL;
}

static void *new_suppressor(const cal_webrtc_functions *webrtc, uint32_t rate_hz, int level) {
  void *suppressor = webrtc->ns_create();
  if (!suppressor) return NULL;
  if (webrtc->ns_init(suppressor, rate_hz) == 0 && webrtc->ns_set_policy(suppressor, level - 1) == 0)
    return suppressor;
  webrtc->ns_free(suppressor);
  return NULL;
}

int cal_vad_new(cal_vad **result, const cal_vad_options *options) {
  int code = check(options);
  if (code < 0) return code;
  cal_vad *vad = cal_alloc(sizeof *vad);
  vad->webrtc = cal_webrtc();
  vad->rate_hz = options->rate_hz;
  vad->frame_samples = options->rate_hz / FRAMES_PER_SECOND;
  cal_energy_init(&vad->energy);
  if (vad->webrtc && options->engine != CAL_VAD_ENERGY)
    vad->detector = new_detector(vad->webrtc, options->mode ? options->mode : DEFAULT_MODE);
  if (vad->webrtc && options->denoise)
    vad->suppressor = new_suppressor(vad->webrtc, options->rate_hz, options->denoise);
  vad->threshold_db =
      vad->detector ? (float)(options->gate_db ? options->gate_db : DEFAULT_GATE_DB) : SPEECH_ABOVE_DB;
  *result = vad;
  return 0;
}

cal_vad *cal_vad_free(cal_vad *vad) {
  if (!vad) return NULL;
  if (vad->detector) vad->webrtc->vad_free(vad->detector);
  if (vad->suppressor) vad->webrtc->ns_free(vad->suppressor);
  return cal_free(vad);
}

static int16_t rounded(float sample) {
  if (sample >= INT16_MAX) return INT16_MAX;
  if (sample <= INT16_MIN) return INT16_MIN;
  return (int16_t)(sample < 0 ? sample - 0.5f : sample + 0.5f);
}

/* The suppressor works on 10 ms of floats in the range of int16_t. */
static void suppress(cal_vad *vad, int16_t *frame) {
  float in[CAL_VAD_MAX_FRAME / 2], out[CAL_VAD_MAX_FRAME / 2];
  const float *bands_in[1] = {in};
  float *bands_out[1] = {out};
  uint32_t half = vad->frame_samples / 2;
  for (int16_t *part = frame; part < frame + vad->frame_samples; part += half) {
    for (uint32_t i = 0; i < half; i++) in[i] = part[i];
    vad->webrtc->ns_analyze(vad->suppressor, in);
    vad->webrtc->ns_process(vad->suppressor, bands_in, 1, bands_out);
    for (uint32_t i = 0; i < half; i++) part[i] = rounded(out[i]);
  }
}

/* Is the frame loud enough to be speech, or just behind something that was? */
static int is_loud(cal_vad *vad, float above_db) {
  if (above_db >= vad->threshold_db && vad->energy.level_db > faintest_db) {
    vad->loud_frames++;
    if (vad->loud_frames >= HOLD_AFTER_FRAMES) vad->hold = HOLD_FRAMES;
    return 1;
  }
  vad->loud_frames = 0;
  if (vad->hold == 0) return 0;
  vad->hold--;
  return 1;
}

int cal_vad_frame(cal_vad *vad, int16_t *frame) {
  if (vad->suppressor) suppress(vad, frame);
  int is_loud_enough = is_loud(vad, cal_energy_frame(&vad->energy, frame, vad->frame_samples));
  if (!vad->detector) return is_loud_enough;
  /* A quiet frame is not speech whatever the detector thinks, so it is not asked: that saves all of its time
   * on a silent line and changes its other answers by less than half a per cent (docs/vad.md). */
  if (!is_loud_enough && vad->threshold_db >= 0) return 0;
  return vad->webrtc->vad_process(vad->detector, (int)vad->rate_hz, frame, vad->frame_samples) == 1;
}

cal_vad_engine cal_vad_engine_of(const cal_vad *vad) {
  return vad->detector ? CAL_VAD_WEBRTC : CAL_VAD_ENERGY;
}

float cal_vad_level_db(const cal_vad *vad) { return vad->energy.level_db; }

/* vad: is somebody speaking in this frame?
 *
 * Two engines behind one question. WEBRTC is WebRTC's Gaussian-mixture detector (looked up at run time),
 * listened to only while the frame stands above the line's noise floor; ENERGY is the floor alone and needs
 * no library. For both, a frame under -55 dB of full scale is silence, and a line's noise is learnt
 * within 2.4 s. Which one is better at what, measured, is in docs/vad.md; BEST is the choice made there, or
 * ENERGY where the library is missing.
 *
 * The noise suppressor (WebRTC's too, 8 µs a frame) is off unless asked for; it cleans the frame in place
 * before the decision, so the recogniser gets the cleaned sound as well.
 *
 * Frames of exactly 20 ms at 8 or 16 kHz; endpoint.h cuts a stream into them. No allocation per frame. One
 * thread. */
#ifndef CAL_AUDIO_VAD_H
#define CAL_AUDIO_VAD_H

#include <stdint.h>

enum { CAL_VAD_FRAME_MS = 20, CAL_VAD_MAX_FRAME = 320 /* samples at 16 kHz */ };

typedef enum cal_vad_engine { CAL_VAD_BEST, CAL_VAD_WEBRTC, CAL_VAD_ENERGY } cal_vad_engine;

typedef struct cal_vad_options {
  uint32_t rate_hz;      /* 8000 or 16000 */
  cal_vad_engine engine; /* 0: BEST */
  int mode;              /* WEBRTC: 1 eager … 4 strict (WebRTC's modes 0 to 3); 0: the default */
  int gate_db;           /* WEBRTC: a frame must stand so far above the floor; 0: the default; -1: no gate */
  int denoise;           /* 0 off; 1 mild … 3 strong; ignored where the library is missing */
} cal_vad_options;

typedef struct cal_vad cal_vad;

int cal_vad_new(cal_vad **result,
                const cal_vad_options *options); /* returns owned; -EINVAL for a rate or number out of range;
                                                    -ENOTSUP: WEBRTC asked for and not there */
cal_vad *cal_vad_free(cal_vad *vad);             /* takes; returns NULL */
int cal_vad_frame(cal_vad *vad, int16_t *frame); /* 1 speech, 0 not; changes the frame when denoising */
cal_vad_engine cal_vad_engine_of(const cal_vad *vad); /* what BEST became */
float cal_vad_level_db(const cal_vad *vad);           /* of the last frame, dB below full scale */

#endif

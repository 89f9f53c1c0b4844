/* webrtc: the speech detector and the noise suppressor inside libwebrtc_audio_processing.so.1, found at run
 * time.
 *
 * The library exports these plain C functions although no header of it ships, so they are declared here and
 * looked up by name; where the library or a name is missing, cal_webrtc() is NULL and callers use what they
 * have without it. Looked up once a process. Any thread. Signatures: WebRTC common_audio/vad and
 * audio_processing/ns, release 0.3. */
#ifndef CAL_AUDIO_WEBRTC_H
#define CAL_AUDIO_WEBRTC_H

#include <stddef.h>
#include <stdint.h>

typedef struct cal_webrtc_functions {
  void *(*vad_create)(void);
  void (*vad_free)(void *vad);
  int (*vad_init)(void *vad);
  int (*vad_set_mode)(void *vad, int mode);
  int (*vad_process)(void *vad, int rate_hz, const int16_t *frame,
                     size_t samples); /* 10, 20 or 30 ms: 1, 0 or -1 */
  void *(*ns_create)(void);
  void (*ns_free)(void *ns);
  int (*ns_init)(void *ns, uint32_t rate_hz);
  int (*ns_set_policy)(void *ns, int policy);
  void (*ns_analyze)(void *ns, const float *ten_ms);
  void (*ns_process)(void *ns, const float *const *in, size_t bands, float *const *out);
} cal_webrtc_functions;

const cal_webrtc_functions *cal_webrtc(void); /* static, or NULL */

#endif

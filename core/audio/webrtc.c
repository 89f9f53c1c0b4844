#include "audio/webrtc.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static cal_webrtc_functions functions;
static int is_whole;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ISO C has no cast from a data pointer to a function's; POSIX promises that the bits are the same. */
static int look_up(void *library, const char *name, void *pointer) {
  void *symbol = dlsym(library, name);
  memcpy(pointer, &symbol, sizeof symbol);
  return symbol != NULL;
}

/* The library stays loaded for the life of the process. */
static void load(void) {
  void *library = dlopen("libwebrtc_audio_processing.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  is_whole = look_up(library, "WebRtcVad_Create", &functions.vad_create) &&
             look_up(library, "WebRtcVad_Free", &functions.vad_free) &&
             look_up(library, "WebRtcVad_Init", &functions.vad_init) &&
             look_up(library, "WebRtcVad_set_mode", &functions.vad_set_mode) &&
             look_up(library, "WebRtcVad_Process", &functions.vad_process) &&
             look_up(library, "WebRtcNs_Create", &functions.ns_create) &&
             look_up(library, "WebRtcNs_Free", &functions.ns_free) &&
             look_up(library, "WebRtcNs_Init", &functions.ns_init) &&
             look_up(library, "WebRtcNs_set_policy", &functions.ns_set_policy) &&
             look_up(library, "WebRtcNs_Analyze", &functions.ns_analyze) &&
             look_up(library, "WebRtcNs_Process", &functions.ns_process);
}

const cal_webrtc_functions *cal_webrtc(void) {
  pthread_once(&once, load);
  return is_whole ? &functions : NULL;
}

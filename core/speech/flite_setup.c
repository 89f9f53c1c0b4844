#include "speech/flite_setup.h"

#include <pthread.h>
#include <string.h>

/* No header of flite declares these. */
cst_voice *register_cmu_us_slt(const char *voxdir);
cst_voice *register_cmu_us_rms(const char *voxdir);
cst_voice *register_cmu_us_kal(const char *voxdir);

static struct {
  const char *name;
  cst_voice *(*make)(const char *voxdir);
  cst_voice *voice;
} voices[] = {{"slt", register_cmu_us_slt, NULL},
              {"rms", register_cmu_us_rms, NULL},
              {"kal", register_cmu_us_kal, NULL}};

#define VOICES (sizeof voices / sizeof voices[0])

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void) {
  flite_init();
  for (size_t i = 0; i < VOICES; i++) voices[i].voice = voices[i].make(NULL);
}

cst_voice *cal_flite_voice(const char *name) {
  pthread_once(&once, set_up);
  for (size_t i = 0; i < VOICES; i++)
    if (!strcmp(voices[i].name, name)) return voices[i].voice;
  return NULL;
}

cst_lexicon *cal_flite_lexicon(void) {
  return val_lexicon(feat_val(cal_flite_voice("slt")->features, "lexicon"));
}

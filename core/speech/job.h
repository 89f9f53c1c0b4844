/* job: one piece of work of the speech plane, and how it is done a step at a time. One thread at a time. */
#ifndef CAL_SPEECH_JOB_H
#define CAL_SPEECH_JOB_H

#include "base/list.h"
#include "base/metrics.h"
#include "speech/cache.h"
#include "speech/speech.h"

typedef enum cal_job_kind { CAL_JOB_SAY, CAL_JOB_PLAY, CAL_JOB_HEAR } cal_job_kind;

typedef struct cal_job {
  cal_list node; /* in a queue of the plane, or among its asker's jobs */
  cal_id id;
  cal_job_kind kind;
  uint64_t who;            /* asks for it, for SAY and PLAY */
  struct cal_asker *asker; /* SAY and PLAY, when there are workers (askers.h) */
  int is_cancelled;        /* guarded by the plane's mutex */
  char *text;              /* SAY: the text; PLAY: the path */
  cal_span rest;           /* SAY: of the text, still to be said */
  cal_voice_options voice; /* PLAY: only the rate */
  char voice_name[8];
  cal_clip *utterance; /* HEAR */
  cal_grammar *grammar;
  cal_on_clip on_clip;
  cal_on_heard on_heard;
  void *context;
} cal_job;

typedef struct cal_job_tools {
  cal_cache *cache; /* shared by the workers */
  cal_ear *ear;     /* this worker's; NULL until it has to listen */
  cal_ear_options hearing;
  int is_spoken; /* for specs: spoken.h instead of the voice and the ear */
  cal_metric *cache_hits, *say_seconds, *hear_seconds;
} cal_job_tools;

/* does one sentence, file or utterance; 1 when the last callback was made */
int cal_job_step(cal_job *job, cal_job_tools *tools);
void cal_job_fail(cal_job *job, int code); /* makes the last callback */
void *cal_job_free(cal_job *job);          /* takes; returns NULL */

#endif

#include "speech/speech.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/nice.h"
#include "speech/askers.h"
#include "speech/job.h"

#define QUEUE 256
#define HEARD_IN_A_ROW 8 /* recognitions before a waiting sentence gets its turn */

typedef struct worker {
  cal_speech *speech;
  pthread_t thread;
  cal_job_tools tools;
  int takes_dictation; /* free text needs 100 MiB: one worker has it */
  uint32_t heard_in_a_row;
} worker;

struct cal_speech {
  pthread_mutex_t mutex; /* guards everything down to is_stopping */
  pthread_cond_t work;   /* a job was queued, or the end has come */
  cal_list hearing, dictation;
  cal_askers saying;
  uint32_t ceiling; /* of jobs */
  cal_slots *jobs;  /* accepted and not yet answered: queued or at a worker */
  cal_dict *dict;
  int is_stopping;

  char *dict_path;
  char *model_dir;
  cal_cache *cache;
  int free_text;
  uint32_t threads; /* workers that run; 0 = inline */
  worker *workers;  /* at least one: the inline plane uses its tools */
  cal_metric *job_count, *refused;
};

cal_speech_options cal_speech_defaults(void) {
  return (cal_speech_options){.threads = 1, .cache_bytes = 64u << 20, .queue = QUEUE};
}

static void lock(cal_speech *speech) { pthread_mutex_lock(&speech->mutex); }
static void unlock(cal_speech *speech) { pthread_mutex_unlock(&speech->mutex); }

/* Of what is heard. */
static cal_list *queue_of(cal_speech *speech, const cal_job *job) {
  int is_easy = job->grammar || speech->workers[0].tools.is_spoken;
  return is_easy ? &speech->hearing : &speech->dictation;
}

static cal_job *first_of(cal_list *queue) {
  return cal_list_is_empty(queue) ? NULL : cal_list_entry(queue->next, cal_job, node);
}

/* The next job for this worker, taken off its queue; NULL when there is none. Locked. */
static cal_job *take_job(cal_speech *speech, worker *self) {
  cal_job *hear = first_of(&speech->hearing);
  if (!hear && self->takes_dictation) hear = first_of(&speech->dictation);
  if (!hear || (cal_askers_are_waiting(&speech->saying) && self->heard_in_a_row >= HEARD_IN_A_ROW)) {
    self->heard_in_a_row = 0;
    return cal_askers_next(&speech->saying);
  }
  self->heard_in_a_row++;
  cal_list_remove(&hear->node);
  return hear;
}

/* A step of the job took so long, and it is over or not. */
static void put_back(cal_speech *speech, cal_job *job, uint64_t used_ns, int is_over) {
  lock(speech);
  if (job->asker) cal_askers_back(&speech->saying, job, used_ns, is_over);
  if (is_over) cal_slots_remove(speech->jobs, job->id);
  unlock(speech);
  if (!is_over) return;
  cal_metric_add(speech->job_count, -1);
  cal_job_free(job);
}

static int step(cal_job *job, worker *self, int is_cancelled) {
  if (!is_cancelled) return cal_job_step(job, &self->tools);
  cal_fail(-ECANCELED, "the job was cancelled");
  cal_job_fail(job, -ECANCELED);
  return 1;
}

static void work_on(cal_speech *speech, worker *self, cal_job *job, int is_cancelled) {
  uint64_t started_ns = cal_clock_now_ns(cal_clock_real());
  int is_over = step(job, self, is_cancelled);
  put_back(speech, job, cal_clock_now_ns(cal_clock_real()) - started_ns, is_over);
}

static void *run_worker(void *context) {
  worker *self = context;
  cal_speech *speech = self->speech;
  cal_thread_nice(CAL_NICE_SPEECH);
  lock(speech);
  for (;;) {
    cal_job *job = take_job(speech, self);
    if (!job && speech->is_stopping) break;
    if (!job) {
      pthread_cond_wait(&speech->work, &speech->mutex);
      continue;
    }
    int is_cancelled = job->is_cancelled || speech->is_stopping;
    unlock(speech);
    work_on(speech, self, job, is_cancelled);
    lock(speech);
  }
  unlock(speech);
  return NULL;
}

static void run_inline(cal_speech *speech, cal_job *job) {
  int is_over = 0;
  while (!is_over) {
    lock(speech);
    int is_cancelled = job->is_cancelled;
    unlock(speech);
    is_over = step(job, &speech->workers[0], is_cancelled);
  }
  put_back(speech, job, 0, 1);
}

/* Locked. Puts the job where the workers look for it. */
static int line_up(cal_speech *speech, cal_job *job) {
  if (!speech->threads) return 0;
  if (job->kind == CAL_JOB_HEAR) {
    cal_list_append(queue_of(speech, job), &job->node);
    return 0;
  }
  int is_short = cal_slots_count(speech->jobs) > speech->ceiling / 2;
  return cal_askers_add(&speech->saying, job, job->who, is_short);
}

/* Locked. */
static int accept(cal_speech *speech, cal_id *id, cal_job *job) {
  if (speech->is_stopping) return cal_fail(-ESHUTDOWN, "the speech plane is shutting down");
  job->id = cal_slots_add(speech->jobs, job);
  if (!job->id) return cal_fail(-ENOBUFS, "the speech plane is busy: its queue is full");
  int code = line_up(speech, job);
  if (code) {
    cal_slots_remove(speech->jobs, job->id);
    return code;
  }
  if (id) *id = job->id;
  return 0;
}

static int submit(cal_speech *speech, cal_id *id, cal_job *job) {
  lock(speech);
  int code = accept(speech, id, job);
  /* All are woken: a free text job is nothing to most of them, and signal might wake the wrong one. */
  if (!code) pthread_cond_broadcast(&speech->work);
  unlock(speech);
  cal_metric_add(code ? speech->refused : speech->job_count, 1);
  if (code)
    cal_job_free(job);
  else if (!speech->threads)
    run_inline(speech, job);
  return code;
}

static void set_up_worker(cal_speech *speech, worker *self, int is_first, int is_spoken) {
  self->speech = speech;
  self->takes_dictation = is_first && speech->free_text;
  self->tools.cache = speech->cache;
  self->tools.is_spoken = is_spoken;
  self->tools.hearing = (cal_ear_options){.model_dir = speech->model_dir, .free_text = self->takes_dictation};
  self->tools.cache_hits = cal_counter("callisto_speech_cache_hits_total", "Clips answered from the cache");
  self->tools.say_seconds = cal_histogram("callisto_speech_say_seconds", "Time to synthesise a sentence");
  self->tools.hear_seconds = cal_histogram("callisto_speech_hear_seconds", "Time to recognise an utterance");
}

static int start_workers(cal_speech *speech, uint32_t threads) {
  for (uint32_t i = 0; i < threads; i++) {
    int error = pthread_create(&speech->workers[i].thread, NULL, run_worker, &speech->workers[i]);
    if (error) return cal_fail(-error, "a speech thread cannot be started: %s", strerror(error));
    speech->threads++; /* no job can have come yet, so it is not read */
  }
  return 0;
}

int cal_speech_new(cal_speech **result, const cal_speech_options *options) {
  cal_speech_options defaults = cal_speech_defaults();
  if (!options) options = &defaults;
  if (options->threads > CAL_SPEECH_THREADS)
    return cal_fail(-EINVAL, "the speech plane has at most %d threads", CAL_SPEECH_THREADS);
  cal_speech *speech = cal_alloc(sizeof *speech);
  char dict_path[PATH_MAX];
  pthread_mutex_init(&speech->mutex, NULL);
  pthread_cond_init(&speech->work, NULL);
  cal_list_init(&speech->hearing);
  cal_list_init(&speech->dictation);
  cal_askers_init(&speech->saying);
  speech->ceiling = options->queue ? options->queue : QUEUE;
  speech->jobs = cal_slots_new(speech->ceiling, 0);
  speech->cache = cal_cache_new(options->cache_bytes);
  speech->model_dir = cal_strdup(options->model_dir ? options->model_dir : CAL_EAR_MODEL_DIR);
  snprintf(dict_path, sizeof dict_path, "%s/cmudict-en-us.dict", speech->model_dir);
  speech->dict_path = cal_strdup(dict_path);
  speech->free_text = options->free_text;
  speech->job_count = cal_gauge("callisto_speech_jobs", "Speech jobs accepted and not yet answered");
  speech->refused =
      cal_counter("callisto_speech_refused_total", "Speech jobs refused because the queue was full");
  uint32_t workers = options->threads ? options->threads : 1;
  speech->workers = cal_alloc(workers * sizeof *speech->workers);
  for (uint32_t i = 0; i < workers; i++)
    set_up_worker(speech, &speech->workers[i], i == 0, options->is_spoken);
  int code = start_workers(speech, options->threads);
  if (code) {
    cal_speech_free(speech);
    return code;
  }
  *result = speech;
  return 0;
}

void *cal_speech_free(cal_speech *speech) {
  if (!speech) return NULL;
  lock(speech);
  speech->is_stopping = 1;
  pthread_cond_broadcast(&speech->work);
  unlock(speech);
  for (uint32_t i = 0; i < speech->threads; i++) pthread_join(speech->workers[i].thread, NULL);
  cal_ear_free(speech->workers[0].tools.ear);
  for (uint32_t i = 1; i < speech->threads; i++) cal_ear_free(speech->workers[i].tools.ear);
  cal_free(speech->workers);
  cal_cache_free(speech->cache);
  cal_askers_free(&speech->saying);
  cal_slots_free(speech->jobs);
  cal_unref(speech->dict);
  cal_free(speech->dict_path);
  cal_free(speech->model_dir);
  pthread_cond_destroy(&speech->work);
  pthread_mutex_destroy(&speech->mutex);
  return cal_free(speech);
}

int cal_speech_dict(cal_speech *speech, const cal_dict **result) {
  lock(speech);
  int code = speech->dict ? 0 : cal_dict_open(&speech->dict, speech->dict_path);
  if (!code) *result = speech->dict;
  unlock(speech);
  return code;
}

int cal_speech_hears_free_text(const cal_speech *speech) {
  return speech->free_text || speech->workers[0].tools.is_spoken;
}

static int check_text(const char *text, const cal_voice_options *voice) {
  int code = cal_voice_check(voice);
  if (code) return code;
  cal_span rest = cal_span_of(text), sentence;
  if (rest.bytes > CAL_SPEECH_TEXT_BYTES)
    return cal_fail(-EMSGSIZE, "a text to be said may have %d bytes at most", CAL_SPEECH_TEXT_BYTES);
  if (!cal_voice_next_sentence(&rest, &sentence))
    return cal_fail(-EINVAL, "there is nothing to say in the text");
  return 0;
}

int cal_speech_say(cal_speech *speech, cal_id *id, uint64_t who, const char *text,
                   const cal_voice_options *voice, cal_on_clip on_clip, void *context) {
  int code = check_text(text, voice);
  if (code) return code;
  cal_job *job = cal_alloc(sizeof *job);
  *job = (cal_job){
      .kind = CAL_JOB_SAY, .who = who, .text = cal_strdup(text), .on_clip = on_clip, .context = context};
  job->rest = cal_span_of(job->text);
  if (voice) job->voice = *voice;
  if (job->voice.voice) {
    snprintf(job->voice_name, sizeof job->voice_name, "%s", job->voice.voice);
    job->voice.voice = job->voice_name;
  }
  return submit(speech, id, job);
}

int cal_speech_play_file(cal_speech *speech, cal_id *id, uint64_t who, const char *path, uint32_t rate_hz,
                         cal_on_clip on_clip, void *context) {
  cal_job *job = cal_alloc(sizeof *job);
  *job = (cal_job){
      .kind = CAL_JOB_PLAY, .who = who, .text = cal_strdup(path), .on_clip = on_clip, .context = context};
  job->voice.rate_hz = rate_hz ? rate_hz : 8000;
  return submit(speech, id, job);
}

int cal_speech_hear(cal_speech *speech, cal_id *id, cal_clip *utterance, cal_grammar *grammar,
                    cal_on_heard on_heard, void *context) {
  if (!grammar && !cal_speech_hears_free_text(speech))
    return cal_fail(-ENOTSUP, "recognition without expected answers is switched off (free_text)");
  cal_job *job = cal_alloc(sizeof *job);
  *job = (cal_job){.kind = CAL_JOB_HEAR, .on_heard = on_heard, .context = context};
  job->utterance = cal_ref(utterance);
  job->grammar = cal_ref(grammar);
  return submit(speech, id, job);
}

void cal_speech_cancel(cal_speech *speech, cal_id id) {
  lock(speech);
  cal_job *job = cal_slots_get(speech->jobs, id);
  if (job) job->is_cancelled = 1;
  unlock(speech);
}

uint32_t cal_speech_jobs(cal_speech *speech) {
  lock(speech);
  uint32_t count = cal_slots_count(speech->jobs);
  unlock(speech);
  return count;
}

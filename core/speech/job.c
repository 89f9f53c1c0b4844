#include "speech/job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/resample.h"
#include "audio/wav.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "speech/spoken.h"

#define KEY_BYTES (CAL_VOICE_TEXT_BYTES + 128)

static double seconds_since(uint64_t started_ns) {
  return (double)(cal_clock_now_ns(cal_clock_real()) - started_ns) / (double)CAL_S;
}

void cal_job_fail(cal_job *job, int code) {
  if (job->kind == CAL_JOB_HEAR)
    job->on_heard(job->context, NULL, code);
  else
    job->on_clip(job->context, NULL, 1, code);
}

void *cal_job_free(cal_job *job) {
  if (!job) return NULL;
  cal_free(job->text);
  cal_unref(job->utterance);
  cal_unref(job->grammar);
  return cal_free(job);
}

static int voice_say(cal_clip **result, const char *text, const cal_job *job, const cal_job_tools *tools) {
  if (!tools->is_spoken) return cal_voice_say(result, text, &job->voice);
  cal_clip *clip = cal_spoken_say(text, job->voice.rate_hz ? job->voice.rate_hz : 8000);
  if (!clip) return -EINVAL; /* its sentence is set */
  *result = clip;
  return 0;
}

static int make_sentence(cal_clip **result, const cal_job *job, cal_span sentence, cal_job_tools *tools) {
  char *text = cal_strndup(sentence.at, sentence.bytes);
  char key[KEY_BYTES];
  snprintf(key, sizeof key, "say:%s:%u:%g:%g:%s", job->voice.voice ? job->voice.voice : "",
           job->voice.rate_hz, job->voice.speed, job->voice.gain_db, text);
  cal_clip *clip = cal_cache_get(tools->cache, key);
  int code = 0;
  if (clip) {
    cal_metric_add(tools->cache_hits, 1);
  } else {
    uint64_t started_ns = cal_clock_now_ns(cal_clock_real());
    code = voice_say(&clip, text, job, tools);
    cal_metric_observe(tools->say_seconds, seconds_since(started_ns));
    if (!code) cal_cache_put(tools->cache, key, clip);
  }
  cal_free(text);
  if (!code) *result = clip;
  return code;
}

static int say(cal_job *job, cal_job_tools *tools) {
  cal_span sentence, ahead;
  cal_clip *clip = NULL;
  if (!cal_voice_next_sentence(&job->rest, &sentence)) sentence = cal_span_of("");
  int code = make_sentence(&clip, job, sentence, tools);
  if (code) {
    cal_job_fail(job, code);
    return 1;
  }
  cal_span after = job->rest;
  int is_last = !cal_voice_next_sentence(&after, &ahead);
  job->on_clip(job->context, clip, is_last, 0);
  return is_last;
}

static int read_whole(char **result, int file, size_t bytes, const char *path) {
  char *data = cal_alloc(bytes + 1);
  size_t have = 0;
  while (have < bytes) {
    ssize_t count = read(file, data + have, bytes - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      int code = cal_fail(-errno, "the sound file %s cannot be read: %s", path, strerror(errno));
      cal_free(data);
      return code;
    }
    if (count == 0) break; /* it shrank: the rest is zero, which the reader of WAV copes with */
    have += (size_t)count;
  }
  *result = data;
  return 0;
}

static int read_clip(cal_clip **result, int file, const struct stat *about, const cal_job *job,
                     cal_job_tools *tools) {
  char key[KEY_BYTES];
  snprintf(key, sizeof key, "file:%" PRIu64 ":%" PRIu64 ":%jd.%09ld:%jd:%u", (uint64_t)about->st_dev,
           (uint64_t)about->st_ino, (intmax_t)about->st_mtim.tv_sec, about->st_mtim.tv_nsec,
           (intmax_t)about->st_size, job->voice.rate_hz);
  cal_clip *clip = cal_cache_get(tools->cache, key), *at_rate = NULL;
  if (clip) {
    cal_metric_add(tools->cache_hits, 1);
    *result = clip;
    return 0;
  }
  char *data = NULL;
  int code = read_whole(&data, file, (size_t)about->st_size, job->text);
  if (!code) code = cal_wav_read(&clip, data, (size_t)about->st_size);
  cal_free(data);
  if (!code) code = cal_clip_resample(&at_rate, clip, job->voice.rate_hz);
  cal_unref(clip);
  if (code) return code;
  cal_cache_put(tools->cache, key, at_rate);
  *result = at_rate;
  return 0;
}

static int open_clip(cal_clip **result, const cal_job *job, cal_job_tools *tools) {
  int file = open(job->text, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold the worker */
  if (file < 0) return cal_fail(-errno, "the sound file %s cannot be opened: %s", job->text, strerror(errno));
  struct stat about;
  int code = 0;
  if (fstat(file, &about))
    code = cal_fail(-errno, "the sound file %s cannot be read: %s", job->text, strerror(errno));
  else if (!S_ISREG(about.st_mode))
    code = cal_fail(-EINVAL, "%s is not a file", job->text);
  else if (about.st_size > CAL_SPEECH_FILE_BYTES)
    code = cal_fail(-EMSGSIZE, "the sound file %s is larger than %u bytes", job->text, CAL_SPEECH_FILE_BYTES);
  else
    code = read_clip(result, file, &about, job, tools);
  close(file);
  return code;
}

static int play(cal_job *job, cal_job_tools *tools) {
  cal_clip *clip = NULL;
  int code = open_clip(&clip, job, tools);
  if (code)
    cal_job_fail(job, code);
  else
    job->on_clip(job->context, clip, 1, 0);
  return 1;
}

/* A sound without words is a noise, as to the real ear. */
static void hear_spoken(const cal_job *job) {
  const cal_clip *utterance = job->utterance;
  char *text = cal_spoken_read(utterance);
  cal_heard heard = {.match = {.choice = -1},
                     .audio_ms = (uint32_t)((uint64_t)utterance->samples * 1000 / utterance->rate_hz)};
  if (!job->grammar)
    snprintf(heard.match.text, sizeof heard.match.text, "%s", text);
  else if (text[0])
    cal_grammar_read(job->grammar, &heard.match, text);
  cal_free(text);
  job->on_heard(job->context, &heard, 0);
}

static int hear(cal_job *job, cal_job_tools *tools) {
  if (tools->is_spoken) {
    hear_spoken(job);
    return 1;
  }
  uint64_t started_ns = cal_clock_now_ns(cal_clock_real());
  cal_clip *utterance = NULL;
  cal_heard heard;
  int is_ready = job->utterance->rate_hz == 8000 || job->utterance->rate_hz == 16000;
  int code = tools->ear ? 0 : cal_ear_new(&tools->ear, &tools->hearing);
  if (!code && is_ready) utterance = cal_ref(job->utterance);
  if (!code && !is_ready) code = cal_clip_resample(&utterance, job->utterance, 16000);
  if (!code)
    code = cal_ear_recognise(&heard, tools->ear, utterance->data, utterance->samples, utterance->rate_hz,
                             job->grammar);
  cal_unref(utterance);
  cal_metric_observe(tools->hear_seconds, seconds_since(started_ns));
  job->on_heard(job->context, code ? NULL : &heard, code);
  return 1;
}

int cal_job_step(cal_job *job, cal_job_tools *tools) {
  switch (job->kind) {
  case CAL_JOB_SAY:
    return say(job, tools);
  case CAL_JOB_PLAY:
    return play(job, tools);
  default:
    return hear(job, tools);
  }
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "speech/line.h"
#include "speech/askers.h"
#include "speech/speech.h"

/* What came back for one job. Filled on a worker, read by the test: guarded by one mutex for all. */
typedef struct answer {
  int clips, lasts, code;
  uint32_t samples;
  char text[256];
  cal_heard heard;
  cal_clip *first;
  cal_speech *speech; /* cancels `job` at the first clip, if set */
  cal_id job;
} answer;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_held; /* a worker that reaches hold() waits while it is set */
static int is_holding;

static void on_clip(void *context, cal_clip *clip, int is_last, int code) {
  answer *a = context;
  pthread_mutex_lock(&mutex);
  if (clip) {
    a->clips++;
    a->samples += clip->samples;
    strncat(a->text, clip->text, sizeof a->text - strlen(a->text) - 1);
    strncat(a->text, "|", sizeof a->text - strlen(a->text) - 1);
    if (!a->first) a->first = cal_ref(clip);
  }
  if (code) a->code = code;
  a->lasts += is_last != 0;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  if (clip && a->speech) cal_speech_cancel(a->speech, a->job);
  cal_unref(clip);
}

static void on_heard(void *context, const cal_heard *heard, int code) {
  answer *a = context;
  pthread_mutex_lock(&mutex);
  if (heard) a->heard = *heard;
  a->code = code;
  a->lasts++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

static void hold(void *context, cal_clip *clip, int is_last, int code) {
  pthread_mutex_lock(&mutex);
  is_holding = 1;
  pthread_cond_broadcast(&changed);
  while (is_held) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
  on_clip(context, clip, is_last, code);
}

static void wait_for(answer *a) {
  pthread_mutex_lock(&mutex);
  while (!a->lasts) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

static void set_held(int held) {
  pthread_mutex_lock(&mutex);
  is_held = held;
  if (held) is_holding = 0;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

static cal_speech *plane(uint32_t threads, uint32_t queue) {
  cal_speech_options options = cal_speech_defaults();
  options.threads = threads;
  options.queue = queue;
  cal_speech *speech = NULL;
  assert_int_equal(0, cal_speech_new(&speech, &options));
  return speech;
}

static const cal_voice_options kal = {.voice = "kal"};

/* Brings the only worker into the callback of a job and keeps it there. */
static void occupy(cal_speech *speech, answer *a) {
  set_held(1);
  assert_int_equal(0, cal_speech_say(speech, NULL, 0, "Wait.", &kal, hold, a));
  pthread_mutex_lock(&mutex);
  while (!is_holding) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

static void a_text_comes_sentence_by_sentence(void **state) {
  cal_speech *speech = plane(2, 0);
  answer a = {0};
  cal_id job = 0;
  assert_int_equal(
      0, cal_speech_say(speech, &job, 0, "One moment. I am looking! Here it is.", &kal, on_clip, &a));
  wait_for(&a);
  assert_true(job != 0);
  assert_string_equal("One moment.|I am looking!|Here it is.|", a.text);
  assert_int_equal(1, a.lasts);
  assert_int_equal(0, a.code);
  cal_speech_free(speech);
  cal_unref(a.first);
}

static void the_same_sentence_comes_from_the_cache(void **state) {
  cal_speech *speech = plane(1, 0);
  answer a = {0}, b = {0}, c = {0};
  assert_int_equal(0, cal_speech_say(speech, NULL, 0, "Good morning.", NULL, on_clip, &a));
  wait_for(&a);
  assert_int_equal(0, cal_speech_say(speech, NULL, 0, "Good morning.", NULL, on_clip, &b));
  assert_int_equal(0, cal_speech_say(speech, NULL, 0, "Good morning.", &kal, on_clip, &c));
  wait_for(&b);
  wait_for(&c);
  assert_ptr_equal(a.first, b.first);
  assert_ptr_not_equal(a.first, c.first);
  cal_speech_free(speech);
  cal_unref(a.first);
  cal_unref(b.first);
  cal_unref(c.first);
}

static void a_full_queue_refuses_and_recovers(void **state) {
  cal_speech *speech = plane(1, 2);
  answer a = {0}, b = {0}, c = {0};
  occupy(speech, &a);
  assert_int_equal(0, cal_speech_say(speech, NULL, 0, "Second.", &kal, on_clip, &b));
  assert_int_equal(-ENOBUFS, cal_speech_say(speech, NULL, 0, "Third.", &kal, on_clip, &c));
  assert_int_equal(2, cal_speech_jobs(speech));
  set_held(0);
  wait_for(&b);
  assert_int_equal(0, c.lasts);
  cal_speech_free(speech);
  assert_int_equal(0, c.lasts);
  cal_unref(a.first);
  cal_unref(b.first);
}

static void a_cancelled_job_ends_after_its_sentence(void **state) {
  cal_speech *speech = plane(1, 0);
  answer a = {0}, waiting = {0}, held = {0};
  occupy(speech, &held);
  a.speech = speech;
  cal_id job = 0;
  assert_int_equal(0, cal_speech_say(speech, &a.job, 0, "First. Second. Third.", &kal, on_clip, &a));
  assert_int_equal(0, cal_speech_say(speech, &job, 0, "Never said.", &kal, on_clip, &waiting));
  cal_speech_cancel(speech, job);
  set_held(0);
  wait_for(&a);
  wait_for(&waiting);
  assert_int_equal(1, a.clips);
  assert_int_equal(-ECANCELED, a.code);
  assert_int_equal(0, waiting.clips);
  assert_int_equal(-ECANCELED, waiting.code);
  cal_speech_cancel(speech, job); /* over: ignored */
  cal_speech_free(speech);
  assert_int_equal(1, a.lasts);
  assert_int_equal(1, waiting.lasts);
  cal_unref(a.first);
  cal_unref(held.first);
}

static int finished; /* answers that have come, in the order they came */

static void note_order(void *context, cal_clip *clip, int is_last, int code) {
  pthread_mutex_lock(&mutex);
  if (is_last) ((answer *)context)->samples = (uint32_t)++finished;
  if (is_last) ((answer *)context)->lasts = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  cal_unref(clip);
}

/* One has sixty-four texts waiting; what others ask for then waits for one of its sentences. */
static void who_asks_for_much_waits_behind_who_asks_for_little(void **state) {
  enum { MUCH = CAL_ASKER_JOBS };
  static answer much[MUCH];
  answer held = {0}, refused = {0}, little = {0}, nobodys = {0};
  cal_speech *speech = plane(1, 256);
  memset(much, 0, sizeof much);
  finished = 0;
  occupy(speech, &held);
  for (int i = 0; i < MUCH; i++)
    assert_int_equal(0, cal_speech_say(speech, NULL, 7, "One. Two. Three.", &kal, note_order, &much[i]));
  assert_int_equal(-ENOBUFS, cal_speech_say(speech, NULL, 7, "One more.", &kal, note_order, &refused));
  assert_int_equal(0, cal_speech_say(speech, NULL, 8, "Little.", &kal, note_order, &little));
  assert_int_equal(0, cal_speech_say(speech, NULL, 0, "Nobody's.", &kal, note_order, &nobodys));
  set_held(0);
  wait_for(&little);
  wait_for(&nobodys);
  wait_for(&much[MUCH - 1]);
  assert_int_equal(1, little.samples); /* the text of three sentences began before it, and ends after it */
  assert_int_equal(2, nobodys.samples);
  for (int i = 0; i < MUCH; i++) assert_int_equal(3 + i, much[i].samples);
  cal_speech_free(speech);
  cal_unref(held.first);
}

/* Half of the room is taken: each may have a little, so that there is some for everybody. */
static void who_asks_for_much_is_refused_first(void **state) {
  static answer answers[32];
  answer held = {0}, one = {0};
  cal_speech *speech = plane(1, 32);
  memset(answers, 0, sizeof answers);
  int accepted = 0, last = 0;
  occupy(speech, &held);
  for (int i = 0; i < 32; i++) {
    if (cal_speech_say(speech, NULL, 7, "Much.", &kal, note_order, &answers[i])) break;
    accepted++;
    last = i;
  }
  assert_int_equal(15, accepted); /* and the one being held */
  for (int i = 0; i < CAL_ASKER_JOBS_SHORT; i++)
    assert_int_equal(0, cal_speech_say(speech, NULL, 8, "Little.", &kal, note_order, &one));
  assert_int_equal(-ENOBUFS, cal_speech_say(speech, NULL, 8, "Little.", &kal, note_order, &one));
  set_held(0);
  wait_for(&answers[last]);
  cal_speech_free(speech);
  cal_unref(held.first);
}

static void *release_soon(void *context) {
  set_held(0);
  return NULL;
}

static void shutdown_answers_every_job_once(void **state) {
  enum { JOBS = 40 };
  static answer answers[JOBS];
  memset(answers, 0, sizeof answers);
  cal_speech *speech = plane(1, 0);
  answer held = {0};
  pthread_t thread;
  occupy(speech, &held);
  cal_clip *clip = cal_clip_new(8000, 8000, NULL, 0);
  const cal_dict *dict = NULL;
  cal_grammar *grammar = NULL;
  cal_choice yes = {"yes", NULL, 0};
  assert_int_equal(0, cal_speech_dict(speech, &dict));
  assert_int_equal(
      0, cal_grammar_new(&grammar, dict, &(cal_grammar_options){.choices = &yes, .choice_count = 1}));
  for (int i = 0; i < JOBS; i++)
    assert_int_equal(0, i % 2 ? cal_speech_hear(speech, NULL, clip, grammar, on_heard, &answers[i])
                              : cal_speech_say(speech, NULL, 0, "One. Two.", &kal, on_clip, &answers[i]));
  cal_unref(clip);
  cal_unref(grammar);
  assert_int_equal(0, pthread_create(&thread, NULL, release_soon, NULL));
  cal_speech_free(speech);
  pthread_join(thread, NULL);
  for (int i = 0; i < JOBS; i++) {
    assert_int_equal(1, answers[i].lasts);
    assert_true(answers[i].code == 0 || answers[i].code == -ECANCELED);
    cal_unref(answers[i].first);
  }
  assert_int_equal(1, held.lasts);
  cal_unref(held.first);
}

static void what_one_call_says_another_understands(void **state) {
  static const char *const menu[] = {"billing", "technical support", "opening hours"};
  enum { JOBS = 12 };
  answer said[JOBS] = {0}, heard[JOBS] = {0};
  cal_choice choices[3];
  for (int i = 0; i < 3; i++) choices[i] = (cal_choice){menu[i], NULL, 0};
  cal_speech *speech = plane(3, 0);
  const cal_dict *dict = NULL;
  cal_grammar *grammar = NULL;
  assert_int_equal(0, cal_speech_dict(speech, &dict));
  assert_int_equal(
      0, cal_grammar_new(&grammar, dict, &(cal_grammar_options){.choices = choices, .choice_count = 3}));
  for (int i = 0; i < JOBS; i++)
    assert_int_equal(0, cal_speech_say(speech, NULL, 0, menu[i % 3], &kal, on_clip, &said[i]));
  for (int i = 0; i < JOBS; i++) {
    wait_for(&said[i]);
    cal_clip *clip = over_the_line(said[i].first);
    assert_int_equal(0, cal_speech_hear(speech, NULL, clip, grammar, on_heard, &heard[i]));
    cal_unref(clip);
  }
  for (int i = 0; i < JOBS; i++) {
    wait_for(&heard[i]);
    assert_int_equal(0, heard[i].code);
    assert_string_equal(menu[i % 3], heard[i].heard.match.id);
  }
  cal_unref(grammar);
  cal_speech_free(speech);
}

static void inline_everything_has_happened_when_submit_returns(void **state) {
  cal_speech *speech = plane(0, 0);
  answer a = {0}, b = {0}, c = {0};
  const cal_dict *dict = NULL;
  cal_grammar *grammar = NULL;
  cal_choice choices[] = {{"yes", NULL, 0}, {"no", NULL, 0}};
  assert_int_equal(0, cal_speech_say(speech, NULL, 0, "Yes please. Thank you.", &kal, on_clip, &a));
  assert_int_equal(2, a.clips);
  assert_int_equal(1, a.lasts);
  assert_int_equal(0, cal_speech_dict(speech, &dict));
  assert_int_equal(
      0, cal_grammar_new(&grammar, dict, &(cal_grammar_options){.choices = choices, .choice_count = 2}));
  assert_int_equal(0, cal_speech_hear(speech, NULL, a.first, grammar, on_heard, &b));
  assert_string_equal("yes", b.heard.match.id);
  c.speech = speech;
  assert_int_equal(0, cal_speech_say(speech, &c.job, 0, "One. Two. Three.", &kal, on_clip, &c));
  assert_int_equal(1, c.clips);
  assert_int_equal(-ECANCELED, c.code);
  assert_int_equal(0, cal_speech_jobs(speech));
  cal_unref(grammar);
  cal_speech_free(speech);
  cal_unref(a.first);
  cal_unref(c.first);
}

static void a_sound_file_is_played_and_kept(void **state) {
  char path[] = "/tmp/cal-speech-XXXXXX";
  int file = mkstemp(path);
  uint8_t header[CAL_WAV_HEADER_BYTES];
  static const int16_t samples[1600] = {1000, -1000};
  cal_wav_header(header, 16000, 1, sizeof samples);
  assert_int_equal(sizeof header, write(file, header, sizeof header));
  assert_int_equal(sizeof samples, write(file, samples, sizeof samples));
  close(file);
  cal_speech *speech = plane(1, 0);
  answer a = {0}, b = {0}, missing = {0}, folder = {0};
  assert_int_equal(0, cal_speech_play_file(speech, NULL, 0, path, 0, on_clip, &a));
  wait_for(&a);
  assert_int_equal(0, cal_speech_play_file(speech, NULL, 0, path, 8000, on_clip, &b));
  assert_int_equal(0, cal_speech_play_file(speech, NULL, 0, "/nowhere/a.wav", 8000, on_clip, &missing));
  assert_int_equal(0, cal_speech_play_file(speech, NULL, 0, "/tmp", 8000, on_clip, &folder));
  wait_for(&b);
  wait_for(&missing);
  wait_for(&folder);
  assert_int_equal(800, a.samples);
  assert_ptr_equal(a.first, b.first);
  assert_int_equal(-ENOENT, missing.code);
  assert_int_equal(-EINVAL, folder.code);
  cal_speech_free(speech);
  cal_unref(a.first);
  cal_unref(b.first);
  unlink(path);
}

static void what_makes_no_sense_is_refused_at_once(void **state) {
  cal_speech *speech = plane(1, 0);
  cal_clip *clip = cal_clip_new(8000, 8000, NULL, 0);
  answer a = {0};
  assert_int_equal(-EINVAL, cal_speech_say(speech, NULL, 0, "", &kal, on_clip, &a));
  assert_int_equal(-EINVAL,
                   cal_speech_say(speech, NULL, 0, "Hi.", &(cal_voice_options){.voice = "bob"}, on_clip, &a));
  assert_int_equal(-ENOTSUP, cal_speech_hear(speech, NULL, clip, NULL, on_heard, &a));
  char *longest = cal_alloc(CAL_SPEECH_TEXT_BYTES + 2);
  memset(longest, 'a', CAL_SPEECH_TEXT_BYTES + 1);
  assert_int_equal(-EMSGSIZE, cal_speech_say(speech, NULL, 0, longest, &kal, on_clip, &a));
  cal_free(longest);
  cal_unref(clip);
  cal_speech_free(speech);
  assert_int_equal(0, a.lasts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_text_comes_sentence_by_sentence),
      cmocka_unit_test(the_same_sentence_comes_from_the_cache),
      cmocka_unit_test(a_full_queue_refuses_and_recovers),
      cmocka_unit_test(a_cancelled_job_ends_after_its_sentence),
      cmocka_unit_test(who_asks_for_much_waits_behind_who_asks_for_little),
      cmocka_unit_test(who_asks_for_much_is_refused_first),
      cmocka_unit_test(shutdown_answers_every_job_once),
      cmocka_unit_test(what_one_call_says_another_understands),
      cmocka_unit_test(inline_everything_has_happened_when_submit_returns),
      cmocka_unit_test(a_sound_file_is_played_and_kept),
      cmocka_unit_test(what_makes_no_sense_is_refused_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

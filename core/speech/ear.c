#include "speech/ear.h"

#include <errno.h>
#include <pocketsphinx.h>
#include <pthread.h>
#include <sphinxbase/err.h>
#include <sphinxbase/fsg_model.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"

#define MODEL_RATE_HZ 16000
#define SHORTEST_MS 100
#define GRAMMARS 16
#define LANGUAGE_WEIGHT 6.5f       /* pocketsphinx' default for the model */
#define WORD_PENALTY 0.01          /* for digit loops, which otherwise insert short words */
#define LEAST_FIT -90.0            /* of an answer that is believed; measured (docs/local-speech.md) */
#define LEAST_FIT_OF_DIGITS -110.0 /* a row of them has few frames a word, so it fits worse */
#define LONG_FRAMES 150            /* of 10 ms: length after which more of it says no more */
#define DECODER_WORDS 16384        /* a decoder never forgets a word: past this many a fresh one is made */

typedef struct search {
  cal_list node; /* in ear->searches, the one used last at the end */
  cal_grammar *grammar;
  char name[24];
} search;

struct cal_ear {
  char *model_dir;
  uint32_t ceiling;
  int free_text;
  ps_decoder_t *decoder;   /* for grammars */
  ps_decoder_t *dictation; /* for free text; NULL until first used */
  cal_list searches;
  uint32_t search_count;
  uint32_t word_count;
  uint64_t names; /* searches named so far */
  int16_t *stuffed;
  size_t room; /* samples */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER; /* ps_init is not safe in two threads at once */

static void be_quiet(void) { err_set_logfp(NULL); }

static ps_decoder_t *free_decoder(ps_decoder_t *decoder) {
  if (decoder) ps_free(decoder);
  return NULL;
}

static int make_decoder(ps_decoder_t **result, const char *model_dir, int with_language) {
  char model[512], words[512], language[512];
  struct stat about;
  snprintf(model, sizeof model, "%s/en-us", model_dir);
  snprintf(words, sizeof words, "%s/cmudict-en-us.dict", model_dir);
  snprintf(language, sizeof language, "%s/en-us.lm.bin", model_dir);
  if (stat(model, &about))
    return cal_fail(-ENOENT, "the recogniser's model %s is missing (package pocketsphinx-en-us)", model);
  pthread_once(&once, be_quiet);
  pthread_mutex_lock(&starting);
  cmd_ln_t *config =
      with_language ? cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", model, "-dict", words, "-lm", language, NULL)
                    : cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", model, NULL);
  ps_decoder_t *decoder = config ? ps_init(config) : NULL;
  if (config) cmd_ln_free_r(config); /* the decoder keeps its own reference */
  pthread_mutex_unlock(&starting);
  if (!decoder) return cal_fail(-EIO, "the recogniser does not start with the model in %s", model_dir);
  *result = decoder;
  return 0;
}

static void forget(cal_ear *ear, search *old) {
  if (ear->decoder) ps_unset_search(ear->decoder, old->name);
  cal_list_remove(&old->node);
  cal_unref(old->grammar);
  cal_free(old);
  ear->search_count--;
}

static void forget_all(cal_ear *ear) {
  ear->decoder = free_decoder(ear->decoder);
  ear->word_count = 0;
  cal_list_each_safe(&ear->searches, node, after) forget(ear, cal_list_entry(node, search, node));
}

int cal_ear_new(cal_ear **result, const cal_ear_options *options) {
  static const cal_ear_options defaults;
  if (!options) options = &defaults;
  const char *model_dir = options->model_dir ? options->model_dir : CAL_EAR_MODEL_DIR;
  ps_decoder_t *decoder = NULL;
  int code = make_decoder(&decoder, model_dir, 0);
  if (code) return code;
  cal_ear *ear = cal_alloc(sizeof *ear);
  ear->decoder = decoder;
  ear->model_dir = cal_strdup(model_dir);
  ear->ceiling = options->grammars ? options->grammars : GRAMMARS;
  ear->free_text = options->free_text;
  cal_list_init(&ear->searches);
  *result = ear;
  return 0;
}

void *cal_ear_free(cal_ear *ear) {
  if (!ear) return NULL;
  forget_all(ear);
  free_decoder(ear->dictation);
  cal_free(ear->stuffed);
  cal_free(ear->model_dir);
  return cal_free(ear);
}

static int learn_words(cal_ear *ear, const cal_grammar *grammar) {
  const char *word, *phones;
  for (size_t i = 0; cal_grammar_word(grammar, i, &word, &phones); i++) {
    char *known = ps_lookup_word(ear->decoder, word);
    int is_known = known != NULL;
    ckd_free(known);
    if (is_known) continue;
    if (ps_add_word(ear->decoder, word, phones, FALSE) < 0)
      return cal_fail(-EIO, "the recogniser does not take the word \"%s\"", word);
    ear->word_count++;
  }
  return 0;
}

static int set_search(cal_ear *ear, const char *name, const cal_grammar *grammar) {
  const char *text = cal_grammar_fsg(grammar);
  cmd_ln_set_float_r(ps_get_config(ear->decoder), "-wip",
                     cal_grammar_has_digits(grammar) ? WORD_PENALTY : 0.65);
  FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
  if (!file) return cal_fail(-errno, "the grammar cannot be read: %s", strerror(errno));
  fsg_model_t *model = fsg_model_read(file, ps_get_logmath(ear->decoder), LANGUAGE_WEIGHT);
  fclose(file);
  int bad = !model || ps_set_fsg(ear->decoder, name, model);
  if (model) fsg_model_free(model);
  return bad ? cal_fail(-EIO, "the recogniser does not take the grammar") : 0;
}

static search *find(cal_ear *ear, const cal_grammar *grammar) {
  cal_list_each(&ear->searches, node) {
    search *kept = cal_list_entry(node, search, node);
    if (cal_grammar_hash(kept->grammar) == cal_grammar_hash(grammar) &&
        !strcmp(cal_grammar_fsg(kept->grammar), cal_grammar_fsg(grammar)))
      return kept;
  }
  return NULL;
}

static int prepare(cal_ear *ear, cal_grammar *grammar) {
  search *kept = find(ear, grammar);
  if (kept) {
    cal_list_remove(&kept->node);
    cal_list_append(&ear->searches, &kept->node);
    return ps_set_search(ear->decoder, kept->name) ? cal_fail(-EIO, "the recogniser lost a grammar") : 0;
  }
  if (ear->word_count > DECODER_WORDS) forget_all(ear);
  int code = ear->decoder ? 0 : make_decoder(&ear->decoder, ear->model_dir, 0);
  if (!code) code = learn_words(ear, grammar);
  if (code) return code;
  kept = cal_alloc(sizeof *kept);
  snprintf(kept->name, sizeof kept->name, "g%llu", (unsigned long long)++ear->names);
  code = set_search(ear, kept->name, grammar);
  if (code) {
    cal_free(kept);
    return code;
  }
  kept->grammar = cal_ref(grammar);
  cal_list_append(&ear->searches, &kept->node);
  ear->search_count++;
  ps_set_search(ear->decoder, kept->name); /* before the oldest goes, which may be the current one */
  if (ear->search_count > ear->ceiling) forget(ear, cal_list_entry(ear->searches.next, search, node));
  return 0;
}

static const int16_t *at_model_rate(cal_ear *ear, const int16_t *samples, size_t *count, uint32_t rate_hz) {
  if (rate_hz == MODEL_RATE_HZ) return samples;
  if (ear->room < *count * 2) {
    ear->room = *count * 2;
    ear->stuffed = cal_resize(ear->stuffed, ear->room * sizeof *ear->stuffed);
  }
  for (size_t i = 0; i < *count; i++) {
    ear->stuffed[2 * i] = samples[i];
    ear->stuffed[2 * i + 1] = 0;
  }
  *count *= 2;
  return ear->stuffed;
}

static int decode(ps_decoder_t *decoder, const int16_t *samples, size_t count, const char **hypothesis) {
  int32 score;
  /* A new stream: what the noise estimate learned from another call must not colour this one. */
  if (ps_start_stream(decoder) || ps_start_utt(decoder))
    return cal_fail(-EIO, "the recogniser does not start");
  int bad = ps_process_raw(decoder, samples, count, FALSE, TRUE) < 0;
  bad |= ps_end_utt(decoder);
  if (bad) return cal_fail(-EIO, "the recogniser failed on an utterance");
  *hypothesis = ps_get_hyp(decoder, &score);
  return 0;
}

/* How well the words fit the sound. pocketsphinx scores a frame against the best of all its phone states, so
 * 0 is perfect whatever the level or the voice: the mean over the frames of words, and half the mean of the
 * worst word. A short word has few frames to show that it fits, so it is forgiven more than a long one. */
static double fit_of(ps_decoder_t *decoder) {
  double sum = 0, worst = 0;
  long frames = 0;
  for (ps_seg_t *segment = ps_seg_iter(decoder); segment; segment = ps_seg_next(segment)) {
    const char *word = ps_seg_word(segment);
    int first, last;
    int32 score, language, back;
    if (strchr("(<[", word[0])) continue; /* no word: a null, silence, noise */
    ps_seg_frames(segment, &first, &last);
    ps_seg_prob(segment, &score, &language, &back);
    if (last < first) continue;
    double mean = (double)score / (last - first + 1);
    if (mean < worst) worst = mean;
    sum += score;
    frames += last - first + 1;
  }
  long counted = frames < LONG_FRAMES ? frames : LONG_FRAMES;
  return frames ? sum / (double)frames + worst / 2 - (double)counted / 10 : 0;
}

static void judge(cal_heard *heard, const cal_grammar *grammar, ps_decoder_t *decoder,
                  const char *hypothesis) {
  cal_grammar_match(grammar, &heard->match, hypothesis);
  if (!heard->match.text[0]) return;
  heard->fit = fit_of(decoder);
  double least = heard->match.digits[0] ? LEAST_FIT_OF_DIGITS : LEAST_FIT;
  if (cal_grammar_rejects(grammar) && heard->fit < least)
    heard->match = (cal_match){.choice = -1, .is_rejected = 1};
}

static int choose_decoder(ps_decoder_t **result, cal_ear *ear, cal_grammar *grammar) {
  int code = 0;
  if (grammar) {
    code = prepare(ear, grammar);
    if (!code) *result = ear->decoder;
    return code;
  }
  if (!ear->free_text)
    return cal_fail(-ENOTSUP, "recognition without expected answers is switched off (free_text)");
  if (!ear->dictation) code = make_decoder(&ear->dictation, ear->model_dir, 1);
  if (!code) *result = ear->dictation;
  return code;
}

int cal_ear_recognise(cal_heard *result, cal_ear *ear, const int16_t *samples, size_t count, uint32_t rate_hz,
                      cal_grammar *grammar) {
  if (rate_hz != 8000 && rate_hz != MODEL_RATE_HZ)
    return cal_fail(-EINVAL, "the recogniser takes 8000 or 16000 samples a second, not %u", rate_hz);
  if (count > (size_t)rate_hz * CAL_EAR_SECONDS)
    return cal_fail(-EMSGSIZE, "an utterance may last %d s at most", CAL_EAR_SECONDS);
  uint64_t started_ns = cal_clock_now_ns(cal_clock_real());
  cal_heard heard = {.match = {.choice = -1}, .audio_ms = (uint32_t)(count * 1000 / rate_hz)};
  ps_decoder_t *decoder = NULL;
  int code = choose_decoder(&decoder, ear, grammar);
  if (code) return code;
  const char *hypothesis = NULL;
  if (heard.audio_ms >= SHORTEST_MS) {
    samples = at_model_rate(ear, samples, &count, rate_hz);
    code = decode(decoder, samples, count, &hypothesis);
    if (code) return code;
  }
  if (grammar)
    judge(&heard, grammar, decoder, hypothesis);
  else
    snprintf(heard.match.text, sizeof heard.match.text, "%s", hypothesis ? hypothesis : "");
  heard.decode_ms = (uint32_t)((cal_clock_now_ns(cal_clock_real()) - started_ns) / CAL_MS);
  *result = heard;
  return 0;
}

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "speech/grammar.h"
#include "speech/phrase.h"

#define TEXT_BYTES 4096 /* of what was said, in words of a grammar */

typedef struct arc {
  int from, to;
  cal_span word; /* empty: without a word */
} arc;

typedef struct network {
  arc *arcs;
  size_t count;
  char *is_here, *will_be; /* by state */
  int states;
} network;

/* One line of the FSG text (grammar.c writes it): "TRANSITION 4 7 1.0 support", or without a word. */
static int read_arc(arc *result, const char *line, const char *end) {
  static const char head[] = "TRANSITION ";
  if (strncmp(line, head, sizeof head - 1)) return 0;
  char *at;
  result->from = (int)strtol(line + sizeof head - 1, &at, 10);
  result->to = (int)strtol(at, &at, 10);
  while (at < end && *at == ' ') at++;
  while (at < end && *at != ' ') at++; /* the probability */
  while (at < end && *at == ' ') at++;
  result->word = (cal_span){at, (size_t)(end - at)};
  return 1;
}

static void read_net(network *net, const char *fsg) {
  size_t lines = 0;
  for (const char *at = fsg; (at = strchr(at, '\n')); at++) lines++;
  net->arcs = cal_alloc((lines + 1) * sizeof *net->arcs);
  for (const char *line = fsg, *end; (end = strchr(line, '\n')); line = end + 1)
    if (read_arc(&net->arcs[net->count], line, end)) {
      const arc *last = &net->arcs[net->count++];
      if (last->from >= net->states) net->states = last->from + 1;
      if (last->to >= net->states) net->states = last->to + 1;
    }
  net->is_here = cal_alloc((size_t)net->states + 2);
  net->will_be = cal_alloc((size_t)net->states + 2);
}

static void free_net(network *net) {
  cal_free(net->arcs);
  cal_free(net->is_here);
  cal_free(net->will_be);
}

static void follow_empty(network *net) {
  for (int moved = 1; moved;) {
    moved = 0;
    for (size_t i = 0; i < net->count; i++) {
      const arc *a = &net->arcs[i];
      if (a->word.bytes || !net->is_here[a->from] || net->is_here[a->to]) continue;
      moved = net->is_here[a->to] = 1;
    }
  }
}

static void follow_word(network *net, cal_span word) {
  memset(net->will_be, 0, (size_t)net->states);
  for (size_t i = 0; i < net->count; i++) {
    const arc *a = &net->arcs[i];
    if (net->is_here[a->from] && a->word.bytes == word.bytes && !memcmp(a->word.at, word.at, word.bytes))
      net->will_be[a->to] = 1;
  }
  char *now = net->will_be;
  net->will_be = net->is_here;
  net->is_here = now;
  follow_empty(net);
}

/* Is there a way through the grammar with exactly these words? States 0 and 1 are its beginning and end. */
static int allows(const cal_grammar *grammar, const char *words) {
  network net = {0};
  read_net(&net, cal_grammar_fsg(grammar));
  net.is_here[0] = 1;
  follow_empty(&net);
  for (const char *at = words; *at;) {
    cal_span word = {at, strcspn(at, " ")};
    follow_word(&net, word);
    at += word.bytes + (at[word.bytes] == ' ');
  }
  int is_way = net.is_here[1];
  free_net(&net);
  return is_way;
}

/* 0: there are foreign letters, or too much was said. */
static int add_plain(cal_buf *result, const char *text, size_t bytes) {
  char *one = cal_strndup(text, bytes);
  cal_words words = {0};
  int is_plain = !cal_words_of(&words, one) || !one[strspn(one, " !\"'(),-./:;?[]_")];
  cal_free(one);
  for (size_t i = 0; is_plain && i < words.count; i++)
    is_plain = cal_buf_format(result, "%s%s", result->bytes ? " " : "", words.word[i]) == 0;
  return is_plain;
}

/* Word by word, because phrases are short and what people say may be long. Numerals of `spelled` digits and
 * more are read digit by digit. */
static int plain_words(cal_buf *result, const char *text, size_t spelled) {
  size_t bytes;
  for (const char *at = text; *at; at += bytes) {
    size_t numeral = strspn(at, "0123456789"), word = strcspn(at, " ");
    int is_spelled = numeral >= spelled;
    bytes = is_spelled ? numeral : word + (at[word] == ' ');
    for (size_t i = 0; i < bytes; i += is_spelled ? 1 : bytes)
      if (!add_plain(result, at + i, is_spelled ? 1 : bytes)) return 0;
  }
  return 1;
}

void cal_grammar_read(const cal_grammar *grammar, cal_match *match, const char *text) {
  cal_buf words;
  cal_buf_init(&words, TEXT_BYTES);
  *match = (cal_match){.choice = -1, .is_rejected = 1};
  for (size_t spelled = 3; match->is_rejected && spelled >= 2;
       spelled--) { /* "42": as a number, else as digits */
    cal_buf_clear(&words);
    if (plain_words(&words, text, spelled) && words.bytes && allows(grammar, words.data))
      cal_grammar_match(grammar, match, words.data);
  }
  cal_buf_free(&words);
}

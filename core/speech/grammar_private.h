/* The inside of grammar.h, shared by grammar.c and grammar_numbers.c. */
#ifndef CAL_SPEECH_GRAMMAR_PRIVATE_H
#define CAL_SPEECH_GRAMMAR_PRIVATE_H

#include "base/buf.h"
#include "speech/grammar.h"

/* A word that leads from one state into the middle of phrases; phrases with a common beginning share it. */
typedef struct cal_grammar_edge {
  int from, to;
  const char *word; /* borrowed from the grammar's phrases or a table */
} cal_grammar_edge;

typedef struct cal_grammar_build {
  cal_grammar *grammar;
  const cal_dict *dict;
  cal_buf text;
  cal_grammar_edge *edges;
  size_t edge_count, edge_room;
  int states;
  int code; /* the first failure of cal_grammar_numbers */
} cal_grammar_build;

/* A line of the FSG text, and its word (NULL: none) with the others. 0 or negative. */
int cal_grammar_arc(cal_grammar_build *b, int from, int to, const char *p, const char *word);

/* Numbers in words up to `most`, perhaps with a fraction and a minus. 0 or negative. */
int cal_grammar_numbers(cal_grammar_build *b, int from, int to, uint32_t most, int has_fraction,
                        int has_minus);

#endif

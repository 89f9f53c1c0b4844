#include <stddef.h>

#include "speech/grammar_private.h"
#include "speech/number.h"

/*   from ─minus─► whole ─[1-9 million | 1-99 lakh]─► ─[1-999 thousand]─► ─and─► ─[1-999]─► end
 *                                                                            end ─point, digits─► to
 *
 * Each part may be left out, but not all of them: after each there is a way to the end, before the first
 * there is none. */

static void arc(cal_grammar_build *b, int from, int to, const char *word) {
  if (!b->code) b->code = cal_grammar_arc(b, from, to, "1.0", word);
}

static void units(cal_grammar_build *b, int from, int to, int first, int last) {
  for (int i = first; i <= last; i++) arc(b, from, to, cal_number_units[i]);
}

/* 1 to 99. */
static void below_100(cal_grammar_build *b, int from, int to) {
  units(b, from, to, 1, 19);
  for (int i = 2; i < 10; i++) {
    int ten = b->states++;
    arc(b, from, ten, cal_number_tens[i]);
    arc(b, ten, to, NULL);
    units(b, ten, to, 1, 9);
  }
}

/* 1 to 999, and "fifteen hundred". */
static void below_1000(cal_grammar_build *b, int from, int to) {
  int count = b->states++, hundred = b->states++, rest = b->states++;
  below_100(b, from, to);
  arc(b, from, count, "a");
  units(b, from, count, 1, 9);
  units(b, from, count, 11, 19);
  arc(b, count, hundred, "hundred");
  arc(b, hundred, to, NULL);
  arc(b, hundred, rest, "and");
  arc(b, hundred, rest, NULL);
  below_100(b, rest, to);
}

static void whole(cal_grammar_build *b, int from, int to, uint32_t most) {
  int thousands = b->states++, rest = b->states++;
  arc(b, from, to, "zero");
  arc(b, from, thousands, NULL);
  arc(b, from, rest, NULL);
  if (most >= 100000) {
    int millions = b->states++, lakhs = b->states++, after = b->states++;
    if (most >= 1000000) units(b, from, millions, 1, 9);
    if (most >= 1000000) arc(b, from, millions, "a");
    if (most >= 1000000) arc(b, millions, after, "million");
    below_100(b, from, lakhs);
    arc(b, from, lakhs, "a");
    arc(b, lakhs, after, "lakh");
    arc(b, lakhs, after, "lakhs");
    arc(b, after, to, NULL);
    arc(b, after, thousands, NULL);
    arc(b, after, rest, NULL);
    arc(b, after, rest, "and");
  }
  if (most >= 1000) {
    int count = b->states++, after = b->states++;
    below_1000(b, thousands, count);
    arc(b, thousands, count, "a");
    arc(b, count, after, "thousand");
    arc(b, after, to, NULL);
    arc(b, after, rest, NULL);
    arc(b, after, rest, "and");
  }
  if (most >= 100)
    below_1000(b, rest, to);
  else
    below_100(b, rest, to);
}

int cal_grammar_numbers(cal_grammar_build *b, int from, int to, uint32_t most, int has_fraction,
                        int has_minus) {
  int first = b->states++, end = b->states++;
  arc(b, from, first, NULL);
  if (has_minus) arc(b, from, first, "minus");
  whole(b, first, end, most);
  arc(b, end, to, NULL);
  if (!has_fraction) return b->code;
  int point = b->states++, digits = b->states++;
  arc(b, end, point, "point");
  units(b, point, digits, 0, 9);
  units(b, digits, digits, 0, 9);
  arc(b, digits, to, NULL);
  return b->code;
}

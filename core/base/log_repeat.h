/* log_repeat: a line that comes again and again is written once a second, with how often it was left out.
 *
 * Two lines are the same when level, part and text are, apart from ids of calls and from numbers that stand
 * alone. CAL_LOG_REPEATS different lines are known at a time; one that is pushed out loses its count. Plain
 * memory without a lock: the log keeps one and guards it. */
#ifndef CAL_BASE_LOG_REPEAT_H
#define CAL_BASE_LOG_REPEAT_H

#include <stdint.h>

#include "base/log.h"

enum { CAL_LOG_REPEATS = 64, CAL_LOG_REPEAT_MS = 1000 };

typedef struct cal_log_repeated {
  uint64_t key; /* 0: free */
  int64_t written_ms;
  uint32_t left_out; /* since then */
  cal_log_level level;
  char part[24];
  char text[200]; /* the beginning of the line that was written */
} cal_log_repeated;

typedef struct cal_log_repeat {
  cal_log_repeated lines[CAL_LOG_REPEATS];
} cal_log_repeat;

/* Whether the line is to be written: 1, with how many like it were left out before it, or 0. */
int cal_log_repeat_allows(cal_log_repeat *repeat, cal_log_level level, const char *part, const char *text,
                          int64_t now_ms, uint32_t *left_out);
/* A line of which some were left out and none has come for a second: 1, and it is forgotten. 0: none. */
int cal_log_repeat_overdue(cal_log_repeat *repeat, int64_t now_ms, cal_log_repeated *result);

#endif

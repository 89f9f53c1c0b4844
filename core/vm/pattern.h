/* pattern: Lua's patterns, matched so that the watchdog can stop them.
 *
 * Stock Lua matches inside one C call that no hook interrupts: ("a"):rep(3000):find(("a-"):rep(9) .. "b")
 * takes years. This matcher understands the same language (as LuaJIT does, %f, %b and %g included) and looks
 * at the entry's budget every few thousand steps. Private to the vm module. */
#ifndef CAL_VM_PATTERN_H
#define CAL_VM_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#define CAL_PATTERN_CAPTURES 32
#define CAL_PATTERN_SPECIALS "^$*+?.([%-"

/* One search in one subject. Strings are borrowed. */
typedef struct cal_pattern {
  lua_State *L;
  const char *subject, *subject_end;
  const char *pattern, *pattern_end; /* without a leading '^' */
  uint32_t steps;
  int depth; /* of C recursion */
  int level; /* captures made */
  struct {
    const char *at;
    ptrdiff_t bytes; /* or CAPTURE_OPEN, CAPTURE_POSITION */
  } captures[CAL_PATTERN_CAPTURES];
} cal_pattern;

enum { CAL_CAPTURE_OPEN = -1, CAL_CAPTURE_POSITION = -2 };

/* Matches at exactly `at`; where the match ends, or NULL. Raises for a malformed pattern and when the time is
 * used up. */
const char *cal_pattern_match(cal_pattern *pattern, const char *at);

/* Pushes capture number `index` (0-based); with no captures, the whole match. */
void cal_pattern_push(cal_pattern *pattern, int index, const char *start, const char *end);
/* Pushes all captures, or the whole match when there are none and `start` is not NULL. How many were pushed.
 */
int cal_pattern_push_all(cal_pattern *pattern, const char *start, const char *end);

#endif

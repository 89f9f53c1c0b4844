#include "vm/pattern.h"

#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#include "vm/vm.h"

#define DEPTH_CEILING 200          /* of C recursion: LuaJIT's own limit */
#define STEPS_BETWEEN_LOOKS 0x0fff /* a mask: about 20 µs of matching */

typedef cal_pattern state;

static const char *match(state *ms, const char *at, const char *p);

static void step(state *ms) {
  if ((++ms->steps & STEPS_BETWEEN_LOOKS) == 0) cal_vm_check_budget(ms->L);
}

static int is_in_class(int c, int class) {
  int is_in;
  switch (tolower(class)) {
  case 'a':
    is_in = isalpha(c);
    break;
  case 'c':
    is_in = iscntrl(c);
    break;
  case 'd':
    is_in = isdigit(c);
    break;
  case 'g':
    is_in = isgraph(c);
    break;
  case 'l':
    is_in = islower(c);
    break;
  case 'p':
    is_in = ispunct(c);
    break;
  case 's':
    is_in = isspace(c);
    break;
  case 'u':
    is_in = isupper(c);
    break;
  case 'w':
    is_in = isalnum(c);
    break;
  case 'x':
    is_in = isxdigit(c);
    break;
  case 'z':
    is_in = c == 0;
    break;
  default:
    return class == c;
  }
  return isupper(class) ? !is_in : is_in != 0;
}

/* Where the single item at `p` ends: a character, %x, or a [set]. */
static const char *item_end(state *ms, const char *p) {
  char first = *p++;
  if (first == '%') {
    if (p >= ms->pattern_end) luaL_error(ms->L, "malformed pattern (ends with '%%')");
    return p + 1;
  }
  if (first != '[') return p;
  if (p < ms->pattern_end && *p == '^') p++;
  do { /* a ']' that comes first is a member */
    if (p >= ms->pattern_end) luaL_error(ms->L, "malformed pattern (missing ']')");
    if (*p++ == '%') {
      if (p >= ms->pattern_end) luaL_error(ms->L, "malformed pattern (missing ']')");
      p++;
    }
  } while (p >= ms->pattern_end || *p != ']');
  return p + 1;
}

/* `p` is at '[', `last` at the closing ']'. */
static int is_in_set(int c, const char *p, const char *last) {
  int found = 1;
  if (p[1] == '^') {
    found = 0;
    p++;
  }
  while (++p < last) {
    if (*p == '%') {
      p++;
      if (is_in_class(c, (unsigned char)*p)) return found;
    } else if (p[1] == '-' && p + 2 < last) {
      if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) return found;
      p += 2;
    } else if ((unsigned char)*p == c) {
      return found;
    }
  }
  return !found;
}

static int is_single(const char *at, const char *p, const char *end) {
  int c = (unsigned char)*at;
  switch (*p) {
  case '.':
    return 1;
  case '%':
    return is_in_class(c, (unsigned char)p[1]);
  case '[':
    return is_in_set(c, p, end - 1);
  default:
    return (unsigned char)*p == c;
  }
}

static const char *match_balanced(state *ms, const char *at, const char *p) {
  if (ms->pattern_end - p < 2) luaL_error(ms->L, "unbalanced pattern");
  if (at >= ms->subject_end || *at != p[0]) return NULL;
  char open = p[0], close = p[1];
  int depth = 1;
  while (++at < ms->subject_end) {
    step(ms);
    if (*at == close) {
      if (--depth == 0) return at + 1;
    } else if (*at == open) {
      depth++;
    }
  }
  return NULL;
}

static const char *expand_greedy(state *ms, const char *at, const char *p, const char *end) {
  ptrdiff_t count = 0;
  while (at + count < ms->subject_end && is_single(at + count, p, end)) {
    step(ms);
    count++;
  }
  for (; count >= 0; count--) {
    step(ms);
    const char *found = match(ms, at + count, end + 1);
    if (found) return found;
  }
  return NULL;
}

static const char *expand_lazy(state *ms, const char *at, const char *p, const char *end) {
  for (;; at++) {
    step(ms);
    const char *found = match(ms, at, end + 1);
    if (found) return found;
    if (at >= ms->subject_end || !is_single(at, p, end)) return NULL;
  }
}

static const char *start_capture(state *ms, const char *at, const char *p, ptrdiff_t kind) {
  if (ms->level >= CAL_PATTERN_CAPTURES) luaL_error(ms->L, "too many captures");
  ms->captures[ms->level].at = at;
  ms->captures[ms->level].bytes = kind;
  ms->level++;
  const char *found = match(ms, at, p);
  if (!found) ms->level--;
  return found;
}

static const char *end_capture(state *ms, const char *at, const char *p) {
  int open = ms->level - 1;
  while (open >= 0 && ms->captures[open].bytes != CAL_CAPTURE_OPEN) open--;
  if (open < 0) luaL_error(ms->L, "invalid pattern capture");
  ms->captures[open].bytes = at - ms->captures[open].at;
  const char *found = match(ms, at, p);
  if (!found) ms->captures[open].bytes = CAL_CAPTURE_OPEN;
  return found;
}

static const char *match_back_reference(state *ms, const char *at, char digit) {
  int index = digit - '1';
  if (index < 0 || index >= ms->level || ms->captures[index].bytes == CAL_CAPTURE_OPEN)
    luaL_error(ms->L, "invalid capture index");
  /* A position capture has no text: its length, taken as a size, never fits. */
  size_t bytes = (size_t)ms->captures[index].bytes;
  if ((size_t)(ms->subject_end - at) < bytes) return NULL;
  return memcmp(ms->captures[index].at, at, bytes) == 0 ? at + bytes : NULL;
}

/* %f[set]: between a character outside the set and one inside it; both ends of the subject count as '\0'. */
static int is_frontier(state *ms, const char *at, const char *p, const char *end) {
  int before = at == ms->subject ? 0 : (unsigned char)at[-1];
  int here = at < ms->subject_end ? (unsigned char)*at : 0;
  return !is_in_set(before, p, end - 1) && is_in_set(here, p, end - 1);
}

/* The item at `p` is not a capture or anchor: a single one with or without a repeat. Sets *p to what follows
 * when the match goes on from the returned place; otherwise *p is NULL and the result is final. */
static const char *match_single(state *ms, const char *at, const char **p) {
  const char *end = item_end(ms, *p);
  char repeat = end < ms->pattern_end ? *end : '\0';
  const char *item = *p;
  *p = NULL;
  int is_here = (repeat == '*' || repeat == '-') ? 0 : at < ms->subject_end && is_single(at, item, end);
  switch (repeat) {
  case '*':
    return expand_greedy(ms, at, item, end);
  case '-':
    return expand_lazy(ms, at, item, end);
  case '+':
    return is_here ? expand_greedy(ms, at + 1, item, end) : NULL;
  case '?': {
    const char *found = is_here ? match(ms, at + 1, end + 1) : NULL;
    if (found) return found;
    *p = end + 1;
    return at;
  }
  default:
    if (!is_here) return NULL;
    *p = end;
    return at + 1;
  }
}

/* What begins with '%' and is not a class. Same convention as match_single; 0 when it is a class after all.
 */
static int match_special(state *ms, const char **at, const char **p) {
  const char *item = *p;
  char kind = item + 1 < ms->pattern_end ? item[1] : '\0';
  if (kind == 'b') {
    *at = match_balanced(ms, *at, item + 2);
    *p = item + 4;
  } else if (kind == 'f') {
    if (item + 2 >= ms->pattern_end || item[2] != '[')
      luaL_error(ms->L, "missing '[' after '%%f' in pattern");
    const char *end = item_end(ms, item + 2);
    if (!is_frontier(ms, *at, item + 2, end)) *at = NULL;
    *p = end;
  } else if (isdigit((unsigned char)kind)) {
    *at = match_back_reference(ms, *at, kind);
    *p = item + 2;
  } else {
    return 0;
  }
  return 1;
}

static const char *match_items(state *ms, const char *at, const char *p) {
  while (at && p && p < ms->pattern_end) {
    step(ms);
    if (*p == '(') {
      if (p + 1 < ms->pattern_end && p[1] == ')') return start_capture(ms, at, p + 2, CAL_CAPTURE_POSITION);
      return start_capture(ms, at, p + 1, CAL_CAPTURE_OPEN);
    }
    if (*p == ')') return end_capture(ms, at, p + 1);
    if (*p == '$' && p + 1 == ms->pattern_end) return at == ms->subject_end ? at : NULL;
    if (*p == '%' && match_special(ms, &at, &p)) continue;
    at = match_single(ms, at, &p);
  }
  return at;
}

static const char *match(state *ms, const char *at, const char *p) {
  if (++ms->depth > DEPTH_CEILING) luaL_error(ms->L, "pattern too complex");
  const char *found = match_items(ms, at, p);
  ms->depth--;
  return found;
}

const char *cal_pattern_match(cal_pattern *pattern, const char *at) {
  pattern->level = 0;
  pattern->depth = 0;
  return match(pattern, at, pattern->pattern);
}

void cal_pattern_push(cal_pattern *pattern, int index, const char *start, const char *end) {
  lua_State *L = pattern->L;
  if (index >= pattern->level) {
    if (index != 0) luaL_error(L, "invalid capture index");
    lua_pushlstring(L, start, (size_t)(end - start));
    return;
  }
  ptrdiff_t bytes = pattern->captures[index].bytes;
  const char *at = pattern->captures[index].at;
  if (bytes == CAL_CAPTURE_OPEN) luaL_error(L, "unfinished capture");
  if (bytes == CAL_CAPTURE_POSITION)
    lua_pushinteger(L, at - pattern->subject + 1);
  else
    lua_pushlstring(L, at, (size_t)bytes);
}

int cal_pattern_push_all(cal_pattern *pattern, const char *start, const char *end) {
  int count = pattern->level == 0 && start ? 1 : pattern->level;
  luaL_checkstack(pattern->L, count, "too many captures");
  for (int i = 0; i < count; i++) cal_pattern_push(pattern, i, start, end);
  return count;
}

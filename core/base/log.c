#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log_repeat.h"

/* with the line end; what POSIX lets a pipe take in one piece (PIPE_BUF on Linux) */
#define LINE_BYTES 4096
#define NUMBER_LEAST 8
#define NUMBER_MOST 15
#define NUMBER_SHOWN 4

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static const char *const colours[] = {"2", "", "33", "31"}; /* of levels, as terminals number them */

static atomic_int least_level = CAL_LOG_INFO;
static atomic_int write_json;
static atomic_int write_colours; /* lines go to a terminal */
static atomic_int has_sink;
static cal_log_repeat repeat; /* under sink_lock */

/* Held while the sink runs, so that taking the sink away waits for its last line; recursive, so that a sink
 * may log. */
static pthread_mutex_t sink_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static void (*sink)(void *context, const char *line);
static void *sink_context;

void cal_log_setup(cal_log_level level, int as_json) {
  atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
  atomic_store_explicit(&write_json, as_json != 0, memory_order_relaxed);
  int is_coloured = !as_json && isatty(STDERR_FILENO) && !getenv("NO_COLOR");
  atomic_store_explicit(&write_colours, is_coloured, memory_order_relaxed);
}

cal_log_level cal_log_level_now(void) {
  return (cal_log_level)atomic_load_explicit(&least_level, memory_order_relaxed);
}

int cal_log_level_named(const char *name) {
  for (int i = 0; i < (int)(sizeof level_names / sizeof level_names[0]); i++)
    if (name && strcmp(name, level_names[i]) == 0) return i;
  return cal_fail(-EINVAL, "the log level must be debug, info, warn or error, not \"%s\"", name ? name : "");
}

void cal_log_sink(void (*take)(void *context, const char *line), void *context) {
  pthread_mutex_lock(&sink_lock);
  sink = take;
  sink_context = context;
  atomic_store_explicit(&has_sink, take != NULL, memory_order_relaxed);
  pthread_mutex_unlock(&sink_lock);
}

/* Where the digits of a number begin when one may begin here: after `+`, or `%2B` as forms and addresses
 * spell it. */
static size_t plus_bytes(const char *at) {
  if (at[0] == '+') return 1;
  return at[0] == '%' && at[1] == '2' && (at[2] == 'B' || at[2] == 'b') ? 3 : 0;
}

static void mask_numbers(char *text) {
  for (char *at = text; *at; at++) {
    size_t plus = plus_bytes(at);
    if (!plus) continue;
    char *digits = at + plus;
    size_t count = strspn(digits, "0123456789");
    if (count >= NUMBER_LEAST && count <= NUMBER_MOST) memset(digits, '*', count - NUMBER_SHOWN);
    at = digits + count - 1;
  }
}

/* Bytes of the well-formed UTF-8 character at `at`; 0 when there is none. */
static size_t utf8_bytes(const unsigned char *at) {
  if (at[0] < 0x80) return 1;
  size_t bytes = at[0] >= 0xc2 && at[0] <= 0xdf ? 2 : at[0] >= 0xe0 && at[0] <= 0xef ? 3 : 4;
  if (at[0] < 0xc2 || at[0] > 0xf4) return 0;
  for (size_t i = 1; i < bytes; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f)) return 0; /* too long; surrogates */
  if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
    return 0; /* too long; past U+10FFFF */
  return bytes;
}

typedef struct line {
  char text[LINE_BYTES];
  size_t bytes;
  size_t most; /* what may be used before the closing part */
} line;

static int put(line *out, const char *text, size_t bytes) {
  if (bytes > out->most - out->bytes) return 0;
  memcpy(out->text + out->bytes, text, bytes);
  out->bytes += bytes;
  return 1;
}

static int put_text(line *out, const char *text) { return put(out, text, strlen(text)); }

/* One character, so spelled that the line is valid UTF-8 and, in JSON, one line that stays inside its string.
 * For people a further line is indented, so that no text from outside can pass for a line of the log. */
static int put_character(line *out, const char **text, int as_json) {
  const unsigned char *at = (const unsigned char *)*text;
  size_t bytes = utf8_bytes(at);
  *text += bytes ? bytes : 1;
  if (!bytes) return put_text(out, "\xef\xbf\xbd");
  if (*at == '\n') return put_text(out, as_json ? "\\n" : "\n    ");
  if (*at == '\r') return put_text(out, "\\r");
  if (*at == '\t') return put_text(out, "\\t");
  if (as_json && (*at == '"' || *at == '\\')) return put(out, (char[]){'\\', (char)*at}, 2);
  if (*at >= 0x20 && *at != 0x7f) return put(out, (const char *)at, bytes);
  char escaped[8];
  snprintf(escaped, sizeof escaped, "\\u%04x", *at);
  return put_text(out, escaped);
}

static void put_escaped(line *out, const char *text, int as_json) {
  while (*text)
    if (!put_character(out, &text, as_json)) return;
}

static void put_time(line *out) {
  int64_t wall_ms = cal_clock_wall_ms(cal_clock_real());
  time_t seconds = (time_t)(wall_ms / 1000);
  struct tm utc;
  gmtime_r(&seconds, &utc);
  char text[40];
  size_t bytes = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + bytes, sizeof text - bytes, ".%03dZ", (int)(wall_ms % 1000));
  put_text(out, text);
}

static void compose_json(line *out, cal_log_level level, const char *part, const char *call,
                         const char *message) {
  out->most = LINE_BYTES - 4; /* `"}`, the line end, the zero */
  put_text(out, "{\"time\":\"");
  put_time(out);
  put_text(out, "\",\"level\":\"");
  put_text(out, level_names[level]);
  put_text(out, "\",\"part\":\"");
  put_escaped(out, part, 1);
  if (*call) {
    put_text(out, "\",\"call\":\"");
    put_escaped(out, call, 1);
  }
  put_text(out, "\",\"message\":\"");
  put_escaped(out, message, 1);
  out->most = LINE_BYTES - 2;
  put_text(out, "\"}");
}

static void put_level(line *out, cal_log_level level) {
  int is_coloured = *colours[level] && atomic_load_explicit(&write_colours, memory_order_relaxed) &&
                    !atomic_load_explicit(&has_sink, memory_order_relaxed);
  if (is_coloured) put_text(out, "\x1b[");
  if (is_coloured) put_text(out, colours[level]);
  if (is_coloured) put_text(out, "m");
  put_text(out, level_names[level]);
  if (is_coloured) put_text(out, "\x1b[0m");
}

static void compose_text(line *out, cal_log_level level, const char *part, const char *call,
                         const char *message) {
  out->most = LINE_BYTES - 2; /* the line end, the zero */
  put_time(out);
  put_text(out, " ");
  put_level(out, level);
  put_text(out, " ");
  put_escaped(out, part, 0);
  if (*call) {
    put_text(out, " ");
    put_escaped(out, call, 0);
  }
  put_text(out, ": ");
  put_escaped(out, message, 0);
}

static int give_to_sink(const char *text) {
  pthread_mutex_lock(&sink_lock);
  int is_taken = sink != NULL;
  if (is_taken) sink(sink_context, text);
  pthread_mutex_unlock(&sink_lock);
  return is_taken;
}

static void write_out(line *out) {
  out->text[out->bytes] = 0;
  if (give_to_sink(out->text)) return;
  out->text[out->bytes++] = '\n';
  /* One write, so lines of several threads do not mix. A standard error that takes nothing loses the line. */
  ssize_t written = write(STDERR_FILENO, out->text, out->bytes);
  (void)written;
}

static void write_line(cal_log_level level, const char *part, const char *call, const char *message) {
  line out = {.bytes = 0};
  if (atomic_load_explicit(&write_json, memory_order_relaxed))
    compose_json(&out, level, part, call, message);
  else
    compose_text(&out, level, part, call, message);
  write_out(&out);
}

static void tell_left_out(int64_t now_ms) {
  cal_log_repeated told;
  while (cal_log_repeat_overdue(&repeat, now_ms, &told)) {
    char text[sizeof told.text + 64];
    snprintf(text, sizeof text, "%s (%u more like it were left out)", told.text, told.left_out);
    write_line(told.level, told.part, "", text);
  }
}

/* Whether a complaint is to be written; those that come again and again are counted instead. A sink gets all. */
static int is_wanted(cal_log_level level, const char *part, const char *message, uint32_t *left_out) {
  if (level < CAL_LOG_WARN || atomic_load_explicit(&has_sink, memory_order_relaxed)) return 1;
  int64_t now_ms = (int64_t)(cal_clock_now_ns(cal_clock_real()) / CAL_MS);
  pthread_mutex_lock(&sink_lock);
  tell_left_out(now_ms);
  int code = cal_log_repeat_allows(&repeat, level, part, message, now_ms, left_out);
  pthread_mutex_unlock(&sink_lock);
  return code;
}

void cal_log(cal_log_level level, const char *part, const char *call, const char *format, ...) {
  if (level < cal_log_level_now()) return;
  int kept_errno = errno;
  /* As long as a line, of which time and level take more than a number does: what is cut here, before it
   * could be masked, is never written. */
  char message[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  if (vsnprintf(message, sizeof message, format, arguments) < 0) message[0] = 0;
  va_end(arguments);
  char masked_call[160];
  snprintf(masked_call, sizeof masked_call, "%s", call ? call : "");
  mask_numbers(message);
  mask_numbers(masked_call);
  uint32_t left_out = 0;
  if (is_wanted(level, part, message, &left_out)) {
    size_t bytes = strlen(message);
    if (left_out)
      snprintf(message + bytes, sizeof message - bytes, " (%u more like it were left out)", left_out);
    write_line(level, part, masked_call, message);
  }
  errno = kept_errno;
}

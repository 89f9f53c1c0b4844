/* buf: bytes that grow up to a ceiling, and spans of borrowed bytes. Not thread-safe; belongs to whoever
 * holds it. */
#ifndef CAL_BASE_BUF_H
#define CAL_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* Borrowed bytes: no ownership, not zero-terminated. `at` is NULL only when there are none. */
typedef struct cal_span {
  const char *at;
  size_t bytes;
} cal_span;

cal_span cal_span_of(const char *text); /* NULL gives the empty span */
int cal_span_is(cal_span span, const char *text);

typedef struct cal_buf {
  char *data; /* zero-terminated once anything was appended; the zero is not counted */
  size_t bytes;
  size_t room;
  size_t ceiling; /* appending past it fails with -EMSGSIZE and changes nothing */
} cal_buf;

void cal_buf_init(cal_buf *buf, size_t ceiling);
int cal_buf_append(cal_buf *buf, const void *data, size_t bytes);
int cal_buf_text(cal_buf *buf, const char *text);
int cal_buf_format(cal_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cal_buf_clear(cal_buf *buf);              /* keeps the memory */
void cal_buf_drop(cal_buf *buf, size_t bytes); /* the first `bytes` go; the rest moves up */
char *cal_buf_take(cal_buf *buf); /* returns owned, buf is empty afterwards; "" when nothing was appended */
void cal_buf_free(cal_buf *buf);

#endif

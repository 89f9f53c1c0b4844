#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define FIRST_ROOM 64

cal_span cal_span_of(const char *text) { return (cal_span){.at = text, .bytes = text ? strlen(text) : 0}; }

int cal_span_is(cal_span span, const char *text) {
  size_t bytes = text ? strlen(text) : 0;
  return span.bytes == bytes && (bytes == 0 || memcmp(span.at, text, bytes) == 0);
}

void cal_buf_init(cal_buf *buf, size_t ceiling) {
  assert(ceiling < SIZE_MAX);
  *buf = (cal_buf){.ceiling = ceiling};
}

/* Makes room for `bytes` more and the final zero. */
static int make_room(cal_buf *buf, size_t bytes) {
  if (bytes > buf->ceiling - buf->bytes)
    return cal_fail(-EMSGSIZE, "a buffer may hold %zu bytes; %zu more do not fit after %zu", buf->ceiling,
                    bytes, buf->bytes);
  size_t needed = buf->bytes + bytes + 1;
  if (needed <= buf->room) return 0;
  size_t room = buf->room ? buf->room : FIRST_ROOM;
  while (room < needed) room = room > SIZE_MAX / 2 ? needed : room * 2;
  if (room > buf->ceiling + 1) room = buf->ceiling + 1;
  buf->data = cal_resize(buf->data, room);
  buf->room = room;
  return 0;
}

int cal_buf_append(cal_buf *buf, const void *data, size_t bytes) {
  int status = make_room(buf, bytes);
  if (status < 0) return status;
  if (bytes) memcpy(buf->data + buf->bytes, data, bytes);
  buf->bytes += bytes;
  buf->data[buf->bytes] = 0;
  return 0;
}

int cal_buf_text(cal_buf *buf, const char *text) {
  return cal_buf_append(buf, text, text ? strlen(text) : 0);
}

int cal_buf_format(cal_buf *buf, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  int status = length < 0 ? cal_fail(-EINVAL, "the format \"%s\" cannot be printed", format)
                          : make_room(buf, (size_t)length);
  if (status == 0) {
    vsnprintf(buf->data + buf->bytes, (size_t)length + 1, format, again);
    buf->bytes += (size_t)length;
  }
  va_end(again);
  va_end(arguments);
  return status;
}

void cal_buf_clear(cal_buf *buf) {
  buf->bytes = 0;
  if (buf->data) buf->data[0] = 0;
}

void cal_buf_drop(cal_buf *buf, size_t bytes) {
  assert(bytes <= buf->bytes);
  if (bytes == buf->bytes) return cal_buf_clear(buf);
  memmove(buf->data, buf->data + bytes, buf->bytes - bytes + 1);
  buf->bytes -= bytes;
}

char *cal_buf_take(cal_buf *buf) {
  char *data = buf->data ? buf->data : cal_alloc(1);
  cal_buf_init(buf, buf->ceiling);
  return data;
}

void cal_buf_free(cal_buf *buf) {
  cal_free(buf->data);
  cal_buf_init(buf, buf->ceiling);
}

#include "data/json_escape.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "data/json_plain.h"
#include "data/utf8.h"

/* The JSON spelling of the character at `at`; *taken is how many bytes of the text it stands for. */
static size_t spell(char into[6], const char *at, size_t left, size_t *taken) {
  static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t", hex[] = "0123456789abcdef";
  unsigned char byte = (unsigned char)*at;
  *taken = 1;
  if (byte >= 0x80) {
    size_t bytes = cal_utf8_next(at, left);
    if (bytes == 0) return memcpy(into, CAL_UTF8_REPLACEMENT, 3), 3;
    memcpy(into, at, bytes);
    return *taken = bytes;
  }
  if (byte >= 0x20 && byte != '"' && byte != '\\') {
    into[0] = *at;
    return 1;
  }
  into[0] = '\\';
  const char *found = byte ? strchr(means, byte) : NULL;
  if (found) {
    into[1] = names[found - means];
    return 2;
  }
  memcpy(into + 1, "u00", 3);
  into[4] = hex[byte >> 4];
  into[5] = hex[byte & 15];
  return 6;
}

/* How many bytes from `first` on stand for themselves. */
static size_t plain_run(cal_span text, size_t first) {
  const char *at = text.at + first;
  return (size_t)(cal_json_plain(at, text.at + text.bytes) - at);
}

ssize_t cal_json_escape_to(char *into, size_t room, cal_span text) {
  size_t used = 0;
  for (size_t i = 0; i < text.bytes;) {
    char spelt[6];
    size_t taken = plain_run(text, i), bytes = taken;
    const char *from = text.at + i;
    if (taken == 0) {
      bytes = spell(spelt, text.at + i, text.bytes - i, &taken);
      from = spelt;
    }
    if (bytes > room - used) return cal_fail(-EMSGSIZE, "a JSON string does not fit into %zu bytes", room);
    memcpy(into + used, from, bytes);
    used += bytes;
    i += taken;
  }
  return (ssize_t)used;
}

int cal_json_escape(cal_buf *into, cal_span text) {
  size_t before = into->bytes;
  for (size_t i = 0; i < text.bytes;) {
    char spelt[6];
    size_t taken = plain_run(text, i);
    int code = taken ? cal_buf_append(into, text.at + i, taken)
                     : cal_buf_append(into, spelt, spell(spelt, text.at + i, text.bytes - i, &taken));
    i += taken;
    if (code == 0) continue;
    into->bytes = before;
    if (into->data) into->data[before] = 0;
    return code;
  }
  return 0;
}

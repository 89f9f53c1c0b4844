#include "net/chunks.h"

#define SIZE_DIGITS_CEILING 8
#define EXTENSION_CEILING 256
#define TRAILER_CEILING 8192

/*   SIZE ─► EXTENSION ─► SIZE_FEED ─► DATA ─► DATA_RETURN ─► DATA_FEED ─► SIZE
 *                            └ size 0 ─► TRAILER ◄──► TRAILER_FEED ─► done                               */
enum { SIZE, EXTENSION, SIZE_FEED, DATA, DATA_RETURN, DATA_FEED, TRAILER, TRAILER_FEED };

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_size(cal_chunks *c, char byte) {
  int digit = hex(byte);
  if (digit >= 0) {
    if (++c->digits > SIZE_DIGITS_CEILING) return 413;
    c->left = c->left << 4 | (uint64_t)digit;
    return 0;
  }
  if (!c->digits) return 400;
  if (byte == '\r')
    c->state = SIZE_FEED;
  else if (byte == ';' || byte == ' ' || byte == '\t')
    c->state = EXTENSION;
  else
    return 400;
  return 0;
}

static int is_control(char byte) { return ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f; }

static int skip_extension(cal_chunks *c, char byte) {
  if (byte == '\r') {
    c->state = SIZE_FEED;
    return 0;
  }
  return is_control(byte) || ++c->line_bytes > EXTENSION_CEILING ? 400 : 0;
}

static int skip_trailer(cal_chunks *c, char byte) {
  if (++c->trailer_bytes > TRAILER_CEILING) return 431;
  if (byte == '\r') {
    c->state = TRAILER_FEED;
    return 0;
  }
  c->line_bytes++;
  return is_control(byte) ? 400 : 0;
}

static int end_line(cal_chunks *c, int next) {
  c->state = next;
  c->digits = 0;
  c->line_bytes = 0;
  return 0;
}

static int read_byte(cal_chunks *c, char byte) {
  switch (c->state) {
  case SIZE:
    return read_size(c, byte);
  case EXTENSION:
    return skip_extension(c, byte);
  case SIZE_FEED:
    return byte == '\n' ? end_line(c, c->left ? DATA : TRAILER) : 400;
  case DATA_RETURN:
    c->state = DATA_FEED;
    return byte == '\r' ? 0 : 400;
  case DATA_FEED:
    return byte == '\n' ? end_line(c, SIZE) : 400;
  case TRAILER:
    return skip_trailer(c, byte);
  default:
    if (byte != '\n') return 400;
    return c->line_bytes ? end_line(c, TRAILER) : CAL_CHUNKS_DONE;
  }
}

int cal_chunks_read(cal_chunks *c, const char *data, size_t bytes, size_t *used, cal_buf *body) {
  for (*used = 0; *used < bytes;) {
    if (c->state != DATA) {
      int code = read_byte(c, data[(*used)++]);
      if (code) return code;
      if (c->state == DATA && c->left > body->ceiling - body->bytes)
        return 413; /* before a byte of it came */
      continue;
    }
    size_t piece = bytes - *used < c->left ? bytes - *used : (size_t)c->left;
    if (cal_buf_append(body, data + *used, piece)) return 413;
    *used += piece;
    c->left -= piece;
    if (!c->left) c->state = DATA_RETURN;
  }
  return 0;
}

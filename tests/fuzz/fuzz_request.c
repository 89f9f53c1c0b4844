/* What the server reads from strangers: a request's head, a chunked body and WebSocket frames. However the bytes
 * are cut into pieces, the outcome is the same; spans stay inside; what was accepted is what RFC 9112 allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/chunks.h"
#include "net/request_head.h"
#include "net/ws_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MUST(condition)                                                                                      \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "does not hold: %s\n", #condition);                                                    \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

#define MESSAGE_CEILING 2048

/* ---- the head */

static int is_inside(cal_span span, const char *text, size_t bytes) {
  return !span.bytes || span.bytes == 1 || (span.at >= text && span.at + span.bytes <= text + bytes);
}

static void check_accepted(const cal_head *head, const char *text, size_t bytes) {
  MUST(head->method && head->target.bytes);
  MUST(is_inside(head->target, text, bytes) && is_inside(head->path, text, bytes));
  MUST(is_inside(head->query, text, bytes) && is_inside(head->host, text, bytes));
  MUST(head->minor == 0 || head->host.at);
  MUST(!(head->is_chunked && head->content_length >= 0));
  MUST(!memmem(head->path.at, head->path.bytes, "/../", 4));
  MUST(!memchr(text, 0, bytes));
  for (size_t i = 0; i < head->field_count; i++) {
    MUST(head->fields[i].name.bytes && is_inside(head->fields[i].name, text, bytes));
    MUST(!memchr(head->fields[i].value.at, '\n', head->fields[i].value.bytes));
    MUST(!memchr(head->fields[i].value.at, '\r', head->fields[i].value.bytes));
  }
}

static size_t read_head(const uint8_t *data, size_t bytes) {
  size_t scanned = 0, in_pieces = 0;
  const char *why = NULL;
  cal_head head;
  ssize_t end = cal_head_find_end((const char *)data, bytes, &scanned), cut = 0;
  for (size_t at = 1; at <= bytes && !cut; at++) cut = cal_head_find_end((const char *)data, at, &in_pieces);
  MUST(cut == end);
  if (end <= 0) return 0;
  char *text = cal_memdup(data, (size_t)end);
  int status = cal_head_read(&head, text, (size_t)end, &why);
  MUST(status == 0 || (status >= 400 && status <= 599 && why && *why));
  if (!status) check_accepted(&head, text, (size_t)end);
  cal_free(text);
  return (size_t)end;
}

/* ---- a body in chunks */

static int read_chunks(const uint8_t *data, size_t bytes, size_t piece, cal_buf *body, size_t *used) {
  cal_chunks chunks = {0};
  int code = 0;
  for (*used = 0; !code && *used < bytes;) {
    size_t now = 0, left = bytes - *used;
    code = cal_chunks_read(&chunks, (const char *)data + *used, left < piece ? left : piece, &now, body);
    *used += now;
  }
  MUST(code == 0 || code == CAL_CHUNKS_DONE || code == 400 || code == 413 || code == 431);
  return code;
}

static void read_body(const uint8_t *data, size_t bytes) {
  cal_buf whole, apart;
  size_t used_whole, used_apart;
  cal_buf_init(&whole, 1000);
  cal_buf_init(&apart, 1000);
  int code = read_chunks(data, bytes, SIZE_MAX, &whole, &used_whole);
  MUST(read_chunks(data, bytes, 1, &apart, &used_apart) == code);
  if (code < 400) {
    MUST(used_whole == used_apart && whole.bytes == apart.bytes);
    MUST(!whole.bytes || !memcmp(whole.data, apart.data, whole.bytes));
  }
  cal_buf_free(&whole);
  cal_buf_free(&apart);
}

/* ---- frames */

typedef struct tale {
  cal_buf text; /* what was read: messages with their ends, control frames, the close code */
  int code;
} tale;

static void note(tale *t, const cal_frame_event *event) {
  MUST(event->bytes <= MESSAGE_CEILING);
  if (event->bytes) cal_buf_append(&t->text, event->data, event->bytes);
  if (event->kind != CAL_FRAME_PIECE || event->is_last) cal_buf_format(&t->text, "|%d|", (int)event->kind);
  if (event->kind == CAL_FRAME_CLOSED || event->kind == CAL_FRAME_BAD) t->code = event->code;
}

static void read_frames(const uint8_t *data, size_t bytes, size_t piece, tale *t) {
  cal_frame_reader reader;
  cal_frame_event event;
  cal_frame_reader_init(&reader, MESSAGE_CEILING);
  cal_buf_init(&t->text, 1 << 24);
  t->code = 0;
  for (size_t at = 0; at < bytes && !t->code;) {
    size_t left = bytes - at < piece ? bytes - at : piece;
    char *part = cal_memdup(data + at, left);
    at += left;
    for (size_t used = 0; used < left && !t->code;) {
      used += cal_frame_read(&reader, part + used, left - used, &event);
      if (event.kind == CAL_FRAME_NOTHING) break;
      note(t, &event);
    }
    cal_free(part);
  }
  MUST(t->code == 0 || t->code == 1005 || cal_close_code_is_sound(t->code));
}

static void read_socket(const uint8_t *data, size_t bytes) {
  tale whole, apart;
  read_frames(data, bytes, SIZE_MAX, &whole);
  read_frames(data, bytes, 1, &apart);
  MUST(whole.code == apart.code);
  if (whole.code < 1006) MUST(whole.text.bytes == apart.text.bytes);
  cal_buf_free(&whole.text);
  cal_buf_free(&apart.text);
}

/* The first byte says what the rest is; behind a head comes its body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  if (!bytes) return 0;
  if (*data % 2) {
    read_socket(data + 1, bytes - 1);
    return 0;
  }
  size_t head = read_head(data + 1, bytes - 1);
  read_body(data + 1 + head, bytes - 1 - head);
  return 0;
}

#include "net/ws_frame.h"

#include <string.h>

void cal_frame_reader_init(cal_frame_reader *reader, size_t message_ceiling_bytes) {
  *reader = (cal_frame_reader){.ceiling = message_ceiling_bytes};
}

int cal_close_code_is_sound(int code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void spoil(cal_frame_reader *r, cal_frame_event *event, int code, const char *why) {
  r->is_bad = 1;
  event->kind = CAL_FRAME_BAD;
  event->code = code;
  event->why = why;
}

/* ---- the head */

static int is_control(const cal_frame_reader *r) { return r->opcode & 8; }

/* What is wrong with the first two bytes; NULL: nothing. */
static const char *check_start(const cal_frame_reader *r) {
  int first = r->head[0], second = r->head[1], length = second & 0x7f, opcode = first & 15;
  if (first & 0x70) return "a reserved bit is set";
  if (!(second & 0x80)) return "the frame is not masked";
  if ((opcode > CAL_FRAME_BINARY && opcode < CAL_FRAME_CLOSE) || opcode > CAL_FRAME_PONG)
    return "unknown opcode";
  if (opcode & 8) {
    if (!(first & 0x80)) return "a control frame is fragmented";
    return length > CAL_FRAME_CONTROL_CEILING ? "a control frame is too long" : NULL;
  }
  if (opcode == CAL_FRAME_CONTINUATION) return r->message ? NULL : "nothing is there to be continued";
  return r->message ? "the message before is not finished" : NULL;
}

static size_t head_needs(const cal_frame_reader *r) {
  if (r->head_bytes < 2) return 2;
  int length = r->head[1] & 0x7f;
  return 2 + 4 + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

static uint64_t read_number(const unsigned char *at, size_t bytes) {
  uint64_t number = 0;
  while (bytes--) number = number << 8 | *at++;
  return number;
}

static void begin_payload(cal_frame_reader *r, cal_frame_event *event) {
  int length = r->head[1] & 0x7f;
  size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
  r->left = more ? read_number(r->head + 2, more) : (uint64_t)length;
  if (r->left >> 63 || (more == 2 && r->left < 126) || (more == 8 && r->left < 65536))
    return spoil(r, event, 1002, "the length is malformed");
  memcpy(r->mask, r->head + 2 + more, 4);
  r->opcode = r->head[0] & 15;
  r->is_final = r->head[0] >> 7;
  r->mask_at = r->head_bytes = 0;
  r->is_in_payload = 1;
  if (is_control(r)) {
    r->control_bytes = 0;
    return;
  }
  if (r->opcode) {
    r->message = r->opcode;
    r->is_begun = 0;
    r->message_bytes = 0;
    r->text = (cal_ws_text){0};
  }
  if (r->left > r->ceiling - r->message_bytes) return spoil(r, event, 1009, "message too big");
  r->message_bytes += (size_t)r->left;
}

static size_t read_head(cal_frame_reader *r, const char *data, size_t bytes, cal_frame_event *event) {
  size_t used = 0;
  for (size_t needs; r->head_bytes < (needs = head_needs(r)); used++) {
    if (used == bytes) return used;
    r->head[r->head_bytes++] = (unsigned char)data[used];
    const char *why = r->head_bytes == 2 ? check_start(r) : NULL;
    if (why) {
      spoil(r, event, 1002, why);
      return used + 1;
    }
  }
  begin_payload(r, event);
  return used;
}

/* ---- the payload */

static void unmask(cal_frame_reader *r, char *data, size_t bytes) {
  unsigned char mask[8];
  for (int i = 0; i < 8; i++) mask[i] = r->mask[(r->mask_at + i) & 3];
  size_t at = 0;
  for (uint64_t word, key; at + 8 <= bytes; at += 8) {
    memcpy(&word, data + at, 8);
    memcpy(&key, mask, 8);
    word ^= key;
    memcpy(data + at, &word, 8);
  }
  for (size_t i = 0; at < bytes; at++, i++) data[at] = (char)(data[at] ^ mask[i]);
  r->mask_at = (uint8_t)((r->mask_at + bytes) & 3);
}

static void give_piece(cal_frame_reader *r, char *data, size_t bytes, cal_frame_event *event) {
  int is_last = r->is_final && !r->left;
  if (r->message == CAL_FRAME_TEXT &&
      (!cal_ws_text_take(&r->text, data, bytes) || (is_last && !cal_ws_text_is_whole(&r->text))))
    return spoil(r, event, 1007, "the text is not UTF-8");
  *event = (cal_frame_event){.kind = CAL_FRAME_PIECE,
                             .data = data,
                             .bytes = bytes,
                             .is_first = !r->is_begun,
                             .is_last = is_last,
                             .is_binary = r->message == CAL_FRAME_BINARY};
  r->is_begun = 1;
  if (is_last) r->message = 0;
}

static void give_close(cal_frame_reader *r, cal_frame_event *event) {
  const unsigned char *at = (const unsigned char *)r->control;
  cal_ws_text reason = {0};
  event->kind = CAL_FRAME_CLOSED;
  event->code = 1005;
  if (!r->control_bytes) return;
  if (r->control_bytes == 1) return spoil(r, event, 1002, "half a close code");
  event->code = at[0] << 8 | at[1];
  event->data = r->control + 2;
  event->bytes = r->control_bytes - 2u;
  if (!cal_close_code_is_sound(event->code))
    return spoil(r, event, 1002, "a close code that must not be sent");
  if (!cal_ws_text_take(&reason, event->data, event->bytes) || !cal_ws_text_is_whole(&reason))
    return spoil(r, event, 1007, "the reason is not UTF-8");
}

static void give_control(cal_frame_reader *r, cal_frame_event *event) {
  if (r->opcode == CAL_FRAME_CLOSE) return give_close(r, event);
  event->kind = r->opcode == CAL_FRAME_PING ? CAL_FRAME_PINGED : CAL_FRAME_PONGED;
  event->data = r->control;
  event->bytes = r->control_bytes;
}

static size_t read_payload(cal_frame_reader *r, char *data, size_t bytes, cal_frame_event *event) {
  size_t piece = bytes < r->left ? bytes : (size_t)r->left;
  if (!piece && r->left) return 0;
  unmask(r, data, piece);
  r->left -= piece;
  r->is_in_payload = r->left > 0;
  if (!is_control(r)) {
    give_piece(r, data, piece, event);
    return piece;
  }
  memcpy(r->control + r->control_bytes, data, piece);
  r->control_bytes = (uint8_t)(r->control_bytes + piece);
  if (!r->left) give_control(r, event);
  return piece;
}

size_t cal_frame_read(cal_frame_reader *r, char *data, size_t bytes, cal_frame_event *event) {
  size_t used = 0;
  *event = (cal_frame_event){.kind = CAL_FRAME_NOTHING};
  if (r->is_bad) return bytes;
  if (!r->is_in_payload) used = read_head(r, data, bytes, event);
  if (r->is_in_payload && !r->is_bad) used += read_payload(r, data + used, bytes - used, event);
  return used;
}

/* ---- writing */

size_t cal_frame_write_head(char *payload, int opcode, size_t bytes) {
  size_t more = bytes < 126 ? 0 : bytes < 65536 ? 2 : 8, head = 2 + more;
  char *at = payload - head;
  at[0] = (char)(0x80 | opcode);
  at[1] = (char)(more == 0 ? bytes : more == 2 ? 126 : 127);
  for (size_t i = 0; i < more; i++) at[2 + i] = (char)(bytes >> 8 * (more - 1 - i));
  return head;
}

#include "talk/body.h"

#include <errno.h>
#include <string.h>

#include "audio/wav.h"
#include "base/error.h"

#define SURE_BYTES 12 /* of which it can be told what something is */
#define PIECE_SAMPLES 1024

void cal_body_init(cal_body *b, cal_encoding encoding, uint32_t rate_hz) {
  *b = (cal_body){.encoding = encoding,
                  .rate_hz = rate_hz,
                  .channels = 1,
                  .left_bytes = UINT64_MAX,
                  .on_samples = b->on_samples,
                  .context = b->context};
}

static size_t frame_bytes(const cal_body *b) { return cal_encoding_bytes(b->encoding) * b->channels; }

/* Whole frames; of several channels the first. Returns the bytes that were used. */
static size_t give(cal_body *b, const uint8_t *data, size_t bytes) {
  int16_t samples[PIECE_SAMPLES];
  size_t frame = frame_bytes(b), frames = bytes / frame, done = 0;
  while (done < frames) {
    size_t most = PIECE_SAMPLES / b->channels, piece = frames - done < most ? frames - done : most;
    cal_decode(b->encoding, data + done * frame, piece * frame, samples);
    for (size_t i = 1; b->channels > 1 && i < piece; i++) samples[i] = samples[i * b->channels];
    done += piece;
    b->on_samples(b->context, b->rate_hz, samples, piece);
  }
  return frames * frame;
}

/* What is left of a frame waits in the head. */
static void put_sound(cal_body *b, const uint8_t *data, size_t bytes) {
  size_t frame = frame_bytes(b);
  if (bytes > b->left_bytes) bytes = (size_t)b->left_bytes;
  if (b->left_bytes != UINT64_MAX) b->left_bytes -= bytes;
  while (bytes && b->head_bytes) {
    b->head[b->head_bytes++] = *data++;
    bytes--;
    if (b->head_bytes < frame) continue;
    give(b, b->head, frame);
    b->head_bytes = 0;
  }
  size_t used = give(b, data, bytes);
  memcpy(b->head, data + used, bytes - used);
  b->head_bytes += bytes - used;
}

static int is_other(const cal_body *b) {
  static const char *const begins[] = {"ID3",   "OggS",  "fLaC",  "{\"",
                                       "<!DOC", "<html", "<?xml", "\x1a\x45\xdf\xa3"};
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
    if (b->head_bytes >= strlen(begins[i]) && !memcmp(b->head, begins[i], strlen(begins[i]))) return 1;
  return 0;
}

/* 1: it is known what comes, and where it begins in the head; 0: not yet. */
static int look(cal_body *b, size_t *begin, int is_all) {
  cal_wav_about about;
  *begin = 0;
  if (b->head_bytes < SURE_BYTES && !is_all) return 0;
  if (is_other(b)) return cal_fail(-EPROTO, "it sends something else than the sound that was asked for");
  if (b->head_bytes < SURE_BYTES || memcmp(b->head, "RIFF", 4)) return 1;
  int code = cal_wav_head(&about, b->head, b->head_bytes);
  if (!code && (is_all || b->head_bytes == sizeof b->head))
    return cal_fail(-EPROTO, "its WAV header has no end");
  if (code <= 0) return code ? -EPROTO : 0;
  b->encoding = about.encoding;
  b->rate_hz = about.rate_hz;
  b->channels = about.channels;
  b->left_bytes = about.data_bytes;
  *begin = about.header_bytes;
  return 1;
}

static int be_known(cal_body *b, int is_all) {
  uint8_t head[CAL_BODY_HEAD_BYTES];
  size_t begin, bytes = b->head_bytes;
  int code = look(b, &begin, is_all);
  if (code <= 0) return code;
  b->is_known = 1;
  b->head_bytes = 0;
  memcpy(head, b->head, bytes);
  put_sound(b, head + begin, bytes - begin);
  return 0;
}

int cal_body_put(cal_body *b, const void *data, size_t bytes) {
  const uint8_t *at = data;
  while (bytes && !b->is_known) {
    size_t room = sizeof b->head - b->head_bytes, piece = bytes < room ? bytes : room;
    memcpy(b->head + b->head_bytes, at, piece);
    b->head_bytes += piece;
    at += piece;
    bytes -= piece;
    int code = be_known(b, 0);
    if (code < 0) return code;
  }
  if (bytes) put_sound(b, at, bytes);
  return 0;
}

int cal_body_end(cal_body *b) { return b->is_known ? 0 : be_known(b, 1); }

/* wire: a carrier's media declaration, compiled.
 *
 * A carrier (or a speech vendor) sends and expects audio wrapped in its own way: base64 in JSON, or plain
 * binary. An adapter declares the wrapping; the wire is that declaration made fast, so that samples are read
 * and written without a parser's tree, an allocation or a script. What the wire was not told about
 * (CAL_WIRE_OTHER) is for the script.
 *
 *      message ──► cal_wire_read  ──► kind (audio, start, mark, …) + samples
 *      samples ──► cal_wire_write_audio ──► message
 *
 * The carrier's own side of a wire (the exchange plays carriers) is just another declaration: its audio_out
 * carries $seq, $chunk and $ms, and its rules expect media, mark and clear.
 *
 * A wire never changes once compiled and is reference counted (cal_ref, cal_unref): share it between threads.
 * The state of one connection is a cal_wire_state, used by one thread at a time. Reading and writing never
 * fail loudly: a peer's rubbish is CAL_WIRE_MALFORMED with a reason, counted by the caller. */
#ifndef CAL_CALL_WIRE_H
#define CAL_CALL_WIRE_H

#include <stdint.h>
#include <sys/types.h>

#include "audio/codec.h"
#include "base/buf.h"

typedef struct cal_wire cal_wire;

#define CAL_WIRE_MESSAGE_BYTES (256 * 1024) /* longer messages are malformed */
#define CAL_WIRE_ID_BYTES 192               /* a stream's or call's id with its final zero */
#define CAL_WIRE_NAME_BYTES 256             /* a mark's name with its final zero */

/* What to look for and what to write. Everything is borrowed for the length of cal_wire_compile; NULL or 0 is
 * "none". Paths are those of data/jscan.h ("media.payload"). A rule without an event value is off, except
 * audio's. */
typedef struct cal_wire_spec {
  const char *name; /* for messages: "twilio" */
  cal_encoding encoding;
  int has_encoding_out; /* some vendors send one byte order and expect the other */
  cal_encoding encoding_out;
  uint32_t rate_hz;  /* 8000 to 48000 */
  uint32_t frame_ms; /* how much audio a message of ours carries: 10 to 200 */
  int is_binary_in;  /* audio comes as binary messages */
  int is_binary_out; /* audio goes as binary messages */

  const char *event_path; /* where a message says what it is: "event" */
  struct {
    const char *event;   /* "media"; none: any message with a string at `payload` */
    const char *payload; /* base64; none: no audio in text messages */
    const char *when_path,
        *when_text; /* "media.track" "inbound": the rest is CAL_WIRE_IGNORED; an absent value passes */
  } audio;
  struct {
    const char *event, *stream, *call; /* "start", "start.streamSid", "start.callSid" */
    const char *encoding,
        *encoding_text;    /* path, and the text that must be there (any case), if anything is */
    const char *rate;      /* path; rate_hz must be there, if anything is */
    int64_t rate_expected; /* when it is not rate_hz that is announced; 0 = rate_hz */
  } start;
  struct {
    const char *event, *name;
  } mark;
  struct {
    const char *event, *digit;
  } dtmf;
  struct {
    const char *event;
  } stop, clear;

  /* Messages of ours: JSON with variables. $stream, $call, $mark, $digit and $audio (base64) stand inside
   * quotes and are escaped; $seq (messages written, from 1), $chunk (audio messages, from 1) and $ms (where
   * in the stream this audio begins) are bare numbers, in quotes where the carrier wants them so. $$ is a
   * dollar sign. */
  const char *audio_out, *mark_out, *clear_out, *dtmf_out, *stop_out;

  /* Some carriers want their audio in portions (Exotel: multiples of 320 bytes, 3200 at least). The last
   * portion is filled up with silence. */
  uint32_t chunk_min_bytes, chunk_multiple_bytes;
} cal_wire_spec;

/* Returns owned (one reference). -EINVAL, and the text names the field and the remedy. */
int cal_wire_compile(cal_wire **result, const cal_wire_spec *spec);

const char *cal_wire_name(const cal_wire *wire);
uint32_t cal_wire_rate_hz(const cal_wire *wire);
int cal_wire_is_binary_out(const cal_wire *wire);
/* Samples of one outgoing message: frame_ms, made longer where the portion rules ask for it. */
size_t cal_wire_frame_samples(const cal_wire *wire);

typedef enum cal_wire_kind {
  CAL_WIRE_AUDIO, /* samples */
  CAL_WIRE_START, /* the state knows the ids now */
  CAL_WIRE_MARK,  /* name */
  CAL_WIRE_DTMF,  /* name: one digit, or several */
  CAL_WIRE_STOP,
  CAL_WIRE_CLEAR,
  CAL_WIRE_OTHER,        /* valid JSON that no rule knows */
  CAL_WIRE_IGNORED,      /* audio of a track that was not asked for */
  CAL_WIRE_MALFORMED,    /* reason */
  CAL_WIRE_WRONG_FORMAT, /* a start whose encoding or rate is not ours: reason says what was asked and what
                            came */
} cal_wire_kind;

/* Whether a rule for such messages was declared (CAL_WIRE_AUDIO to CAL_WIRE_CLEAR), and whether one can be
 * written. */
int cal_wire_hears(const cal_wire *wire, cal_wire_kind kind);
int cal_wire_says(const cal_wire *wire, cal_wire_kind kind);

/* One connection's memory. Plain: initialise it, copy it, forget it. Ids are zero-terminated. */
typedef struct cal_wire_state {
  char stream[CAL_WIRE_ID_BYTES];
  char call[CAL_WIRE_ID_BYTES];
  uint64_t seq;     /* the number the next message gets */
  uint64_t chunk;   /* the number the next audio message gets */
  uint64_t samples; /* written so far */
} cal_wire_state;

void cal_wire_state_init(cal_wire_state *state);
/* For ids that do not come in a start message. NULL leaves one as it is; -EMSGSIZE when too long. */
int cal_wire_state_set(cal_wire_state *state, const char *stream, const char *call);

typedef struct cal_wire_event {
  cal_wire_kind kind;
  size_t samples;
  char name[CAL_WIRE_NAME_BYTES];
  char reason[CAL_WIRE_NAME_BYTES]; /* for people */
} cal_wire_event;

/* Enough samples for any message of that many bytes. */
size_t cal_wire_samples_bound(const cal_wire *wire, size_t bytes);

/* Reads one whole message. Samples are written only for CAL_WIRE_AUDIO, up to `max_samples`; audio that is
 * longer is malformed (see cal_wire_samples_bound). Writes all of `out` that its kind has, name and reason
 * being "" otherwise. Returns out->kind. */
cal_wire_kind cal_wire_read(const cal_wire *wire, cal_wire_state *state, const void *data, size_t bytes,
                            int is_binary, cal_wire_event *out, int16_t *samples, size_t max_samples);

/* Room that is always enough for a message with so many samples, and for any other message. */
size_t cal_wire_audio_room(const cal_wire *wire, size_t samples);
size_t cal_wire_control_room(const cal_wire *wire);

/* Each returns the bytes of the message, which is binary for audio if cal_wire_is_binary_out, text otherwise.
 * Failing changes nothing and counts nothing: -ENOTSUP the wire has no such message, -ENOTCONN it needs the
 * stream's or call's id and no start message gave it, -EMSGSIZE it does not fit into `room`, -EINVAL no
 * samples, more than a message holds, or a mark's name that is too long. */
ssize_t cal_wire_write_audio(const cal_wire *wire, cal_wire_state *state, const int16_t *samples,
                             size_t count, char *out, size_t room);
ssize_t cal_wire_write_mark(const cal_wire *wire, cal_wire_state *state, const char *name, char *out,
                            size_t room);
ssize_t cal_wire_write_clear(const cal_wire *wire, cal_wire_state *state, char *out, size_t room);
ssize_t cal_wire_write_dtmf(const cal_wire *wire, cal_wire_state *state, const char *digits, char *out,
                            size_t room);
ssize_t cal_wire_write_stop(const cal_wire *wire, cal_wire_state *state, char *out, size_t room);

#endif

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
 * A protocol that wants answers (a ping its pong, an open its opened) declares them as replies, so that they
 * leave at once, whatever a script does; one that numbers its messages says where the numbers are, and they
 * are checked.
 *
 * A wire never changes once compiled and is reference counted (cal_ref, cal_unref): share it between threads.
 * The state of one connection is a cal_wire_state, used by one thread at a time. Reading and writing never
 * fail loudly: a peer's rubbish is CAL_WIRE_MALFORMED with a reason, counted by the caller. */
#ifndef CAL_WIRE_WIRE_H
#define CAL_WIRE_SUB_PROTOCOL_BYTES 64 /* with its zero */
#define CAL_WIRE_WIRE_H

#include <stdint.h>
#include <sys/types.h>

#include "audio/codec.h"
#include "base/buf.h"
#include "wire/words.h"

typedef struct cal_wire cal_wire;

#define CAL_WIRE_MESSAGE_BYTES (256 * 1024) /* longer messages are malformed */
#define CAL_WIRE_ID_BYTES 192               /* a stream's or call's id with its final zero */
#define CAL_WIRE_NAME_BYTES 256             /* a mark's name with its final zero */
#define CAL_WIRE_BYE_BYTES 4096             /* what $bye can become */
#define CAL_WIRE_SAY_BYTES 8192             /* what $text can be, before it is escaped */
#define CAL_WIRE_WORDS_BYTES 8192           /* all that an ear tells in one message, with final zeros */
#define CAL_WIRE_WORDS 8                    /* so many things at once */
#define CAL_WIRE_REPLIES 8
#define CAL_WIRE_SAYS 4            /* messages that say one text */
#define CAL_WIRE_BYE_WAIT_MS 10000 /* unless the declaration says otherwise */

/* What to look for and what to write. Everything is borrowed for the length of cal_wire_compile; NULL or 0 is
 * "none". Paths are those of data/jscan.h ("media.payload"); those of a start, of a mark's name and of a key
 * may be up to four, for carriers that spell them in several ways: "start.stream_sid|start.streamSid"; so may
 * those of an error, and event_path. A rule's event may be several names: "error|playFailed". A rule without an
 * event value is off, except audio's, an error's (every message that has its code) and that of words. */
typedef struct cal_wire_spec {
  const char *name;         /* for messages: "twilio" */
  const char *sub_protocol; /* of the WebSocket (Sec-WebSocket-Protocol), as both ends must name it */
  cal_encoding encoding;
  int has_encoding_out; /* some vendors send one byte order and expect the other */
  cal_encoding encoding_out;
  uint32_t rate_hz;      /* 8000 to 48000 */
  uint32_t frame_ms;     /* how much audio a message of ours carries: 10 to 200 */
  int is_binary_in;      /* audio comes as binary messages */
  int is_binary_out;     /* audio goes as binary messages */
  uint32_t channels;     /* interleaved, of what comes in: 1 or 2, 0 = 1. The first one is used */
  uint32_t channels_out; /* of binary audio: ours is the first, the second is silent */

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
    const char *event, *name; /* no name: everything that was sent so far has been played */
    /* A message is only a mark if it has when_text there; NULL: if it has a value that is not false, null or "".
     * Without an event any message may be one, besides the sound in it. */
    const char *when_path, *when_text;
  } mark;
  struct {
    const char *event, *digit;
  } dtmf;
  struct {
    const char *event;
  } stop, pause, resume; /* pause: no audio comes until it resumes */
  struct {
    const char *event, *when_path, *when_text; /* as audio's, but an absent value does not pass */
    int drops_marks; /* of the carrier's side: marks that wait are forgotten, not echoed */
  } clear;
  struct {
    const char *event, *code, *text, *retry_after; /* an ISO 8601 duration, or seconds */
  } error;

  /* Of an ear: what it understood so far. A message is of the first kind whose text, or a true if there is no
   * text, stands at that kind's path (in the order started, resumed, likely, ended, final, piece), else partial;
   * where no kind ends a turn every message does. `text` may have four spellings; started, resumed and ended need
   * none. Times are those of the sound it was sent. */
  struct {
    const char *event; /* none: every message that has the list, or the text, or the text */
    const char *text, *turn, *language, *confidence, *from, *until;
    struct {
      const char *path, *text;
    } kinds[CAL_WORDS_KINDS];
    int is_ms;      /* times are milliseconds, not seconds */
    int has_deltas; /* a partial text is what is new in its turn */
    /* A list of words, which have the times. With `text` they also are the text, and `final` says which ones
     * will not change; one that is named in `ends` ends the turn. */
    struct {
      const char *at, *text, *final, *from, *until, *language, *confidence, *ends;
    } list;
  } words;

  /* Of a voice: which utterance a message is about; and lists of what is spoken (words, letters) and of when each of it
   * begins, ends or how long it lasts: ends, or starts and lasts. In seconds, unless is_ms, of the sound of the
   * utterance, or of what came after the last such message (is_relative). Without an event any message may have them. */
  const char *utterance_path;
  struct {
    const char *event, *texts, *starts, *ends, *lasts;
    int is_ms, is_relative;
  } times;

  /* Text messages that are numbered by the other side, from 1 and without a gap; the last of our numbers it
   * has seen; and the id of the stream, which it never changes. */
  const char *sequence_path, *acknowledged_path, *stream_path;

  /* What is answered at once. The event may have a rule as well. */
  struct {
    const char *event, *text;
    int ends;    /* with this answer the stream is over; the other side's stop, or its close, is awaited */
    int is_told; /* the script gets the message as well */
  } replies[CAL_WIRE_REPLIES];
  size_t reply_count;

  /* Messages of ours: JSON with variables. $stream, $call, $mark, $digit and $audio (base64) stand inside
   * quotes and are escaped; $seq (text messages written, from 1), $peer_seq (the last number the other side
   * gave), $chunk (audio messages, from 1) and $ms (where in the stream this audio begins) are bare numbers,
   * in quotes where the carrier wants them so; $position is $ms as an ISO 8601 duration. $$ is a dollar sign.
   */
  const char *audio_out, *mark_out, *clear_out, *dtmf_out, *stop_out;
  const char *playing_out, *played_out; /* of the carrier's side: its queue begins to play, has run empty */

  /* To a voice: $text is to be said; $mark is the utterance, which its mark gives back when all sound of it was
   * sent; $voice is the one that is to say it, "" when none is named. */
  const char *say_out[CAL_WIRE_SAYS]; /* sent one after the other; the first NULL ends them */
  const char *cancel_out;             /* $mark is not wanted any more; NULL: there is only clear_out */

  /* Said when we end the stream; $bye, a bare JSON value, is what the call says about its end. The other
   * side's stop, or its close, is then awaited for a bounded time before we close. */
  const char *bye_out;
  uint32_t bye_wait_ms;  /* 0: CAL_WIRE_BYE_WAIT_MS */
  int is_closed_by_peer; /* the other side closes the socket, after stop too; we only when it does not */

  /* Of the carrier's side: more audio messages than these are dropped and answered so. */
  struct {
    uint32_t per_second, burst; /* 0: no limit */
    const char *text;
  } limit;

  /* Some carriers want their audio in portions (Exotel: multiples of 320 bytes, 3200 at least). The last
   * portion is filled up with silence. */
  uint32_t chunk_min_bytes, chunk_multiple_bytes;
} cal_wire_spec;

/* Returns owned (one reference). -EINVAL, and the text names the field and the remedy. */
int cal_wire_compile(cal_wire **result, const cal_wire_spec *spec);

const char *cal_wire_name(const cal_wire *wire);
const char *cal_wire_sub_protocol(const cal_wire *wire); /* borrowed; NULL: none */
uint32_t cal_wire_rate_hz(const cal_wire *wire);
cal_encoding cal_wire_encoding(const cal_wire *wire);    /* of what comes */
const char *cal_wire_payload_path(const cal_wire *wire); /* borrowed; NULL: sound is binary */
int cal_wire_is_binary_out(const cal_wire *wire);
/* Samples of one outgoing message: frame_ms, made longer where the portion rules ask for it. */
size_t cal_wire_frame_samples(const cal_wire *wire);
uint32_t cal_wire_bye_wait_ms(const cal_wire *wire);
int cal_wire_is_closed_by_peer(const cal_wire *wire);
int cal_wire_clear_drops_marks(const cal_wire *wire);
int cal_wire_marks_have_names(const cal_wire *wire);            /* 0: a mark means everything sent so far */
uint32_t cal_wire_limit(const cal_wire *wire, uint32_t *burst); /* audio messages a second; 0: none */

typedef enum cal_wire_kind {
  CAL_WIRE_AUDIO, /* samples; reason, when the last one was not whole and was left out */
  CAL_WIRE_START, /* the state knows the ids now */
  CAL_WIRE_MARK,  /* name */
  CAL_WIRE_DTMF,  /* name: one digit, or several */
  CAL_WIRE_STOP,
  CAL_WIRE_CLEAR,
  CAL_WIRE_PAUSE,
  CAL_WIRE_RESUME,
  CAL_WIRE_ERROR,        /* name: its code; reason: its text; retry_ms */
  CAL_WIRE_TOLD,         /* words */
  CAL_WIRE_TIMES,        /* times */
  CAL_WIRE_OTHER,        /* valid JSON that no rule knows */
  CAL_WIRE_IGNORED,      /* audio of a track that was not asked for; what needs a reply and nothing else */
  CAL_WIRE_MALFORMED,    /* reason */
  CAL_WIRE_OUT_OF_ORDER, /* reason: a number or an id that cannot be right; nothing of the message was used */
  CAL_WIRE_WRONG_FORMAT, /* a start whose encoding or rate is not ours: reason says what was asked and what
                            came */
} cal_wire_kind;

/* Whether a rule for such messages was declared (CAL_WIRE_AUDIO to CAL_WIRE_TIMES), and whether one can be
 * written. */
int cal_wire_hears(const cal_wire *wire, cal_wire_kind kind);
int cal_wire_says(const cal_wire *wire, cal_wire_kind kind);

/* One connection's memory. Plain: initialise it, copy it, forget it. Ids are zero-terminated. */
typedef struct cal_wire_state {
  char stream[CAL_WIRE_ID_BYTES];
  char call[CAL_WIRE_ID_BYTES];
  uint64_t seq;      /* the number the next message gets */
  uint64_t chunk;    /* the number the next audio message gets */
  uint64_t samples;  /* written so far */
  uint64_t peer_seq; /* the last number the other side gave; 0: none yet */
} cal_wire_state;

void cal_wire_state_init(cal_wire_state *state);
/* For ids that do not come in a start message. NULL leaves one as it is; -EMSGSIZE when too long. */
int cal_wire_state_set(cal_wire_state *state, const char *stream, const char *call);

/* When what was spoken: lists as they stand in the message, which they borrow (wire_times.h). */
typedef struct cal_wire_times {
  cal_span texts, starts, ends, lasts; /* no bytes: not there */
  int is_ms, is_relative;
} cal_wire_times;

typedef struct cal_wire_event {
  cal_wire_kind kind;
  int reply; /* which one the message is to be answered with; -1: none */
  size_t samples;
  uint32_t retry_ms; /* of an error; 0: it does not say */
  char name[CAL_WIRE_NAME_BYTES];
  char reason[CAL_WIRE_NAME_BYTES]; /* for people */
  /* Of any text message to a voice: the utterance it is about ("": it does not say); its times; and, with sound,
   * whether it is a mark as well. */
  char utterance[CAL_WIRE_NAME_BYTES];
  cal_wire_times times;
  int is_mark;
  /* Of CAL_WIRE_TOLD alone; their texts lie in word_texts, and confidence of a list is the least one. */
  cal_words words[CAL_WIRE_WORDS];
  size_t word_count;
  char word_texts[CAL_WIRE_WORDS_BYTES];
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
/* `text` of at most CAL_WIRE_SAY_BYTES (else -EMSGSIZE), into the room that is asked for. */
int cal_wire_can_say(const cal_wire *wire); /* how many messages that takes; 0: it is not a voice */
/* The `part`th of them, from 0. */
ssize_t cal_wire_write_say(const cal_wire *wire, cal_wire_state *state, int part, const char *text,
                           const char *name, const char *voice, char *out, size_t room);
size_t cal_wire_say_room(const cal_wire *wire);
int cal_wire_can_cancel(const cal_wire *wire); /* one utterance */
ssize_t cal_wire_write_cancel(const cal_wire *wire, cal_wire_state *state, const char *name, char *out,
                              size_t room);
int cal_wire_names_utterances(const cal_wire *wire); /* messages say which one they are about */
/* The carrier's queue begins to play, or has run empty; the answer to audio that is too much. */
ssize_t cal_wire_write_playing(const cal_wire *wire, cal_wire_state *state, int is_playing, char *out,
                               size_t room);
ssize_t cal_wire_write_limit(const cal_wire *wire, cal_wire_state *state, char *out, size_t room);
/* `bye`: a JSON value of at most CAL_WIRE_BYE_BYTES; NULL: {}. */
int cal_wire_says_bye(const cal_wire *wire);
ssize_t cal_wire_write_bye(const cal_wire *wire, cal_wire_state *state, const char *bye, char *out,
                           size_t room);
/* The reply an event asked for, and what follows from it. */
ssize_t cal_wire_write_reply(const cal_wire *wire, cal_wire_state *state, int reply, char *out, size_t room);
int cal_wire_reply_ends(const cal_wire *wire, int reply);
/* A text of somebody's own with the same variables (but those of one message alone): numbered like the
 * others. -EINVAL when it is no such text. */
ssize_t cal_wire_write_text(const cal_wire *wire, cal_wire_state *state, const char *text, char *out,
                            size_t room);
size_t cal_wire_text_room(const char *text);

#endif

/* The inside of a compiled wire, shared by wire.c (compile), wire_read.c and wire_write.c, and by nobody
 * else. */
#ifndef CAL_WIRE_WIRE_PRIVATE_H
#define CAL_WIRE_WIRE_PRIVATE_H

#include "wire/wire.h"
#include "wire/wire_template.h"
#include "data/jscan.h"

/* Audio passes between base64 and samples in pieces that stay in the nearest cache: whole groups of three
 * bytes, whole samples. */
#define WIRE_PIECE_BYTES 768
#define WIRE_PIECE_LETTERS 1024

/* The paths a media message is asked for come first: one walk looks for those and no more. */
enum { PATH_EVENT, PATH_PAYLOAD, PATH_WHEN, MEDIA_PATHS };
enum {
  PATH_STREAM = MEDIA_PATHS,
  PATH_CALL,
  PATH_ENCODING,
  PATH_RATE,
  PATH_MARK,
  PATH_DIGIT,
  PATH_CLEAR_WHEN
};
enum {
  PATH_CODE = PATH_CLEAR_WHEN + 1,
  PATH_TEXT,
  PATH_RETRY,
  PATH_SEQUENCE,
  PATH_ACKNOWLEDGED,
  PATH_STREAM_ID
};
enum { WIRE_PATHS = PATH_STREAM_ID + 1 };
enum { START_PATHS = PATH_MARK - PATH_STREAM };
enum { ERROR_PATHS = PATH_SEQUENCE - PATH_CODE, ORDER_PATHS = WIRE_PATHS - PATH_SEQUENCE };

/* Of words: the kinds' paths stand behind these, in one walk. */
enum { TOLD_TEXT, TOLD_TURN, TOLD_LANGUAGE, TOLD_CONFIDENCE, TOLD_FROM, TOLD_UNTIL, TOLD_LIST, TOLD_KINDS };
enum { TOLD_PATHS = TOLD_KINDS + CAL_WORDS_KINDS };
/* Of each in a list. */
enum { EACH_TEXT, EACH_FINAL, EACH_FROM, EACH_UNTIL, EACH_LANGUAGE, EACH_CONFIDENCE, EACH_PATHS };

enum { EVENT_AUDIO, EVENT_START, EVENT_MARK, EVENT_DTMF, EVENT_STOP, EVENT_CLEAR };
enum { EVENT_PAUSE = EVENT_CLEAR + 1, EVENT_RESUME, EVENT_ERROR, EVENT_TOLD, EVENT_TIMES, WIRE_EVENTS };
/* What a voice's message is asked for besides. */
enum { VOICE_UTTERANCE, VOICE_MARK_WHEN, VOICE_TEXTS, VOICE_STARTS, VOICE_ENDS, VOICE_LASTS, VOICE_PATHS };
enum { WIRE_EVENT_NAMES = WIRE_EVENTS + 8, WIRE_SPELLINGS = 4 };
enum {
  OUT_AUDIO,
  OUT_MARK,
  OUT_CLEAR,
  OUT_DTMF,
  OUT_STOP,
  OUT_PLAYING,
  OUT_PLAYED,
  OUT_LIMIT,
  OUT_BYE,
  OUT_CANCEL,
  OUT_SAY, /* of a size of its own: not a control message */
  WIRE_OUTS = OUT_SAY + CAL_WIRE_SAYS
};

typedef struct wire_event_name {
  cal_span text; /* owned */
  int event;
} wire_event_name;

/* What an ear tells; the texts are owned. */
typedef struct wire_told {
  cal_jpath paths[TOLD_PATHS], also_text[WIRE_SPELLINGS - 1];
  cal_jpath each[EACH_PATHS], also_each[WIRE_SPELLINGS - 1];
  cal_span kind_texts[CAL_WORDS_KINDS]; /* at == NULL: a true is meant */
  cal_span ends;                        /* "<end>|<fin>" */
  int ends_by_itself;                   /* a message must not say that it ends a turn */
  int is_ms, is_joined;
} wire_told;

typedef struct wire_reply {
  cal_span event; /* owned */
  cal_wire_template text;
  int ends, is_told;
} wire_reply;

struct cal_wire {
  char *name, *sub_protocol;
  cal_encoding encoding_in, encoding_out;
  unsigned shift_in, shift_out; /* a sample has 1 << shift bytes: a division is dear at this rate */
  uint32_t rate_hz, frame_ms;
  int is_binary_in, is_binary_out;
  unsigned channels, channels_out;
  int is_numbered; /* there are numbers or ids to be checked */
  int is_closed_by_peer;
  uint32_t bye_wait_ms, limit_per_second, limit_burst;
  size_t chunk_min_bytes, chunk_multiple_bytes;
  cal_jpath paths[WIRE_PATHS]; /* one without parts was not declared */
  cal_jpath also[PATH_RETRY]
                [WIRE_SPELLINGS - 1]; /* other spellings of an event, and from PATH_STREAM to PATH_TEXT */
  wire_event_name names[WIRE_EVENT_NAMES]; /* in the order of their events: audio's is found first */
  int name_count;
  unsigned heard;           /* 1 << event: there is a rule */
  cal_span when_text;       /* owned */
  cal_span clear_when_text; /* owned */
  wire_told told;
  cal_jpath voice_paths[WIRE_SPELLINGS][VOICE_PATHS]; /* by spelling; one without parts was not declared */
  cal_span mark_when_text;                            /* owned; at == NULL: any value is meant */
  int is_voice;                                       /* one of voice_paths was declared */
  int times_are_ms, times_are_relative, says;
  int clear_drops_marks;
  cal_span encoding_text; /* owned */
  int64_t rate_expected;
  cal_wire_template out[WIRE_OUTS];
  wire_reply replies[CAL_WIRE_REPLIES];
  int reply_count;
};

/* wire_voice.c */
int cal_wire_compile_voice(cal_wire *wire, const cal_wire_spec *spec);
/* What a voice's message says besides what its event stands for. Returns out->kind, which may be another one now. */
cal_wire_kind cal_wire_read_voice(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out);
cal_wire_kind cal_wire_read_mark(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out);

/* Bytes of encoded audio a message will have for so many samples, with the portion rules obeyed. */
size_t cal_wire_portion_bytes(const cal_wire *wire, size_t samples);

/* "a|b": the first goes to `first`, at most WIRE_SPELLINGS - 1 more to `also`. 0 or -EINVAL. */
int cal_wire_compile_spellings(cal_jpath *first, cal_jpath *also, const char *path);
/* Another spelling, where the first is not there. */
void cal_wire_find_also(const cal_jpath *also, const char *text, size_t bytes, cal_jvalue *value);
/* A string, or a number as it stands, with a final zero. Returns NULL, or what is wrong with it. */
const char *cal_wire_read_text(char *into, size_t room, const cal_jvalue *value);

/* wire_told.c */
int cal_wire_compile_told(cal_wire *wire, const cal_wire_spec *spec);
void cal_wire_free_told(cal_wire *wire);
int cal_wire_is_told(const cal_wire *wire, const char *text,
                     size_t bytes); /* by what it has, where no event says so */
cal_wire_kind cal_wire_read_told(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out);

#endif

/* port: how one party's sound and words leave and arrive. Over a WebSocket with a wire today (port_ws.h), over
 * RTP or a browser's connection tomorrow; a leg knows none of them.
 *
 *             on_up, on_sound, on_mark, on_clear, on_keys, on_pause, on_text, on_error ──►
 *      port                                                                       leg
 *             ◄── sound, mark, clear, forget, keys, text, playing
 *
 *   coming ──on_up──► up ──┬──on_end (theirs)──┬──► parting ──on_gone──► the leg frees the port
 *      │                   └── part (ours) ────┤
 *      └──on_end, or part──────────────────────┘
 *
 * What a protocol wants said besides sound (answers, numbers, a last word and the wait for the other side's)
 * is the port's own business. Handlers come from the port's thread, never from inside an operation; on_end
 * comes at most once and not after `part`, on_gone exactly once and last. One thread, the loop's. */
#ifndef CAL_LEG_PORT_H
#define CAL_LEG_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "wire/words.h"
struct cal_wire_times;

typedef struct cal_port cal_port;

/* How a party's connection came to its end. */
typedef enum cal_leg_end {
  CAL_LEG_HANGUP = 1,  /* the other side said stop or closed properly */
  CAL_LEG_LOST,        /* the connection broke or fell silent */
  CAL_LEG_CLOSED,      /* we closed it */
  CAL_LEG_NO_START,    /* no start message within the deadline */
  CAL_LEG_WRONG_START, /* another call, encoding or rate than we asked for */
  CAL_LEG_TOO_LONG,    /* the longest call length was reached */
  CAL_LEG_NO_SOCKET,   /* the connection could not be opened (by us) */
  CAL_LEG_MALFORMED,   /* too many messages in a row that make no sense */
} cal_leg_end;

typedef struct cal_parting {
  int is_ours;        /* we end it; the other side did not ask for it */
  int code;           /* of a WebSocket's close frame */
  const char *reason; /* for people; never NULL */
  const char *bye;    /* JSON: what the last word says of the call; NULL: {} */
} cal_parting;

/* What is borrowed is borrowed for the call. All but `keys`, `say` and `cancel` are needed; what the other side cannot be
 * told is passed over. */
typedef struct cal_port_ops {
  int (*is_open)(const cal_port *port);                                /* what is sent now leaves */
  void (*sound)(cal_port *port, const int16_t *samples, size_t count); /* one frame */
  void (*mark)(cal_port *port, const char *name); /* to be given back when what came before was played */
  void (*clear)(cal_port *port);  /* the other side forgets what it has not played, and so do we */
  void (*forget)(cal_port *port); /* sound that has not left yet is not sent */
  void (*keys)(cal_port *port, const char *keys);
  /* A message of the script's own; numbered: with the variables the other side's protocol asks for. */
  void (*text)(cal_port *port, const char *text, size_t bytes, int is_numbered);
  /* To a voice, perhaps to one of its voices; its mark gives `name` back. */
  int (*say)(cal_port *port, const char *text, const char *name, const char *voice);
  void (*cancel)(cal_port *port, const char *name); /* what was asked to be said so is not wanted any more */
  void (*playing)(cal_port *port, int is_playing); /* what the other side sent begins to play, or has ended */
  void (*part)(cal_port *port, const cal_parting *parting);
  void (*free)(cal_port *port); /* from on_gone on */
} cal_port_ops;

/* What is borrowed is borrowed for the call. Only on_text, on_error, on_end and on_gone may come before on_up. */
typedef struct cal_port_handlers {
  void (*on_up)(void *context, const char *stream, const char *call); /* ids as the other side gave them */
  void (*on_sound)(void *context, const int16_t *samples, size_t count);
  void (*on_mark)(void *context, const char *name); /* NULL: everything that was sent has been played */
  void (*on_clear)(void *context, int drops_marks); /* forget what was not played; waiting marks too? */
  void (*on_keys)(void *context, const char *keys); /* other characters are to be skipped */
  void (*on_pause)(void *context);                  /* no sound comes for a while */
  void (*on_words)(void *context, const cal_words *words);        /* of an ear; NULL: not wanted */
  void (*on_times)(void *context, struct cal_wire_times *times);  /* of a voice, used up; NULL: not wanted */
  void (*on_text)(void *context, const char *text, size_t bytes); /* a message the port does not know */
  void (*on_error)(void *context, const char *code, const char *text); /* told by the other side; may be "" */
  /* `last`: the message that ended it; NULL: none did. */
  void (*on_end)(void *context, cal_leg_end end, const char *text, const char *last);
  void (*on_gone)(void *context);
} cal_port_handlers;

/* Begins every port. Made by the port, except handlers and context: those are the leg's. */
struct cal_port {
  const cal_port_ops *ops;
  const cal_port_handlers *handlers;
  void *context;
  uint32_t rate_hz;
  uint32_t frame_samples; /* of what is sent */
  int echoes_marks;       /* marks are given back with their names */
  int tells_dry;          /* none is, but the other side says when it has played everything */
  int can_clear;          /* the other side can forget what it has not played */
  int hears_keys;         /* keys come as messages; else they must be found in the sound */
  int says_keys;          /* ops->keys; else keys must be sent as sound */
  int can_cancel;         /* one utterance of a voice */
  const char *about;      /* in a handler: the utterance of a voice the message names; "": none. Borrowed */
  uint64_t hold_until_ns; /* the other side wants no sound before */
  uint64_t messages_in, frames_out, malformed, errors;
  uint64_t too_much; /* messages with sound that were more than is allowed */
  int end_code; /* of a WebSocket: the close code, or the status by which it was refused; 0: it has not ended */
};

#endif

/* leg: one party of a call, and everything that happens to its samples. io thread only.
 *
 *            message ──► port ──► samples ──► taps IN: recorder (left), keys, endpoint, whoever else listens
 *   the                                                             │ speech starts: interruptible
 *   party                                                           ▼ utterances stop or pause in this tick
 *            frame  ◄── port ◄── background ◄──────────────── playout queue
 *                             └─► taps OUT: recorder (right)
 *
 * Role AGENT (we answer the carrier, agent.c): samples are used as they arrive; frames are sent only while
 * there is something to say, `lead_ms` ahead of real time; the end of each utterance carries a mark, and what
 * the caller heard is computed from echoed marks and the schedule, never over-stated. Role CARRIER (the
 * exchange, carrier.c): what arrives is played in real time from a queue (carrier_queue.h), marks are echoed
 * when they are reached, and a frame is sent every tick, silence included.
 *
 * A leg knows its port (port.h), its thread (host.h) and its owner, through hooks; no socket, no protocol, no
 * script. */
#ifndef CAL_LEG_LEG_H
#define CAL_LEG_LEG_H

#include "audio/clip.h"
#include "audio/live.h"
#include "audio/playout.h"
#include "leg/host.h"
#include "leg/port.h"
#include "leg/tap.h"

typedef struct cal_leg cal_leg;

typedef enum cal_role {
  CAL_ROLE_AGENT,   /* we answer: what comes is used as it arrives, ours is paced ahead */
  CAL_ROLE_CARRIER, /* the exchange: plays what arrives in real time, gives marks back, sends always */
} cal_role;

/* How to listen. The grammar belongs to the speech plane; the leg only passes it on with each finished
 * utterance. */
typedef struct cal_listen {
  uint32_t endpoint_ms; /* silence that ends an utterance, 100..5000; 0 = CAL_ENDPOINT_HANGOVER_MS */
  void *grammar;        /* cal_grammar, one reference, taken; NULL: cut utterances are not recognised … */
  int free_text;        /* … unless any words are welcome */
} cal_listen;

/* How an utterance ended. */
typedef struct cal_leg_said {
  uint32_t utterance;
  int is_interrupted;
  cal_proof proof;   /* how what was heard is known */
  int ends_with_leg; /* the leg's own end follows */
  int code;          /* 0, or why it could not be said */
  int64_t heard_ms;
  const char *text; /* the words heard; borrowed; not zero-terminated */
  size_t text_bytes;
} cal_leg_said;

typedef struct cal_leg_report {
  cal_leg_end end;
  const char *text; /* for people; borrowed */
  const char *last; /* the other side's message that ended it; borrowed; NULL: none did */
  uint64_t messages_in, frames_out, underruns, malformed, errors, late_us, lost_marks;
  uint64_t overflow;    /* samples that came and had no room */
  uint64_t clears;      /* role CARRIER: clears obeyed … */
  uint64_t unplayed_ms; /* … sound that waited when the stream ended … */
  uint64_t too_much;    /* … and messages with sound that were not allowed */
  uint64_t milliseconds;
} cal_leg_report;

/* What a leg tells its owner, on its own thread. Hooks must not block; `up` may give commands to the leg, end
 * it even, the others must not. Between `up` and `ended` all may come; `text`, `error`, `ended` and `gone` before. */
typedef struct cal_leg_hooks {
  void (*up)(void *owner, const char *stream, const char *call, uint32_t rate_hz);
  void (*text)(void *owner, const char *text, size_t bytes); /* a message the port does not know */
  void (*error)(void *owner, const char *code,
                const char *text);                    /* told by the other side; either may be "" */
  void (*key)(void *owner, char key, int is_in_band); /* 0-9 * # A-D; in band: found in the sound */
  void (*speech_started)(void *owner, int64_t at_ms); /* since the leg came up */
  void (*speech_stopped)(void *owner, int64_t speech_ms);
  /* A finished piece of speech, to be recognised; takes the clip, borrows the grammar (NULL: free text). */
  void (*speech)(void *owner, cal_clip *clip, void *grammar, int64_t speech_ms);
  void (*utterance_started)(void *owner, uint32_t utterance); /* its first frame was sent */
  /* It goes no further until it is resumed, or stopped: what was heard until now. */
  void (*utterance_paused)(void *owner, const cal_leg_said *so_far);
  void (*utterance_ended)(void *owner, const cal_leg_said *said);
  void (*ended)(void *owner, const cal_leg_report *report); /* once; its port is not gone yet */
  void (*gone)(void *owner);                                /* once, last; the leg is freed */
} cal_leg_hooks;

/* All is borrowed until `gone`. */
typedef struct cal_leg_options {
  cal_role role;
  const char *name;           /* of the call, for the log */
  const char *recording_path; /* NULL: not recorded; role AGENT only */
  const char *bye;    /* JSON for the port's last word, unless cal_leg_set_bye says otherwise; NULL: {} */
  uint32_t lead_ms;   /* role AGENT: how far ahead of real time the other side is kept */
  uint32_t longest_s; /* ends the leg */
  const cal_leg_hooks *hooks;
  void *owner;
} cal_leg_options;

/* Takes the port, which must not have told anything yet. Never NULL. The leg frees itself when its port is
 * gone. */
cal_leg *cal_leg_new(const cal_host *host, const cal_leg_options *options, cal_port *port);
int cal_leg_is_up(const cal_leg *leg);
const char *cal_leg_end_word(cal_leg_end end);                        /* "hangup", "lost", … */
void cal_leg_finish(cal_leg *leg, cal_leg_end end, const char *text); /* harmless when it has ended */

/* What may be asked of a leg that is up, between these two: first its clock is set, at last it sends what is
 * due. */
void cal_leg_advance(cal_leg *leg);
void cal_leg_tick(cal_leg *leg);

/* Borrows the tap until it is removed, or the leg is over; -EINVAL for a rate out of range. */
int cal_leg_tap(cal_leg *leg, cal_tap_side side, uint32_t rate_hz, cal_tap *tap);
uint32_t cal_leg_rate_hz(const cal_leg *leg);
int cal_leg_is_spoken_to(const cal_leg *leg); /* the party speaks just now, as far as the sound says */

/* Live lines to and from other legs, on whatever threads those live. Both take the reference on success, and
 * give it back when the line is closed, or with the leg, which closes it. -ENOBUFS over CAL_LEG_LINES each
 * way. While it hears a line the leg sends always, in real time. */
#define CAL_LEG_LINES 8
int cal_leg_speak(cal_leg *leg,
                  cal_live *to); /* what the party says goes there too; -EINVAL as cal_leg_tap */
int cal_leg_hear(cal_leg *leg, cal_live *from); /* added to all it is sent; -EINVAL: not at the leg's rate */

void cal_leg_declare(cal_leg *leg, uint32_t utterance,
                     uint32_t flags); /* CAL_UTTERANCE_…; its sound follows */
/* Takes the clip, at the leg's rate; NULL: no more sound comes. `code`: why the voice failed. */
void cal_leg_append(cal_leg *leg, uint32_t utterance, cal_clip *clip, int is_last, int code);
void cal_leg_stop(cal_leg *leg, uint32_t utterance); /* 0: everything queued */
/* Pauses what is being said, or comes next, if it is reversible; or resumes. */
void cal_leg_pause(cal_leg *leg, int is_on);
void cal_leg_listen(cal_leg *leg, cal_listen *listen); /* takes the grammar */
void cal_leg_press(cal_leg *leg, const char *keys);    /* as messages, or as tones */
void cal_leg_text(cal_leg *leg, const char *text, int is_numbered);
void cal_leg_set_bye(cal_leg *leg, const char *json);
/* Under everything from now on, at the leg's rate. A number lower than an earlier one's comes too late. On
 * without a clip: not read yet, what plays goes on. Borrows the clip. */
void cal_leg_background(cal_leg *leg, int32_t number, int is_on, cal_clip *clip, int32_t gain_q12);
void cal_leg_record(cal_leg *leg, int is_on);           /* else silence is written */
void cal_leg_close(cal_leg *leg, int code, int drains); /* a WebSocket's close code; after all was heard */

#endif

/* The inside of a leg, shared by leg.c (its life), ear.c (what it hears), voice.c (what it says),
 * manners.c (what the wire asks of both sides) and record.c (what is kept of both). */
#ifndef CAL_LEG_LEG_PRIVATE_H
#define CAL_LEG_LEG_PRIVATE_H

#include "audio/dtmf.h"
#include "audio/endpoint.h"
#include "audio/mix.h"
#include "audio/pace.h"
#include "audio/playout.h"
#include "audio/recorder.h"
#include "audio/resample.h"
#include "base/list.h"
#include "leg/carrier_queue.h"
#include "leg/leg.h"

#define CAL_SLOT_NS (5 * CAL_MS) /* of io's wheel: ticks fall on multiples of it */
#define CAL_LEG_FAILURES 8       /* utterances whose failure is remembered until they end */

/* When the leg is over and its socket still open: has the other side said its last word? */
typedef enum leg_parting { LEG_NOT_PARTING, LEG_AWAITS_STOP, LEG_STOPPED } leg_parting;

/*   CONNECTING (CARRIER: our socket opens) ──┐
 *                                            ├──► UP ──► OVER (until the socket is gone, which frees the leg)
 *   WAITING (AGENT: for the start message) ──┘ */
typedef enum leg_state { LEG_CONNECTING, LEG_WAITING, LEG_UP, LEG_OVER } leg_state;

struct cal_leg {
  cal_io *io;
  cal_id id;
  cal_call *call; /* one reference */
  const cal_call_options *about;
  cal_dial *dial; /* one reference; role CARRIER */
  cal_ws *ws;     /* NULL once it is closed */
  leg_state state;
  cal_list in_wheel;  /* of io, while it ticks */
  cal_timer deadline; /* of the start message; while draining: of the last utterance's sound; when
                         it is over: of the other side's last word */
  cal_timer longest;
  uint64_t born_ns;

  cal_wire *wire;
  cal_wire_state wire_state;
  char *stream, *stream_call; /* as the start message named them: a second one may not change them */
  uint32_t rate_hz;
  size_t frame_samples;

  /* ear */
  cal_endpoint *endpoint;
  cal_dtmf *dtmf;          /* NULL where the wire says keys */
  cal_resampler *ear_rate; /* NULL where the wire's rate is one the detector knows */
  cal_timer gap;           /* while the caller speaks: what should have come did not */
  uint64_t heard_ns;       /* until when the ear knows the line */
  cal_listen listen;
  cal_carrier_queue *queue; /* role CARRIER */
  void *hearing;            /* of it, for specs; NULL: nobody listens */
  uint32_t silent_frames;   /* of it: so many in a row had no sound for the other side … */
  uint32_t still_frames;    /* … and none from it either */

  /* voice */
  cal_playout playout;
  cal_pace pace;
  uint32_t own_utterance; /* ids of utterances nobody declared: keys as tones */
  struct {
    uint32_t utterance;
    int32_t code;
  } failures[CAL_LEG_FAILURES];
  uint32_t failure_count; /* ever */
  int is_draining, close_code;
  int can_clear, says_digits;
  cal_background background;
  int32_t background_number; /* of the command that was last about it */
  int background_ends;       /* with its next frame, in which it fades */

  /* recording: positions are samples since birth */
  cal_recorder *recorder; /* NULL: not recorded */
  void *recording;
  uint64_t in_position, out_position; /* where the next sample of either side lies */
  uint64_t recorded_to;

  uint64_t messages_in, frames_out, malformed,
      overflow;              /* overflow: samples the carrier's queue had no room for */
  uint64_t clears, unplayed; /* role CARRIER: clears obeyed; samples that waited when the stream ended */
  uint32_t malformed_in_a_row;

  /* manners */
  leg_parting parting;
  char *bye;              /* JSON; NULL: as the call was opened with */
  char *last_message;     /* the one that ended the stream; NULL: none did */
  uint64_t hold_until_ns; /* the carrier wants no audio before */
  int is_playing;         /* role CARRIER: so the other side was told */
  uint64_t limit_ns;      /* role CARRIER: when all audio that came would be allowed */
  uint64_t too_much;      /* role CARRIER: audio messages that were not */
};

/* ear.c */
void cal_leg_ear_open(cal_leg *leg);
void cal_leg_ear_close(cal_leg *leg);
void cal_leg_hear(cal_leg *leg, const int16_t *samples, size_t count); /* samples as they arrive */
void cal_leg_digits_in(cal_leg *leg, const char *keys, int in_band);   /* what is no key is passed over */
void cal_leg_listen(cal_leg *leg, cal_listen *listen);                 /* takes the grammar */
void cal_leg_paused(cal_leg *leg); /* no audio comes for a while: what is being said has an end */

/* voice.c */
void cal_leg_voice_open(cal_leg *leg);
void cal_leg_voice_close(cal_leg *leg);
void cal_leg_voice_tick(cal_leg *leg, uint64_t now_ns);
int cal_leg_is_still(const cal_leg *leg); /* silent for so long that a simulated carrier need not tick */
void cal_leg_interrupt(cal_leg *leg, uint32_t flag); /* the caller spoke, or pressed a key */
void cal_leg_stop(cal_leg *leg, uint32_t utterance);
void cal_leg_background(cal_leg *leg, const cal_command *command);
void cal_leg_say_digits(cal_leg *leg, const char *keys);
void cal_leg_send_text(cal_leg *leg, const char *text, size_t bytes);

void cal_leg_failed(cal_leg *leg, uint32_t utterance, int code); /* told with the utterance's end */

/* manners.c */
void cal_leg_reply(cal_leg *leg, const cal_wire_event *event); /* the declared one, if there is one */
void cal_leg_send_numbered(cal_leg *leg, const char *text);    /* a text with the wire's variables */
void cal_leg_carrier_error(cal_leg *leg, const cal_wire_event *event);
int cal_leg_is_too_much(cal_leg *leg); /* role CARRIER: this audio message; the other side was told */
void cal_leg_tell_playing(cal_leg *leg, int is_playing);
void cal_leg_keep_last(cal_leg *leg, const char *data, size_t bytes);
void cal_leg_set_bye(cal_leg *leg, const char *json);
int cal_leg_part(cal_leg *leg); /* 1: the socket stays until the other side is done, for a bounded time */
void cal_leg_part_message(cal_leg *leg, const cal_wire_event *event);

/* record.c; all are harmless for a leg that is not recorded */
void cal_leg_record_open(cal_leg *leg);
void cal_leg_record_close(cal_leg *leg);
void cal_leg_record_in(cal_leg *leg, const int16_t *samples, size_t count); /* they have just arrived */
void cal_leg_record_out(cal_leg *leg, const int16_t *samples,
                        size_t count); /* played after those before, or now */
void cal_leg_record_cut(cal_leg *leg); /* the other side forgets what it has not played */
void cal_leg_record_pause(cal_leg *leg, int is_paused);

void cal_leg_advance(cal_leg *leg);                          /* the playout's clock to now */
uint64_t cal_leg_clock(const cal_leg *leg, uint64_t now_ns); /* samples since birth */

/* io.c: what a leg may use of its thread */
cal_http_message *cal_io_message_of(const cal_http_request *request); /* returns owned; all is copied */
cal_loop *cal_io_loop(cal_io *io);
cal_net *cal_io_net(cal_io *io);
const cal_io_hooks *cal_io_hooks_of(cal_io *io);
cal_id cal_io_add_leg(cal_io *io, cal_leg *leg); /* 0: no room */
void cal_io_remove_leg(cal_io *io, cal_leg *leg);
void cal_io_wheel_add(cal_io *io, cal_leg *leg);
void cal_io_wheel_remove(cal_io *io, cal_leg *leg);
int16_t *cal_io_samples(cal_io *io, size_t count); /* scratch memory, good until the next call */
char *cal_io_message(cal_io *io, size_t bytes);    /* scratch memory with CAL_WS_PAD before it */

static inline void cal_leg_trace(cal_leg *leg, int is_ours, const char *data, size_t bytes, int is_binary) {
  const cal_io_hooks *hooks = cal_io_hooks_of(leg->io);
  if (hooks->wire && leg->about->role == CAL_ROLE_AGENT)
    hooks->wire(hooks->context, leg->about->name, is_ours, data, bytes, is_binary);
}

#endif

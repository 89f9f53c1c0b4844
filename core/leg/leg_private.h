/* The inside of a leg, shared by leg.c (its life), agent.c and carrier.c (what its role decides), ear.c (what
 * it hears), voice.c (what it says), lines.c (what other legs hear and say) and record.c (what is kept). */
#ifndef CAL_LEG_LEG_PRIVATE_H
#define CAL_LEG_LEG_PRIVATE_H

#include "audio/dtmf.h"
#include "audio/endpoint.h"
#include "audio/mix.h"
#include "audio/pace.h"
#include "audio/playout.h"
#include "audio/recorder.h"
#include "leg/leg.h"

#define CAL_LEG_FAILURES 8 /* utterances whose failure is remembered until they end */

/*   COMING (until the port is up) ──► UP ──► OVER (until the port is gone, which frees the leg) */
typedef enum leg_state { LEG_COMING, LEG_UP, LEG_OVER } leg_state;

/* What differs between us and the carrier's side. */
typedef struct cal_leg_role {
  int listens; /* to words: the best detector, and the sound of what was said; else loudness is enough */
  int is_recorded;
  void (*begin)(cal_leg *leg); /* opens the voice */
  void (*end)(cal_leg *leg);
  void (*tick)(cal_leg *leg, uint64_t now_ns); /* sends what is due */
  int (*is_busy)(const cal_leg *leg);          /* it must tick, whatever the playout holds */
  void (*sound)(cal_leg *leg, const int16_t *samples, size_t count); /* came from the other side */
  void (*mark)(cal_leg *leg, const char *name);
  void (*clear)(cal_leg *leg, int drops_marks);
} cal_leg_role;

extern const cal_leg_role cal_leg_agent, cal_leg_carrier;

struct cal_leg {
  const cal_host *host;
  const cal_leg_role *role;
  cal_port *port;
  leg_state state;
  cal_wheel_seat seat;
  cal_leg_options options;
  cal_timer patience; /* while draining: for the last utterance's sound */
  cal_timer longest;
  uint64_t born_ns;
  uint32_t rate_hz;
  size_t frame_samples;
  cal_taps taps[CAL_TAP_SIDES]; /* while it is up */

  /* ear */
  cal_tap ear, keys;
  cal_endpoint *endpoint;
  cal_dtmf *dtmf;    /* NULL where the port says keys */
  cal_timer gap;     /* while the caller speaks: what should have come did not */
  uint64_t heard_ns; /* until when the ear knows the line */
  cal_listen listen;

  /* voice */
  cal_playout playout;
  cal_pace pace;
  uint32_t lead_ms;       /* as the role wants it; live lines want less */
  uint32_t own_utterance; /* ids of utterances that were not declared: keys as tones */
  struct {
    uint32_t utterance;
    int32_t code;
  } failures[CAL_LEG_FAILURES];
  uint32_t failure_count; /* ever */
  int is_draining, close_code;
  cal_background background;
  int32_t background_number; /* of the command that was last about it */
  int background_ends;       /* with its next frame, in which it fades */
  char *bye;                 /* JSON; NULL: as the leg was made with */

  /* lines */
  struct spoken *spoken[CAL_LEG_LINES]; /* NULL: a free place */
  cal_live *heard[CAL_LEG_LINES];
  uint32_t heard_count;

  /* recording: positions are samples since birth */
  cal_tap record_in, record_out;
  cal_recorder *recorder; /* NULL: not recorded */
  void *recording;
  uint64_t in_position, out_position; /* where the next sample of either side lies */
  uint64_t recorded_to;

  struct carrier *carrier;                /* role CARRIER (carrier.c) */
  uint64_t overflow, clears, unplayed_ms; /* of it, for the report */
};

static inline uint64_t cal_leg_now_ns(const cal_leg *leg) { return cal_loop_now_ns(leg->host->loop); }

/* ear.c */
void cal_leg_ear_open(cal_leg *leg);
void cal_leg_ear_close(cal_leg *leg);
void cal_leg_hear_keys(cal_leg *leg, const char *keys, int in_band); /* other characters are skipped */
void cal_leg_paused(cal_leg *leg); /* no audio comes for a while: what is being said has an end */

/* voice.c */
void cal_leg_voice_open(cal_leg *leg, const cal_playout_options *options, uint32_t lead_ms);
void cal_leg_voice_close(cal_leg *leg);
void cal_leg_drain(cal_leg *leg); /* ends it when everything was heard, or the voice is dead */
/* Under the background, to the other side and the taps. */
void cal_leg_mix_background(cal_leg *leg, int16_t *frame);
void cal_leg_send(cal_leg *leg, const int16_t *frame);
void cal_leg_interrupt(cal_leg *leg, uint32_t flag); /* the caller spoke, or pressed a key */

/* lines.c */
int cal_leg_mix_lines(cal_leg *leg, int16_t *frame); /* 1: there are some, so the frame must leave */
void cal_leg_lines_close(cal_leg *leg);

/* record.c; harmless for a leg that is not recorded */
void cal_leg_record_open(cal_leg *leg);
void cal_leg_record_close(cal_leg *leg);

uint64_t cal_leg_clock(const cal_leg *leg, uint64_t now_ns); /* samples since birth */

#endif

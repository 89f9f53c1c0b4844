/* command: what the script plane may ask of the io plane. With event.h this is the engine's real API.
 *
 * A command is a small struct, copied into the mailbox of the io thread that owns its target. Targets are
 * ids: a leg or request that is gone makes the command a polite no-op. Posting gives away what the
 * command points to; the io thread releases it (cal_command_drop does so for one that was never carried out).
 *
 *   any thread ──cal_mailbox_post──► mailbox of the io thread (tag of the target id) ─┬─► leg
 *                                                                                    ├─► http server
 *                                                                                    └─► http client
 *
 * All commands are CONTROL mail. The volume of CAL_COMMAND_LEG_AUDIO is bounded by the playout's own ceiling
 * (10 minutes of sound a leg). Any thread may post. */
#ifndef CAL_IO_COMMAND_H
#define CAL_IO_COMMAND_H

#include <stdint.h>

#include "audio/clip.h"
#include "base/slots.h"
#include "leg/leg.h"

typedef enum cal_command_kind {
  CAL_COMMAND_HTTP_REPLY = 1, /* target: http request; message: status, headers, body */
  CAL_COMMAND_HTTP_FETCH,     /* message: what to fetch; answered by CAL_EVENT_HTTP_RESPONSE */
  CAL_COMMAND_HTTP_READ,      /* target: a stream; read: who asks for the next piece of its body, which
                            CAL_EVENT_HTTP_RESPONSE brings; an empty one is the end */
  CAL_COMMAND_HTTP_CLOSE,     /* target: a stream nobody reads any more; read.owner */
  CAL_COMMAND_HTTP_WRITE, /* target: http request whose answer is open; piece: the next of its body (pieces.h) */
  CAL_COMMAND_CALL_DIAL, /* object: cal_party; opens the media socket as the carrier's side (the exchange) */
  CAL_COMMAND_SOCKET_PROVEN, /* target: a held socket (lobby.h); CAL_COMMAND_ON: its upgrade proves who comes */
  CAL_COMMAND_SOCKET_TAKE,   /* target: a held socket (lobby.h); object: the cal_party whose leg it becomes */
  CAL_COMMAND_SOCKET_REFUSE, /* target: a held socket; object: cal_refusal */
  CAL_COMMAND_LEG_UTTERANCE, /* utterance, flags: declares it at the end of the queue; audio follows */
  CAL_COMMAND_LEG_SAY,   /* utterance (declared), saying: the leg's vendor says it, or else the voice here */
  CAL_COMMAND_LEG_AUDIO, /* utterance, clip (NULL: none), flags CAL_COMMAND_LAST, code of a failed voice */
  CAL_COMMAND_LEG_STOP,  /* utterance, or 0 for everything queued */
  CAL_COMMAND_LEG_PAUSE, /* flags: CAL_COMMAND_ON pauses what is being said, if it is reversible; else it goes on */
  CAL_COMMAND_LEG_LISTEN, /* listen: how the caller's speech is cut into utterances and recognised */
  CAL_COMMAND_LEG_DIGITS, /* text: digits sent to the other side as the wire says, or as tones */
  CAL_COMMAND_LEG_TEXT,   /* text: a raw text message to the carrier; with CAL_COMMAND_NUMBERED it has the
                             wire's variables */
  CAL_COMMAND_LEG_BYE,    /* text: JSON, what the wire's last word says of the call */
  /* code: its number, of which the highest was asked for last. With CAL_COMMAND_ON: clip (NULL: not read yet,
     what plays goes on), gain; else the background ends. A clip of an earlier number is too late. */
  CAL_COMMAND_LEG_BACKGROUND,
  CAL_COMMAND_LEG_RECORDING, /* flags: CAL_COMMAND_ON resumes, else pauses (silence is written) */
  CAL_COMMAND_LEG_VENDOR, /* object: cal_vendor_order; a vendor speaks or listens from now on (talkers.h) */
  CAL_COMMAND_LEG_SPEAK,  /* object: cal_live; what the party says goes there too (bridge.h) */
  CAL_COMMAND_LEG_HEAR,   /* object: cal_live; what it brings is added to all the party is sent */
  CAL_COMMAND_LEG_CLOSE,  /* flags CAL_COMMAND_DRAIN: after everything queued was heard; code: WebSocket close
                            code */
} cal_command_kind;

enum {
  CAL_COMMAND_LAST = 1,          /* no more audio for this utterance */
  CAL_COMMAND_ON = 2,            /* switch on */
  CAL_COMMAND_DRAIN = 4,         /* first let the queue be heard */
  CAL_COMMAND_INTERRUPTIBLE = 8, /* caller's speech stops this utterance, in the tick the VAD decides */
  CAL_COMMAND_DIGITS_STOP = 16,  /* a key stops it too */
  CAL_COMMAND_NUMBERED = 32,
  CAL_COMMAND_REVERSIBLE = 64, /* this utterance can be paused, and the caller's speech pauses it instead */
};

/* A request or answer of HTTP, owned as one object (mem.h reference). See http_message.h. */
struct cal_http_message;

typedef struct cal_command {
  cal_command_kind kind;
  uint32_t utterance; /* 1.. within a leg */
  uint32_t flags;
  int32_t code;
  cal_id target;
  union {
    struct cal_http_message *message; /* taken */
    cal_clip *clip;                   /* one reference, taken */
    struct {
      cal_clip *clip; /* as above, at the leg's rate */
      int32_t gain_q12;
    } background;
    char *text; /* taken */
    struct {
      char *text, *voice; /* taken; voice: of the vendor; NULL: its first */
    } saying;
    struct {
      cal_id asked; /* the script's number of its question */
      cal_id owner; /* as in the message that began the stream; another's is as good as none */
    } read;
    struct {
      struct cal_http_message *message; /* taken; its body, and as status a cal_piece_end */
      cal_id asked;                     /* the script's number of its question whether there is room */
    } piece;
    void *object; /* one reference, taken */
    cal_listen listen;
  };
} cal_command;

/* Releases what the command points to. Any thread. */
void cal_command_drop(cal_command *command);

#endif

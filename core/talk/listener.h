/* listener: the ears of vendors that listen to one leg, one at a time, over a WebSocket in the words of a declared wire
 * (wire/wire.h: words, and how sound is sent), or over HTTP (dictation.h). io thread only.
 *
 *   the party ──► leg ──► tap IN, at the vendor's rate ──► the last seconds (kept.h) ──► port ──► vendor
 *   on_words ◄── turns (turn.h) ◄── times of the call ◄── port: started, partial, piece, likely, final ◄──┘
 *
 * No sound is lost or heard twice: what comes before the socket is up waits, within CAL_LISTENER_KEPT_S. When a socket
 * ends another one is opened, and gets what no last word was told about; sound that was kept is sent faster than it
 * came, as fast as the vendor takes it. Where the carrier sends nothing the vendor gets silence.
 *
 * What fails: a socket that is refused or ends, an error that says so, an ear that gives not one word for so much
 * speech, or no last word. What is done about it is said by the order's faults; an ear that has failed more than
 * CAL_LISTENER_TRIES times without a word is left for the next one, with the same sound. */
#ifndef CAL_TALK_LISTENER_H
#define CAL_TALK_LISTENER_H

#include "leg/leg.h"
#include "leg/port_ws.h"
#include "talk/order.h"

typedef struct cal_listener cal_listener;

#define CAL_LISTENER_EARS 4
#define CAL_LISTENER_KEPT_S 6
#define CAL_LISTENER_TRIES 2

typedef struct cal_listener_options {
  cal_vendor_order
      *ears[CAL_LISTENER_EARS]; /* in the order in which they are tried; a reference of each is taken */
  size_t count;                 /* 1 at least */
  /* What is borrowed is borrowed for the call; from the loop. */
  void (*on_words)(void *context, const cal_words *words);
  /* This ear is left; the text holds no secret. `is_last`: none is left, close the listener. */
  void (*on_left)(void *context, const cal_vendor_order *ear, const char *text, int is_last);
  void *context;
} cal_listener_options;

/* The leg is up and borrowed until the listener is closed. Returns owned; fails as cal_leg_tap does. */
int cal_listener_open(cal_listener **result, const cal_host *host, cal_leg *leg,
                      const cal_listener_options *options);
cal_listener *cal_listener_close(cal_listener *listener); /* takes; before the leg is over; returns NULL */

#endif

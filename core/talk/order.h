/* order: which vendor is asked to speak or to listen, and how: what a script has made of its provider. Copied when it is
 * made, never changed, reference counted (mem.h). Any thread. */
#ifndef CAL_TALK_ORDER_H
#define CAL_TALK_ORDER_H

#include "leg/port_ws.h"
#include "wire/wire.h"

#define CAL_VENDOR_SECRETS 16
#define CAL_VENDOR_FAULTS 32

/* What is to be done about a fault. */
typedef enum cal_fault {
  CAL_FAULT_AGAIN,   /* connect anew at once */
  CAL_FAULT_LATER,   /* connect anew, after a while */
  CAL_FAULT_BUSY,    /* it has no room for us, which is not its fault: another one */
  CAL_FAULT_REFUSED, /* it will say the same again: another one */
  CAL_FAULTS
} cal_fault;

/* Which texts mean what: a close code, a status or an error's code as a whole, other words anywhere and in any case. */
typedef struct cal_fault_rule {
  const char *text;
  cal_fault fault;
} cal_fault_rule;

typedef struct cal_vendor_order {
  struct cal_vendor_order
      *next;         /* listens or speaks when this one has failed; one reference is taken; NULL: none */
  const char *name;  /* of the provider, for the log and the script */
  const char *voice; /* of a voice: the one that says a text that names none; NULL: "" */
  const char *call;  /* for the log */
  cal_wire *wire;    /* one reference is taken */
  const char *url;   /* to dial, or to ask: http:// or https:// */
  const char *url_headers;    /* "Name: value\n…" for the upgrade; NULL: none */
  const char *const *opening; /* texts sent when the socket is open, NULL-terminated; NULL: none */
  const char
      *form; /* of an ear that is asked over HTTP: "name: value\n…", sent with each sound; NULL: none */
  const char *closing;   /* sent before we close; NULL: nothing */
  const char *keepalive; /* sent every keepalive_ms; NULL: nothing */
  uint32_t keepalive_ms;
  uint32_t connect_ms; /* until the socket is up */
  uint32_t
      patience_ms;  /* a voice that owes sound, an ear that owes a last word, and sends none for so long */
  uint32_t deaf_ms; /* of speech without a word from an ear, which then has failed; 0: never */
  uint32_t catch_up_percent;    /* of real time, at which an ear takes sound that was kept; 100: no faster */
  const cal_fault_rule *faults; /* before the usual ones; ended by one without a text; NULL: none */
  const char *const
      *secrets; /* what must not be written down, NULL-terminated, at most CAL_VENDOR_SECRETS; NULL: none */
} cal_vendor_order;

cal_vendor_order *cal_vendor_order_new(const cal_vendor_order *given); /* copies; returns owned (cal_unref) */

int cal_vendor_order_is_voice(const cal_vendor_order *order); /* its wire can say */
int cal_vendor_order_is_http(const cal_vendor_order *order);  /* it is asked by requests */
int cal_vendor_order_is_ear(const cal_vendor_order *order);   /* its wire sends sound */

/* A socket to it. As cal_port_ws_dial. Io thread only. */
int cal_vendor_order_dial(cal_vendor_order *order, cal_port **port, const cal_host *host);

/* Of what has ended with this code (0: none) and this text, or told this error code ("": none). */
cal_fault cal_vendor_order_fault(const cal_vendor_order *order, int code, const char *error,
                                 const char *text);

/* What somebody else said, for the log: without the secrets, and no longer than the room. Returns `into`. */
const char *cal_vendor_order_hide(const cal_vendor_order *order, const char *text, char *into, size_t room);

#endif

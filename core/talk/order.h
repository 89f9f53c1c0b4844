/* order: which vendor is asked to speak or to listen, and how: what a script has made of its provider. Copied when it is
 * made, never changed, reference counted (mem.h). Any thread. */
#ifndef CAL_TALK_ORDER_H
#define CAL_TALK_ORDER_H

#include "wire/wire.h"

#define CAL_VENDOR_SECRETS 16

typedef struct cal_vendor_order {
  const char *name;           /* of the provider, for the log and the script */
  const char *call;           /* for the log */
  cal_wire *wire;             /* one reference is taken */
  const char *url;            /* to dial */
  const char *url_headers;    /* "Name: value\n…" for the upgrade; NULL: none */
  const char *const *opening; /* texts sent when the socket is open, NULL-terminated; NULL: none */
  const char *closing;        /* sent before we close; NULL: nothing */
  const char *keepalive;      /* sent every keepalive_ms; NULL: nothing */
  uint32_t keepalive_ms;
  uint32_t connect_ms;  /* until the socket is up */
  uint32_t patience_ms; /* a voice that owes sound and sends none for so long has failed */
  const char *const
      *secrets; /* what must not be written down, NULL-terminated, at most CAL_VENDOR_SECRETS; NULL: none */
} cal_vendor_order;

cal_vendor_order *cal_vendor_order_new(const cal_vendor_order *given); /* copies; returns owned (cal_unref) */

int cal_vendor_order_is_voice(const cal_vendor_order *order); /* its wire can say */
int cal_vendor_order_is_ear(const cal_vendor_order *order);   /* its wire sends sound */

/* What somebody else said, for the log: without the secrets, and no longer than the room. Returns `into`. */
const char *cal_vendor_order_hide(const cal_vendor_order *order, const char *text, char *into, size_t room);

#endif

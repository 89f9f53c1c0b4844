/* doors: what requests on a path are: they begin a call, bring news, or just ask; how long their sender waits for an answer,
 * and in what words it is turned away when there is no time for it. A script says so once; io threads look it up without
 * one. Any thread. */
#ifndef CAL_IO_DOORS_H
#define CAL_IO_DOORS_H

#include <stdint.h>

#include "net/message.h"

enum {
  CAL_DOORS = 256,
  CAL_DOOR_BODY_BYTES = 1024,
  CAL_DOOR_NEWS = 8,
  CAL_DOOR_NEWS_BYTES = 40,
  CAL_DOOR_CALL_BYTES = 16
};

typedef struct cal_doors cal_doors;

typedef enum cal_door_kind {
  CAL_DOOR_ASKS,   /* every path nothing was declared for */
  CAL_DOOR_BEGINS, /* a call */
  CAL_DOOR_TELLS,  /* news: it has to arrive, even when its sender has not waited for the answer */
} cal_door_kind;

typedef struct cal_door {
  cal_door_kind kind;
  uint32_t patience_ms; /* of the sender */
  int status;           /* of the refusal; 503 comes with Retry-After */
  char content_type[64];
  char body[CAL_DOOR_BODY_BYTES];
  uint32_t body_bytes;
  /* Texts that mark a request here as news although the path begins calls: in its body or its query. "": none more. */
  char news[CAL_DOOR_NEWS][CAL_DOOR_NEWS_BYTES];
  /* The parameter of the query that names a live call by our id, to whose thread the request is led. "": none does. */
  char call[CAL_DOOR_CALL_BYTES];
} cal_door;

#define CAL_DOOR_RETRY_AFTER_S "5"

cal_doors *cal_doors_new(void);              /* returns owned */
cal_doors *cal_doors_free(cal_doors *doors); /* takes; NULL is fine; returns NULL */

/* `path` is a route: "/telephony/twilio/inbound/{agent}", where {…} is one segment, whatever it is. `method` NULL:
 * any. Copied. Said again it replaces; it is never taken back, because code of an earlier generation may still want
 * it. -EINVAL, -ENOBUFS over CAL_DOORS. */
int cal_doors_declare(cal_doors *doors, const char *method, const char *path, const cal_door *door);

/* The door of a request. A slash at the end of its path changes nothing. Where none was declared it is one that asks: 10 s
 * of patience, and a problem document. */
void cal_doors_find(cal_doors *doors, const cal_http_message *request, cal_door *door);

#endif

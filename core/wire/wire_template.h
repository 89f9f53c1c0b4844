/* wire_template: a message of ours with its variables cut out, so that writing it is a few copies. Private to
 * wire. */
#ifndef CAL_WIRE_WIRE_TEMPLATE_H
#define CAL_WIRE_WIRE_TEMPLATE_H

#include "base/buf.h"

typedef enum cal_wire_variable {
  CAL_WIRE_LITERAL,
  CAL_WIRE_STREAM,
  CAL_WIRE_CALL,
  CAL_WIRE_MARK_NAME,
  CAL_WIRE_DIGIT,
  CAL_WIRE_BASE64,
  CAL_WIRE_SEQ,
  CAL_WIRE_CHUNK,
  CAL_WIRE_MS,
  CAL_WIRE_PEER_SEQ,
  CAL_WIRE_POSITION,
  CAL_WIRE_BYE,
  CAL_WIRE_SAID,
  CAL_WIRE_SPEAKER,
  CAL_WIRE_VARIABLES,
  CAL_WIRE_SAYING = CAL_WIRE_VARIABLES /* for `needs`: any of those of a text to be said, and none of them */
} cal_wire_variable;

#define CAL_WIRE_SEGMENTS 32
#define CAL_WIRE_TEMPLATE_BYTES 4096

typedef struct cal_wire_template {
  char *text; /* owned: the literals one after the other; NULL = no such message */
  struct {
    cal_wire_variable variable;
    unsigned start, bytes; /* of a literal, in text */
  } segment[CAL_WIRE_SEGMENTS];
  unsigned segments;
  unsigned uses; /* bit set of variables */
  int is_xml;    /* begins with "<"; else it is JSON */
  size_t room;   /* the longest it can get without its audio */
} cal_wire_template;

/* `wire` and `field` are for the sentence of a failure. `needs` is the variable it makes no sense without (or
 * LITERAL). A template that is NULL stays empty. 0 or -EINVAL; what was made is freed by
 * cal_wire_template_free in both cases. */
int cal_wire_template_compile(cal_wire_template *result, const char *wire, const char *field,
                              const char *text, cal_wire_variable needs);
void cal_wire_template_free(cal_wire_template *made);

#endif

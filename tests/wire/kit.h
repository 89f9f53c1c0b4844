/* kit: what the tests of wires share: a connection that reads and writes through a wire. */
#ifndef CAL_TESTS_WIRE_KIT_H
#define CAL_TESTS_WIRE_KIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/base64.h"
#include "data/jscan.h"
#include "wire/wire.h"

enum { ROOM = 65536 };

static inline cal_wire *compiled(cal_wire_spec spec) {
  cal_wire *wire = NULL;
  if (cal_wire_compile(&wire, &spec) != 0) fail_msg("%s", cal_error_text());
  return wire;
}

/* A connection with everything a test wants. */
typedef struct peer {
  cal_wire *wire;
  cal_wire_state state;
  cal_wire_event event;
  int16_t samples[ROOM];
  char out[ROOM];
} peer;

static inline peer *peer_new(cal_wire_spec spec) {
  peer *p = cal_alloc(sizeof *p);
  p->wire = compiled(spec);
  cal_wire_state_init(&p->state);
  return p;
}

static inline void peer_free(peer *p) {
  cal_unref(p->wire);
  cal_free(p);
}

/* Reads from a block of exactly the message's size. */
static inline cal_wire_kind read_bytes(peer *p, const void *data, size_t bytes, int is_binary) {
  void *copy = cal_memdup(data, bytes);
  cal_wire_kind kind = cal_wire_read(p->wire, &p->state, copy, bytes, is_binary, &p->event, p->samples, ROOM);
  assert_int_equal(kind, p->event.kind);
  cal_free(copy);
  return kind;
}

static inline cal_wire_kind read_text(peer *p, const char *text) {
  return read_bytes(p, text, strlen(text), 0);
}

#endif

/* memory_port: a port that is neither a socket nor speaks a protocol: what the leg sends lies in memory, and the
 * test says what comes. It shows what a port must do, and no more. */
#ifndef CAL_TESTS_LEG_MEMORY_PORT_H
#define CAL_TESTS_LEG_MEMORY_PORT_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "leg/port.h"

enum { MEMORY_SAMPLES = 48000 * 20, MEMORY_MARKS = 64 };

typedef struct memory_port {
  cal_port port;
  int is_open, is_freed;
  int16_t *sent; /* all that the party was sent */
  size_t sent_count;
  char marks[MEMORY_MARKS][16];
  int mark_count, clears, forgets;
  char keys[32], text[64];
  cal_parting parting;
  int is_parting;
} memory_port;

static inline memory_port *memory_of(cal_port *port) { return (memory_port *)port; }

static inline int memory_is_open(const cal_port *port) { return ((const memory_port *)port)->is_open; }

static inline void memory_sound(cal_port *port, const int16_t *samples, size_t count) {
  memory_port *m = memory_of(port);
  port->frames_out++;
  if (m->sent_count + count > MEMORY_SAMPLES) return;
  memcpy(m->sent + m->sent_count, samples, count * sizeof *samples);
  m->sent_count += count;
}

static inline void memory_mark(cal_port *port, const char *name) {
  memory_port *m = memory_of(port);
  if (m->mark_count < MEMORY_MARKS) strncpy(m->marks[m->mark_count++], name, 15);
}

static inline void memory_clear(cal_port *port) { memory_of(port)->clears++; }
static inline void memory_forget(cal_port *port) { memory_of(port)->forgets++; }
static inline void memory_keys(cal_port *port, const char *keys) { strncat(memory_of(port)->keys, keys, 31); }

static inline void memory_text(cal_port *port, const char *text, size_t bytes, int is_numbered) {
  strncat(memory_of(port)->text, text, bytes < 60 ? bytes : 60);
}

static inline void memory_playing(cal_port *port, int is_playing) {}

static inline void memory_part(cal_port *port, const cal_parting *parting) {
  memory_of(port)->parting = *parting;
  memory_of(port)->is_parting = 1;
}

static inline void memory_free(cal_port *port) { memory_of(port)->is_freed = 1; }

static const cal_port_ops memory_ops = {.is_open = memory_is_open,
                                        .sound = memory_sound,
                                        .mark = memory_mark,
                                        .clear = memory_clear,
                                        .forget = memory_forget,
                                        .keys = memory_keys,
                                        .text = memory_text,
                                        .playing = memory_playing,
                                        .part = memory_part,
                                        .free = memory_free};

/* Its owner keeps it; memory_port_done gives back what it holds. */
static inline cal_port *memory_port_init(memory_port *m, uint32_t rate_hz) {
  *m = (memory_port){.port = {.ops = &memory_ops,
                              .rate_hz = rate_hz,
                              .frame_samples = rate_hz / 50,
                              .echoes_marks = 1,
                              .can_clear = 1,
                              .says_keys = 1}};
  m->sent = calloc(MEMORY_SAMPLES, sizeof *m->sent);
  return &m->port;
}

static inline void memory_port_up(memory_port *m) {
  m->is_open = 1;
  m->port.handlers->on_up(m->port.context, "stream", "call");
}

static inline void memory_port_gone(memory_port *m) { m->port.handlers->on_gone(m->port.context); }
static inline void memory_port_done(memory_port *m) { free(m->sent); }

#endif

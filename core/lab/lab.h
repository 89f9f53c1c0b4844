/* lab: a simulated world for specs: whole engines on one simulated clock, with the network in memory.
 *
 *      lab ── clock, loop, seeded ids ──┬── engine "app.test"        the application, unmodified
 *       │                               ├── engine "exchange.test"   the telephone network (callisto.exchange)
 *       │                               └── loopback ── doubles of hosts that are not ours
 *       └── what was asked, heard and logged, with its time
 *
 * Engines are inline: sockets, scripts, store and speech run on the lab's one loop, and only while the lab is
 * moved. Voices speak in patterns (speech/spoken.h), so what a caller heard is known word by word, after the
 * whole real way through playout, wire and the carrier's queue. The same seed gives the same run. Databases
 * lie in memory, recordings in a folder that goes with the lab. One thread; a lab is moved from outside its
 * own callbacks only. */
#ifndef CAL_LAB_LAB_H
#define CAL_LAB_LAB_H

#include "engine/engine.h"
#include "net/http.h"
#include "net/loopback.h"

typedef struct cal_lab cal_lab;

#define CAL_LAB_BEGIN_NS (1000 * CAL_S) /* what the clock shows at first */

typedef struct cal_lab_options {
  uint64_t seed;
  int64_t wall_ms; /* milliseconds since 1970, at first */
} cal_lab_options;

int cal_lab_new(cal_lab **result, const cal_lab_options *options); /* returns owned */
/* Takes, with its engines. How many handles were left open on the loop; 0 is expected. */
int cal_lab_free(cal_lab *lab);

/* Everything is copied. */
typedef struct cal_lab_engine {
  const char *host; /* "app.test": the name others reach it under, on 443 and 80 */
  const char *service, *warm_module, *workspace, *library, *settings_json;
  const char *fields; /* request headers scripts want to see, separated by blanks */
  const cal_generation_root *sources;
  size_t source_count;
  const char *trace_path; /* NULL: no trace (trace.h) */
  int has_real_voice;     /* the built-in voice and ear, which take their real time of the machine */
  uint32_t entry_budget_ms, vm_memory_bytes; /* 0: the engine's own defaults */
} cal_lab_engine;

/* Makes it and runs it until it is ready. The engine is the lab's. */
int cal_lab_add(cal_lab *lab, cal_engine **result, const cal_lab_engine *options);

/* Tells a call's script something, as its service would. -ENOENT, -ENOBUFS. */
int cal_lab_tell(cal_engine *engine, const char *call, cal_value *message); /* takes, also when it fails */

cal_loop *cal_lab_loop(cal_lab *lab);
cal_loopback *cal_lab_network(cal_lab *lab);
cal_net *cal_lab_net(cal_lab *lab); /* for requests of the spec itself */

/* Moves the clock by so long, or, with `stops`, until something happened that a spec can see: a word was
 * heard, a request was made or answered, cal_lab_stir. 1 when something has. */
int cal_lab_move(cal_lab *lab, uint64_t ns, int stops);
void cal_lab_stir(cal_lab *lab);

/* ---- what happened; borrowed until the lab moves */

typedef struct cal_lab_word { /* heard by a subscriber of the exchange */
  uint64_t begin_ns, end_ns;
  char call[64]; /* of the exchange's engine */
  char *word;
} cal_lab_word;

typedef struct cal_lab_line { /* logged */
  uint64_t at_ns;
  char *text;
} cal_lab_line;

typedef struct cal_lab_request { /* made by whomever, to whomever, when it was over */
  uint64_t at_ns;
  char *authority, *method, *path, *query, *body;
  size_t body_bytes, field_count;
  struct cal_lab_header {
    char *name, *value;
  } * fields;
  int status; /* 0: it failed with `error` */
  int error;
} cal_lab_request;

const cal_lab_word *cal_lab_words(const cal_lab *lab, size_t *count);
const cal_lab_line *cal_lab_lines(const cal_lab *lab, size_t *count);
const cal_lab_request *cal_lab_requests(const cal_lab *lab, size_t *count);
int cal_lab_is_loud(const cal_lab *lab, const char *call); /* something sounds in that subscriber's ear */

/* What is there now. An idle lab has none of the first seven; timers and tasks are those of its idle
 * services. */
typedef struct cal_lab_left {
  uint32_t sockets;          /* requests and sockets under way */
  uint32_t calls, vms;       /* live calls, and VMs that were taken for one */
  uint32_t legs;             /* media sockets */
  uint32_t commands, events; /* in mailboxes, unread */
  uint32_t speech;           /* jobs */
  uint32_t timers;           /* started */
  uint32_t tasks;            /* of the service VMs, that have not ended */
} cal_lab_left;

void cal_lab_count(cal_lab *lab, cal_lab_left *left);

#endif

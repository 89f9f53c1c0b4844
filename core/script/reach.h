/* reach: what scripts may reach. The engine fills it in before the first script runs and takes it apart after the last
 * one; script threads, their calls and the bindings borrow it.
 *
 *   bind ──► reach ──┬─► clock, ids, what all VMs share
 *                    ├─► store, voice and ear, trace, reload
 *                    ├─► commands of the io threads
 *                    └─► events of the script threads
 *
 * Everything in it may be used on any thread. */
#ifndef CAL_SCRIPT_REACH_H
#define CAL_SCRIPT_REACH_H

#include <stdatomic.h>
#include <stdint.h>

#include <lua.h>

#include "base/clock.h"
#include "base/holders.h"
#include "base/ids.h"
#include "base/kv.h"
#include "io/command.h"
#include "io/event.h"
#include "io/io.h"
#include "io/tokens.h"
#include "script/admission.h"
#include "script/registry.h"
#include "script/trace.h"
#include "store/files.h"
#include "store/store.h"
#include "talk/breaker.h"
#include "talk/ear.h"
#include "talk/voice.h"

#define CAL_THREADS 16 /* of a kind */

typedef struct cal_limits {
  uint32_t calls;    /* live ones of this node */
  uint32_t warm_vms; /* of a script thread */
  uint32_t entry_budget_ms, vm_memory_bytes;
  uint32_t arrival_wait_ms; /* what would wait longer for a script is turned away (engine/arrivals.h) */
  int opens_metrics;        /* /metrics is shown to others than programs on this machine */
  int allow_private;        /* scripts of calls may fetch from private addresses */
} cal_limits;

typedef struct cal_reload cal_reload;

typedef struct cal_reach {
  const char *node;                  /* who we are in the store */
  const char *workspace, *library;   /* folders: of the user's files; of our own Lua */
  const char *data_folder;           /* of recordings and the database */
  const char *service, *warm_module; /* entry module of service VMs; what warm VMs have loaded already */
  int is_simulated;                  /* on a loop and a clock that a spec moves */
  int is_spoken;                     /* voices are known by their words (speech/spoken.h) */
  cal_limits limits;
  void (*open)(lua_State *L); /* offers the bindings to a VM that has its context */

  cal_clock *clock;
  cal_ids *ids;
  cal_kv *shared;       /* of the services; flows have a name space of their own */
  cal_holders *holders; /* the same */
  cal_kv *flow_shared;
  cal_holders *flow_holders;
  cal_tokens *tokens;
  struct cal_prefixes *prefixes;
  struct cal_doors *doors;
  cal_registry *registry;
  cal_reload *reload;

  /* The planes; a tool has none. */
  cal_store *store;
  cal_files *files;       /* of recordings and the trace */
  cal_talk_voice voice;   /* those in the process */
  cal_breakers *breakers; /* of vendors */
  cal_talk_ear ear;
  cal_trace *trace; /* NULL: calls are not traced */
  uint8_t io_threads, script_threads;
  cal_io *ios[CAL_THREADS];
  cal_mailbox *commands[CAL_THREADS],
      *events[CAL_THREADS]; /* one reference each: the store's thread still answers
                                                               when the planes that asked are gone already */
  uint16_t port;
  int is_local;      /* its listeners are reached from this machine alone */
  atomic_uint turn;  /* whose turn it is to take something new */
  atomic_uint calls; /* open on all threads */
  atomic_uint asked; /* answers that scripts of calls wait for */
  atomic_size_t asked_bytes;
  atomic_int is_draining;
  atomic_int has_no_template; /* nothing could be done with a call */

  cal_admission admissions[CAL_THREADS]; /* of the script threads */
  atomic_uint
      turned_away; /* requests and sockets, since the last line of the log about it, which was written … */
  _Atomic uint64_t turned_away_ns; /* … then */

  /* What the engine is told, once for each script thread. */
  void *engine;
  void (*on_ready)(void *engine);  /* its service VM said core.started() */
  void (*on_done)(void *engine);   /* its service VM said core.stopped() */
  void (*on_failed)(void *engine); /* its service VM could not start */
} cal_reach;

uint64_t cal_reach_now_ns(const cal_reach *reach);
int64_t cal_reach_wall_ms(const cal_reach *reach);
uint32_t cal_reach_legs(const cal_reach *reach); /* on all io threads; a snapshot */

/* Posts to the io thread that owns the command's target (its tag); for new requests and dials any one is chosen.
 * Takes, also when it fails: -ENOENT no thread has this tag, or an error of the mailbox. */
int cal_reach_command(cal_reach *reach, cal_command *command);
/* Posts to the script thread with this index (1..). Takes, also when it fails. */
int cal_reach_event(cal_reach *reach, uint8_t script, cal_event *event, cal_mail kind);
uint8_t cal_reach_next_script(cal_reach *reach); /* the thread that takes something new: by turns */

#endif

/* engine: the planes, put together: io threads, script threads, the store and the speech plane, started and
 * stopped in order.
 *
 * Start: store (migrations, lost calls) → generation of code → speech → io and script threads → listening →
 * "start". Stop:  the first SIGTERM refuses new calls and lets live ones finish within the grace; then, or on
 * the second signal, sockets are closed and every thread is joined. Inline mode runs everything on the
 * calling thread's one loop. On a borrowed loop (options.loop) nothing runs by itself: who owns the loop
 * moves it, and cal_engine_run is not used. Main thread, except where noted. */
#ifndef CAL_ENGINE_ENGINE_H
#define CAL_ENGINE_ENGINE_H

#include "base/clock.h"
#include "base/holders.h"
#include "base/ids.h"
#include "base/kv.h"
#include "script/reload.h"
#include "script/script.h"
#include "script/trace.h"
#include "io/io.h"
#include "io/tokens.h"
#include "speech/speech.h"
#include "store/files.h"
#include "store/store.h"
#include "vm/generation.h"

typedef struct cal_engine_options {
  /* entry module of the service VMs: "callisto.service" or "callisto.exchange.service" */
  const char *service;
  const char *warm_module;            /* what warm VMs have loaded already: "callisto.flow" */
  const char *workspace;              /* folder with templates/, providers/ …; "." */
  const char *library;                /* folder with callisto/…: our own Lua */
  const cal_generation_root *sources; /* modules that go before those of the workspace; borrowed; for specs */
  size_t source_count;
  const char *host;
  uint16_t port;                    /* 0: any free one */
  const char *cert_file, *key_file; /* both or none: TLS */
  const char *ca_file;              /* extra authority for outgoing TLS; NULL: the system's */
  uint8_t io_threads, script_threads, speech_threads;
  int is_inline;
  /* A simulated engine (lab.h): inline, on a loop and a network that others share. Both borrowed; NULL
   * outside. */
  cal_loop *loop;
  struct cal_loopback *loopback;
  int has_real_voice;      /* on such a loop: the built-in voice and ear instead of those of specs
                              (speech/spoken.h) */
  cal_hearing hearing;     /* what subscribers of the exchange hear; empty outside */
  int hears_free_text;     /* the built-in ear may listen without expected answers */
  int is_tool;             /* only clock, ids, shared state and code: no planes */
  cal_clock *clock;        /* NULL: the real one */
  cal_ids *ids;            /* NULL: the real ones */
  const char *node;        /* who we are in the store; NULL: "main" */
  const char *store_path;  /* NULL: <data folder>/callisto.db */
  const char *data_folder; /* recordings and the database; created */
  uint32_t grace_s;
  uint32_t calls_ceiling; /* live calls of this node; 0 = 2000 */
  uint32_t warm_vms;      /* a script thread; 0 = 16 */
  uint32_t entry_budget_ms, vm_memory_bytes;
  int allow_private;         /* scripts of calls may fetch from private addresses */
  const char *const *fields; /* request headers that scripts want to see, lower case, NULL-terminated */
  const char *settings_json; /* what core.settings() returns at first */
  char *(*read_settings)(void *context); /* reads them again for a reload, on a worker thread: owned, or NULL
                                            with an error text; NULL: they stay */
  void *settings_context;
  int watches;            /* files that change are reloaded */
  const char *trace_path; /* all that happens on calls is written there (trace.h); NULL: it is not */
} cal_engine_options;

int cal_engine_new(cal_engine **result, const cal_engine_options *options);
int cal_engine_start(cal_engine *engine);      /* starts the threads; calls come from now on */
int cal_engine_run(cal_engine *engine);        /* until drained; -EIO when a service VM could not start */
cal_loop *cal_engine_loop(cal_engine *engine); /* the main thread's */
void cal_engine_drain(cal_engine *engine);     /* any thread, also before start; twice = at once */
cal_engine *cal_engine_free(cal_engine *engine);

/* For the bindings. Any thread. */
const cal_engine_options *cal_engine_about(const cal_engine *engine);
uint64_t cal_engine_now_ns(const cal_engine *engine);
cal_clock *cal_engine_clock(const cal_engine *engine);
cal_kv *cal_engine_shared(const cal_engine *engine);
cal_holders *cal_engine_holders(const cal_engine *engine);
cal_ids *cal_engine_ids(const cal_engine *engine);
cal_tokens *cal_engine_tokens(const cal_engine *engine);
struct cal_prefixes *cal_engine_prefixes(const cal_engine *engine);
cal_store *cal_engine_store(const cal_engine *engine);
cal_speech *cal_engine_speech(const cal_engine *engine);
cal_trace *cal_engine_trace(const cal_engine *engine);     /* NULL: nobody wants to know */
cal_code *cal_engine_code(cal_engine *engine);             /* returns owned: code and settings of new calls */
cal_generation *cal_engine_generation(cal_engine *engine); /* returns owned */
const char *cal_engine_node(const cal_engine *engine);
uint16_t cal_engine_port(const cal_engine *engine);
int cal_engine_is_draining(const cal_engine *engine);
uint32_t cal_engine_calls(const cal_engine *engine);
uint32_t cal_engine_legs(const cal_engine *engine);
uint8_t cal_engine_script_count(const cal_engine *engine);
/* Posts to the io thread that owns the command's target (its tag); for new requests and dials any one is
 * chosen. Takes. */
int cal_engine_command(cal_engine *engine, cal_command *command);
/* Posts to the script thread with this index (1..). Takes. */
int cal_engine_event(cal_engine *engine, uint8_t script, cal_event *event, cal_mail kind);
/* Which script thread owns the call of this name, or of this carrier's id; 0 = none. */
uint8_t cal_engine_owner(cal_engine *engine, const char *name, char *call, size_t room);
cal_id cal_engine_handle(cal_engine *engine, const char *name); /* 0: unknown */
int cal_engine_register(cal_engine *engine, const char *name, const char *call, uint8_t script,
                        cal_id handle);
void cal_engine_unregister(cal_engine *engine, const char *name);
/* Once for each script thread. */
void cal_engine_script_is_ready(cal_engine *engine); /* its service VM said core.started() */
void cal_engine_script_is_done(cal_engine *engine);  /* its service VM said core.stopped() */
/* its service VM could not start: the engine stops at once */
void cal_engine_script_has_failed(cal_engine *engine);

#endif

/* script: one thread of the script plane: a service VM, the VMs of its live calls, and the mailbox that feeds
 * them.
 *
 *   io / store / speech ──events──► mailbox ──► the VM an event belongs to: its handler runs, under budget,
 *                                               then returns
 *
 * A VM never waits inside C: every operation that takes time returns a number, and the answer is an event. A
 * call whose script fails or overruns is condemned: its VM is thrown away, its leg plays the fallback from C
 * and closes. Functions run on the script's own thread unless they say otherwise. */
#ifndef CAL_SCRIPT_SCRIPT_H
#define CAL_SCRIPT_SCRIPT_H

#include <lua.h>

#include "base/slots.h"
#include "io/call.h"
#include "io/event.h"
#include "loop/loop.h"
#include "vm/pool.h"
#include "vm/vm.h"

typedef struct cal_engine cal_engine;
typedef struct cal_script cal_script;
typedef struct cal_service cal_service;

/* One call as its script thread knows it. */
typedef struct cal_script_call {
  cal_script *script;
  cal_service *service; /* the code it was opened by and runs on */
  cal_id handle;
  cal_call *call;      /* one reference */
  cal_vm *vm;          /* NULL after it was condemned or closed */
  char *fallback_text; /* NULL: just hang up */
  char *fallback_voice;
  char *entry;
  char *carrier_call;      /* registered as another name of this call; NULL: none */
  int has_name, has_token; /* registered, minted */
  int has_room;            /* in the mailbox, for the news that its script is broken */
  uint32_t last_utterance;
  int32_t last_background; /* numbers what the script said about it */
  uint32_t asked;          /* answers its script waits for */
} cal_script_call;

/* What a VM's C functions find behind cal_vm_of(L): made with the VM, bound to a call when it is taken from
 * the pool. */
typedef struct cal_bind_context {
  cal_engine *engine;
  cal_script *script;    /* NULL: a tool, or files that are only being verified */
  cal_service *service;  /* whose VM this is, or whose call */
  cal_script_call *call; /* NULL: a service VM, a tool, or a warm VM */
  int handler;           /* registry reference of the event handler; LUA_NOREF until core.handler */
  int has_begun;         /* the handler was told an event */
  cal_timer wake;
} cal_bind_context;

int cal_script_new(cal_script **result, cal_engine *engine, uint8_t index, cal_loop *loop);
cal_script *cal_script_free(cal_script *script);    /* main thread, after its loop has stopped */
cal_mailbox *cal_script_events(cal_script *script); /* borrowed; closed by cal_script_free */
/* main thread: builds the service VM; its "start" comes as an event */
int cal_script_start(cal_script *script);
cal_loop *cal_script_loop(cal_script *script);
cal_engine *cal_script_engine(cal_script *script);
uint8_t cal_script_index(const cal_script *script);
uint32_t cal_script_calls(const cal_script *script);     /* any thread; a snapshot */
uint32_t cal_script_vms(const cal_script *script);       /* VMs that were taken for calls and live */
cal_vm *cal_script_service_vm(const cal_script *script); /* of the present code; borrowed; may be NULL */

void cal_script_started(cal_script *script); /* a service VM said core.started() */

/* A number for a request of this VM; room for the answer is reserved in the mailbox. -ENOBUFS. */
int cal_script_ask(cal_bind_context *asker, cal_id *request);
void cal_script_forget(cal_bind_context *asker, cal_id request); /* it was refused: no answer will come */
void cal_script_wake(cal_bind_context *context, uint64_t at_ns); /* 0: not at all */
int cal_script_tell_call(cal_script *script, const char *call, const char *text, size_t bytes);
int cal_script_tell_service(cal_script_call *call, const char *text, size_t bytes);

cal_script_call *cal_script_call_named(cal_script *script, const char *name); /* NULL: not on this thread */
/* Takes a VM, loads `entry` in it, lets the media token in. `options->handle` and `->events` are filled in
 * here. */
int cal_script_call_open(cal_service *service, cal_call_options *options, const char *entry,
                         const char *begin, size_t begin_bytes, const char *fallback_text,
                         const char *fallback_voice);
int cal_script_call_alias(cal_script *script, const char *name, const char *carrier_call);
void cal_script_call_close(cal_script *script, const char *name, int close_code);

void cal_script_service_stopped(cal_service *service); /* its VM said core.stopped() */

cal_bind_context *cal_bind_context_new(lua_State *L); /* from the `open` of a VM; belongs to it */
cal_bind_context *cal_bind_of(lua_State *L);

#endif

/* reload: new code beside the old, verified, then swapped in; or nothing changes.
 *
 *   wish ─► build (compile all) ─► verify (load all, validate, self_test)
 *        ─► prepare (a service VM on every script thread)
 *        ─► commit: what is new goes to it; live calls stay where they began
 *
 * A wish comes from the watcher, SIGHUP, the API or `callisto reload`. Building and verifying happen on a
 * worker thread; a file that fails is named with its line, and the code that runs goes on running. With a
 * share below 100 the new code is a canary: it gets that part of what is new, and is rolled back by itself
 * when its calls break. The settings are read again with the code.
 *
 * Everything here runs on the main loop; wishes, counts and reports of the script threads may come from any
 * thread. */
#ifndef CAL_SCRIPT_RELOAD_H
#define CAL_SCRIPT_RELOAD_H

#include "base/slots.h"
#include "vm/generation.h"

typedef struct cal_engine cal_engine;
typedef struct cal_reload cal_reload;

/* Code and settings that belong together; immutable, reference counted. */
typedef struct cal_code {
  cal_generation *generation;
  char *settings_json;
} cal_code;

typedef enum cal_wish_kind { CAL_WISH_RELOAD, CAL_WISH_ROLLBACK, CAL_WISH_STATUS } cal_wish_kind;

typedef struct cal_wish {
  cal_wish_kind kind;
  uint32_t share; /* percent, 1..100 */
  uint8_t script; /* who gets the report as an answer (CAL_EVENT_HTTP_RESPONSE, status and JSON); 0: nobody,
                     it is logged */
  cal_id request;
  int is_from_watcher; /* does nothing while a canary runs */
  const char *reason;  /* static; for the log: "a file changed", "SIGHUP" … */
} cal_wish;

#define CAL_CANARY_LEAST 3    /* broken calls before a canary may be judged */
#define CAL_CANARY_PERCENT 20 /* of its calls broken: rolled back */

/* builds the first code; broken files are reported, the rest serves */
int cal_reload_new(cal_reload **result, cal_engine *engine);
cal_reload *cal_reload_free(cal_reload *reload);
int cal_reload_watch(cal_reload *reload);      /* changes on disk become wishes */
cal_code *cal_reload_code(cal_reload *reload); /* any thread; returns owned: the present code */

int cal_reload_wish(cal_engine *engine, const cal_wish *wish); /* any thread */
void cal_reload_prepared(cal_engine *engine, int code,
                         const char *text); /* a script thread has done its part */
void cal_reload_count(cal_engine *engine, const cal_code *code,
                      int is_broken); /* a call of this code ended, or broke */

#endif

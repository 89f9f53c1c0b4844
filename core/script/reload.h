/* reload: new code beside the old, verified, then swapped in; or nothing changes.
 *
 *   wish ─► build (compile all) ─► judge (load all apart, validate, self_test)
 *        ─► prepare (a service VM on every script thread)
 *        ─► commit: what is new goes to it; live calls stay where they began
 *
 * A wish comes from the watcher, SIGHUP, the API or `callisto reload`. Building and judging happen on a
 * worker thread; a file that fails is named with its line, and the code that runs goes on running. With a
 * share below 100 the new code is a canary: it gets that part of what is new, and is rolled back by itself
 * when its calls break. The settings are read again with the code.
 *
 * Two things wait for a person. What is on disk after a rollback is taken only when it is asked for; and while
 * a canary runs, other code than the canary's only when the wish is forced. The watcher then warns.
 *
 * Everything here runs on the main loop; wishes, counts and reports of the script threads may come from any
 * thread. */
#ifndef CAL_SCRIPT_RELOAD_H
#define CAL_SCRIPT_RELOAD_H

#include "base/slots.h"
#include "loop/loop.h"
#include "script/edition.h"

typedef struct cal_reach cal_reach;
typedef struct cal_reload cal_reload;

/* Borrowed. */
typedef struct cal_reload_options {
  cal_reach *reach;
  cal_loop *loop; /* the main thread's */
  cal_edition_sources sources;
  const char *settings_json; /* at first */
  char *(*read_settings)(
      void *context); /* reads them again, on a worker thread: owned, or NULL with an error text;
                                            NULL: they stay */
  void *settings_context;
  int is_unjudged; /* the first edition is not judged: a tool's, which runs no service */
} cal_reload_options;

typedef enum cal_wish_kind { CAL_WISH_RELOAD, CAL_WISH_ROLLBACK, CAL_WISH_STATUS } cal_wish_kind;

typedef struct cal_wish {
  cal_wish_kind kind;
  uint32_t share; /* percent, 1..100 */
  uint8_t script; /* who gets the report as an answer (CAL_EVENT_HTTP_RESPONSE, status and JSON); 0: nobody,
                     it is logged */
  cal_id request;
  int is_from_watcher; /* does nothing while a canary runs, or after a rollback */
  int is_of_canary;    /* a rollback of the canary; does nothing when none runs */
  int is_forced;       /* a reload that ends a canary of other code */
  const char *reason;  /* static; for the log: "a file changed", "SIGHUP" … */
} cal_wish;

#define CAL_CANARY_LEAST 3    /* broken calls before a canary may be judged */
#define CAL_CANARY_PERCENT 20 /* of its calls broken: rolled back */

/* Builds the first edition: broken files are reported, the rest serves. Returns owned. */
int cal_reload_new(cal_reload **result, const cal_reload_options *options);
cal_reload *cal_reload_free(cal_reload *reload);
int cal_reload_watch(cal_reload *reload); /* changes on disk become wishes */

/* Any thread. */
cal_edition *cal_reload_edition(cal_reload *reload); /* returns owned: what new calls run on */
int cal_reload_wish(cal_reload *reload, const cal_wish *wish);
void cal_reload_prepared(cal_reload *reload, int code,
                         const char *text); /* a script thread has done its part */
void cal_reload_count(cal_reload *reload, const cal_edition *edition,
                      int is_broken); /* a call of it ended, or broke */

#endif

/* adapters: the carriers' adapters of one service, each in a VM apart (apart.h).
 *
 *   service VM ── core.adapter(module, function, arguments) ──► the adapter's VM ── results ──►
 *
 * An adapter gets what it is asked about and its own account, and gives data back. It sees no settings, no other carrier's
 * account and no store. Its VM is made when it is first asked, and anew after it ran out of time or memory. The service's
 * own thread. */
#ifndef CAL_SCRIPT_ADAPTERS_H
#define CAL_SCRIPT_ADAPTERS_H

#include "base/value.h"
#include "script/reach.h"
#include "vm/generation.h"

typedef struct cal_adapters cal_adapters;

/* Returns owned; borrows both. */
cal_adapters *cal_adapters_new(cal_reach *reach, cal_generation *generation);
cal_adapters *cal_adapters_free(cal_adapters *adapters);

/* Calls the function at `place` ("webhook.verify") of the adapter in `module`. `results` is owned and written on success.
 * Otherwise the error is that of the entry (vm.h); cal_error_text() has its message with the traceback. */
int cal_adapters_call(cal_adapters *adapters, const char *module, const char *place,
                      const cal_value *arguments, cal_value **results);

#endif

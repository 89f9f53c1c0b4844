/* verify: would this code work? Loads every template, adapter and route of a generation in a sandbox of its
 * own, validates the contracts and runs each template's self_test. A file defines and returns; one that acts
 * while it loads is refused, because here there is nothing it could act on. Any thread; blocks. */
#ifndef CAL_SCRIPT_VERIFY_H
#define CAL_SCRIPT_VERIFY_H

#include "script/reach.h"
#include "vm/generation.h"

/* `report` gets every problem. How many there were. */
int cal_verify(cal_reach *reach, cal_generation *generation, cal_generation_report report, void *context);

#endif

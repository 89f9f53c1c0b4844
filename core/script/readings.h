/* readings: what each file of a generation is, as it was read in a VM of its own (apart.h): data, or what is wrong with it.
 *
 *   readings of before ──files that are the same──┐
 *                                                 ├──► readings of a generation ──► judge.h
 *   the other files ──► VMs apart, some threads ──┘
 *
 * A reading is taken over from an earlier generation while the file, and every module it asked for while it was read, there
 * or not, have the same texts, and time and memory are limited as they were. What could not be read is read again: it may
 * have wanted time that others had.
 *
 * Immutable, reference counted (base/mem.h). Any thread. */
#ifndef CAL_SCRIPT_READINGS_H
#define CAL_SCRIPT_READINGS_H

#include "base/value.h"
#include "script/reach.h"
#include "vm/generation.h"

typedef struct cal_reading {
  cal_value *value;    /* what lua/callisto/judge/reading.lua says of the file; NULL: `error` */
  char *error, *trace; /* NULL: the file was read well */
  char *asked;         /* the names of the modules it asked for, each with its final zero; NULL: not known */
  size_t asked_bytes;
} cal_reading;

typedef struct cal_readings cal_readings;

/* Reads all that a workspace can have a say in; of that, only modules whose names begin with `prefix` ("" for all). Blocks.
 * Returns owned. `before` may be NULL. */
cal_readings *cal_readings_make(cal_reach *reach, cal_generation *generation, const char *prefix,
                                const cal_readings *before);

cal_generation *cal_readings_generation(const cal_readings *readings); /* borrowed */
/* In the order in which they are judged; both are borrowed. NULL at the end. */
const cal_reading *cal_readings_at(const cal_readings *readings, size_t index, const cal_module **module);
size_t cal_readings_taken_over(const cal_readings *readings); /* how many were not read anew */

#endif

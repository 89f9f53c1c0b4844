/* mend: a recording whose process ended before its header could say how long it is. */
#ifndef CAL_ENGINE_MEND_H
#define CAL_ENGINE_MEND_H

#include <stdint.h>

/* Writes the lengths of the file as it is into its header; gives samples of one side, and bytes of sound. -ENOENT …
 * and -EINVAL (not a recording of ours): nothing was touched. Blocks on the disk; any thread. */
int cal_mend_recording(const char *path, int64_t *samples, int64_t *bytes);

#endif

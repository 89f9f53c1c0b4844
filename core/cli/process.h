/* process: another callisto as a child of this one. It ends when we do, however that happens. Main thread. */
#ifndef CAL_CLI_PROCESS_H
#define CAL_CLI_PROCESS_H

#include <sys/types.h>

/* Starts this binary with these words (argv from the verb on, NULL at the end). `output` takes what it writes
 * to standard output and error, -1: it has ours. The child reads nothing, and is a process group of its own
 * when `is_apart`: then ctrl-C at a terminal does not reach it by itself. Returns its id or a negative errno.
 */
pid_t cal_process_start(char *const *words, int output, int is_apart);

/* An exit code out of waitpid's status: what the child returned, or 128 and the signal that ended it. */
int cal_process_code(int status);

#endif

/* cli: the verbs of the `callisto` command. Each gets argv from its own name on and returns the process's
 * exit code: 0 done, 1 failed, 2 wrong usage or settings. Main thread. */
#ifndef CAL_CLI_CLI_H
#define CAL_CLI_CLI_H

#include "lab/tool.h"

int cal_cli_serve(int argc, char **argv);
int cal_cli_exchange(int argc, char **argv);
int cal_cli_dev(int argc, char **argv);
int cal_cli_new(int argc, char **argv);
int cal_cli_import(int argc, char **argv);
int cal_cli_call(int argc, char **argv);
int cal_cli_test(int argc, char **argv);
int cal_cli_watch(int argc, char **argv); /* test --watch */
int cal_cli_check(int argc, char **argv);
int cal_cli_completion(int argc, char **argv);
int cal_cli_man(int argc, char **argv);
int cal_cli_lua(int argc, char **argv);
int cal_cli_calls(int argc, char **argv);
int cal_cli_show(int argc, char **argv);
int cal_cli_logs(int argc, char **argv);
int cal_cli_reload(int argc, char **argv);
int cal_cli_rollback(int argc, char **argv);
int cal_cli_status(int argc, char **argv);
int cal_cli_version(int argc, char **argv);

/* The folder of our own Lua: $CALLISTO_LIBRARY, or `lua` beside the folder of the binary, or the source
 * tree's. Static. */
const char *cal_cli_library(void);

/* Calls a function of a Lua module of ours with these words; it gives an exit code and perhaps a text,
 * returned owned (NULL: not wanted). Returns the exit code; an error is printed and 1. */
int cal_cli_ask(const char *module, const char *function, int argc, char **argv, char **text);

/* The known word that was probably meant, returned owned; NULL when none is like it. */
char *cal_cli_nearest(const char *word, const char *const *known, size_t count);

/* Prints "callisto: …" with the last error's sentence and returns 2. */
int cal_cli_refuse(const char *what);

#endif

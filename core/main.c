/* callisto: the command and its verbs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"

static const struct verb {
  const char *name, *what;
  int (*run)(int argc, char **argv);
} verbs[] = {{"new", "write a workspace that can be called at once", cal_cli_new},
             {"dev", "a server and a telephone network on this machine, for development", cal_cli_dev},
             {"serve", "answer and place calls", cal_cli_serve},
             {"exchange", "be the telephone network: carriers and subscribers in a box", cal_cli_exchange},
             {"call", "place a call through a running server, and watch it", cal_cli_call},
             {"calls", "list the calls of a running server", cal_cli_calls},
             {"show", "show one call of a running server", cal_cli_show},
             {"logs", "show what happened in one call, line by line", cal_cli_logs},
             {"reload", "have a running server take the code that is on disk", cal_cli_reload},
             {"rollback", "have it go back to the code before", cal_cli_rollback},
             {"status", "show which code a running server is on", cal_cli_status},
             {"test", "run busted specs inside this binary", cal_cli_test},
             {"check", "validate a workspace without starting anything", cal_cli_check},
             {"import", "make a template of a flow of another system, in JSON", cal_cli_import},
             {"completion", "print what a shell needs to complete verbs and options", cal_cli_completion},
             {"man", "print or write the pages of the manual", cal_cli_man},
             {"lua", "run a Lua file with every callisto module at hand", cal_cli_lua},
             {"version", "print the version", cal_cli_version}};

static void help(FILE *to) {
  fprintf(to, "usage: callisto VERB [options]\n\n");
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].what);
  fprintf(to, "\ncallisto VERB --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage or settings.\n");
}

static int refuse(const char *word) {
  const char *names[sizeof verbs / sizeof *verbs];
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) names[i] = verbs[i].name;
  char *near = cal_cli_nearest(word, names, sizeof verbs / sizeof *verbs);
  if (near)
    fprintf(stderr, "callisto: no verb is named %s; did you mean callisto %s?\n", word, near);
  else
    fprintf(stderr, "callisto: no verb is named %s\n\n", word);
  if (!near) help(stderr);
  cal_free(near);
  return 2;
}

int main(int argc, char **argv) {
  setenv("CALLISTO_LIBRARY", cal_cli_library(), 0); /* the verbs that are Lua ask for it there */
  if (argc < 2) {
    help(stderr);
    return 2;
  }
  if (!strcmp(argv[1], "help") && argc > 2) { /* `callisto help VERB` is `callisto VERB --help` */
    argv[1] = argv[2];
    argv[2] = "--help";
  }
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
    help(stdout);
    return 0;
  }
  if (!strcmp(argv[1], "--version")) argv[1] = "version";
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (!strcmp(argv[1], verbs[i].name)) return verbs[i].run(argc - 1, argv + 1);
  return refuse(argv[1]);
}

/* The verbs that are Lua: a VM of kind TOOL runs callisto.cli.<verb>. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"

#define KNOWN_CEILING 64 /* verbs, options */

const char *cal_cli_library(void) {
  static char path[PATH_MAX];
  const char *given = getenv("CALLISTO_LIBRARY");
  if (given && *given) return given;
  ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 32);
  if (bytes > 0) {
    path[bytes] = 0;
    char *slash = strrchr(path, '/');
    if (slash) {
      strcpy(slash, "/../lua");
      if (!access(path, R_OK)) return path;
    }
  }
  return CAL_LIBRARY_DIR;
}

int cal_cli_refuse(const char *what) {
  fprintf(stderr, "callisto: %s%s%s\n", what ? what : "", what ? ": " : "", cal_error_text());
  return 2;
}

int cal_cli_ask(const char *module, const char *function, int argc, char **argv, char **text) {
  cal_tool *tool;
  if (cal_tool_new(&tool, ".", cal_cli_library()) < 0) return cal_cli_refuse(NULL);
  int code = cal_tool_run(tool, module, function, argc, argv, text);
  const char *trace = cal_tool_trace(tool);
  if (code < 0) fprintf(stderr, "callisto: %s\n", *trace ? trace : cal_error_text());
  cal_tool_free(tool);
  return code < 0 ? 1 : code;
}

char *cal_cli_nearest(const char *word, const char *const *known, size_t count) {
  char *words[KNOWN_CEILING + 1] = {(char *)word};
  int argc = 1;
  for (size_t i = 0; i < count && argc <= KNOWN_CEILING; i++) words[argc++] = (char *)known[i];
  char *near = NULL;
  cal_cli_ask("callisto.cli.help", "nearest", argc, words, &near);
  return near;
}

static int run_module(const char *module, int argc, char **argv) {
  return cal_cli_ask(module, "run", argc, argv, NULL);
}

/* `callisto VERB …` is the function `run` of callisto.cli.VERB. */
static int run_verb(const char *module, int argc, char **argv) {
  return run_module(module, argc - 1, argv + 1);
}

int cal_cli_completion(int argc, char **argv) { return run_verb("callisto.cli.completion", argc, argv); }
int cal_cli_man(int argc, char **argv) { return run_verb("callisto.cli.man", argc, argv); }
int cal_cli_lua(int argc, char **argv) { return run_verb("callisto.cli.lua", argc, argv); }
int cal_cli_new(int argc, char **argv) { return run_verb("callisto.cli.new", argc, argv); }
int cal_cli_import(int argc, char **argv) { return run_verb("callisto.cli.import", argc, argv); }
int cal_cli_check(int argc, char **argv) { return run_verb("callisto.cli.check", argc, argv); }
int cal_cli_call(int argc, char **argv) { return run_verb("callisto.cli.call", argc, argv); }

static int has_word(int argc, char **argv, const char *word) {
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], word)) return 1;
  return 0;
}

int cal_cli_test(int argc, char **argv) {
  if (has_word(argc, argv, "--watch") && !has_word(argc, argv, "--help")) return cal_cli_watch(argc, argv);
  return run_verb("callisto.cli.test", argc, argv);
}

/* These share a module, which is given the verb as its first word. */
static int run_calls_verb(int argc, char **argv) { return run_module("callisto.cli.calls", argc, argv); }

int cal_cli_calls(int argc, char **argv) { return run_calls_verb(argc, argv); }
int cal_cli_show(int argc, char **argv) { return run_calls_verb(argc, argv); }
int cal_cli_logs(int argc, char **argv) { return run_calls_verb(argc, argv); }

/* So do these three. */
static int run_code_verb(int argc, char **argv) { return run_module("callisto.cli.code", argc, argv); }

int cal_cli_reload(int argc, char **argv) { return run_code_verb(argc, argv); }
int cal_cli_rollback(int argc, char **argv) { return run_code_verb(argc, argv); }
int cal_cli_status(int argc, char **argv) { return run_code_verb(argc, argv); }

int cal_cli_version(int argc, char **argv) {
  if (argc > 1) {
    int is_help = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
    fprintf(is_help ? stdout : stderr, "usage: callisto version\n\nPrints the version.\n");
    return is_help ? 0 : 2;
  }
  printf("callisto %s\n", CAL_VERSION);
  return 0;
}

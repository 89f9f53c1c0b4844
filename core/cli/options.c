#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "data/json_escape.h"

typedef enum kind { ON, OFF, NUMBER, TEXT, SETTING, LEVEL, HELP } kind;

/* One option. Numbers are kept in a field of `bytes` bytes, times `unit`. */
typedef struct option_row {
  const char *name;
  kind kind;
  size_t offset;
  uint8_t bytes;
  long least, most, unit;
  const char *value, *help; /* of --help; NULL: not shown there */
} option_row;

#define AT(field) offsetof(cal_cli_options, field), sizeof(((cal_cli_options *)0)->field)
#define NUMBER_OF(field, least, most) NUMBER, AT(field), least, most, 1
#define FLAG_OF(kind, field) kind, AT(field), 0, 0, 0, ""

static const option_row rows[] = {
    {"port", NUMBER_OF(engine.port, 0, 65535), "N", NULL},
    {"host", TEXT, AT(engine.host), 0, 0, 0, "ADDRESS", "numeric address to listen on [all of IPv4]"},
    {"workspace", TEXT, AT(engine.workspace), 0, 0, 0, "DIR",
     "folder with callisto.lua, templates/, providers/ … [.]"},
    {"data", TEXT, AT(engine.data_folder), 0, 0, 0, "DIR", "folder for the database and recordings [var]"},
    {"node", TEXT, AT(engine.node), 0, 0, 0, "NAME", "who this process is in the store [main]"},
    {"io-threads", NUMBER_OF(engine.io_threads, 1, 16), "N",
     "threads for sockets and audio, 1 to 16 [half the cores]"},
    {"script-threads", NUMBER_OF(engine.script_threads, 1, 16), "N",
     "threads for Lua, 1 to 16 [half the cores]"},
    {"speech-threads", NUMBER_OF(engine.speech_threads, 1, 16), "N",
     "threads for the built-in voice and ear, 1 to 16 [half the cores]"},
    {"free-text", FLAG_OF(ON, engine.hears_free_text),
     "the built-in ear also listens without expected answers; often wrong, 100 MiB"},
    {"inline", FLAG_OF(ON, engine.is_inline), "everything on one thread, for debugging"},
    {"max-calls", NUMBER_OF(engine.calls_ceiling, 1, 20000), "N", "live calls of this node [2000]"},
    {"arrival-wait-ms", NUMBER_OF(engine.arrival_wait_ms, 10, 60000), "N",
     "a call, an order or a question that would wait longer for a script is turned away [1000]"},
    {"warm-vms", NUMBER_OF(engine.warm_vms, 1, 1000), "N", "VMs kept ready, a script thread [16]"},
    {"budget-ms", NUMBER_OF(engine.entry_budget_ms, 1, 10000), "N",
     "CPU time of one step of a call's script [50]"},
    {"vm-memory-mb", NUMBER, AT(engine.vm_memory_bytes), 2, 1024, 1 << 20, "N",
     "memory of a call's script [16]"},
    {"grace", NUMBER_OF(engine.grace_s, 0, 86400), "SECONDS",
     "how long live calls may go on after SIGTERM [600]"},
    {"tls-cert", TEXT, AT(engine.cert_file), 0, 0, 0, "FILE",
     "serve TLS with this certificate; needs --tls-key"},
    {"tls-key", TEXT, AT(engine.key_file), 0, 0, 0, "FILE", "the certificate's private key"},
    {"ca", TEXT, AT(engine.ca_file), 0, 0, 0, "FILE", "extra authority for outgoing TLS"},
    {"open-metrics", FLAG_OF(ON, engine.opens_metrics),
     "/metrics is shown to other machines, and through proxies"},
    {"allow-private", FLAG_OF(ON, engine.allow_private), "calls' scripts may fetch from private addresses"},
    {"watch", FLAG_OF(ON, engine.watches),
     "changed files are reloaded by themselves, not only when asked (callisto reload, SIGHUP)"},
    {"no-watch", FLAG_OF(OFF, engine.watches), "as without --watch"},
    {"set", SETTING, 0, 0, 0, 0, 0, "NAME=VALUE", "a setting, as in callisto.lua"},
    {"record-trace", TEXT, AT(engine.trace_path), 0, 0, 0, "FILE",
     "all that happens on calls, as JSON lines, for callisto.spec.replay"},
    {"log-level", LEVEL, 0, 0, 0, 0, 0, "LEVEL", "debug, info, warn or error [info]"},
    {"log-json", FLAG_OF(ON, log_as_json), "one JSON object a line"},
    {"help", HELP, 0, 0, 0, 0, 0, "", "this list"}, /* the last row: also -h */
};
enum { ROWS = sizeof rows / sizeof *rows };

static int takes_value(const option_row *row) { return row->value[0] != '\0'; }

/* ---- help */

static void show_help(const char *verb) {
  printf("usage: callisto %s [options]\n\n", verb);
  for (int i = 0; i < ROWS; i++) {
    char left[40];
    snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].value);
    if (rows[i].help)
      printf("  %-22s %s\n", left, rows[i].help);
    else
      printf("  %-22s port for webhooks, API and media sockets [%s]; 0: any free one\n", left,
             strcmp(verb, "serve") ? "8090" : "8080");
  }
  printf("\nSIGTERM drains: no new calls, live ones finish, exit 0. A second one is immediate.\n");
}

/* ---- values */

static int read_number(const option_row *row, const char *text, void *field) {
  char *end;
  errno = 0;
  long number = strtol(text, &end, 10);
  if (errno || end == text || *end || number < row->least || number > row->most)
    return cal_fail(-EINVAL, "--%s is %s; a number from %ld to %ld is possible", row->name, text, row->least,
                    row->most);
  number *= row->unit;
  if (row->bytes == 1) *(uint8_t *)field = (uint8_t)number;
  if (row->bytes == 2) *(uint16_t *)field = (uint16_t)number;
  if (row->bytes == 4) *(uint32_t *)field = (uint32_t)number;
  return 0;
}

static void note(cal_buf *settings, const char *name, const char *value) {
  cal_buf_text(settings, settings->bytes ? ",\"" : "\"");
  cal_json_escape(settings, cal_span_of(name));
  cal_buf_text(settings, "\":\"");
  cal_json_escape(settings, cal_span_of(value));
  cal_buf_text(settings, "\"");
}

static int read_setting(cal_buf *settings, char *pair) {
  char *equals = strchr(pair, '=');
  if (!equals) return cal_fail(-EINVAL, "--set wants NAME=VALUE, not %s", pair);
  *equals = '\0';
  note(settings, pair, equals + 1);
  return 0;
}

static int read_level(cal_log_level *level, const char *name) {
  int code = cal_log_level_named(name);
  if (code < 0) return cal_fail(code, "--log-level is %s; debug, info, warn and error are possible", name);
  *level = (cal_log_level)code;
  return 0;
}

static int take(cal_cli_options *options, const option_row *row, char *value, const char *verb) {
  void *field = (char *)options + row->offset;
  switch (row->kind) {
  case ON:
    *(int *)field = 1;
    return 0;
  case OFF:
    *(int *)field = 0;
    return 0;
  case NUMBER:
    return read_number(row, value, field);
  case TEXT:
    *(const char **)field = value;
    return 0;
  case SETTING:
    return read_setting(&options->settings, value);
  case LEVEL:
    return read_level(&options->log_level, value);
  case HELP:
    show_help(verb);
    return 1;
  }
  return 0;
}

/* ---- the command line */

/* What getopt calls an option: its row's number, above all letters. */
#define FIRST 256

static void describe(struct option *wanted) {
  for (int i = 0; i < ROWS; i++)
    wanted[i] = (struct option){rows[i].name, takes_value(&rows[i]) ? required_argument : no_argument, NULL,
                                FIRST + i};
  wanted[ROWS] = (struct option){0};
}

/* The option that was probably meant, owned; NULL when none is like it. */
static char *nearest_of(const char *given) {
  const char *names[ROWS];
  for (int i = 0; i < ROWS; i++) names[i] = rows[i].name;
  char name[64];
  snprintf(name, sizeof name, "%s", given + strspn(given, "-"));
  name[strcspn(name, "=")] = '\0';
  return strlen(name) > 1 ? cal_cli_nearest(name, names, ROWS) : NULL;
}

/* getopt only says that something is wrong. */
static int refuse(char **argv, const char *verb) {
  char letter[] = {'-', (char)optopt, 0};
  if (optopt >= FIRST) {
    const option_row *row = &rows[optopt - FIRST];
    return cal_fail(-EINVAL, "--%s %s; callisto %s --help says more", row->name,
                    takes_value(row) ? "wants a value behind it" : "takes no value", verb);
  }
  const char *given = optopt ? letter : argv[optind - 1];
  char *near = nearest_of(given);
  int code =
      near ? cal_fail(-EINVAL, "there is no option %s; did you mean --%s? callisto %s --help lists them",
                      given, near, verb)
           : cal_fail(-EINVAL, "there is no option %s; callisto %s --help lists them", given, verb);
  cal_free(near);
  return code;
}

int cal_cli_options_read(cal_cli_options *options, int argc, char **argv) {
  struct option wanted[ROWS + 1];
  describe(wanted);
  optind = 1;
  opterr = 0;
  for (int found; (found = getopt_long(argc, argv, "h", wanted, NULL)) != -1;) {
    if (found == 'h') found = FIRST + ROWS - 1;
    int code = found < FIRST ? refuse(argv, argv[0]) : take(options, &rows[found - FIRST], optarg, argv[0]);
    if (code) return code;
  }
  if (optind < argc)
    return cal_fail(-EINVAL, "%s is not an option; callisto %s --help lists them", argv[optind], argv[0]);
  if (!options->engine.cert_file != !options->engine.key_file)
    return cal_fail(-EINVAL, "--tls-cert and --tls-key belong together: give both for TLS, or neither");
  return 0;
}

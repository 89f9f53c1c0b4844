/* The verbs that are an engine: serve and exchange. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "data/json_escape.h"

#define FIELDS_CEILING 64
#define FILES_WANTED 20000
#define HEAP_ARENAS 2

typedef struct settings {
  cal_engine_options engine;
  cal_buf cli; /* JSON of what the command line said */
  const char *verb;
  char *json;
  char *fields_text;
  const char *fields[FIELDS_CEILING + 1];
} settings;

static const struct option long_options[] = {{"port", required_argument, NULL, 'p'},
                                             {"host", required_argument, NULL, 'H'},
                                             {"workspace", required_argument, NULL, 'w'},
                                             {"data", required_argument, NULL, 'd'},
                                             {"node", required_argument, NULL, 'n'},
                                             {"io-threads", required_argument, NULL, 'i'},
                                             {"script-threads", required_argument, NULL, 's'},
                                             {"speech-threads", required_argument, NULL, 'v'},
                                             {"free-text", no_argument, NULL, 'f'},
                                             {"inline", no_argument, NULL, 'I'},
                                             {"max-calls", required_argument, NULL, 'm'},
                                             {"warm-vms", required_argument, NULL, 'W'},
                                             {"budget-ms", required_argument, NULL, 'b'},
                                             {"vm-memory-mb", required_argument, NULL, 'M'},
                                             {"grace", required_argument, NULL, 'g'},
                                             {"tls-cert", required_argument, NULL, 'c'},
                                             {"tls-key", required_argument, NULL, 'k'},
                                             {"ca", required_argument, NULL, 'a'},
                                             {"allow-private", no_argument, NULL, 'P'},
                                             {"no-watch", no_argument, NULL, 'N'},
                                             {"watch", no_argument, NULL, 'Y'},
                                             {"set", required_argument, NULL, 'S'},
                                             {"record-trace", required_argument, NULL, 'T'},
                                             {"log-level", required_argument, NULL, 'l'},
                                             {"log-json", no_argument, NULL, 'j'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static void help(const char *verb) {
  printf(
      "usage: callisto %s [options]\n\n"
      "  --port N            port for webhooks, API and media sockets [%s]; 0: any free one\n"
      "  --host ADDRESS      numeric address to listen on [all of IPv4]\n"
      "  --workspace DIR     folder with callisto.lua, templates/, providers/ … [.]\n"
      "  --data DIR          folder for the database and recordings [var]\n"
      "  --node NAME         who this process is in the store [main]\n"
      "  --io-threads N      threads for sockets and audio, 1 to 16 [half the cores]\n"
      "  --script-threads N  threads for Lua, 1 to 16 [half the cores]\n"
      "  --speech-threads N  threads for the built-in voice and ear, 1 to 16 [half the cores]\n"
      "  --free-text         the built-in ear also listens without expected answers; often wrong, 100 MiB\n"
      "  --inline            everything on one thread, for debugging\n"
      "  --max-calls N       live calls of this node [2000]\n"
      "  --warm-vms N        VMs kept ready, a script thread [16]\n"
      "  --budget-ms N       CPU time of one step of a call's script [50]\n"
      "  --vm-memory-mb N    memory of a call's script [16]\n"
      "  --grace SECONDS     how long live calls may go on after SIGTERM [600]\n"
      "  --tls-cert FILE --tls-key FILE   serve TLS\n"
      "  --ca FILE           extra authority for outgoing TLS\n"
      "  --allow-private     calls' scripts may fetch from private addresses\n"
      "  --watch             changed files are reloaded by themselves (the default)\n"
      "  --no-watch          changed files are reloaded only when asked (callisto reload, SIGHUP)\n"
      "  --set NAME=VALUE    a setting, as in callisto.lua\n"
      "  --record-trace FILE all that happens on calls, as JSON lines, for callisto.spec.replay\n"
      "  --log-level LEVEL   debug, info, warn or error [info]\n"
      "  --log-json          one JSON object a line\n\n"
      "SIGTERM drains: no new calls, live ones finish, exit 0. A second one is immediate.\n",
      verb, strcmp(verb, "serve") ? "8090" : "8080");
}

static int whole(const char *name, const char *text, long least, long most, long *number) {
  char *end;
  errno = 0;
  *number = strtol(text, &end, 10);
  if (!errno && end != text && !*end && *number >= least && *number <= most) return 0;
  return cal_fail(-EINVAL, "--%s is %s; a number from %ld to %ld is possible", name, text, least, most);
}

static void note(settings *s, const char *name, const char *value) {
  cal_buf_text(&s->cli, s->cli.bytes > 1 ? ",\"" : "\"");
  cal_json_escape(&s->cli, cal_span_of(name));
  cal_buf_text(&s->cli, "\":\"");
  cal_json_escape(&s->cli, cal_span_of(value));
  cal_buf_text(&s->cli, "\"");
}

static int take_set(settings *s, char *pair) {
  char *equals = strchr(pair, '=');
  if (!equals) return cal_fail(-EINVAL, "--set wants NAME=VALUE, not %s", pair);
  *equals = 0;
  note(s, pair, equals + 1);
  return 0;
}

/* getopt says no more than that something is wrong. */
static int refuse_option(char **argv, const char *verb) {
  char letter[] = {'-', (char)optopt, 0};
  for (const struct option *o = long_options; o->name; o++)
    if (o->val == optopt)
      return cal_fail(-EINVAL, "--%s %s; callisto %s --help says more", o->name,
                      o->has_arg ? "wants a value behind it" : "takes no value", verb);
  return cal_fail(-EINVAL, "there is no option %s; callisto %s --help lists them",
                  optopt ? letter : argv[optind - 1], verb);
}

/* 0, 1 when --help was answered, or negative. */
static int parse(settings *s, int argc, char **argv, cal_log_level *level, int *as_json) {
  cal_engine_options *o = &s->engine;
  const char *verb = argv[0];
  optind = 1;
  opterr = 0;
  for (int c, at = 0; (c = getopt_long(argc, argv, "", long_options, &at)) != -1;) {
    long n = 0;
    int code = 0;
    const char *name = long_options[at].name;
    switch (c) {
    case 'p':
      code = whole(name, optarg, 0, 65535, &n);
      o->port = (uint16_t)n;
      break;
    case 'H':
      o->host = optarg;
      break;
    case 'w':
      o->workspace = optarg;
      break;
    case 'd':
      o->data_folder = optarg;
      break;
    case 'n':
      o->node = optarg;
      break;
    case 'i':
      code = whole(name, optarg, 1, 16, &n);
      o->io_threads = (uint8_t)n;
      break;
    case 's':
      code = whole(name, optarg, 1, 16, &n);
      o->script_threads = (uint8_t)n;
      break;
    case 'v':
      code = whole(name, optarg, 1, 16, &n);
      o->speech_threads = (uint8_t)n;
      break;
    case 'f':
      o->hears_free_text = 1;
      break;
    case 'I':
      o->is_inline = 1;
      break;
    case 'm':
      code = whole(name, optarg, 1, 20000, &n);
      o->calls_ceiling = (uint32_t)n;
      break;
    case 'W':
      code = whole(name, optarg, 1, 1000, &n);
      o->warm_vms = (uint32_t)n;
      break;
    case 'b':
      code = whole(name, optarg, 1, 10000, &n);
      o->entry_budget_ms = (uint32_t)n;
      break;
    case 'M':
      code = whole(name, optarg, 2, 1024, &n);
      o->vm_memory_bytes = (uint32_t)n << 20;
      break;
    case 'g':
      code = whole(name, optarg, 0, 86400, &n);
      o->grace_s = (uint32_t)n;
      break;
    case 'c':
      o->cert_file = optarg;
      break;
    case 'k':
      o->key_file = optarg;
      break;
    case 'a':
      o->ca_file = optarg;
      break;
    case 'P':
      o->allow_private = 1;
      break;
    case 'N':
      o->watches = 0;
      break;
    case 'Y':
      o->watches = 1;
      break;
    case 'S':
      code = take_set(s, optarg);
      break;
    case 'T':
      o->trace_path = optarg;
      break;
    case 'l':
      code = cal_log_level_named(optarg);
      if (code < 0)
        code = cal_fail(code, "--log-level is %s; debug, info, warn and error are possible", optarg);
      if (code >= 0) *level = (cal_log_level)code;
      break;
    case 'j':
      *as_json = 1;
      break;
    case 'h':
      help(verb);
      return 1;
    default:
      code = refuse_option(argv, verb);
    }
    if (code < 0) return code;
  }
  if (optind < argc)
    return cal_fail(-EINVAL, "%s is not an option; callisto %s --help lists them", argv[optind], verb);
  if (!o->cert_file != !o->key_file)
    return cal_fail(-EINVAL, "--tls-cert and --tls-key belong together: give both for TLS, or neither");
  return 0;
}

static int check_workspace(const char *path) {
  struct stat about;
  if (stat(path, &about))
    return cal_fail(-errno,
                    "cannot use the workspace %s: %s; make the folder, or name another with --workspace",
                    path, strerror(errno));
  if (!S_ISDIR(about.st_mode))
    return cal_fail(-ENOTDIR, "the workspace %s is not a folder; name one with --workspace", path);
  return 0;
}

/* Environment, callisto.lua and command line become one JSON text. */
static char *read_again(void *context) {
  settings *s = context;
  cal_tool *tool;
  char *json = NULL;
  if (cal_tool_new(&tool, s->engine.workspace, s->engine.library) < 0) return NULL;
  char *args[] = {(char *)s->verb, (char *)s->engine.workspace, s->cli.data, NULL};
  cal_tool_run(tool, "callisto.cli.settings", "json", 3, args, &json);
  cal_tool_free(tool);
  return json;
}

/* The adapters say which headers they read. */
static int read_settings(settings *s, const char *verb) {
  s->verb = verb;
  s->engine.read_settings = read_again;
  s->engine.settings_context = s;
  s->json = read_again(s);
  cal_tool *tool;
  int code = s->json ? cal_tool_new(&tool, s->engine.workspace, s->engine.library) : -EINVAL;
  if (code < 0) return code;
  char *args[] = {(char *)s->engine.workspace, NULL};
  code = cal_tool_run(tool, "callisto.cli.settings", "headers", 1, args, &s->fields_text);
  cal_tool_free(tool);
  if (code) return code < 0 ? code : cal_fail(-EINVAL, "the settings could not be read");
  size_t count = 0;
  for (char *name = strtok(s->fields_text, " "); name && count < FIELDS_CEILING; name = strtok(NULL, " "))
    s->fields[count++] = name;
  s->engine.settings_json = s->json;
  s->engine.fields = s->fields;
  return 0;
}

/* Thousands of sockets: the soft limit is raised to what the hard one allows. A million would make tables too
 * large. */
/* Calls come and go on several threads; with an arena for each of them the heap tears into pieces that are
 * never whole again. */
static void keep_heap_together(void) { mallopt(M_ARENA_MAX, HEAP_ARENAS); }

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_signal(uv_signal_t *handle, int number) {
  if (number == SIGHUP)
    cal_reload_wish(handle->data, &(cal_wish){.kind = CAL_WISH_RELOAD, .share = 100, .reason = "SIGHUP"});
  else
    cal_engine_drain(handle->data);
}

/* Until the engine is there, a signal to end is only noted; the second one ends the process as ever. */
static volatile sig_atomic_t ended_early;
static void on_early_signal(int number) { ended_early = 1; }

static void note_early_signals(void) {
  struct sigaction action = {.sa_handler = on_early_signal, .sa_flags = SA_RESETHAND | SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}

static int run(settings *s) {
  cal_engine *engine;
  if (cal_engine_new(&engine, &s->engine) < 0) return cal_cli_refuse(NULL);
  static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
  enum { SIGNALS = sizeof numbers / sizeof *numbers };
  uv_signal_t signals[SIGNALS];
  uv_loop_t *loop = cal_loop_uv(cal_engine_loop(engine));
  for (int i = 0; i < SIGNALS; i++) {
    uv_signal_init(loop, &signals[i]);
    signals[i].data = engine;
    uv_signal_start(&signals[i], on_signal, numbers[i]);
  }
  if (ended_early) cal_engine_drain(engine);
  int code = cal_engine_start(engine) < 0 || cal_engine_run(engine) < 0 ? cal_cli_refuse(NULL) : 0;
  for (int i = 0; i < SIGNALS; i++) uv_close((uv_handle_t *)&signals[i], NULL);
  cal_engine_free(engine);
  return code;
}

static int serve(int argc, char **argv, settings *s) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  uint8_t half = cores >= 32 ? 16 : cores >= 4 ? (uint8_t)(cores / 2) : 1;
  s->engine.workspace = ".";
  s->engine.data_folder = "var";
  s->engine.library = cal_cli_library();
  s->engine.io_threads = s->engine.speech_threads = half;
  if (!s->engine.script_threads) s->engine.script_threads = half;
  s->engine.grace_s = 600;
  s->engine.watches = 1;
  cal_log_level level = CAL_LOG_INFO;
  int as_json = 0;
  cal_buf_init(&s->cli, 64 * 1024);
  cal_buf_text(&s->cli, "{");
  int code = parse(s, argc, argv, &level, &as_json);
  cal_buf_text(&s->cli, "}");
  if (code == 1) return 0;
  cal_log_setup(level, as_json);
  note_early_signals();
  if (code < 0 || check_workspace(s->engine.workspace) < 0 || read_settings(s, argv[0]) < 0)
    return cal_cli_refuse(NULL);
  raise_file_limit();
  keep_heap_together();
  return run(s);
}

static int start(int argc, char **argv, settings *s) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  int code = serve(argc, argv, s);
  cal_buf_free(&s->cli);
  cal_free(s->json);
  cal_free(s->fields_text);
  return code;
}

int cal_cli_serve(int argc, char **argv) {
  settings s = {.engine = {.service = "callisto.service", .warm_module = "callisto.flow", .port = 8080}};
  return start(argc, argv, &s);
}

int cal_cli_exchange(int argc, char **argv) {
  settings s = {.engine = {.service = "callisto.exchange.service",
                           .warm_module = "callisto.exchange.subscriber",
                           .script_threads = 1, /* the network's calls are known to one VM */
                           .port = 8090}};
  return start(argc, argv, &s);
}

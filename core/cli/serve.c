/* The verbs that are an engine: serve and exchange. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/trim.h"
#include "cli/cli.h"
#include "cli/options.h"

#define FIELDS_CEILING 64
#define FILES_WANTED 20000
#define TRIM_MS 5000 /* between looks at the heap */

typedef struct settings {
  cal_cli_options options;
  cal_buf given; /* JSON of what the command line set */
  const char *verb;
  char *json;
  char *fields_text;
  const char *fields[FIELDS_CEILING + 1];
} settings;

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
  if (cal_tool_new(&tool, s->options.engine.workspace, s->options.engine.library) < 0) return NULL;
  char *args[] = {(char *)s->verb, (char *)s->options.engine.workspace, s->given.data, NULL};
  cal_tool_run(tool, "callisto.cli.settings", "json", 3, args, &json);
  cal_tool_free(tool);
  return json;
}

/* The adapters say which headers they read. */
static int read_settings(settings *s, const char *verb) {
  s->verb = verb;
  s->options.engine.read_settings = read_again;
  s->options.engine.settings_context = s;
  s->json = read_again(s);
  cal_tool *tool;
  int code = s->json ? cal_tool_new(&tool, s->options.engine.workspace, s->options.engine.library) : -EINVAL;
  if (code < 0) return code;
  char *args[] = {(char *)s->options.engine.workspace, NULL};
  code = cal_tool_run(tool, "callisto.cli.settings", "headers", 1, args, &s->fields_text);
  cal_tool_free(tool);
  if (code) return code < 0 ? code : cal_fail(-EINVAL, "the settings could not be read");
  size_t count = 0;
  for (char *name = strtok(s->fields_text, " "); name && count < FIELDS_CEILING; name = strtok(NULL, " "))
    s->fields[count++] = name;
  s->options.engine.settings_json = s->json;
  s->options.engine.fields = s->fields;
  return 0;
}

static void on_trim(uv_timer_t *timer) { cal_trim_look(timer->data); }

/* Thousands of sockets: the soft limit is raised to what the hard one allows. A million would make tables too
 * large. */
static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_signal(uv_signal_t *handle, int number) {
  if (number == SIGHUP)
    cal_reload_wish(cal_engine_reach(handle->data)->reload,
                    &(cal_wish){.kind = CAL_WISH_RELOAD, .share = 100, .reason = "SIGHUP"});
  else
    cal_engine_drain(handle->data);
}

/* Until the engine is there, a signal to end is only noted; the second one ends the process as always. */
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
  if (cal_engine_new(&engine, &s->options.engine) < 0) return cal_cli_refuse(NULL);
  static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
  enum { SIGNALS = sizeof numbers / sizeof *numbers };
  uv_signal_t signals[SIGNALS];
  cal_trim trim = {0};
  uv_timer_t trimmer = {.data = &trim};
  uv_loop_t *loop = cal_loop_uv(cal_engine_loop(engine));
  uv_timer_init(loop, &trimmer);
  uv_timer_start(&trimmer, on_trim, 0, TRIM_MS);
  for (int i = 0; i < SIGNALS; i++) {
    uv_signal_init(loop, &signals[i]);
    signals[i].data = engine;
    uv_signal_start(&signals[i], on_signal, numbers[i]);
  }
  if (ended_early) cal_engine_drain(engine);
  int code = cal_engine_start(engine) < 0 || cal_engine_run(engine) < 0 ? cal_cli_refuse(NULL) : 0;
  for (int i = 0; i < SIGNALS; i++) uv_close((uv_handle_t *)&signals[i], NULL);
  uv_close((uv_handle_t *)&trimmer, NULL);
  /* What is being written now takes seconds at most; nobody gains by its being cut off. */
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  cal_engine_free(engine);
  return code;
}

/* What holds until the command line says something else. */
static void set_defaults(cal_engine_options *engine) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  uint8_t half = cores >= 32 ? 16 : cores >= 4 ? (uint8_t)(cores / 2) : 1;
  engine->workspace = ".";
  engine->data_folder = "var";
  engine->library = cal_cli_library();
  engine->io_threads = engine->speech_threads = half;
  if (!engine->script_threads) engine->script_threads = half;
  engine->grace_s = 600;
}

static int serve(int argc, char **argv, settings *s) {
  set_defaults(&s->options.engine);
  s->options.log_level = CAL_LOG_INFO;
  cal_buf_init(&s->options.settings, 64 * 1024);
  cal_buf_init(&s->given, 64 * 1024);
  int code = cal_cli_options_read(&s->options, argc, argv);
  if (code == 1) return 0;
  cal_buf_text(&s->given, "{");
  cal_buf_append(&s->given, s->options.settings.data, s->options.settings.bytes);
  cal_buf_text(&s->given, "}");
  cal_log_setup(s->options.log_level, s->options.log_as_json);
  note_early_signals();
  if (code < 0 || check_workspace(s->options.engine.workspace) < 0 || read_settings(s, argv[0]) < 0)
    return cal_cli_refuse(NULL);
  raise_file_limit();
  return run(s);
}

static int start(int argc, char **argv, settings *s) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  int code = serve(argc, argv, s);
  cal_buf_free(&s->options.settings);
  cal_buf_free(&s->given);
  cal_free(s->json);
  cal_free(s->fields_text);
  return code;
}

int cal_cli_serve(int argc, char **argv) {
  settings s = {
      .options.engine = {.service = "callisto.service", .warm_module = "callisto.flow", .port = 8080}};
  return start(argc, argv, &s);
}

int cal_cli_exchange(int argc, char **argv) {
  settings s = {.options.engine = {.service = "callisto.exchange.service",
                                   .warm_module = "callisto.exchange.subscriber",
                                   .script_threads = 1, /* the network's calls are known to one VM */
                                   .port = 8090}};
  return start(argc, argv, &s);
}

/* callisto dev: an exchange and a server as two processes that live and end together.
 *
 *     callisto.cli.dev ── plan ──► this ──► callisto exchange ──┐
 *     (options, environment, words)    └──► callisto serve ─────┴──► their lines, each with a name before it,
 *                                                                    on stderr
 *
 * The plan is lines of text: see callisto.cli.dev. The server is started when the exchange is ready, since it
 * has to know where that is. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/process.h"

#define WORDS_CEILING 256
#define LINE_CEILING 16384
#define APIS_CEILING 32
#define REST_MS 200 /* how long the last words of what has ended may take */
#define READY "ready on port "

typedef struct side {
  const char *verb;
  char *words[WORDS_CEILING + 2];
  size_t count;
  pid_t pid;
  int output; /* -1: closed */
  int port;   /* 0: not ready yet */
  size_t bytes;
  char line[LINE_CEILING];
} side;

typedef struct dev {
  side exchange, server;
  char *plan;
  /* variables that say where an interface of the exchange is: "NAME", or "NAME /path" */
  char *apis[APIS_CEILING];
  size_t apis_count;
  const char *says[16];
  size_t says_count;
  int signals;
  int terms; /* how often we were asked to end */
  int code;
} dev;

/* ---- the plan */

static int add_word(side *s, char *word) {
  if (s->count > WORDS_CEILING) return cal_fail(-E2BIG, "these are too many words for callisto %s", s->verb);
  s->words[s->count++] = word;
  return 0;
}

static char *after(char *line, const char *word) {
  size_t bytes = strlen(word);
  return !strncmp(line, word, bytes) && line[bytes] == ' ' ? line + bytes + 1 : NULL;
}

static int read_line(dev *d, char *line) {
  char *rest;
  if ((rest = after(line, "env"))) return putenv(rest) ? cal_fail(-errno, "no room for %s", rest) : 0;
  if ((rest = after(line, "api"))) {
    if (d->apis_count == APIS_CEILING) return cal_fail(-E2BIG, "these are too many addresses");
    d->apis[d->apis_count++] = rest;
  }
  if ((rest = after(line, "exchange"))) return add_word(&d->exchange, rest);
  if ((rest = after(line, "serve"))) return add_word(&d->server, rest);
  if ((rest = after(line, "say")) && d->says_count < sizeof d->says / sizeof *d->says)
    d->says[d->says_count++] = rest;
  return 0;
}

static int read_plan(dev *d) {
  d->exchange.verb = d->exchange.words[d->exchange.count++] = "exchange";
  d->server.verb = d->server.words[d->server.count++] = "serve";
  char *rest = NULL;
  for (char *line = strtok_r(d->plan, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    int code = read_line(d, line);
    if (code < 0) return code;
  }
  return 0;
}

/* ---- the processes */

static int start(side *s) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return cal_fail(-errno, "no pipe: %s", strerror(errno));
  s->pid = cal_process_start(s->words, ends[1], 1);
  close(ends[1]);
  if (s->pid < 0) {
    close(ends[0]);
    return s->pid;
  }
  s->output = ends[0];
  return 0;
}

static void end(dev *d, int number) {
  side *sides[] = {&d->server, &d->exchange};
  for (int i = 0; i < 2; i++)
    if (sides[i]->pid > 0) kill(sides[i]->pid, number);
}

/* The first request drains, the second is immediate for those that drain, the third for everybody. */
static void ask_to_end(dev *d) { end(d, ++d->terms < 3 ? SIGTERM : SIGKILL); }

static void give_up(dev *d, int code) {
  if (!d->terms) d->code = code;
  if (!d->terms) ask_to_end(d);
}

static void set_address(char *api, int port) {
  char *path = strchr(api, ' '), address[256];
  if (path) *path++ = 0;
  snprintf(address, sizeof address, "http://127.0.0.1:%d%s", port, path ? path : "");
  setenv(api, address, 1);
}

static void on_ready(dev *d, side *s) {
  if (s == &d->exchange) {
    for (size_t i = 0; i < d->apis_count; i++) set_address(d->apis[i], s->port);
    if (!d->terms && start(&d->server) < 0) give_up(d, cal_cli_refuse(NULL));
    return;
  }
  for (size_t i = 0; i < d->says_count; i++) puts(d->says[i]);
  fflush(stdout);
}

static void on_line(dev *d, side *s, const char *line) {
  fprintf(stderr, "%-8s  %s\n", s->verb, line);
  const char *ready = s->port ? NULL : strstr(line, READY);
  if (!ready) return;
  s->port = atoi(ready + strlen(READY));
  on_ready(d, s);
}

static void on_output(dev *d, side *s) {
  ssize_t got = read(s->output, s->line + s->bytes, sizeof s->line - 1 - s->bytes);
  if (got < 0 && errno == EINTR) return;
  if (got <= 0) {
    close(s->output);
    s->output = -1;
    return;
  }
  s->bytes += (size_t)got;
  char *line = s->line, *stop = s->line + s->bytes;
  for (char *next; (next = memchr(line, '\n', (size_t)(stop - line))); line = next + 1) {
    *next = 0;
    on_line(d, s, line);
  }
  s->bytes = (size_t)(stop - line);
  memmove(s->line, line, s->bytes);
  if (s->bytes < sizeof s->line - 1) return;
  s->line[s->bytes] = 0; /* a line without end is passed on in pieces */
  on_line(d, s, s->line);
  s->bytes = 0;
}

static void on_child(dev *d) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    side *s = pid == d->server.pid ? &d->server : pid == d->exchange.pid ? &d->exchange : NULL;
    if (!s) continue;
    s->pid = 0;
    int code = cal_process_code(status);
    if (!d->terms) fprintf(stderr, "callisto dev: %s ended with exit code %d\n", s->verb, code);
    give_up(d, code ? code : 1);
  }
}

static void on_signal(dev *d) {
  struct signalfd_siginfo about;
  if (read(d->signals, &about, sizeof about) != sizeof about) return;
  if (about.ssi_signo == SIGCHLD)
    on_child(d);
  else
    ask_to_end(d);
}

/* Until both have ended and what they said has been passed on; somebody else may hold their output open. */
static void watch_over(dev *d) {
  side *sides[] = {&d->exchange, &d->server};
  for (int is_alive = 1; is_alive || d->exchange.output >= 0 || d->server.output >= 0;) {
    is_alive = d->exchange.pid > 0 || d->server.pid > 0;
    struct pollfd fds[] = {{.fd = d->signals, .events = POLLIN},
                           {.fd = d->exchange.output, .events = POLLIN},
                           {.fd = d->server.output, .events = POLLIN}};
    int count = poll(fds, 3, is_alive ? -1 : REST_MS);
    if (!count) break;
    if (count < 0) continue;
    for (int i = 0; i < 2; i++)
      if (fds[i + 1].revents) on_output(d, sides[i]);
    if (fds[0].revents) on_signal(d);
  }
}

/* SIGHUP is the terminal that goes away. */
static int take_signals(dev *d) {
  sigset_t set;
  sigemptyset(&set);
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&set, numbers[i]);
  sigprocmask(SIG_BLOCK, &set, NULL);
  d->signals = signalfd(-1, &set, SFD_CLOEXEC);
  return d->signals < 0 ? cal_fail(-errno, "no signals: %s", strerror(errno)) : 0;
}

static int run(dev *d) {
  if (read_plan(d) < 0 || take_signals(d) < 0 || start(&d->exchange) < 0) return cal_cli_refuse(NULL);
  watch_over(d);
  return d->code;
}

int cal_cli_dev(int argc, char **argv) {
  dev *d = cal_alloc(sizeof *d);
  d->exchange.output = d->server.output = d->signals = -1;
  int code = cal_cli_ask("callisto.cli.dev", "plan", argc - 1, argv + 1, &d->plan);
  if (!code && d->plan) code = run(d);
  if (d->signals >= 0) close(d->signals);
  /* The plan stays: parts of it are in the environment now. */
  cal_free(d);
  return code;
}

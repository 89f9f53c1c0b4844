#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

#define PROGRAM "/proc/self/exe"

/* Our handlers know nothing of the child. */
static void forget_signals(void) {
  static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
  for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) signal(handled[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Between fork and exec: only what a signal handler might do, too. */
static void become(char *const *argv, int output, int is_apart, pid_t parent) {
  forget_signals();
  if (is_apart) setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1); /* it ended before we asked to be told */
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  if (output >= 0) {
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
  }
  execv(PROGRAM, argv);
  _exit(127);
}

pid_t cal_process_start(char *const *words, int output, int is_apart) {
  size_t count = 0;
  while (words[count]) count++;
  char **argv = cal_alloc((count + 2) * sizeof *argv);
  argv[0] = "callisto";
  memcpy(argv + 1, words, count * sizeof *argv);
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid(), child = fork();
  if (!child) become(argv, output, is_apart, parent);
  int code = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  cal_free(argv);
  return child < 0 ? cal_fail(-code, "callisto %s cannot be started: %s", words[0], strerror(code)) : child;
}

int cal_process_code(int status) {
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

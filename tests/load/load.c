/* load: a load generator that plays a carrier, for scripts/bench.
 *
 *   load echo     frames alone, against a bare echo server
 *   load held     calls that stay
 *   load webhook  answer documents, no media
 *   load wires    tells which carriers it can play: name, carrier and format of each wire
 *
 * Prints one line of JSON. Only Twilio signs, with the token in TWILIO_AUTH_TOKEN: for another carrier's wire
 * the service must not check signatures. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "load/run.h"
#include "load/twilio.h"

#define OWN_CPU_CEILING 70.0 /* per cent of a core; above it the generator may be what is measured */

static const char usage[] =
    "usage: load echo|held|webhook --url URL [--wire NAME] [--agent NAME] [--calls N] [--rate "
    "NEW_CALLS_A_SECOND] [--seconds S]\n"
    "            [--settle S] [--patience S] [--pid OF_THE_SERVICE] [--core ITS_CORE] [--api-port "
    "PORT] [--disturb AGENT=RATE]…\n"
    "            [--talk] [--abrupt] [--label TEXT]\n";

static int refuse(const char *what) {
  fprintf(stderr, "load: %s\n%s", what, usage);
  return -1;
}

static int read_url(load_options *options, const char *url) {
  const char *host = strstr(url, "://");
  char name[64];
  int port;
  if (!host || sscanf(host + 3, "%63[0-9.]:%d", name, &port) != 2)
    return refuse("--url must be such as http://127.0.0.1:8080");
  options->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, name, &options->address.sin_addr) != 1)
    return refuse("the host of --url must be an IPv4 address");
  snprintf(options->host, sizeof options->host, "%s:%d", name, port);
  snprintf(options->url, sizeof options->url, "%s", url);
  return 0;
}

static int read_disturber(load_options *options, char *text) {
  char *rate = strchr(text, '=');
  if (!rate || options->disturber_count == LOAD_DISTURBERS)
    return refuse("--disturb AGENT=RATE, at most four times");
  *rate++ = 0;
  options->disturbers[options->disturber_count++] = (load_agent){.name = text, .rate = atof(rate)};
  return 0;
}

static int read_wire(load_options *options, const char *name) {
  options->wire = load_wire_find(name);
  return options->wire ? 0 : refuse("there is no such wire; load wires tells which there are");
}

static int read_mode(load_options *options, const char *word) {
  if (!strcmp(word, "echo"))
    options->mode = LOAD_ECHO;
  else if (!strcmp(word, "held"))
    options->mode = LOAD_HELD;
  else if (!strcmp(word, "webhook"))
    options->mode = LOAD_WEBHOOK;
  else
    return refuse("the first word must be echo, held or webhook");
  return 0;
}

static int read_options(load_options *options, int argc, char **argv) {
  static const struct option names[] = {
      {"url", 1, NULL, 'u'},     {"agent", 1, NULL, 'g'},    {"calls", 1, NULL, 'c'},
      {"rate", 1, NULL, 'r'},    {"seconds", 1, NULL, 's'},  {"settle", 1, NULL, 'e'},
      {"pid", 1, NULL, 'p'},     {"patience", 1, NULL, 't'}, {"api-port", 1, NULL, 'i'},
      {"disturb", 1, NULL, 'd'}, {"talk", 0, NULL, 'k'},     {"abrupt", 0, NULL, 'b'},
      {"core", 1, NULL, 'o'},    {"label", 1, NULL, 'l'},    {"wire", 1, NULL, 'w'},
      {NULL, 0, NULL, 0}};
  if (argc < 2 || read_mode(options, argv[1])) return argc < 2 ? refuse("what?") : -1;
  for (int name; (name = getopt_long(argc - 1, argv + 1, "", names, NULL)) != -1;) {
    int code = 0;
    switch (name) {
    case 'u':
      code = read_url(options, optarg);
      break;
    case 'g':
      options->agent.name = optarg;
      break;
    case 'c':
      options->calls = (uint32_t)atoi(optarg);
      break;
    case 'r':
      options->agent.rate = atof(optarg);
      break;
    case 's':
      options->seconds = atof(optarg);
      break;
    case 'e':
      options->settle_s = atof(optarg);
      break;
    case 't':
      options->patience_s = atof(optarg);
      break;
    case 'p':
      options->pid = (pid_t)atoi(optarg);
      break;
    case 'o':
      options->core = atoi(optarg);
      break;
    case 'i':
      options->api_port = atoi(optarg);
      break;
    case 'd':
      code = read_disturber(options, optarg);
      break;
    case 'k':
      options->is_talking = 1;
      break;
    case 'b':
      options->is_abrupt = 1;
      break;
    case 'w':
      code = read_wire(options, optarg);
      break;
    case 'l':
      options->label = optarg;
      break;
    default:
      code = refuse("an option is wrong");
    }
    if (code) return code;
  }
  if (!*options->url) return refuse("--url is missing");
  if (options->mode != LOAD_ECHO && options->wire->is_signed && !options->token)
    return refuse("TWILIO_AUTH_TOKEN is not set");
  if (options->mode == LOAD_WEBHOOK && options->wire->path) return refuse("this carrier has no webhooks");
  return 0;
}

/* ---- report */

static double seconds_of(const load_run *run) { return (double)(run->end.at_ns - run->begin.at_ns) / 1e9; }

static void print_times(const char *name, const load_stats *stats) {
  if (!stats->count) return;
  printf(",\"%s_count\":%llu,\"%s_p50_ms\":%.2f,\"%s_p95_ms\":%.2f,\"%s_p99_ms\":%.2f,\"%s_p999_ms\":%.2f,\"%"
         "s_max_ms\":%.2f",
         name, (unsigned long long)stats->count, name, load_stats_ms(stats, 0.5), name,
         load_stats_ms(stats, 0.95), name, load_stats_ms(stats, 0.99), name, load_stats_ms(stats, 0.999),
         name, load_stats_longest_ms(stats));
}

static uint64_t cpu_before(const load_run *run, int thread) {
  for (int i = 0; i < run->begin.thread_count; i++)
    if (run->begin.threads[i].id == thread) return run->begin.threads[i].cpu_ns;
  return 0;
}

static void print_threads(const load_run *run) {
  printf(",\"threads\":[");
  for (int i = 0; i < run->end.thread_count; i++) {
    const load_thread *thread = &run->end.threads[i];
    double share = (double)(thread->cpu_ns - cpu_before(run, thread->id)) / 1e7 / seconds_of(run);
    printf("%s{\"name\":\"%s\",\"percent\":%.1f}", i ? "," : "", thread->name, share);
  }
  printf("]");
}

static void print_service(const load_run *run) {
  if (!run->options.pid) return;
  double cpu_ns = (double)(run->end.cpu_ns - run->begin.cpu_ns), seconds = seconds_of(run);
  printf(",\"server_cpu_percent\":%.1f,\"server_pss_kb\":%llu,\"server_pss_before_kb\":%llu,\"server_"
         "switches_per_s\":%.0f",
         cpu_ns / 1e7 / seconds, (unsigned long long)run->end.pss_kb, (unsigned long long)run->before.pss_kb,
         (double)(run->end.switches - run->begin.switches) / seconds);
  double others_ns = (double)(run->end.core_ns - run->begin.core_ns) - cpu_ns;
  printf(",\"server_pss_begin_kb\":%llu,\"others_percent\":%.1f", (unsigned long long)run->begin.pss_kb,
         others_ns > 0 ? others_ns / 1e7 / seconds : 0);
  if (run->counted.frames_sent)
    printf(",\"server_us_per_frame\":%.2f", cpu_ns / 1e3 / (double)run->counted.frames_sent);
  print_threads(run);
}

static void print_text(const char *text) {
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar((unsigned char)*text < ' ' ? ' ' : *text);
  }
}

void load_run_print(const load_run *run) {
  static const char *const modes[] = {"echo", "held", "webhook"};
  const load_counts *counted = &run->counted;
  double seconds = seconds_of(run),
         own = (double)(run->end.own_cpu_ns - run->begin.own_cpu_ns) / 1e7 / seconds;
  printf("{\"label\":\"");
  print_text(run->options.label);
  printf("\",\"wire\":\"%s\",\"mode\":\"%s\",\"calls\":%u,\"seconds\":%.2f,\"up\":%llu,\"failed\":%llu,"
         "\"dropped\":%llu,"
         "\"disturbers\":%llu",
         run->options.wire->name, modes[run->options.mode], run->options.calls, seconds,
         (unsigned long long)run->up, (unsigned long long)run->failed, (unsigned long long)run->dropped,
         (unsigned long long)run->disturbers_over);
  double turn_bytes = (double)load_turn_bytes(&run->options.wire->format);
  printf(",\"sent_per_s\":%.0f,\"received_per_s\":%.0f,\"gaps\":%llu,\"marks\":%llu,\"clears\":%llu,"
         "\"malformed\":%llu",
         (double)counted->frames_sent / seconds, (double)counted->bytes_received / turn_bytes / seconds,
         (unsigned long long)run->gaps, (unsigned long long)counted->marks,
         (unsigned long long)counted->clears, (unsigned long long)counted->malformed);
  printf(",\"load_cpu_percent\":%.1f,\"void\":%s", own, own > OWN_CPU_CEILING ? "true" : "false");
  print_service(run);
  print_times("late", &run->late);
  print_times("first_frame", &run->first_frame);
  print_times("answer", &run->answer);
  print_times("round_trip", &run->round_trip);
  print_times("load_late", &run->own_late);
  printf(",\"why\":\"");
  print_text(run->why);
  printf("\"}\n");
}

static int print_wires(void) {
  const load_wire *wire;
  for (size_t i = 0; (wire = load_wire_at(i)); i++)
    printf("%s %s %s\n", wire->name, wire->carrier, wire->setting);
  return 0;
}

int main(int argc, char **argv) {
  static load_run run;
  const char *account = getenv("TWILIO_ACCOUNT_SID");
  run.options = (load_options){.agent = {.name = "held", .rate = 200, .is_measured = 1},
                               .calls = 1,
                               .seconds = 5,
                               .settle_s = 1,
                               .patience_s = 60,
                               .account = account ? account : "AC00000000000000000000000000000000",
                               .token = getenv("TWILIO_AUTH_TOKEN"),
                               .label = "",
                               .wire = load_wire_at(0)};
  if (argc == 2 && !strcmp(argv[1], "wires")) return print_wires();
  if (read_options(&run.options, argc, argv)) return 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
  setrlimit(RLIMIT_NOFILE, &files);
  load_sound_make(&run.options.wire->format, run.options.is_talking);
  load_run_all(&run);
  load_run_print(&run);
  return run.failed || run.dropped || (run.options.mode != LOAD_WEBHOOK && run.up < run.options.calls);
}

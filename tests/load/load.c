/* load: a load generator that plays a carrier, for scripts/bench.
 *
 *   load echo     frames alone, against a bare echo server
 *   load held     calls that stay
 *   load webhook  answer documents, no media
 *   load flood    the same at rates that change (flood.h), with questions about health
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

static const char usage[] =
    "usage: load echo|held|webhook|flood --url URL [--wire NAME] [--agent NAME] [--calls N] [--rate "
    "NEW_CALLS_A_SECOND] [--seconds S]\n"
    "            [--settle S] [--patience S] [--pid OF_THE_SERVICE] [--core ITS_CORE] [--api-port "
    "PORT] [--disturb AGENT=RATE]…\n"
    "            [--talk] [--abrupt] [--label TEXT] [--steps RATE:SECONDS,…]\n"
    "https:// and wss:// URLs are spoken to over TLS.\n";

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
  else if (!strcmp(word, "flood"))
    options->mode = LOAD_FLOOD;
  else
    return refuse("the first word must be echo, held, webhook or flood");
  return 0;
}

static int read_option(load_options *options, int name, char *value) {
  switch (name) {
  case 'u':
    return read_url(options, value);
  case 'd':
    return read_disturber(options, value);
  case 'w':
    return read_wire(options, value);
  case 'g':
    options->agent.name = value;
    return 0;
  case 'c':
    options->calls = (uint32_t)atoi(value);
    return 0;
  case 'r':
    options->agent.rate = atof(value);
    return 0;
  case 's':
    options->seconds = atof(value);
    return 0;
  case 'e':
    options->settle_s = atof(value);
    return 0;
  case 't':
    options->patience_s = atof(value);
    return 0;
  case 'p':
    options->pid = (pid_t)atoi(value);
    return 0;
  case 'o':
    options->core = atoi(value);
    return 0;
  case 'i':
    options->api_port = atoi(value);
    return 0;
  case 'k':
    options->is_talking = 1;
    return 0;
  case 'b':
    options->is_abrupt = 1;
    return 0;
  case 'f':
    options->steps = value;
    return 0;
  case 'l':
    options->label = value;
    return 0;
  default:
    return refuse("an option is wrong");
  }
}

static int read_options(load_options *options, int argc, char **argv) {
  static const struct option names[] = {
      {"url", 1, NULL, 'u'},     {"agent", 1, NULL, 'g'},    {"calls", 1, NULL, 'c'},
      {"rate", 1, NULL, 'r'},    {"seconds", 1, NULL, 's'},  {"settle", 1, NULL, 'e'},
      {"pid", 1, NULL, 'p'},     {"patience", 1, NULL, 't'}, {"api-port", 1, NULL, 'i'},
      {"disturb", 1, NULL, 'd'}, {"talk", 0, NULL, 'k'},     {"abrupt", 0, NULL, 'b'},
      {"core", 1, NULL, 'o'},    {"label", 1, NULL, 'l'},    {"wire", 1, NULL, 'w'},
      {"steps", 1, NULL, 'f'},   {NULL, 0, NULL, 0}};
  if (argc < 2 || read_mode(options, argv[1])) return argc < 2 ? refuse("what?") : -1;
  for (int name; (name = getopt_long(argc - 1, argv + 1, "", names, NULL)) != -1;) {
    int code = read_option(options, name, optarg);
    if (code) return code;
  }
  if (!*options->url) return refuse("--url is missing");
  if (options->mode != LOAD_ECHO && options->wire->is_signed && !options->token)
    return refuse("TWILIO_AUTH_TOKEN is not set");
  if (options->mode >= LOAD_WEBHOOK && options->wire->path) return refuse("this carrier has no webhooks");
  return 0;
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
  if (run.options.mode == LOAD_FLOOD) {
    if (!run.options.steps || load_flood_read(&run.flood, run.options.steps))
      return refuse("a flood needs --steps such as 60:5,700:15,60:20"), 2;
    run.options.settle_s = 0;
    run.options.seconds = load_flood_seconds(&run.flood);
  }
  if (!strncmp(run.options.url, "https:", 6) || !strncmp(run.options.url, "wss:", 4))
    run.tls = load_tls_new();
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
  setrlimit(RLIMIT_NOFILE, &files);
  load_sound_make(&run.options.wire->format, run.options.is_talking);
  load_run_all(&run);
  load_run_print(&run);
  return run.failed || run.dropped || (!load_is_asking_only(&run) && run.up < run.options.calls);
}

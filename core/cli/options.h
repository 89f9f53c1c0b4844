/* options: the command-line options of serve and exchange, one table: what each sets, its range, its help. Main
 * thread. */
#ifndef CAL_CLI_OPTIONS_H
#define CAL_CLI_OPTIONS_H

#include "base/buf.h"
#include "base/log.h"
#include "engine/engine.h"

typedef struct cal_cli_options {
  cal_engine_options engine; /* texts are borrowed from the command line */
  cal_buf settings; /* the settings given with --set: the members of a JSON object, without its braces */
  cal_log_level log_level;
  int log_as_json;
} cal_cli_options;

/* Reads argv (argv[0] is the verb) over what `options` holds already. 0; 1 when --help was answered;
 * -EINVAL with an error text that names the option, the value and what is possible. */
int cal_cli_options_read(cal_cli_options *options, int argc, char **argv);

#endif

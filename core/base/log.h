/* log: one line an event, as text for people or JSON for machines, on stderr.
 *
 * Telephone numbers (a `+`, or `%2B`, and 8 to 15 digits) are masked to their last four digits; secrets are
 * the caller's business never to pass. Control characters are written as escapes, so a message stays one
 * line; lines below the level cost one comparison. A line has at most 4 KiB. Any thread; a line is written
 * whole. */
#ifndef CAL_BASE_LOG_H
#define CAL_BASE_LOG_H

typedef enum cal_log_level { CAL_LOG_DEBUG, CAL_LOG_INFO, CAL_LOG_WARN, CAL_LOG_ERROR } cal_log_level;

void cal_log_setup(cal_log_level level, int as_json);
cal_log_level cal_log_level_now(void);
int cal_log_level_named(const char *name); /* "debug", "info", "warn", "error"; -EINVAL otherwise */

/* `part` names the module ("net", "leg", "vm"); `call` is the call's id or NULL. */
void cal_log(cal_log_level level, const char *part, const char *call, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Tests and specs may take the lines instead of stderr; NULL gives them back. The sink runs on the logging
 * thread. */
void cal_log_sink(void (*sink)(void *context, const char *line), void *context);

#endif

#include "script/reach.h"

#include <errno.h>

#include "base/error.h"
#include "io/legs.h"

uint64_t cal_reach_now_ns(const cal_reach *reach) { return cal_clock_now_ns(reach->clock); }
int64_t cal_reach_wall_ms(const cal_reach *reach) { return cal_clock_wall_ms(reach->clock); }

uint32_t cal_reach_legs(const cal_reach *reach) {
  uint32_t count = 0;
  for (uint8_t i = 0; i < reach->io_threads; i++) count += cal_legs_count(cal_io_legs(reach->ios[i]));
  return count;
}

int cal_reach_command(cal_reach *reach, cal_command *command) {
  uint32_t io = cal_id_tag(command->target);
  int is_new = command->kind == CAL_COMMAND_HTTP_FETCH || command->kind == CAL_COMMAND_CALL_DIAL;
  if (is_new) io = 1 + atomic_fetch_add(&reach->turn, 1) % reach->io_threads;
  int code = io < 1 || io > reach->io_threads
                 ? cal_fail(-ENOENT, "no io thread owns this id")
                 : cal_mailbox_post(reach->commands[io - 1], command, CAL_MAIL_CONTROL);
  if (code) cal_command_drop(command);
  return code;
}

int cal_reach_event(cal_reach *reach, uint8_t script, cal_event *event, cal_mail kind) {
  int code = script < 1 || script > reach->script_threads
                 ? cal_fail(-ENOENT, "no script thread has this number")
                 : cal_mailbox_post(reach->events[script - 1], event, kind);
  if (code) cal_event_drop(event);
  return code;
}

uint8_t cal_reach_next_script(cal_reach *reach) {
  return (uint8_t)(1 + atomic_fetch_add(&reach->turn, 1) % reach->script_threads);
}

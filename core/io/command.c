#include "io/command.h"

#include "base/mem.h"
#include "net/message.h"

void cal_command_drop(cal_command *command) {
  switch (command->kind) {
  case CAL_COMMAND_HTTP_REPLY:
  case CAL_COMMAND_HTTP_FETCH:
  case CAL_COMMAND_HTTP_WRITE: /* whose message is in the same place */
    command->message = cal_http_message_free(command->message);
    break;
  case CAL_COMMAND_LEG_AUDIO:
  case CAL_COMMAND_LEG_BACKGROUND: /* whose clip is in the same place */
    command->clip = cal_unref(command->clip);
    break;
  case CAL_COMMAND_LEG_SAY:
    command->saying.text = cal_free(command->saying.text);
    command->saying.voice = cal_free(command->saying.voice);
    break;
  case CAL_COMMAND_LEG_DIGITS:
  case CAL_COMMAND_LEG_TEXT:
  case CAL_COMMAND_LEG_BYE:
    command->text = cal_free(command->text);
    break;
  case CAL_COMMAND_CALL_DIAL:
  case CAL_COMMAND_SOCKET_TAKE:
  case CAL_COMMAND_SOCKET_REFUSE:
  case CAL_COMMAND_LEG_VENDOR:
  case CAL_COMMAND_LEG_SPEAK:
  case CAL_COMMAND_LEG_HEAR:
    command->object = cal_unref(command->object);
    break;
  case CAL_COMMAND_LEG_LISTEN:
    command->listen.grammar = cal_unref(command->listen.grammar);
    break;
  case CAL_COMMAND_HTTP_READ:
  case CAL_COMMAND_HTTP_CLOSE:
  case CAL_COMMAND_LEG_UTTERANCE:
  case CAL_COMMAND_SOCKET_PROVEN:
  case CAL_COMMAND_LEG_STOP:
  case CAL_COMMAND_LEG_PAUSE:
  case CAL_COMMAND_LEG_RECORDING:
  case CAL_COMMAND_LEG_CLOSE:
    break;
  }
}

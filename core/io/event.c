#include "io/event.h"

#include "base/mem.h"
#include "net/message.h"

void cal_event_drop(cal_event *event) {
  event->message = cal_http_message_free(event->message);
  event->text = cal_free(event->text);
  if (event->object && event->release) event->release(event->object);
  event->object = NULL;
}

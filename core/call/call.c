#include "call/call.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define WAITING_CEILING 256 /* commands kept until the media socket comes */

struct cal_call {
  cal_call_options about;
  pthread_mutex_t lock;
  cal_dial dial;
  cal_id leg;
  cal_mailbox *commands; /* of the leg's io thread, while there is a leg */
  cal_command *waiting;
  uint32_t waiting_count;
  int is_over;
};

static char **copy_texts(const char *const *texts) {
  if (!texts) return NULL;
  size_t count = 0;
  while (texts[count]) count++;
  char **copy = cal_alloc((count + 1) * sizeof *copy);
  for (size_t i = 0; i < count; i++) copy[i] = cal_strdup(texts[i]);
  return copy;
}

static void free_texts(const char *const *texts) {
  if (!texts) return;
  for (size_t i = 0; texts[i]; i++) cal_free((char *)texts[i]);
  cal_free((void *)texts);
}

static void drop_dial(cal_dial *dial) {
  cal_free((char *)dial->url);
  cal_free((char *)dial->url_headers);
  cal_free((char *)dial->stream);
  cal_free((char *)dial->carrier_call);
  cal_free((char *)dial->closing);
  free_texts(dial->opening);
}

static void drop_waiting(cal_call *call) {
  for (uint32_t i = 0; i < call->waiting_count; i++) cal_command_drop(&call->waiting[i]);
  call->waiting = cal_free(call->waiting);
  call->waiting_count = 0;
}

static void destroy(void *object) {
  cal_call *call = object;
  cal_call_options *about = &call->about;
  drop_waiting(call);
  cal_unref(call->commands);
  cal_unref(about->events);
  cal_unref(about->wire);
  cal_free((char *)about->name);
  cal_free((char *)about->path);
  cal_free((char *)about->signature_header);
  cal_free((char *)about->carrier_call);
  cal_free((char *)about->recording_path);
  free_texts(about->signatures);
  drop_dial(&call->dial);
  pthread_mutex_destroy(&call->lock);
}

cal_call *cal_call_new(const cal_call_options *options) {
  cal_call *call = cal_ref_new(sizeof *call, destroy);
  cal_call_options *about = &call->about;
  *about = *options;
  about->events = cal_ref(options->events);
  about->wire = cal_ref(options->wire);
  about->name = cal_strdup(options->name);
  about->path = cal_strdup(options->path);
  about->signature_header = cal_strdup(options->signature_header);
  about->carrier_call = cal_strdup(options->carrier_call);
  about->recording_path = cal_strdup(options->recording_path);
  about->signatures = (const char *const *)copy_texts(options->signatures);
  if (!about->start_deadline_ms) about->start_deadline_ms = 5000;
  if (!about->longest_s) about->longest_s = 14400;
  if (!about->lead_ms) about->lead_ms = 100;
  pthread_mutex_init(&call->lock, NULL);
  return call;
}

const cal_call_options *cal_call_about(const cal_call *call) { return &call->about; }

void cal_call_set_dial(cal_call *call, const cal_dial *dial) {
  pthread_mutex_lock(&call->lock);
  drop_dial(&call->dial);
  call->dial = (cal_dial){.url = cal_strdup(dial->url),
                          .url_headers = cal_strdup(dial->url_headers),
                          .stream = cal_strdup(dial->stream),
                          .carrier_call = cal_strdup(dial->carrier_call),
                          .opening = (const char *const *)copy_texts(dial->opening),
                          .closing = cal_strdup(dial->closing),
                          .sequence = dial->sequence};
  call->is_over = 0;
  pthread_mutex_unlock(&call->lock);
}

const cal_dial *cal_call_dial(const cal_call *call) { return &call->dial; }

int cal_call_command(cal_call *call, cal_command *command) {
  int code = 0;
  pthread_mutex_lock(&call->lock);
  if (call->is_over) {
    code = -EPIPE;
  } else if (call->leg) {
    command->target = call->leg;
    code = cal_mailbox_post(call->commands, command, CAL_MAIL_CONTROL);
  } else if (call->waiting_count == WAITING_CEILING) {
    code = -ENOBUFS;
  } else {
    if (!call->waiting) call->waiting = cal_alloc(WAITING_CEILING * sizeof *call->waiting);
    call->waiting[call->waiting_count++] = *command;
  }
  pthread_mutex_unlock(&call->lock);
  if (code) cal_command_drop(command);
  return code;
}

/* The lock is held while the kept commands are handed over, so that none posted meanwhile can overtake them. */
void cal_call_attach(cal_call *call, cal_id leg, cal_mailbox *commands,
                     void (*take)(void *context, cal_command *command), void *context) {
  pthread_mutex_lock(&call->lock);
  if (!call->is_over) {
    call->leg = leg;
    call->commands = cal_ref(commands);
    for (uint32_t i = 0; i < call->waiting_count; i++) {
      call->waiting[i].target = leg;
      take(context, &call->waiting[i]);
    }
    call->waiting = cal_free(call->waiting);
    call->waiting_count = 0;
  }
  pthread_mutex_unlock(&call->lock);
}

void cal_call_detach(cal_call *call) {
  pthread_mutex_lock(&call->lock);
  call->is_over = 1;
  call->leg = 0;
  drop_waiting(call);
  call->commands = cal_unref(call->commands);
  pthread_mutex_unlock(&call->lock);
}

void cal_call_event(cal_call *call, cal_event *event) {
  int is_control = event->kind != CAL_EVENT_SPEECH_STARTED && event->kind != CAL_EVENT_SPEECH_STOPPED &&
                   event->kind != CAL_EVENT_UTTERANCE_STARTED;
  event->target = call->about.handle;
  if (cal_mailbox_post(call->about.events, event, is_control ? CAL_MAIL_CONTROL : CAL_MAIL_TELEMETRY))
    cal_event_drop(event);
}

cal_id cal_call_leg(cal_call *call) {
  pthread_mutex_lock(&call->lock);
  cal_id leg = call->leg;
  pthread_mutex_unlock(&call->lock);
  return leg;
}

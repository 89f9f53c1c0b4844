#include "io/call.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define WAITING_CEILING 256 /* commands kept until the media socket comes */
#define USUAL_LEAD_MS 100
#define LONGEST_LEAD_MS 400 /* further ahead, and a barge-in comes late */

struct cal_call {
  cal_call_options about;
  pthread_mutex_t lock; /* guards what follows */
  cal_dial *dial;       /* counted; replaced, never changed */
  int has_leg;          /* one was begun and has not ended */
  uint64_t leg_ends;    /* how many have: an attach that is overtaken by its leg's end notices */
  cal_id leg;
  cal_mailbox *commands; /* of the leg's io thread, while it is up */
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

static void destroy_dial(void *object) {
  cal_dial *dial = object;
  cal_free((char *)dial->url);
  cal_free((char *)dial->url_headers);
  cal_free((char *)dial->stream);
  cal_free((char *)dial->carrier_call);
  cal_free((char *)dial->closing);
  free_texts(dial->opening);
  cal_unref(dial->wire);
}

static void drop_all(cal_command *commands, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) cal_command_drop(&commands[i]);
  cal_free(commands);
}

static void destroy(void *object) {
  cal_call *call = object;
  cal_call_options *about = &call->about;
  drop_all(call->waiting, call->waiting_count);
  cal_unref(call->commands);
  cal_unref(call->dial);
  cal_unref(about->events);
  cal_unref(about->wire);
  cal_free((char *)about->name);
  cal_free((char *)about->path);
  cal_free((char *)about->signature_header);
  cal_free((char *)about->carrier_call);
  cal_free((char *)about->recording_path);
  cal_free((char *)about->bye);
  free_texts(about->signatures);
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
  about->bye = cal_strdup(options->bye);
  about->signatures = (const char *const *)copy_texts(options->signatures);
  if (!about->start_deadline_ms) about->start_deadline_ms = 5000;
  if (!about->longest_s) about->longest_s = 14400;
  if (!about->lead_ms) about->lead_ms = USUAL_LEAD_MS;
  if (about->lead_ms > LONGEST_LEAD_MS) about->lead_ms = LONGEST_LEAD_MS;
  pthread_mutex_init(&call->lock, NULL);
  return call;
}

const cal_call_options *cal_call_about(const cal_call *call) { return &call->about; }

void cal_call_set_dial(cal_call *call, const cal_dial *dial) {
  cal_dial *copy = cal_ref_new(sizeof *copy, destroy_dial);
  *copy = (cal_dial){.url = cal_strdup(dial->url),
                     .url_headers = cal_strdup(dial->url_headers),
                     .stream = cal_strdup(dial->stream),
                     .carrier_call = cal_strdup(dial->carrier_call),
                     .opening = (const char *const *)copy_texts(dial->opening),
                     .closing = cal_strdup(dial->closing),
                     .sequence = dial->sequence,
                     .wire = cal_ref(dial->wire)};
  pthread_mutex_lock(&call->lock);
  cal_dial *old = call->dial;
  call->dial = copy;
  call->is_over = 0;
  pthread_mutex_unlock(&call->lock);
  cal_unref(old);
}

uint32_t cal_call_rate_hz(cal_call *call) {
  pthread_mutex_lock(&call->lock);
  const cal_wire *wire = call->dial && call->dial->wire ? call->dial->wire : call->about.wire;
  uint32_t rate_hz = cal_wire_rate_hz(wire);
  pthread_mutex_unlock(&call->lock);
  return rate_hz;
}

cal_dial *cal_call_dial(cal_call *call) {
  pthread_mutex_lock(&call->lock);
  cal_dial *dial = cal_ref(call->dial);
  pthread_mutex_unlock(&call->lock);
  return dial;
}

void cal_call_forget_waiting(cal_call *call) {
  pthread_mutex_lock(&call->lock);
  cal_command *waiting = call->waiting;
  uint32_t count = call->waiting_count;
  call->waiting = NULL;
  call->waiting_count = 0;
  pthread_mutex_unlock(&call->lock);
  drop_all(waiting, count);
}

int cal_call_command(cal_call *call, cal_command *command) {
  int code = 0;
  pthread_mutex_lock(&call->lock);
  if (call->is_over) {
    code = cal_fail(-EPIPE, "the leg of this call has ended");
  } else if (call->leg) {
    command->target = call->leg;
    code = cal_mailbox_post(call->commands, command, CAL_MAIL_CONTROL);
  } else if (call->waiting_count == WAITING_CEILING) {
    code = cal_fail(-ENOBUFS, "%d commands wait for the media socket already", WAITING_CEILING);
  } else {
    if (!call->waiting) call->waiting = cal_alloc(WAITING_CEILING * sizeof *call->waiting);
    call->waiting[call->waiting_count++] = *command;
  }
  pthread_mutex_unlock(&call->lock);
  if (code) cal_command_drop(command);
  return code;
}

int cal_call_begin(cal_call *call) {
  int code = 0;
  pthread_mutex_lock(&call->lock);
  if (call->has_leg) code = cal_fail(-EBUSY, "this call has a leg already");
  if (!code) code = cal_mailbox_reserve(call->about.events);
  if (!code) {
    call->has_leg = 1;
    call->is_over = 0;
  }
  pthread_mutex_unlock(&call->lock);
  return code;
}

/* Under the lock: takes what waits. Only when nothing does, the leg gets its commands directly: none may
 * overtake. */
static uint32_t take_waiting(cal_call *call, cal_command **waiting, cal_id leg, cal_mailbox *commands) {
  uint32_t count = call->waiting_count;
  *waiting = call->waiting;
  call->waiting = NULL;
  call->waiting_count = 0;
  if (count) return count;
  call->leg = leg;
  call->commands = cal_ref(commands);
  return 0;
}

void cal_call_attach(cal_call *call, cal_id leg, cal_mailbox *commands,
                     void (*take)(void *context, cal_command *command), void *context) {
  pthread_mutex_lock(&call->lock);
  uint64_t leg_ends = call->leg_ends;
  for (int is_done = 0; !is_done;) {
    cal_command *waiting;
    uint32_t count = take_waiting(call, &waiting, leg, commands);
    pthread_mutex_unlock(&call->lock);
    for (uint32_t i = 0; i < count; i++) {
      waiting[i].target = leg;
      take(context, &waiting[i]);
    }
    cal_free(waiting);
    pthread_mutex_lock(&call->lock);
    is_done = !count || call->leg_ends != leg_ends; /* one of them may have ended the leg */
  }
  pthread_mutex_unlock(&call->lock);
}

void cal_call_detach(cal_call *call) {
  pthread_mutex_lock(&call->lock);
  cal_command *waiting = call->waiting;
  uint32_t count = call->waiting_count;
  cal_mailbox *commands = call->commands;
  call->waiting = NULL;
  call->waiting_count = 0;
  call->commands = NULL;
  call->leg = 0;
  call->has_leg = 0;
  call->is_over = 1;
  call->leg_ends++;
  pthread_mutex_unlock(&call->lock);
  drop_all(waiting, count);
  cal_unref(commands);
}

void cal_call_event(cal_call *call, cal_event *event) {
  event->target = call->about.handle;
  event->party = call->about.party;
  const cal_event_about *about = cal_event_about_of(event->kind);
  if (cal_mailbox_post(call->about.events, event, about->mail)) cal_event_drop(event);
}

cal_id cal_call_leg(cal_call *call) {
  pthread_mutex_lock(&call->lock);
  cal_id leg = call->leg;
  pthread_mutex_unlock(&call->lock);
  return leg;
}

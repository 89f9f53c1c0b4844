#include "io/party.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/texts.h"

#define WAITING_CEILING 256 /* commands kept until the media socket comes */
#define USUAL_LEAD_MS 100
#define LONGEST_LEAD_MS 400 /* further ahead, and a barge-in comes late */

struct cal_party {
  cal_party_options about;
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

static void destroy_dial(void *object) {
  cal_dial *dial = object;
  cal_free((char *)dial->url);
  cal_free((char *)dial->url_headers);
  cal_free((char *)dial->stream);
  cal_free((char *)dial->carrier_call);
  cal_free((char *)dial->closing);
  cal_texts_free(dial->opening);
  cal_unref(dial->wire);
}

static void drop_all(cal_command *commands, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) cal_command_drop(&commands[i]);
  cal_free(commands);
}

static void destroy(void *object) {
  cal_party *party = object;
  cal_party_options *about = &party->about;
  drop_all(party->waiting, party->waiting_count);
  cal_unref(party->commands);
  cal_unref(party->dial);
  cal_unref(about->events);
  cal_unref(about->wire);
  cal_free((char *)about->name);
  cal_free((char *)about->path);
  cal_free((char *)about->signature_header);
  cal_free((char *)about->carrier_call);
  cal_free((char *)about->recording_path);
  cal_free((char *)about->bye);
  cal_texts_free(about->signatures);
  pthread_mutex_destroy(&party->lock);
}

cal_party *cal_party_new(const cal_party_options *options) {
  cal_party *party = cal_ref_new(sizeof *party, destroy);
  cal_party_options *about = &party->about;
  *about = *options;
  about->events = cal_ref(options->events);
  about->wire = cal_ref(options->wire);
  about->name = cal_strdup(options->name);
  about->path = cal_strdup(options->path);
  about->signature_header = cal_strdup(options->signature_header);
  about->carrier_call = cal_strdup(options->carrier_call);
  about->recording_path = cal_strdup(options->recording_path);
  about->bye = cal_strdup(options->bye);
  about->signatures = cal_texts_copy(options->signatures);
  if (!about->start_deadline_ms) about->start_deadline_ms = 5000;
  if (!about->longest_s) about->longest_s = 14400;
  if (!about->lead_ms) about->lead_ms = USUAL_LEAD_MS;
  if (about->lead_ms > LONGEST_LEAD_MS) about->lead_ms = LONGEST_LEAD_MS;
  pthread_mutex_init(&party->lock, NULL);
  return party;
}

const cal_party_options *cal_party_about(const cal_party *party) { return &party->about; }

void cal_party_set_dial(cal_party *party, const cal_dial *dial) {
  cal_dial *copy = cal_ref_new(sizeof *copy, destroy_dial);
  *copy = (cal_dial){.url = cal_strdup(dial->url),
                     .url_headers = cal_strdup(dial->url_headers),
                     .stream = cal_strdup(dial->stream),
                     .carrier_call = cal_strdup(dial->carrier_call),
                     .opening = cal_texts_copy(dial->opening),
                     .closing = cal_strdup(dial->closing),
                     .sequence = dial->sequence,
                     .wire = cal_ref(dial->wire)};
  pthread_mutex_lock(&party->lock);
  cal_dial *old = party->dial;
  party->dial = copy;
  party->is_over = 0;
  pthread_mutex_unlock(&party->lock);
  cal_unref(old);
}

uint32_t cal_party_rate_hz(cal_party *party) {
  pthread_mutex_lock(&party->lock);
  const cal_wire *wire = party->dial && party->dial->wire ? party->dial->wire : party->about.wire;
  uint32_t rate_hz = cal_wire_rate_hz(wire);
  pthread_mutex_unlock(&party->lock);
  return rate_hz;
}

cal_dial *cal_party_dial(cal_party *party) {
  pthread_mutex_lock(&party->lock);
  cal_dial *dial = cal_ref(party->dial);
  pthread_mutex_unlock(&party->lock);
  return dial;
}

void cal_party_forget_waiting(cal_party *party) {
  pthread_mutex_lock(&party->lock);
  cal_command *waiting = party->waiting;
  uint32_t count = party->waiting_count;
  party->waiting = NULL;
  party->waiting_count = 0;
  pthread_mutex_unlock(&party->lock);
  drop_all(waiting, count);
}

int cal_party_command(cal_party *party, cal_command *command) {
  int code = 0;
  pthread_mutex_lock(&party->lock);
  if (party->is_over) {
    code = cal_fail(-EPIPE, "the leg of this party has ended");
  } else if (party->leg) {
    command->target = party->leg;
    code = cal_mailbox_post(party->commands, command, CAL_MAIL_CONTROL);
  } else if (party->waiting_count == WAITING_CEILING) {
    code = cal_fail(-ENOBUFS, "%d commands wait for the media socket already", WAITING_CEILING);
  } else {
    if (!party->waiting) party->waiting = cal_alloc(WAITING_CEILING * sizeof *party->waiting);
    party->waiting[party->waiting_count++] = *command;
  }
  pthread_mutex_unlock(&party->lock);
  if (code) cal_command_drop(command);
  return code;
}

int cal_party_begin(cal_party *party) {
  int code = 0;
  pthread_mutex_lock(&party->lock);
  if (party->has_leg) code = cal_fail(-EBUSY, "this call has a leg already");
  if (!code) code = cal_mailbox_reserve(party->about.events);
  if (!code) {
    party->has_leg = 1;
    party->is_over = 0;
  }
  pthread_mutex_unlock(&party->lock);
  return code;
}

/* Under the lock: takes what waits. Only when nothing does, the leg gets its commands directly: none may
 * overtake. */
static uint32_t take_waiting(cal_party *party, cal_command **waiting, cal_id leg, cal_mailbox *commands) {
  uint32_t count = party->waiting_count;
  *waiting = party->waiting;
  party->waiting = NULL;
  party->waiting_count = 0;
  if (count) return count;
  party->leg = leg;
  party->commands = cal_ref(commands);
  return 0;
}

void cal_party_attach(cal_party *party, cal_id leg, cal_mailbox *commands,
                      void (*take)(void *context, cal_command *command), void *context) {
  pthread_mutex_lock(&party->lock);
  uint64_t leg_ends = party->leg_ends;
  for (int is_done = 0; !is_done;) {
    cal_command *waiting;
    uint32_t count = take_waiting(party, &waiting, leg, commands);
    pthread_mutex_unlock(&party->lock);
    for (uint32_t i = 0; i < count; i++) {
      waiting[i].target = leg;
      take(context, &waiting[i]);
    }
    cal_free(waiting);
    pthread_mutex_lock(&party->lock);
    is_done = !count || party->leg_ends != leg_ends; /* one of them may have ended the leg */
  }
  pthread_mutex_unlock(&party->lock);
}

void cal_party_detach(cal_party *party) {
  pthread_mutex_lock(&party->lock);
  cal_command *waiting = party->waiting;
  uint32_t count = party->waiting_count;
  cal_mailbox *commands = party->commands;
  party->waiting = NULL;
  party->waiting_count = 0;
  party->commands = NULL;
  party->leg = 0;
  party->has_leg = 0;
  party->is_over = 1;
  party->leg_ends++;
  pthread_mutex_unlock(&party->lock);
  drop_all(waiting, count);
  cal_unref(commands);
}

void cal_party_event(cal_party *party, cal_event *event) {
  event->target = party->about.handle;
  event->party = party->about.party;
  const cal_event_about *about = cal_event_about_of(event->kind);
  if (cal_mailbox_post(party->about.events, event, about->mail)) cal_event_drop(event);
}

cal_id cal_party_leg(cal_party *party) {
  pthread_mutex_lock(&party->lock);
  cal_id leg = party->leg;
  pthread_mutex_unlock(&party->lock);
  return leg;
}

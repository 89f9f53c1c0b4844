#include "io/talkers.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "io/say.h"
#include "talk/http_voice.h"
#include "talk/listener.h"
#include "talk/turn.h"

#define WORDS_BYTES (3 * CAL_TURN_BYTES + 512)
#define ENDED_BYTES 2048

#define LOCAL_PLACE (CAL_TALKERS_VOICES * OPENED) /* of the voice in the process, the last one */
#define OPENED 65536       /* a place is that of the voice among the others, and how often it was opened */
#define FAILURES 2         /* in a row, and it is not asked again in this call */
#define SHORTEST_IDLE_S 10 /* a socket that ends sooner is not opened again before it is needed */

/* A voice of a vendor's: over a socket, which may be opened again, or over requests. */
typedef struct speaker {
  cal_talkers *talkers;
  cal_vendor_order *order; /* one reference; NULL: there is none at this place */
  cal_vendor *vendor;      /* NULL: not open */
  cal_http_voice *requests;
  uint32_t opened;
  uint64_t opened_ns;
  uint32_t failures; /* in a row */
  int is_proven;     /* a text was said to its end since it was opened again */
  int is_left;       /* it has failed, and is not asked again in this call */
} speaker;

struct cal_talkers {
  cal_talkers_options options;
  speaker speakers[CAL_TALKERS_VOICES];
  cal_listener *listener; /* NULL: none listens */
};

static void post(const cal_talkers *t, cal_event_kind kind, cal_buf *about) {
  cal_value_close(about);
  cal_event event = {.kind = kind, .source = t->options.leg_id, .value = cal_value_take(about)};
  cal_party_event(t->options.party, &event);
}

/* ---- what vendors tell */

static void put_known(cal_buf *into, const char *name, double number) {
  if (number >= 0) cal_value_put_number(into, name, number);
}

static void on_words(void *context, const cal_words *words) {
  static const cal_event_kind kinds[] = {
      [CAL_WORDS_PARTIAL] = CAL_EVENT_WORDS_PARTIAL, [CAL_WORDS_PIECE] = CAL_EVENT_WORDS_PIECE,
      [CAL_WORDS_FINAL] = CAL_EVENT_WORDS_FINAL,     [CAL_WORDS_LIKELY] = CAL_EVENT_WORDS_LIKELY,
      [CAL_WORDS_RESUMED] = CAL_EVENT_WORDS_RESUMED, [CAL_WORDS_STARTED] = CAL_EVENT_WORDS_STARTED,
  };
  cal_buf about;
  cal_buf_init(&about, WORDS_BYTES);
  cal_value_open(&about, CAL_VALUE_TABLE);
  cal_event_put_said(&about, "text", words->text);
  if (*words->language) cal_event_put_said(&about, "language", words->language);
  put_known(&about, "confidence", words->confidence);
  put_known(&about, "from_ms", (double)words->from_ms);
  put_known(&about, "until_ms", (double)words->until_ms);
  post(context, kinds[words->kind], &about);
}

/* Of an ear that is left `next` is the one that listens now; "": none of a vendor. */
static void tell_ended(const cal_talkers *t, const cal_vendor_order *order, const char *text,
                       const char *next) {
  cal_buf about;
  cal_metric_add(cal_counter("callisto_vendors_ended_total", "voices and ears of vendors that failed a call"),
                 1);
  cal_buf_init(&about, ENDED_BYTES);
  cal_value_open(&about, CAL_VALUE_TABLE);
  cal_value_put_text(&about, "name", order->name);
  cal_event_put_said(&about, "text", text);
  if (*next) cal_value_put_text(&about, "next", next);
  cal_value_put_flag(&about, "voice", cal_vendor_order_is_voice(order));
  cal_value_put_flag(&about, "ear", cal_vendor_order_is_ear(order));
  post(t, CAL_EVENT_VENDOR_ENDED, &about);
}

static void on_left(void *context, const cal_vendor_order *ear, const char *text, int is_last) {
  cal_talkers *t = context;
  tell_ended(t, ear, text, is_last ? "" : ear->next->name);
  if (is_last) t->listener = cal_listener_close(t->listener);
}

/* ---- who speaks */

static uint64_t now_ns(const cal_talkers *t) { return cal_loop_now_ns(t->options.host->loop); }

static cal_talk_voice voice_of(const speaker *s) {
  if (s->requests) return cal_http_voice_voice(s->requests);
  return s->vendor ? cal_vendor_voice(s->vendor) : (cal_talk_voice){0};
}

static int may_speak(const speaker *s) {
  const cal_talkers *t = s->talkers;
  return s->order && !s->is_left && !cal_breaker_is_open(t->options.breakers, s->order->name, now_ns(t));
}

static int is_open(speaker *s);

/* Who speaks after this one. */
static const char *next_name(speaker *s) {
  const cal_talkers *t = s->talkers;
  for (; s < t->speakers + CAL_TALKERS_VOICES; s++)
    if (voice_of(s).ops || may_speak(s)) return s->order->name;
  return "";
}

static void on_fault(void *context, cal_fault fault, const char *text) {
  speaker *s = context;
  if (fault != CAL_FAULT_BUSY && ++s->failures == FAILURES && !s->is_left) {
    s->is_left = 1;
    tell_ended(s->talkers, s->order, text, next_name(s));
  }
  cal_breaker_failed(s->talkers->options.breakers, s->order->name, fault, now_ns(s->talkers));
}

static void on_worked(void *context) {
  speaker *s = context;
  s->failures = 0;
  s->is_proven = 1;
  cal_breaker_worked(s->talkers->options.breakers, s->order->name);
}

/* A socket over which a whole text was said is opened once more: it may only have been old. What it owes is said there. */
static void on_end(void *context, cal_vendor *vendor, int code, cal_fault fault, const char *text) {
  speaker *s = context;
  cal_talkers *t = s->talkers;
  int was_long = now_ns(t) - s->opened_ns >= SHORTEST_IDLE_S * CAL_S;
  s->vendor = NULL;
  if (!code) {
    if (was_long) is_open(s);
    return;
  }
  if (!s->is_proven) {
    s->is_left = 1;
    on_fault(s, fault, text);
  } else {
    s->is_proven = 0;
    is_open(s);
  }
  tell_ended(t, s->order, text, next_name(s));
}

static int open_speaker(speaker *s) {
  const cal_talkers *t = s->talkers;
  s->opened = (s->opened + 1) % OPENED;
  s->opened_ns = now_ns(t);
  if (cal_vendor_order_is_http(s->order)) {
    cal_http_voice_options requests = {.order = s->order,
                                       .rate_hz = cal_leg_rate_hz(t->options.leg),
                                       .on_fault = on_fault,
                                       .on_worked = on_worked,
                                       .context = s};
    s->requests = cal_http_voice_new(t->options.host, &requests);
    return 0;
  }
  cal_vendor_options socket = {
      .order = s->order, .on_end = on_end, .on_fault = on_fault, .on_worked = on_worked, .context = s};
  return cal_vendor_open(&s->vendor, t->options.host, t->options.leg, &socket);
}

static int is_open(speaker *s) {
  if (!may_speak(s)) return 0;
  if (voice_of(s).ops) return 1;
  if (open_speaker(s) == 0) return 1;
  char hidden[256];
  cal_vendor_order_hide(s->order, cal_error_text(), hidden, sizeof hidden);
  cal_log(CAL_LOG_WARN, "vendor", s->order->call, "%s was not reached: %s", s->order->name, hidden);
  s->is_left = 1;
  tell_ended(s->talkers, s->order, hidden, next_name(s));
  return 0;
}

/* The voice that failed was opened again since: it says the rest. Else the one behind it. */
static int next_voice(void *self, int after, cal_talk_voice *voice, int *is_first) {
  if (after == LOCAL_PLACE) return -1; /* from any thread */
  cal_talkers *t = self;
  int at = after < 0 ? 0 : after / OPENED;
  if (after >= 0 && t->speakers[at].opened == (uint32_t)(after % OPENED)) at++;
  for (; at < CAL_TALKERS_VOICES; at++) {
    speaker *s = &t->speakers[at];
    if (!is_open(s)) continue;
    *voice = voice_of(s);
    *is_first = at == 0;
    return at * OPENED + (int)s->opened;
  }
  *voice = t->options.voice;
  *is_first = 0;
  return LOCAL_PLACE;
}

/* The first is reached now, the others when they are needed. */
static int open_voices(cal_talkers *t, cal_vendor_order *order) {
  if (t->speakers[0].order) return cal_fail(-ENOBUFS, "a leg has its voices already");
  for (int at = 0; order && at < CAL_TALKERS_VOICES; order = order->next, at++)
    t->speakers[at] = (speaker){.talkers = t, .order = cal_ref(order)};
  is_open(&t->speakers[0]);
  return 0;
}

/* ---- what they are asked */

static int open_ears(cal_talkers *t, cal_vendor_order *order) {
  if (t->listener) return cal_fail(-ENOBUFS, "a vendor listens to the leg already");
  cal_listener_options options = {.on_words = on_words, .on_left = on_left, .context = t};
  for (; order && options.count < CAL_LISTENER_EARS; order = order->next)
    options.ears[options.count++] = order;
  return cal_listener_open(&t->listener, t->options.host, t->options.leg, &options);
}

void cal_talkers_open(cal_talkers *t, cal_vendor_order *order) {
  int code = cal_vendor_order_is_ear(order) ? open_ears(t, order) : open_voices(t, order);
  if (code < 0) {
    char hidden[256];
    cal_vendor_order_hide(order, cal_error_text(), hidden, sizeof hidden);
    cal_log(CAL_LOG_WARN, "vendor", order->call, "%s was not reached: %s", order->name, hidden);
    tell_ended(t, order, hidden, "");
  }
  cal_unref(order);
}

void cal_talkers_say(cal_talkers *t, uint32_t utterance, const char *text, const char *name) {
  cal_say_voices voices = {.next = next_voice, .self = t};
  cal_say_declared(&voices, t->options.party, utterance, text, name);
}

void cal_talkers_cancel(cal_talkers *t, uint32_t utterance) {
  for (int at = 0; at < CAL_TALKERS_VOICES; at++) {
    cal_talk_voice voice = voice_of(&t->speakers[at]);
    if (voice.ops) voice.ops->cancel(voice.self, utterance);
  }
}

/* ---- life */

cal_talkers *cal_talkers_new(const cal_talkers_options *options) {
  cal_talkers *t = cal_alloc(sizeof *t);
  t->options = *options;
  return t;
}

cal_talkers *cal_talkers_free(cal_talkers *t) {
  if (!t) return NULL;
  for (int at = 0; at < CAL_TALKERS_VOICES; at++) {
    speaker *s = &t->speakers[at];
    s->vendor = cal_vendor_close(s->vendor);
    s->requests = cal_http_voice_free(s->requests);
    cal_unref(s->order);
  }
  cal_listener_close(t->listener);
  return cal_free(t);
}

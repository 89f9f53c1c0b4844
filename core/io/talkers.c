#include "io/talkers.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "io/say.h"
#include "talk/listener.h"
#include "talk/turn.h"

#define WORDS_BYTES (3 * CAL_TURN_BYTES + 512)
#define ENDED_BYTES 2048

struct cal_talkers {
  cal_talkers_options options;
  cal_vendor *vendor;     /* NULL: none speaks */
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

static void on_end(void *context, cal_vendor *vendor, int code, const char *text) {
  cal_talkers *t = context;
  tell_ended(t, cal_vendor_about(vendor), text, "");
  t->vendor = NULL;
}

static void on_left(void *context, const cal_vendor_order *ear, const char *text, int is_last) {
  cal_talkers *t = context;
  tell_ended(t, ear, text, is_last ? "" : ear->next->name);
  if (is_last) t->listener = cal_listener_close(t->listener);
}

/* ---- what they are asked */

static int open_voice(cal_talkers *t, cal_vendor_order *order) {
  if (t->vendor) return cal_fail(-ENOBUFS, "a leg has one vendor that speaks");
  cal_vendor_options options = {.order = order, .on_end = on_end, .context = t};
  return cal_vendor_open(&t->vendor, t->options.host, t->options.leg, &options);
}

static int open_ears(cal_talkers *t, cal_vendor_order *order) {
  if (t->listener) return cal_fail(-ENOBUFS, "a vendor listens to the leg already");
  cal_listener_options options = {.on_words = on_words, .on_left = on_left, .context = t};
  for (; order && options.count < CAL_LISTENER_EARS; order = order->next)
    options.ears[options.count++] = order;
  return cal_listener_open(&t->listener, t->options.host, t->options.leg, &options);
}

void cal_talkers_open(cal_talkers *t, cal_vendor_order *order) {
  int code = cal_vendor_order_is_ear(order) ? open_ears(t, order) : open_voice(t, order);
  if (code < 0) {
    char hidden[256];
    cal_vendor_order_hide(order, cal_error_text(), hidden, sizeof hidden);
    cal_log(CAL_LOG_WARN, "vendor", order->call, "%s was not reached: %s", order->name, hidden);
    tell_ended(t, order, hidden, "");
  }
  cal_unref(order);
}

static cal_talk_voice voice_of(const cal_talkers *t) {
  return t->vendor ? cal_vendor_voice(t->vendor) : (cal_talk_voice){0};
}

void cal_talkers_say(cal_talkers *t, uint32_t utterance, const char *text, const char *name) {
  cal_talk_voice vendor = voice_of(t);
  if (vendor.ops)
    cal_say_declared(vendor, t->options.voice, t->options.party, utterance, text, name);
  else
    cal_say_declared(t->options.voice, (cal_talk_voice){0}, t->options.party, utterance, text, NULL);
}

void cal_talkers_cancel(cal_talkers *t, uint32_t utterance) {
  cal_talk_voice vendor = voice_of(t);
  if (vendor.ops) vendor.ops->cancel(vendor.self, utterance);
}

/* ---- life */

cal_talkers *cal_talkers_new(const cal_talkers_options *options) {
  cal_talkers *t = cal_alloc(sizeof *t);
  t->options = *options;
  return t;
}

cal_talkers *cal_talkers_free(cal_talkers *t) {
  if (!t) return NULL;
  cal_vendor_close(t->vendor);
  cal_listener_close(t->listener);
  return cal_free(t);
}

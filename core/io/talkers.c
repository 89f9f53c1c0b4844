#include "io/talkers.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "io/say.h"

#define WORDS_BYTES (2 * CAL_WIRE_WORDS_BYTES + 256)
#define ENDED_BYTES 2048

struct cal_talkers {
  cal_talkers_options options;
  cal_vendor *vendors[CAL_TALKERS]; /* NULL: free */
};

static void post(const cal_talkers *t, cal_event_kind kind, cal_buf *about) {
  cal_value_close(about);
  cal_event event = {.kind = kind, .source = t->options.leg_id, .value = cal_value_take(about)};
  cal_party_event(t->options.party, &event);
}

/* ---- what vendors tell */

static void put_time(cal_buf *into, const char *name, int64_t ms) {
  if (ms >= 0) cal_value_put_number(into, name, (double)ms);
}

static void on_words(void *context, const cal_words *words) {
  cal_buf about;
  cal_buf_init(&about, WORDS_BYTES);
  cal_value_open(&about, CAL_VALUE_TABLE);
  cal_event_put_said(&about, "text", words->text);
  put_time(&about, "from_ms", words->from_ms);
  put_time(&about, "until_ms", words->until_ms);
  post(context, words->is_final ? CAL_EVENT_WORDS_FINAL : CAL_EVENT_WORDS_PARTIAL, &about);
}

static void tell_ended(const cal_talkers *t, const cal_vendor_order *order, const char *text) {
  cal_buf about;
  cal_metric_add(cal_counter("callisto_vendors_ended_total", "voices and ears of vendors that failed a call"),
                 1);
  cal_buf_init(&about, ENDED_BYTES);
  cal_value_open(&about, CAL_VALUE_TABLE);
  cal_value_put_text(&about, "name", order->name);
  cal_event_put_said(&about, "text", text);
  cal_value_put_flag(&about, "voice", cal_vendor_order_is_voice(order));
  cal_value_put_flag(&about, "ear", cal_vendor_order_is_ear(order));
  post(t, CAL_EVENT_VENDOR_ENDED, &about);
}

static void on_end(void *context, cal_vendor *vendor, const char *text) {
  cal_talkers *t = context;
  tell_ended(t, cal_vendor_about(vendor), text);
  for (int i = 0; i < CAL_TALKERS; i++)
    if (t->vendors[i] == vendor) t->vendors[i] = cal_vendor_close(vendor);
}

/* ---- what they are asked */

static int open_at(cal_talkers *t, int place, cal_vendor_order *order) {
  if (place == CAL_TALKERS) return cal_fail(-ENOBUFS, "a leg has at most %d vendors", CAL_TALKERS);
  cal_vendor_options options = {.order = order, .on_words = on_words, .on_end = on_end, .context = t};
  return cal_vendor_open(&t->vendors[place], t->options.host, t->options.leg, &options);
}

void cal_talkers_open(cal_talkers *t, cal_vendor_order *order) {
  int place = 0;
  while (place < CAL_TALKERS && t->vendors[place]) place++;
  if (open_at(t, place, order) < 0) {
    char hidden[256];
    cal_vendor_order_hide(order, cal_error_text(), hidden, sizeof hidden);
    cal_log(CAL_LOG_WARN, "vendor", order->call, "%s was not reached: %s", order->name, hidden);
    tell_ended(t, order, hidden);
  }
  cal_unref(order);
}

static cal_talk_voice voice_of(const cal_talkers *t) {
  for (int i = 0; i < CAL_TALKERS; i++) {
    cal_talk_voice voice = t->vendors[i] ? cal_vendor_voice(t->vendors[i]) : (cal_talk_voice){0};
    if (voice.ops) return voice;
  }
  return (cal_talk_voice){0};
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
  for (int i = 0; i < CAL_TALKERS; i++) cal_vendor_close(t->vendors[i]);
  return cal_free(t);
}

#include "talk/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "talk/dictation.h"
#include "talk/kept.h"
#include "talk/turn.h"

#define TICK_MS 200
#define QUIET_MS 500       /* the carrier sends nothing: that is silence */
#define TAIL_MS 300        /* before a last word without times, which is silence */
#define LATENCY_MS 3000    /* no ear takes longer for its first word of what was said */
#define FIRST_PAUSE_MS 250 /* before the second try */
#define LONGEST_PAUSE_MS 4000
#define TEXT_BYTES 256 /* of what a vendor says about its end */
#define ERRORS_LOGGED 16

typedef struct ear_line ear_line;

struct cal_listener {
  const cal_host *host;
  cal_leg *leg;
  cal_listener_options options;
  size_t ear;     /* which one listens */
  ear_line *line; /* NULL: none, until the next try */
  cal_tap tap;
  cal_kept kept;
  cal_turn turn;
  cal_timer tick, retry;
  int16_t *frame;
  uint64_t begin, sent; /* positions: of the first sample this line was sent, and of the next */
  uint64_t covered;     /* nothing before needs to be heard again */
  uint64_t credit;      /* samples that may be sent now */
  uint64_t sound_ns, words_ns, keepalive_ns;
  uint64_t deaf;              /* samples of speech since the last word */
  unsigned tries, times_deaf; /* in a row: without a lasting word; without any */
};

/* One socket. It may outlive its listener, until it is gone. */
struct ear_line {
  cal_listener *l; /* NULL: nobody listens */
  cal_port *port;
  int is_up;
  char error[64], error_text[TEXT_BYTES]; /* what it told; "": nothing */
};

static const cal_vendor_order *about(const cal_listener *l) { return l->options.ears[l->ear]; }
static uint32_t rate_of(const cal_listener *l) { return cal_wire_rate_hz(about(l)->wire); }
static uint64_t now_ns(const cal_listener *l) { return cal_loop_now_ns(l->host->loop); }
static uint64_t samples_of(const cal_listener *l, uint64_t ms) { return ms * rate_of(l) / 1000; }
static int64_t ms_of(const cal_listener *l, uint64_t samples) {
  return (int64_t)(samples * 1000 / rate_of(l));
}

static void log_about(const cal_listener *l, const char *what, const char *text) {
  cal_log(CAL_LOG_WARN, "vendor", about(l)->call, "%s %s: %s", about(l)->name, what, text);
}

/* ---- sound */

/* As fast as is allowed. What has left the store before it could be sent is lost. */
static void send_sound(cal_listener *l) {
  if (!l->line || !l->line->is_up) return;
  cal_port *port = l->line->port;
  uint32_t whole = port->frame_samples;
  if (l->sent < cal_kept_begin(&l->kept)) l->sent = cal_kept_begin(&l->kept);
  while (l->kept.end - l->sent >= whole && l->credit >= whole) {
    cal_kept_get(&l->kept, l->sent, l->frame, whole);
    l->sent += whole;
    l->credit -= whole;
    port->ops->sound(port, l->frame, whole);
  }
  if (l->kept.end - l->sent < whole && l->credit > whole) l->credit = whole;
}

static void put_sound(cal_listener *l, const int16_t *samples, size_t count) {
  cal_kept_put(&l->kept, samples, count);
  l->credit += count * about(l)->catch_up_percent / 100;
  send_sound(l);
}

static void on_party(cal_tap *tap, const int16_t *samples, size_t count) {
  cal_listener *l = cal_list_entry(tap, cal_listener, tap);
  l->sound_ns = now_ns(l);
  if (cal_leg_is_spoken_to(l->leg)) l->deaf += count;
  put_sound(l, samples, count);
}

static void fill_silence(cal_listener *l) {
  uint64_t quiet_ns = now_ns(l) - l->sound_ns;
  if (quiet_ns < QUIET_MS * CAL_MS) return;
  l->sound_ns += TICK_MS * CAL_MS;
  put_sound(l, NULL, samples_of(l, TICK_MS));
}

/* ---- words */

static void on_turn(void *context, const cal_words *words) {
  cal_listener *l = context;
  l->options.on_words(l->options.context, words);
}

/* What was told for good need not be heard again. */
static void note_covered(cal_listener *l, const cal_words *words) {
  int is_kept =
      words->kind == CAL_WORDS_PIECE || words->kind == CAL_WORDS_FINAL || words->kind == CAL_WORDS_ENDED;
  if (!is_kept) return;
  uint64_t tail = samples_of(l, TAIL_MS), until = l->sent > tail ? l->sent - tail : 0;
  if (words->until_ms >= 0) until = samples_of(l, (uint64_t)words->until_ms);
  if (words->until_ms < 0 && !*words->text) return;
  if (until > l->kept.end) until = l->kept.end;
  if (until > l->covered) l->covered = until;
  l->tries = 0;
}

static void on_words(void *context, const cal_words *told) {
  ear_line *line = context;
  cal_listener *l = line->l;
  if (!l || l->line != line) return;
  cal_words words = *told;
  int64_t begin_ms = ms_of(l, l->begin);
  if (words.from_ms >= 0) words.from_ms += begin_ms;
  if (words.until_ms >= 0) words.until_ms += begin_ms;
  if (*words.text) {
    l->deaf = 0;
    l->times_deaf = 0;
    l->words_ns = now_ns(l);
  }
  note_covered(l, &words);
  cal_turn_take(&l->turn, &words, now_ns(l));
}

/* ---- a line goes, another one comes */

static void dial(cal_listener *l);

static void let_go(cal_listener *l, const char *reason) {
  ear_line *line = l->line;
  l->line = NULL;
  if (!line) return;
  line->l = NULL;
  line->is_up = 0;
  line->port->ops->part(line->port, &(cal_parting){.is_ours = 1, .code = 1000, .reason = reason});
}

static int is_last_ear(const cal_listener *l) { return l->ear + 1 == l->options.count; }

/* Where the next line begins: behind what was told for good. When words that may still change are older than what was
 * kept they stay, and only the last moment is heard again. */
static void rewind_sound(cal_listener *l) {
  uint64_t begin = cal_kept_begin(&l->kept), tail = samples_of(l, TAIL_MS);
  l->sent = l->covered > begin ? l->covered : begin;
  if (l->covered < begin && cal_turn_is_pending(&l->turn)) {
    cal_turn_keep(&l->turn);
    l->sent = l->kept.end > tail ? l->kept.end - tail : 0;
  }
  cal_turn_renew(&l->turn);
}

static int join_leg(cal_listener *l) {
  cal_tap_remove(&l->tap);
  l->tap = (cal_tap){.on_samples = on_party};
  cal_free(l->frame);
  l->frame = cal_alloc(cal_wire_frame_samples(about(l)->wire) * sizeof *l->frame);
  return cal_leg_tap(l->leg, CAL_TAP_IN, rate_of(l), &l->tap);
}

static uint64_t moved(uint64_t position, uint32_t from_hz, uint32_t to_hz) {
  return position * to_hz / from_hz;
}

static void take_next_ear(cal_listener *l) {
  uint32_t before_hz = rate_of(l);
  l->ear++;
  l->tries = l->times_deaf = 0;
  cal_kept_resample(&l->kept, before_hz, rate_of(l));
  l->covered = moved(l->covered, before_hz, rate_of(l));
  l->sent = moved(l->sent, before_hz, rate_of(l));
  join_leg(l);
  rewind_sound(l);
  dial(l);
}

static void leave_ear(cal_listener *l, const char *text) {
  int is_last = is_last_ear(l);
  log_about(l, "is gone", text);
  if (is_last) cal_turn_end(&l->turn, now_ns(l));
  l->options.on_left(l->options.context, about(l), text, is_last);
  if (!is_last) take_next_ear(l);
}

static void on_retry(cal_timer *timer) { dial(cal_list_entry(timer, cal_listener, retry)); }

static void try_again(cal_listener *l, cal_fault fault, const char *text) {
  uint64_t pause_ms = FIRST_PAUSE_MS;
  cal_metric_add(cal_counter("callisto_ears_reconnected_total", "sockets of ears that were opened anew"), 1);
  log_about(l, "is reached again", text);
  for (unsigned i = 1; i < l->tries && pause_ms < LONGEST_PAUSE_MS; i++) pause_ms *= 2;
  if (fault == CAL_FAULT_AGAIN && l->tries <= 1) pause_ms = 0;
  rewind_sound(l);
  cal_timer_start(l->host->loop, &l->retry, now_ns(l) + pause_ms * CAL_MS, on_retry);
}

/* The last of what is done with a line, or a call of on_left has closed the listener. */
static void take_fault(cal_listener *l, cal_fault fault, const char *text) {
  char hidden[TEXT_BYTES];
  cal_vendor_order_hide(about(l), text, hidden, sizeof hidden);
  let_go(l, "it is not used any more");
  if (fault == CAL_FAULT_BUSY && is_last_ear(l)) fault = CAL_FAULT_LATER; /* there may be room soon */
  if (fault >= CAL_FAULT_BUSY || ++l->tries > CAL_LISTENER_TRIES)
    leave_ear(l, hidden);
  else
    try_again(l, fault, hidden);
}

/* ---- the socket */

static void on_up(void *context, const char *stream, const char *call) {
  ear_line *line = context;
  cal_listener *l = line->l;
  if (!l) return;
  line->is_up = 1;
  if (l->sent < cal_kept_begin(&l->kept)) l->sent = cal_kept_begin(&l->kept);
  l->begin = l->sent;
  l->credit = 0;
  l->deaf = 0;
  l->keepalive_ns = now_ns(l);
}

/* An error alone ends nothing, unless it is one that does. */
static void on_error(void *context, const char *name, const char *text) {
  ear_line *line = context;
  cal_listener *l = line->l;
  if (!l) return;
  char hidden[TEXT_BYTES];
  snprintf(line->error, sizeof line->error, "%s", name);
  snprintf(line->error_text, sizeof line->error_text, "%s", *text ? text : name);
  cal_vendor_order_hide(about(l), line->error_text, hidden, sizeof hidden);
  if (line->port->errors <= ERRORS_LOGGED) log_about(l, *name ? name : "tells an error", hidden);
  cal_fault fault = cal_vendor_order_fault(about(l), 0, line->error, line->error_text);
  if (fault != CAL_FAULT_LATER) take_fault(l, fault, line->error_text);
}

static void on_end(void *context, cal_leg_end end, const char *text, const char *last) {
  ear_line *line = context;
  cal_listener *l = line->l;
  if (!l) return;
  char said[TEXT_BYTES];
  int code = line->port->end_code ? line->port->end_code : end == CAL_LEG_MALFORMED ? 1007 : 0;
  if (last) text = last;
  if (*line->error_text) text = line->error_text;
  if (!*text) text = "it closed the socket and did not say why";
  snprintf(said, sizeof said, "%s", text);
  take_fault(l, cal_vendor_order_fault(about(l), code, line->error, said), said);
}

static void on_gone(void *context) {
  ear_line *line = context;
  if (line->l) line->l->line = NULL;
  line->port->ops->free(line->port);
  cal_free(line);
}

static void ignore_sound(void *context, const int16_t *samples, size_t count) {}
static void ignore_mark(void *context, const char *name) {}
static void ignore_clear(void *context, int drops_marks) {}
static void ignore_keys(void *context, const char *keys) {}
static void ignore_pause(void *context) {}
static void ignore_text(void *context, const char *text, size_t bytes) {}

static const cal_port_handlers handlers = {.on_up = on_up,
                                           .on_sound = ignore_sound,
                                           .on_mark = ignore_mark,
                                           .on_clear = ignore_clear,
                                           .on_keys = ignore_keys,
                                           .on_pause = ignore_pause,
                                           .on_words = on_words,
                                           .on_error = on_error,
                                           .on_text = ignore_text,
                                           .on_end = on_end,
                                           .on_gone = on_gone};

static int open_port(cal_listener *l, cal_port **port) {
  cal_vendor_order *order = l->options.ears[l->ear];
  if (cal_vendor_order_is_http(order)) return cal_dictation_open(port, l->host, order);
  return cal_vendor_order_dial(order, port, l->host);
}

static void dial(cal_listener *l) {
  ear_line *line = cal_alloc(sizeof *line);
  if (open_port(l, &line->port) < 0) {
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "%s", cal_error_text());
    cal_free(line);
    take_fault(l, CAL_FAULT_REFUSED, text);
    return;
  }
  line->l = l;
  line->port->handlers = &handlers;
  line->port->context = line;
  l->line = line;
}

/* ---- time */

static void keep_alive(cal_listener *l) {
  const cal_vendor_order *order = about(l);
  if (!order->keepalive || !l->line || !l->line->is_up) return;
  if (now_ns(l) - l->keepalive_ns < order->keepalive_ms * CAL_MS) return;
  l->keepalive_ns = now_ns(l);
  l->line->port->ops->text(l->line->port, order->keepalive, strlen(order->keepalive), 0);
}

/* An ear that has told words owes a last one, unless they go on. */
static void end_turn_in_time(cal_listener *l) {
  int is_over = cal_turn_is_pending(&l->turn) && !cal_leg_is_spoken_to(l->leg) &&
                now_ns(l) - l->words_ns >= about(l)->patience_ms * CAL_MS;
  if (!is_over) return;
  l->covered = l->sent;
  cal_turn_end(&l->turn, now_ns(l));
}

/* Sound that nothing is understood of: the fault is looked for at the ear first, then at the caller. */
static void doubt_ear(cal_listener *l) {
  uint64_t deaf_ms = (uint64_t)ms_of(l, l->deaf);
  if (!about(l)->deaf_ms || deaf_ms < about(l)->deaf_ms || !l->line || !l->line->is_up) return;
  char text[80];
  snprintf(text, sizeof text, "not a word came for %llu ms of speech", (unsigned long long)deaf_ms);
  l->deaf = 0;
  l->times_deaf++;
  if (l->times_deaf > 2 || (l->times_deaf == 2 && is_last_ear(l))) return;
  let_go(l, "it hears nothing");
  if (l->times_deaf == 1)
    try_again(l, CAL_FAULT_AGAIN, text);
  else
    leave_ear(l, text);
}

/* Where nobody has spoken and nothing is owed nothing needs to be heard again. */
static void note_silence(cal_listener *l) {
  uint64_t latency = samples_of(l, LATENCY_MS);
  if (cal_turn_is_pending(&l->turn) || l->deaf || l->kept.end < l->covered + latency) return;
  l->covered = l->kept.end - latency;
}

static void on_tick(cal_timer *timer) {
  cal_listener *l = cal_list_entry(timer, cal_listener, tick);
  cal_timer_start(l->host->loop, timer, now_ns(l) + TICK_MS * CAL_MS, on_tick);
  fill_silence(l);
  keep_alive(l);
  end_turn_in_time(l);
  note_silence(l);
  doubt_ear(l);
}

/* ---- life */

int cal_listener_open(cal_listener **result, const cal_host *host, cal_leg *leg,
                      const cal_listener_options *options) {
  cal_listener *l = cal_alloc(sizeof *l);
  l->host = host;
  l->leg = leg;
  l->options = *options;
  for (size_t i = 0; i < options->count; i++) cal_ref(options->ears[i]);
  cal_kept_open(&l->kept, rate_of(l), CAL_LISTENER_KEPT_S);
  cal_turn_open(&l->turn, on_turn, l);
  l->sound_ns = l->words_ns = now_ns(l);
  int code = join_leg(l);
  if (code < 0) {
    cal_listener_close(l);
    return code;
  }
  cal_timer_start(host->loop, &l->tick, now_ns(l) + TICK_MS * CAL_MS, on_tick);
  cal_timer_start(host->loop, &l->retry, now_ns(l), on_retry);
  *result = l;
  return 0;
}

cal_listener *cal_listener_close(cal_listener *l) {
  if (!l) return NULL;
  let_go(l, "not needed any more");
  cal_timer_stop(l->host->loop, &l->tick);
  cal_timer_stop(l->host->loop, &l->retry);
  cal_tap_remove(&l->tap);
  cal_turn_close(&l->turn);
  cal_kept_close(&l->kept);
  for (size_t i = 0; i < l->options.count; i++) cal_unref(l->options.ears[i]);
  cal_free(l->frame);
  return cal_free(l);
}

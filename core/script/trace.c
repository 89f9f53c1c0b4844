#include "script/trace.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/message.h"
#include "data/base64.h"
#include "data/json_escape.h"

#define LINE_CEILING (4u << 20)
#define BLOCK_BYTES 16384 /* written at once; what scripts are told is written at once as well */

struct cal_trace {
  cal_clock *clock;
  pthread_mutex_t lock; /* guards what follows */
  cal_file *file;
  cal_buf lines;
};

/* ---- lines */

static void put(cal_buf *line, const char *name, cal_span text) {
  cal_buf_format(line, ",\"%s\":\"", name);
  cal_json_escape(line, text);
  cal_buf_text(line, "\"");
}

static void begin(cal_trace *trace, cal_buf *line, const char *call, const char *what) {
  cal_buf_init(line, LINE_CEILING);
  cal_buf_format(line, "{\"at_ms\":%lld", (long long)cal_clock_wall_ms(trace->clock));
  put(line, "call", cal_span_of(call));
  put(line, "what", cal_span_of(what));
}

static void flush(cal_trace *trace) {
  if (!trace->lines.bytes) return;
  size_t bytes = trace->lines.bytes;
  cal_file_append(trace->file, cal_buf_take(&trace->lines), bytes);
  cal_buf_init(&trace->lines, 2 * LINE_CEILING);
}

static void end(cal_trace *trace, cal_buf *line, int is_urgent) {
  cal_buf_text(line, "}\n");
  pthread_mutex_lock(&trace->lock);
  cal_buf_append(&trace->lines, line->data, line->bytes);
  if (is_urgent || trace->lines.bytes >= BLOCK_BYTES) flush(trace);
  pthread_mutex_unlock(&trace->lock);
  cal_buf_free(line);
}

/* ---- JSON that is there already */

static const char *past_string(const char *at) {
  for (at++; *at && *at != '"'; at++)
    if (*at == '\\' && at[1]) at++;
  return *at ? at + 1 : at;
}

static const char *past_value(const char *at) {
  int depth = 0;
  do {
    if (*at == '"') {
      at = past_string(at);
      continue;
    }
    if (*at == '{' || *at == '[') depth++;
    if (*at == '}' || *at == ']') depth--;
    at++;
  } while (*at && (depth > 0 || (*at != ',' && *at != '}')));
  return at;
}

/* The object as json.encode writes it, without its member "secrets". */
static void put_without_secrets(cal_buf *line, const char *json) {
  const char *last = json;
  int is_first = 1;
  cal_buf_text(line, ",\"data\":{");
  for (const char *at = json + 1; *at == '"'; at = last + (*last == ',')) {
    last = past_value(past_string(at) + 1);
    if (!strncmp(at, "\"secrets\":", 10)) continue;
    if (!is_first) cal_buf_text(line, ",");
    is_first = 0;
    cal_buf_append(line, at, (size_t)(last - at));
  }
  cal_buf_text(line, "}");
}

static void put_json(cal_buf *line, const char *json) {
  cal_buf_format(line, ",\"data\":%s", json && *json ? json : "{}");
}

/* ---- what happens */

void cal_trace_wire(cal_trace *trace, const char *call, int is_ours, const char *data, size_t bytes,
                    int is_binary) {
  cal_buf line;
  begin(trace, &line, call, "wire");
  put(&line, "to", cal_span_of(is_ours ? "carrier" : "us"));
  if (is_binary) {
    char *text = cal_alloc(CAL_BASE64_ENCODED(bytes) + 1);
    put(&line, "base64", (cal_span){text, cal_base64_encode(CAL_BASE64_STD, text, data, bytes)});
    cal_free(text);
  } else {
    put(&line, "text", (cal_span){data, bytes});
  }
  end(trace, &line, 0);
}

static void put_response(cal_buf *line, const cal_event *event) {
  const cal_http_message *message = event->message;
  cal_buf_format(line, ",\"data\":{\"number\":%llu", (unsigned long long)event->source);
  if (message) {
    cal_buf_format(line, ",\"status\":%d", message->status);
    for (size_t i = 0; i < message->header_count; i++)
      if (!strcmp(message->headers[i].name, "content-type"))
        put(line, "content_type", cal_span_of(message->headers[i].value));
    put(line, "body", (cal_span){message->body ? message->body : "", message->body_bytes});
  } else {
    put(line, "error", cal_span_of(cal_error_name(event->code)));
  }
  cal_buf_text(line, "}");
}

/* Time passing and answers of the store follow from the rest. */
static const char *kind_of(cal_event_kind kind) {
  static const char *const kinds[] = {[CAL_EVENT_BEGIN] = "begin",
                                      [CAL_EVENT_HTTP_RESPONSE] = "response",
                                      [CAL_EVENT_TOLD] = "told",
                                      [CAL_EVENT_LEG_STARTED] = "leg_started",
                                      [CAL_EVENT_LEG_ENDED] = "leg_ended",
                                      [CAL_EVENT_LEG_TEXT] = "leg_text",
                                      [CAL_EVENT_SPEECH_STARTED] = "speech_started",
                                      [CAL_EVENT_SPEECH_STOPPED] = "speech_stopped",
                                      [CAL_EVENT_HEARD] = "heard",
                                      [CAL_EVENT_DIGIT] = "digit",
                                      [CAL_EVENT_UTTERANCE_STARTED] = "utterance_started",
                                      [CAL_EVENT_UTTERANCE_ENDED] = "utterance_ended"};
  return (size_t)kind < sizeof kinds / sizeof *kinds ? kinds[kind] : NULL;
}

static void put_data(cal_buf *line, const cal_event *event) {
  const char *text = event->text ? event->text : "";
  switch (event->kind) {
  case CAL_EVENT_BEGIN:
    put_without_secrets(line, text);
    break;
  case CAL_EVENT_HTTP_RESPONSE:
    put_response(line, event);
    break;
  case CAL_EVENT_LEG_STARTED:
  case CAL_EVENT_LEG_ENDED:
  case CAL_EVENT_HEARD:
    put_json(line, text);
    break;
  case CAL_EVENT_DIGIT:
    cal_buf_format(line, ",\"data\":{\"key\":\"%c\"}", (char)event->number);
    break;
  case CAL_EVENT_UTTERANCE_STARTED:
  case CAL_EVENT_UTTERANCE_ENDED:
    cal_buf_format(line, ",\"data\":{\"number\":%u,\"heard_ms\":%lld,\"interrupted\":%s", event->utterance,
                   (long long)event->number, event->flags & CAL_EVENT_INTERRUPTED ? "true" : "false");
    put(line, "heard", cal_span_of(text));
    cal_buf_text(line, "}");
    break;
  default:
    cal_buf_text(line, ",\"data\":{\"text\":\"");
    cal_json_escape(line, cal_span_of(text));
    cal_buf_text(line, "\"}");
  }
}

void cal_trace_event(cal_trace *trace, const char *call, const cal_event *event) {
  const char *kind = kind_of(event->kind);
  if (!kind) return;
  cal_buf line;
  begin(trace, &line, call, "event");
  put(&line, "kind", cal_span_of(kind));
  put_data(&line, event);
  end(trace, &line, 1);
}

void cal_trace_did(cal_trace *trace, const char *call, const char *kind, const char *json) {
  cal_buf line;
  begin(trace, &line, call, "did");
  put(&line, "kind", cal_span_of(kind));
  put_json(&line, json);
  end(trace, &line, 1);
}

/* ---- life */

int cal_trace_open(cal_trace **result, cal_files *files, const char *path, cal_clock *clock) {
  cal_trace *trace = cal_alloc(sizeof *trace);
  trace->clock = clock;
  pthread_mutex_init(&trace->lock, NULL);
  cal_buf_init(&trace->lines, 2 * LINE_CEILING);
  int code = cal_file_create(&trace->file, files, path, NULL, 0);
  if (code) {
    cal_trace_close(trace);
    return code;
  }
  cal_log(CAL_LOG_WARN, "trace", NULL, "all that happens on calls is written to %s", path);
  *result = trace;
  return 0;
}

cal_trace *cal_trace_close(cal_trace *trace) {
  if (!trace) return NULL;
  if (trace->file) {
    flush(trace);
    cal_file_finish(&trace->file, NULL, NULL);
  }
  cal_buf_free(&trace->lines);
  pthread_mutex_destroy(&trace->lock);
  return cal_free(trace);
}

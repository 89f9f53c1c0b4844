#include "script/trace.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/message.h"
#include "data/base64.h"
#include "data/json_escape.h"
#include "data/json_value.h"

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

static void put_answer(cal_buf *line, const cal_event *event) {
  const cal_http_message *message = event->message;
  if (!message) {
    put(line, "error", cal_span_of(cal_error_name(event->code)));
    return;
  }
  cal_buf_format(line, ",\"status\":%d", message->status);
  for (size_t i = 0; i < message->header_count; i++)
    if (!strcmp(message->headers[i].name, "content-type"))
      put(line, "content_type", cal_span_of(message->headers[i].value));
  put(line, "body", (cal_span){message->body ? message->body : "", message->body_bytes});
}

static void put_number(cal_buf *line, const char *name, long long number) {
  cal_buf_format(line, ",\"%s\":%lld", name, number);
}

/* Secrets of templates, which begin a call, are left out. */
static void put_value(cal_buf *line, const char *name, const cal_value *value) {
  if (!name) {
    cal_json_members(line, value, "secrets");
    return;
  }
  cal_buf_format(line, ",\"%s\":", name);
  cal_json_value(line, value);
}

static void put_field(cal_buf *line, const cal_event *event, const cal_event_field *field) {
  char key = (char)event->number;
  switch (field->kind) {
  case CAL_FIELD_SOURCE:
    put_number(line, field->name, (long long)event->source);
    break;
  case CAL_FIELD_PARTY:
    put_number(line, field->name, event->party);
    break;
  case CAL_FIELD_UTTERANCE:
    put_number(line, field->name, event->utterance);
    break;
  case CAL_FIELD_NUMBER:
    put_number(line, field->name, (long long)event->number);
    break;
  case CAL_FIELD_KEY:
    put(line, field->name, (cal_span){&key, 1});
    break;
  case CAL_FIELD_TEXT:
    put(line, field->name, cal_span_of(event->text));
    break;
  case CAL_FIELD_FLAG:
    cal_buf_format(line, ",\"%s\":%s", field->name, event->flags & field->flag ? "true" : "false");
    break;
  case CAL_FIELD_ERROR:
    if (event->code) put(line, field->name, cal_span_of(cal_error_name(event->code)));
    break;
  case CAL_FIELD_VALUE:
    put_value(line, field->name, event->value);
    break;
  case CAL_FIELD_ANSWER:
    put_answer(line, event);
    break;
  default: /* the name of the line says it, or no traced event has it */
    break;
  }
}

void cal_trace_event(cal_trace *trace, const char *call, const cal_event *event) {
  const cal_event_about *about = cal_event_about_of(event->kind);
  if (!about->trace) return;
  cal_buf line, data;
  begin(trace, &line, call, "event");
  put(&line, "kind", cal_span_of(about->trace));
  cal_buf_init(&data, LINE_CEILING);
  for (const cal_event_field *field = about->fields; field->kind; field++) put_field(&data, event, field);
  cal_buf_text(&line, ",\"data\":{");
  if (data.bytes) cal_buf_append(&line, data.data + 1, data.bytes - 1); /* without the first comma */
  cal_buf_text(&line, "}");
  cal_buf_free(&data);
  end(trace, &line, 1);
}

void cal_trace_did(cal_trace *trace, const char *call, const char *kind, const char *json) {
  cal_buf line;
  begin(trace, &line, call, "did");
  put(&line, "kind", cal_span_of(kind));
  cal_buf_format(&line, ",\"data\":%s", json && *json ? json : "{}");
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

#include "io/fetches.h"

#include <errno.h>

#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/http.h"

struct cal_fetches {
  cal_fetches_options options;
  cal_list under_way;
  cal_slots *streams;
};

typedef struct fetch {
  cal_list node;
  cal_fetches *fetches;
  cal_id asked; /* the script's number of what waits for an answer; 0: nothing does */
  cal_id http;  /* the net's id; 0: over there */
  /* of a stream */
  cal_id stream; /* 0: none, or not yet */
  cal_id owner;
  int status;
  cal_buf kept;        /* what has come and was not asked for */
  size_t left_bytes;   /* that may still come */
  int is_paused, code; /* code: why it ended; text says it */
  char *text;
  cal_timer lease;
} fetch;

/* ---- both kinds */

static void *free_fetch(fetch *f) {
  cal_timer_stop(f->fetches->options.loop, &f->lease);
  cal_slots_remove(f->fetches->streams, f->stream);
  cal_list_remove(&f->node);
  cal_buf_free(&f->kept);
  cal_free(f->text);
  return cal_free(f);
}

/* Takes the message. */
static void answer(fetch *f, cal_http_message *message, int code, const char *text, int was_sent) {
  const cal_fetches_options *options = &f->fetches->options;
  cal_id asked = f->asked;
  f->asked = 0;
  options->on_response(options->context, asked, message, code, text, was_sent);
}

static cal_http_message *message_of(const cal_http_result *result) {
  cal_http_message *message = cal_http_message_new();
  message->status = result->status;
  for (size_t i = 0; i < result->field_count; i++)
    cal_http_message_add_header(message, result->fields[i].name.at, result->fields[i].name.bytes,
                                result->fields[i].value.at, result->fields[i].value.bytes);
  cal_http_message_set_body(message, result->body.at, result->body.bytes);
  return message;
}

static void on_done(void *context, const cal_http_result *result) {
  fetch *f = context;
  answer(f, result->error ? NULL : message_of(result), result->error, result->text, result->was_sent);
  free_fetch(f);
}

/* ---- streams */

static void on_lease_over(cal_timer *timer) {
  fetch *f = cal_list_entry(timer, fetch, lease);
  if (f->http) cal_http_cancel(f->fetches->options.net, f->http);
  free_fetch(f);
}

static void renew_lease(fetch *f) {
  cal_loop *loop = f->fetches->options.loop;
  cal_timer_start(loop, &f->lease, cal_loop_now_ns(loop) + (uint64_t)CAL_FETCH_LEASE_MS * CAL_MS,
                  on_lease_over);
}

/* All that is kept; nothing is the end. */
static void give_piece(fetch *f) {
  cal_http_message *message = cal_http_message_new();
  message->status = f->status;
  cal_http_message_set_body(message, f->kept.data, f->kept.bytes);
  cal_buf_clear(&f->kept);
  answer(f, message, 0, "", 1);
  renew_lease(f);
}

/* The script's question, if something can be said to it now. 1: the stream is over, and was freed. */
static int give(fetch *f) {
  if (!f->asked) return 0;
  if (f->kept.bytes) {
    give_piece(f);
    return 0;
  }
  if (f->http) return 0;
  if (f->code)
    answer(f, NULL, f->code, f->text, 1);
  else
    give_piece(f);
  free_fetch(f);
  return 1;
}

static void on_head(void *context, const cal_http_result *head) {
  fetch *f = context;
  f->status = head->status;
  f->stream = cal_slots_add(f->fetches->streams, f);
  if (!f->stream) return; /* on_data says so */
  cal_http_message *message = message_of(head);
  message->stream = f->stream;
  answer(f, message, 0, "", 1);
  renew_lease(f);
}

static int on_data(void *context, const char *data, size_t bytes) {
  fetch *f = context;
  if (!f->stream || bytes > f->left_bytes) {
    f->code = f->stream ? -EMSGSIZE : -EAGAIN;
    return CAL_HTTP_STOP;
  }
  f->is_paused = f->kept.bytes && f->kept.bytes + bytes > CAL_FETCH_KEPT_BYTES;
  if (f->is_paused) return CAL_HTTP_PAUSE;
  f->left_bytes -= bytes;
  cal_buf_append(&f->kept, data, bytes);
  give(f);
  return CAL_HTTP_CONTINUE;
}

static void on_stream_done(void *context, const cal_http_result *result) {
  fetch *f = context;
  f->http = 0;
  if (f->code == -EMSGSIZE)
    f->text = cal_strdup("the answer is too big");
  else if (f->code == -EAGAIN)
    f->text = cal_strdup("too many answers are being read");
  else
    f->code = result->error, f->text = cal_strdup(result->text);
  if (f->stream) {
    give(f);
    return;
  }
  answer(f, NULL, f->code ? f->code : -EAGAIN, f->text, result->was_sent);
  free_fetch(f);
}

/* Numbers can be guessed, so whose it is counts too. */
static fetch *stream_of(const cal_fetches *fetches, const cal_command *command) {
  fetch *f = cal_slots_get(fetches->streams, command->target);
  return f && f->owner == command->read.owner ? f : NULL;
}

void cal_fetches_read(cal_fetches *fetches, const cal_command *command) {
  fetch *f = stream_of(fetches, command);
  const cal_fetches_options *options = &fetches->options;
  if (!f || f->asked) {
    int code = f ? -EBUSY : -ENOENT;
    options->on_response(options->context, command->read.asked, NULL, code,
                         f ? "another task reads it" : "this answer was read to its end, or is closed", 1);
    return;
  }
  f->asked = command->read.asked;
  cal_timer_stop(options->loop, &f->lease);
  if (give(f) || !f->is_paused) return;
  f->is_paused = 0;
  cal_http_resume(options->net, f->http);
}

void cal_fetches_close(cal_fetches *fetches, const cal_command *command) {
  fetch *f = stream_of(fetches, command);
  if (!f) return;
  if (f->http) cal_http_cancel(fetches->options.net, f->http);
  if (f->asked) answer(f, NULL, -ECANCELED, "it was closed", 1);
  free_fetch(f);
}

/* ---- the start and the end */

void cal_fetches_start(cal_fetches *fetches, cal_command *command) {
  cal_http_message *message = command->message;
  cal_http_field *fields = cal_http_message_fields(message);
  fetch *f = cal_alloc(sizeof *f);
  f->fetches = fetches;
  f->asked = command->target;
  f->owner = message->owner;
  f->left_bytes = message->answer_ceiling_bytes;
  cal_buf_init(&f->kept, 2 * CAL_FETCH_KEPT_BYTES);
  cal_list_append(&fetches->under_way, &f->node);
  cal_http_fetch_options options = {.method = message->method,
                                    .url = message->url,
                                    .fields = fields,
                                    .field_count = message->header_count,
                                    .body = {message->body, message->body_bytes},
                                    .timeout_ms = message->timeout_ms,
                                    .connect_timeout_ms = message->connect_timeout_ms,
                                    .answer_ceiling_bytes = message->answer_ceiling_bytes,
                                    .user = message->user,
                                    .password = message->password,
                                    .deny_private = message->deny_private,
                                    .may_reuse = message->is_streamed,
                                    .context = f,
                                    .on_answer = message->is_streamed ? on_head : NULL,
                                    .on_data = message->is_streamed ? on_data : NULL,
                                    .on_done = message->is_streamed ? on_stream_done : on_done};
  int code = cal_http_fetch(&f->http, fetches->options.net, &options);
  cal_free(fields);
  if (!code) return;
  answer(f, NULL, code, cal_error_text(), 0);
  free_fetch(f);
}

cal_fetches *cal_fetches_new(const cal_fetches_options *options) {
  cal_fetches *fetches = cal_alloc(sizeof *fetches);
  fetches->options = *options;
  cal_list_init(&fetches->under_way);
  fetches->streams = cal_slots_new(CAL_FETCH_STREAMS, options->tag);
  return fetches;
}

/* The net drops requests without a word when it closes. */
cal_fetches *cal_fetches_free(cal_fetches *fetches) {
  if (!fetches) return NULL;
  cal_list_each_safe(&fetches->under_way, node, after) {
    fetch *f = cal_list_entry(node, fetch, node);
    if (f->asked) answer(f, NULL, -ECANCELED, "the engine stops", 1);
    free_fetch(f);
  }
  fetches->streams = cal_slots_free(fetches->streams);
  return cal_free(fetches);
}

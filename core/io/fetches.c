#include "io/fetches.h"

#include <errno.h>

#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/http.h"

struct cal_fetches {
  cal_fetches_options options;
  cal_list under_way;
};

typedef struct fetch {
  cal_list node;
  cal_fetches *fetches;
  cal_id asked; /* the script's number for it */
} fetch;

/* Takes the fetch and the message. */
static void answer(fetch *f, cal_http_message *message, int code, const char *text, int was_sent) {
  const cal_fetches_options *options = &f->fetches->options;
  options->on_response(options->context, f->asked, message, code, text, was_sent);
  cal_list_remove(&f->node);
  cal_free(f);
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
  answer(context, result->error ? NULL : message_of(result), result->error, result->text, result->was_sent);
}

void cal_fetches_start(cal_fetches *fetches, cal_command *command) {
  cal_http_message *message = command->message;
  cal_http_field *fields = cal_http_message_fields(message);
  fetch *f = cal_alloc(sizeof *f);
  f->fetches = fetches;
  f->asked = command->target;
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
                                    .context = f,
                                    .on_done = on_done};
  cal_id id;
  int code = cal_http_fetch(&id, fetches->options.net, &options);
  cal_free(fields);
  if (code) answer(f, NULL, code, cal_error_text(), 0);
}

cal_fetches *cal_fetches_new(const cal_fetches_options *options) {
  cal_fetches *fetches = cal_alloc(sizeof *fetches);
  fetches->options = *options;
  cal_list_init(&fetches->under_way);
  return fetches;
}

/* The net drops requests without a word when it closes. */
cal_fetches *cal_fetches_free(cal_fetches *fetches) {
  if (!fetches) return NULL;
  cal_list_each_safe(&fetches->under_way, node, after)
      answer(cal_list_entry(node, fetch, node), NULL, -ECANCELED, "the engine stops", 1);
  return cal_free(fetches);
}

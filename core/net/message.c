#include "net/message.h"

#include <string.h>

#include "base/mem.h"
#include "net/http.h"

cal_http_message *cal_http_message_new(void) { return cal_alloc(sizeof(cal_http_message)); }

void *cal_http_message_free(cal_http_message *message) {
  if (!message) return NULL;
  for (size_t i = 0; i < message->header_count; i++) {
    cal_free(message->headers[i].name);
    cal_free(message->headers[i].value);
  }
  cal_free(message->headers);
  cal_free(message->method);
  cal_free(message->url);
  cal_free(message->path);
  cal_free(message->query);
  cal_free(message->peer);
  cal_free(message->body);
  cal_unref(message->asker);
  cal_free(message->user);
  cal_free(message->password);
  return cal_free(message);
}

void cal_http_message_add_header(cal_http_message *message, const char *name, size_t name_bytes,
                                 const char *value, size_t value_bytes) {
  message->headers = cal_resize(message->headers, (message->header_count + 1) * sizeof *message->headers);
  cal_http_header *header = &message->headers[message->header_count++];
  header->name = cal_strndup(name, name_bytes);
  header->value = cal_strndup(value, value_bytes);
  for (char *c = header->name; *c; c++)
    if (*c >= 'A' && *c <= 'Z') *c += 'a' - 'A';
}

cal_http_field *cal_http_message_fields(const cal_http_message *message) {
  cal_http_field *fields = cal_alloc((message->header_count + 1) * sizeof *fields);
  for (size_t i = 0; i < message->header_count; i++) {
    fields[i].name = cal_span_of(message->headers[i].name);
    fields[i].value = cal_span_of(message->headers[i].value);
  }
  return fields;
}

void cal_http_message_set_body(cal_http_message *message, const void *body, size_t bytes) {
  cal_free(message->body);
  message->body = cal_strndup(body ? body : "", bytes);
  message->body_bytes = bytes;
}

cal_http_message *cal_http_message_of(const cal_http_request *request) {
  cal_http_message *message = cal_http_message_new();
  message->method = cal_strdup(request->method);
  message->url = cal_strndup(request->target.at, request->target.bytes);
  message->path = cal_strndup(request->path.at, request->path.bytes);
  message->query = cal_strndup(request->query.bytes ? request->query.at : "", request->query.bytes);
  message->peer = cal_strdup(request->peer);
  message->asker = cal_ref(request->asker);
  for (size_t i = 0; i < request->field_count; i++)
    cal_http_message_add_header(message, request->fields[i].name.at, request->fields[i].name.bytes,
                                request->fields[i].value.at, request->fields[i].value.bytes);
  cal_http_message_set_body(message, request->body.at, request->body.bytes);
  return message;
}

size_t cal_http_fields_read(cal_http_field *fields, size_t most, const char *text) {
  size_t count = 0;
  while (text && *text && count < most) {
    const char *line_end = strchr(text, '\n');
    size_t bytes = line_end ? (size_t)(line_end - text) : strlen(text);
    const char *colon = memchr(text, ':', bytes);
    if (colon) {
      const char *value = colon + 1 + strspn(colon + 1, " ");
      fields[count].name = (cal_span){text, (size_t)(colon - text)};
      fields[count++].value = (cal_span){value, (size_t)(text + bytes - value)};
    }
    text = line_end ? line_end + 1 : NULL;
  }
  return count;
}

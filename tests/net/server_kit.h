/* server_kit: what the tests of the server's HTTP half share: a server that notes what it is asked, and
 * answers at once or when it is told to. */
#ifndef CAL_TESTS_NET_SERVER_KIT_H
#define CAL_TESTS_NET_SERVER_KIT_H

#include "net/kit.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

typedef struct seen {
  cal_server *server;
  int count;
  cal_id last;
  char method[16], target[768], path[256], query[512], body[4096], signature[64], host[64], peer[64];
  int keeps_asker;
  cal_asker *asker; /* of the last one; a reference */
  enum { ANSWER_NOW, ANSWER_LATER } mood;
} seen;

static inline void copy(char *to, size_t room, cal_span from) {
  size_t bytes = from.bytes < room - 1 ? from.bytes : room - 1;
  if (bytes) memcpy(to, from.at, bytes);
  to[bytes] = 0;
}

static inline void answer(seen *s, cal_id id, int status, const char *body) {
  cal_http_field type = {cal_span_of("content-type"), cal_span_of("text/plain")};
  cal_http_answer a = {.status = status, .fields = &type, .field_count = 1, .body = cal_span_of(body)};
  cal_server_reply(s->server, id, &a);
}

static inline void on_request(void *context, const cal_http_request *request) {
  seen *s = context;
  s->count++;
  s->last = request->id;
  if (s->keeps_asker) s->asker = cal_ref(request->asker);
  snprintf(s->method, sizeof s->method, "%s", request->method);
  snprintf(s->peer, sizeof s->peer, "%s", request->peer);
  copy(s->path, sizeof s->path, request->path);
  copy(s->query, sizeof s->query, request->query);
  copy(s->body, sizeof s->body, request->body);
  copy(s->signature, sizeof s->signature, cal_http_request_field(request, "X-Twilio-Signature"));
  copy(s->host, sizeof s->host, cal_http_request_field(request, "host"));
  copy(s->target, sizeof s->target, request->target);
  if (s->mood == ANSWER_NOW) answer(s, request->id, 200, s->path);
}

static const char *const wanted[] = {"x-twilio-signature", "host", "content-type"};

static inline void start(kit *k, seen *s, const cal_net_options *options) {
  kit_open(k, options);
  *s = (seen){0};
  s->server = kit_serve(
      k, (cal_server_options){.fields = wanted, .field_count = 3, .context = s, .on_request = on_request});
}

#endif

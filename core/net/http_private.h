/* http_private: a request of ours (http.c) and the libcurl handle that carries all of them (http_multi.c). */
#ifndef CAL_NET_HTTP_PRIVATE_H
#define CAL_NET_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "net/http.h"
#include "net/net_private.h"

#define CAL_HTTP_FIELDS_CEILING 128
#define CAL_HTTP_FIELD_BYTES_CEILING (64 * 1024)

typedef struct cal_multi {
  cal_net *net;
  CURLM *curl;
  uv_timer_t timer;
  cal_timer chores; /* what must wait until curl has returned */
  cal_list new_ones, doomed;
  int is_inside; /* a function of curl is running: it may call us, we may not call it */
} cal_multi;

typedef struct cal_fetch {
  cal_list node; /* in new_ones or doomed */
  cal_multi *multi;
  cal_id id;
  CURL *easy;
  int is_added, is_cancelled, is_safe, deny_private;
  int was_denied, was_stopped, was_too_big, wants_resume;
  struct curl_slist *sent_fields;
  char *request_body;
  size_t request_bytes, request_at;
  cal_http_phase phase;
  int status, follows;
  cal_buf field_text;
  cal_http_field fields[CAL_HTTP_FIELDS_CEILING]; /* offsets while the answer arrives */
  size_t field_count;
  cal_buf body;
  char text[CURL_ERROR_SIZE];
  void *context;
  int (*on_data)(void *context, const char *data, size_t bytes);
  void (*on_answer)(void *context, const cal_http_result *head);
  void (*on_done)(void *context, const cal_http_result *result);
} cal_fetch;

void cal_fetch_done(cal_fetch *fetch, CURLcode outcome); /* takes */
void *cal_fetch_free(cal_fetch *fetch);                  /* takes */

int cal_http_field_is_sound(const cal_http_field *field); /* to be sent: it has a name and no line breaks */

void cal_multi_add(cal_multi *multi, cal_fetch *fetch);
void cal_multi_drop(cal_multi *multi, cal_fetch *fetch); /* takes, soon */
void cal_multi_chores_soon(cal_multi *multi);

#endif

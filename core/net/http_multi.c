/* libcurl's multi handle on the loop: it names the sockets it wants watched and the moment it wants to be
 * called.
 *
 * curl may not be called from its own callbacks, but callers of ours start and cancel requests wherever they
 * like. What comes in at such a moment is kept for `chores`. */
#include <errno.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/http_private.h"

#define KEPT_CONNECTIONS 64

typedef struct watch {
  uv_poll_t poll;
  cal_multi *multi;
  curl_socket_t fd;
} watch;

static void collect(cal_multi *multi) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(multi->curl, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    cal_fetch *fetch = NULL;
    CURLcode outcome = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
    curl_multi_remove_handle(multi->curl, fetch->easy);
    fetch->is_added = 0;
    if (!fetch->is_cancelled) cal_fetch_done(fetch, outcome);
  }
}

static void act(cal_multi *multi, curl_socket_t fd, int what) {
  int running;
  multi->is_inside = 1;
  curl_multi_socket_action(multi->curl, fd, what, &running);
  multi->is_inside = 0;
  collect(multi);
}

/* ---- sockets and time */

static void on_ready(uv_poll_t *poll, int status, int events) {
  watch *w = poll->data;
  int what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
  act(w->multi, w->fd, status < 0 ? CURL_CSELECT_ERR : what);
}

static void on_watch_closed(uv_handle_t *handle) { cal_free(handle->data); }

static watch *watch_new(cal_multi *multi, curl_socket_t fd) {
  watch *w = cal_alloc(sizeof *w);
  w->multi = multi;
  w->fd = fd;
  w->poll.data = w;
  uv_poll_init_socket(cal_loop_uv(multi->net->loop), &w->poll, fd);
  curl_multi_assign(multi->curl, fd, w);
  return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned) {
  cal_multi *multi = context;
  watch *w = assigned;
  if (what == CURL_POLL_REMOVE) {
    if (!w) return 0;
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
    curl_multi_assign(multi->curl, fd, NULL);
    return 0;
  }
  if (!w) w = watch_new(multi, fd);
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  uv_poll_start(&w->poll, events, on_ready);
  return 0;
}

static void on_timeout(uv_timer_t *timer) { act(timer->data, CURL_SOCKET_TIMEOUT, 0); }

/* Never calls curl back from here, as curl asks for: "at once" is a millisecond later. */
static int on_timer(CURLM *curl, long timeout_ms, void *context) {
  cal_multi *multi = context;
  if (timeout_ms < 0) return uv_timer_stop(&multi->timer);
  uv_update_time(cal_loop_uv(multi->net->loop));
  return uv_timer_start(&multi->timer, on_timeout, timeout_ms ? (uint64_t)timeout_ms : 1, 0);
}

/* ---- chores */

static void remove_now(cal_multi *multi, cal_fetch *fetch) {
  if (fetch->is_added) curl_multi_remove_handle(multi->curl, fetch->easy);
  cal_fetch_free(fetch);
}

static void resume(cal_multi *multi, cal_fetch *fetch) {
  fetch->wants_resume = 0;
  multi->is_inside = 1; /* gives us at once what it has kept */
  curl_easy_pause(fetch->easy, CURLPAUSE_CONT);
  multi->is_inside = 0;
}

static void on_chores(cal_timer *timer) {
  cal_multi *multi = cal_list_entry(timer, cal_multi, chores);
  cal_list_each_safe(&multi->doomed, node, after) {
    remove_now(multi, cal_list_entry(node, cal_fetch, node));
  }
  cal_list_each_safe(&multi->new_ones, fresh, later) {
    cal_multi_add(multi, cal_list_entry(fresh, cal_fetch, node));
  }
  for (cal_id id = cal_slots_next(multi->net->fetches, 0), next; id; id = next) {
    next = cal_slots_next(multi->net->fetches, id);
    cal_fetch *fetch = cal_slots_get(multi->net->fetches, id);
    if (fetch->wants_resume && fetch->is_added) resume(multi, fetch);
  }
  collect(multi);
}

void cal_multi_chores_soon(cal_multi *multi) {
  if (!cal_timer_is_started(&multi->chores))
    cal_timer_start(multi->net->loop, &multi->chores, cal_loop_now_ns(multi->net->loop), on_chores);
}

void cal_multi_add(cal_multi *multi, cal_fetch *fetch) {
  cal_list_remove(&fetch->node);
  if (multi->is_inside) {
    cal_list_append(&multi->new_ones, &fetch->node);
    return cal_multi_chores_soon(multi);
  }
  curl_multi_add_handle(multi->curl, fetch->easy);
  fetch->is_added = 1;
}

void cal_multi_drop(cal_multi *multi, cal_fetch *fetch) {
  fetch->is_cancelled = 1;
  cal_list_remove(&fetch->node);
  cal_list_append(&multi->doomed, &fetch->node);
  cal_multi_chores_soon(multi);
}

/* ---- life */

int cal_multi_new(cal_multi **result, cal_net *net) {
  CURLM *curl = curl_multi_init();
  if (!curl) return cal_fail(-ENOMEM, "libcurl does not start");
  cal_multi *multi = cal_alloc(sizeof *multi);
  multi->net = net;
  multi->curl = curl;
  cal_list_init(&multi->new_ones);
  cal_list_init(&multi->doomed);
  multi->timer.data = multi;
  uv_timer_init(cal_loop_uv(net->loop), &multi->timer);
  curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi);
  curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
  *result = multi;
  return 0;
}

static void on_timer_closed(uv_handle_t *handle) { cal_free(handle->data); }

void *cal_multi_close(cal_multi *multi) {
  cal_timer_stop(multi->net->loop, &multi->chores);
  for (cal_id id; (id = cal_slots_next(multi->net->fetches, 0));)
    cal_multi_drop(multi, cal_slots_remove(multi->net->fetches, id));
  cal_list_each_safe(&multi->doomed, node, after) {
    remove_now(multi, cal_list_entry(node, cal_fetch, node));
  }
  cal_timer_stop(multi->net->loop, &multi->chores);
  curl_multi_cleanup(multi->curl);
  uv_timer_stop(&multi->timer);
  uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
  return NULL;
}

#include "script/live_call.h"

#include <errno.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "io/say.h"
#include "script/context.h"
#include "script/deliver.h"
#include "script/reload.h"
#include "store/facts.h"

#define FALLBACK_UTTERANCE 0x6ffffff0u /* above any number a script reaches */

static cal_metric *gauge_calls(void) { return cal_gauge("callisto_calls_live", "calls that are open"); }

const char *cal_live_call_name(const cal_live_call *call) {
  return cal_party_about(call->parties[0].call)->name;
}

cal_live_call *cal_live_call_named(cal_script_host *host, const char *name) {
  cal_owner owner;
  if (!cal_registry_find(host->reach->registry, name, &owner) || owner.script != host->index) return NULL;
  return cal_slots_get(host->calls, owner.handle);
}

/* ---- the end */

static void throw_vm_away(cal_live_call *call) {
  if (!call->vm) return;
  cal_context_wake_at(cal_vm_context(call->vm), 0);
  call->vm = cal_pool_discard(call->service->pool, call->vm);
}

static void free_parties(cal_live_call *call) {
  for (int i = 0; i < CAL_PARTIES; i++) cal_bridge_leave(call->joins[i].bridge);
  for (int i = 0; i < call->party_count; i++) {
    const cal_live_party *party = &call->parties[i];
    if (party->has_token) cal_tokens_withdraw(call->host->reach->tokens, cal_party_about(party->call)->path);
    cal_unref(party->call);
  }
}

cal_live_call *cal_live_call_free(cal_live_call *call) {
  cal_reach *reach = call->host->reach;
  if (call->has_name) cal_registry_remove(reach->registry, cal_live_call_name(call));
  if (call->carrier_call) cal_registry_remove(reach->registry, call->carrier_call);
  if (call->has_room) cal_mailbox_unreserve(call->host->events);
  throw_vm_away(call);
  cal_backlog_forget(call->host->backlog, &call->place);
  cal_reload_count(reach->reload, call->service->edition, 0);
  call->service->calls--;
  cal_slots_remove(call->host->calls, call->handle);
  atomic_fetch_sub(&reach->calls, 1);
  cal_metric_add(gauge_calls(), -1);
  free_parties(call);
  cal_free(call->fallback_text);
  cal_free(call->fallback_voice);
  cal_free(call->carrier_call);
  return cal_free(call);
}

static void close_legs(cal_live_call *call, int first, uint32_t flags, int code) {
  for (int i = first; i < call->party_count; i++) {
    cal_command command = {.kind = CAL_COMMAND_LEG_CLOSE, .flags = flags, .code = code};
    cal_party_command(call->parties[i].call, &command);
  }
}

void cal_live_call_close(cal_live_call *call, int close_code) {
  close_legs(call, 0, 0, close_code);
  cal_live_call_free(call);
}

/* ---- a script that fails */

/* The script no longer takes part; what the caller hears from now on comes from here. Others hear it too while they are
 * joined, and go with the caller. */
static void play_fallback(cal_live_call *call) {
  cal_reach *reach = call->host->reach;
  cal_party *caller = call->parties[0].call;
  cal_party_forget_waiting(caller); /* its commands may fill the room these need */
  cal_command stop = {.kind = CAL_COMMAND_LEG_STOP};
  cal_party_command(caller, &stop);
  if (call->fallback_text) {
    cal_line line = {.call_id = cal_live_call_name(call),
                     .at_ms = cal_reach_wall_ms(reach),
                     .who = "agent",
                     .text = call->fallback_text};
    cal_store_line(reach->store, &line);
    cal_say_last_words(reach->voice, caller, FALLBACK_UTTERANCE, call->fallback_text, call->fallback_voice);
  }
  close_legs(call, 0, CAL_COMMAND_DRAIN, 0);
}

static void tell_broken(cal_live_call *call, int code, char *text) {
  cal_event event = {.kind = CAL_EVENT_BROKEN, .target = call->handle, .code = code, .text = text};
  snprintf(event.name, sizeof event.name, "%s", cal_live_call_name(call));
  call->has_room = 0;
  if (cal_mailbox_post(call->host->events, &event, CAL_MAIL_RESERVED)) cal_event_drop(&event);
}

static void break_call(cal_live_call *call, int code) {
  const char *why = cal_vm_error(call->vm);
  cal_log(CAL_LOG_ERROR, "script", cal_live_call_name(call), "stopped (%s): %s", cal_error_name(code), why);
  cal_reload_count(call->host->reach->reload, call->service->edition, 1);
  cal_metric_add(cal_counter("callisto_scripts_broken_total", "calls whose script was stopped or failed"), 1);
  char *text = cal_strdup(why);
  throw_vm_away(call);
  play_fallback(call);
  tell_broken(call, code, text);
}

static void note_end_of_sayings(cal_live_call *call, const cal_event *event) {
  if (event->kind == CAL_EVENT_UTTERANCE_ENDED)
    cal_sayings_end(&call->sayings, event->party, event->utterance);
  if (event->kind == CAL_EVENT_LEG_ENDED) cal_sayings_end_all(&call->sayings, event->party);
}

void cal_live_call_run(cal_live_call *call, const cal_event *event) {
  if (!call->vm) return;
  note_end_of_sayings(call, event);
  cal_trace *trace = call->host->reach->trace;
  if (trace) cal_trace_event(trace, cal_live_call_name(call), event);
  int code = cal_deliver(call->vm, event);
  if (code < 0) break_call(call, code);
}

/* ---- messages */

static int post(cal_live_call *call, cal_event_kind kind, cal_value *value) {
  cal_event event = {.kind = kind, .target = call->handle, .value = value};
  int code = cal_mailbox_post(call->host->events, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_event_drop(&event);
  return cal_fail(code, "the script thread's mailbox is full");
}

int cal_live_call_tell(cal_live_call *call, cal_value *message) {
  if (call->vm) return post(call, CAL_EVENT_TOLD, message);
  cal_free(message);
  return cal_fail(-ENOENT, "the script of call %s was stopped", cal_live_call_name(call));
}

int cal_live_call_report(cal_live_call *call, cal_value *message, int is_last) {
  int is_free = is_last && !call->has_said_last;
  int code = is_free ? 0 : cal_live_call_take(call, CAL_QUOTA_MESSAGES, cal_value_bytes(message));
  if (is_free) call->has_said_last = 1;
  if (!code) return post(call, CAL_EVENT_REPORT, message);
  cal_free(message);
  return code;
}

/* ---- what its script may cause */

static int are_orders_short(const cal_reach *reach) {
  int is_short = 0;
  for (uint8_t i = 0; i < reach->io_threads; i++) is_short |= cal_mailbox_is_short(reach->commands[i]);
  return is_short;
}

/* Is what all calls share, and this one now uses, short of room? */
static int is_short(const cal_live_call *call, cal_quota_kind kind) {
  switch (kind) {
  case CAL_QUOTA_MESSAGES:
    return cal_mailbox_is_short(call->host->events);
  case CAL_QUOTA_RECORD:
    return cal_store_is_short(call->host->reach->store);
  case CAL_QUOTA_ORDERS:
    return are_orders_short(call->host->reach);
  case CAL_QUOTA_SHARED:
    return cal_kv_is_short(call->host->reach->flow_shared);
  case CAL_QUOTA_NAMES:
    return cal_holders_is_short(call->host->reach->flow_holders);
  case CAL_QUOTA_SERIES:
    return cal_metrics_are_short();
  default:
    return 0;
  }
}

int cal_live_call_take(cal_live_call *call, cal_quota_kind kind, size_t bytes) {
  return cal_quota_take(&call->quota, cal_live_call_name(call), kind, bytes, is_short(call, kind),
                        cal_reach_now_ns(call->host->reach));
}

int cal_live_call_take_saying(cal_live_call *call, uint8_t party, uint32_t utterance, uint32_t letters) {
  int code = cal_live_call_take(call, CAL_QUOTA_ORDERS, 0);
  if (code) return code;
  code = cal_sayings_begin(&call->sayings, party, utterance, letters);
  if (!code) return 0;
  return cal_quota_refuse(&call->quota, cal_live_call_name(call), "sayings", code,
                          cal_reach_now_ns(call->host->reach));
}

int cal_live_call_log(cal_live_call *call, cal_log_level level, const char *text) {
  if (level < cal_log_level_now()) return 0;
  int code = cal_live_call_take(call, CAL_QUOTA_LOG, strlen(text));
  if (!code) cal_log(level, "script", cal_live_call_name(call), "%s", text);
  return code;
}

/* ---- parties */

static cal_live_party *new_party(cal_live_call *call, cal_party_options *options) {
  cal_live_party *party = &call->parties[call->party_count++];
  options->handle = call->handle;
  options->events = call->host->events;
  options->party = call->party_count;
  party->call = cal_party_new(options);
  return party;
}

static int let_in(cal_live_call *call, cal_live_party *party) {
  cal_reach *reach = call->host->reach;
  if (!cal_party_about(party->call)->path) return 0;
  int code = cal_tokens_add(reach->tokens, party->call, cal_reach_now_ns(reach));
  party->has_token = !code;
  return code;
}

int cal_live_call_add_party(cal_live_call *call, cal_party_options *options, uint8_t *number) {
  if (call->party_count == CAL_PARTIES)
    return cal_fail(-ENOBUFS, "a call has at most %d parties in its life", CAL_PARTIES);
  options->name = cal_live_call_name(call);
  cal_live_party *party = new_party(call, options);
  int code = let_in(call, party);
  if (code) {
    party->call = cal_unref(party->call);
    call->party_count--;
    return code;
  }
  *number = call->party_count;
  return 0;
}

cal_live_party *cal_live_call_party(cal_live_call *call, lua_Integer number) {
  return number >= 1 && number <= call->party_count ? &call->parties[number - 1] : NULL;
}

int cal_live_call_vendor(cal_live_party *party, cal_vendor_order *order) {
  int is_voice = cal_vendor_order_is_voice(order);
  cal_command command = {.kind = CAL_COMMAND_LEG_VENDOR, .object = order};
  int code = cal_party_command(party->call, &command);
  if (!code && is_voice) party->has_vendor = 1;
  return code;
}

/* The place of two parties: where they are joined, or with `is_new` a free one; NULL: there is none. */
static cal_live_join *find_join(cal_live_call *call, uint8_t a, uint8_t b, int is_new) {
  cal_live_join *free_one = NULL;
  for (int i = 0; i < CAL_PARTIES; i++) {
    cal_live_join *join = &call->joins[i];
    if (join->a == a && join->b == b) return join;
    if (!join->a && !free_one) free_one = join;
  }
  return is_new ? free_one : NULL;
}

int cal_live_call_join(cal_live_call *call, uint8_t a, uint8_t b, int ways, int is_held) {
  if (a > b) return cal_live_call_join(call, b, a, (ways & 1) << 1 | (ways & 2) >> 1, is_held);
  if (!cal_live_call_party(call, a) || !cal_live_call_party(call, b))
    return cal_fail(-EINVAL, "there is no such party");
  cal_live_join *join = find_join(call, a, b, 1);
  if (!join) return cal_fail(-ENOBUFS, "at most %d pairs of a call are joined at a time", CAL_PARTIES);
  if (join->bridge && join->ways == ways) {
    cal_bridge_hold(join->bridge, is_held);
    return 0;
  }
  cal_bridge *bridge;
  int code = cal_bridge_join(&bridge, call->parties[a - 1].call, call->parties[b - 1].call, ways);
  if (code) return code;
  cal_bridge_leave(join->bridge);
  *join = (cal_live_join){a, b, ways, bridge};
  if (is_held) cal_bridge_hold(bridge, 1);
  return 0;
}

void cal_live_call_part(cal_live_call *call, uint8_t a, uint8_t b) {
  cal_live_join *join = find_join(call, a < b ? a : b, a < b ? b : a, 0);
  if (!join) return;
  cal_bridge_leave(join->bridge);
  *join = (cal_live_join){0};
}

/* ---- the beginning */

static int take_vm(cal_live_call *call, const char *entry) {
  int code = cal_pool_take(call->service->pool, &call->vm);
  if (code < 0) return code;
  cal_vm_set_name(call->vm, cal_live_call_name(call));
  cal_context *context = cal_vm_context(call->vm);
  context->call = call;
  code = cal_vm_require(call->vm, entry);
  if (code < 0) return cal_fail(code, "%s: %s", entry, cal_vm_error(call->vm));
  lua_settop(cal_vm_state(call->vm), 0);
  return 0;
}

static int add_name(cal_live_call *call, const char *name) {
  cal_owner owner = {.script = call->host->index, .handle = call->handle};
  snprintf(owner.call, sizeof owner.call, "%s", cal_live_call_name(call));
  return cal_registry_add(call->host->reach->registry, name, &owner);
}

static int check_room(const cal_reach *reach) {
  if (atomic_load(&reach->is_draining)) return cal_fail(-ESHUTDOWN, "this node takes no new calls");
  if (atomic_load(&reach->calls) > reach->limits.calls)
    return cal_fail(-EBUSY, "%u calls are live, which is the most this node takes", reach->limits.calls);
  return 0;
}

static int admit(cal_live_call *call, const char *entry) {
  int code = check_room(call->host->reach);
  if (code) return code;
  code = cal_mailbox_reserve(call->host->events);
  call->has_room = !code;
  if (!code) code = add_name(call, cal_live_call_name(call));
  call->has_name = !code;
  if (!code) code = take_vm(call, entry);
  return code ? code : let_in(call, &call->parties[0]);
}

int cal_live_call_open(cal_service *service, cal_party_options *options, const cal_opening *opening) {
  cal_script_host *host = service->host;
  cal_live_call *call = cal_alloc(sizeof *call);
  call->host = host;
  cal_backlog_open(&call->place);
  call->service = service;
  call->handle = cal_slots_add(host->calls, call);
  if (!call->handle) {
    cal_free(call);
    cal_free(opening->begin);
    return cal_fail(-ENOBUFS, "%d calls are open on this thread, which is the most possible",
                    CAL_CALLS_CEILING);
  }
  atomic_fetch_add(&host->reach->calls, 1);
  cal_metric_add(gauge_calls(), 1);
  service->calls++;
  new_party(call, options);
  call->fallback_text = cal_strdup(opening->fallback_text);
  call->fallback_voice = cal_strdup(opening->fallback_voice);
  int code = admit(call, opening->entry);
  if (!code)
    code = post(call, CAL_EVENT_BEGIN, opening->begin);
  else
    cal_free(opening->begin);
  if (code) cal_live_call_free(call);
  return code;
}

int cal_live_call_alias(cal_live_call *call, const char *carrier_call) {
  if (call->carrier_call && !strcmp(call->carrier_call, carrier_call)) return 0;
  int code = add_name(call, carrier_call);
  if (code) return code;
  if (call->carrier_call) cal_registry_remove(call->host->reach->registry, call->carrier_call);
  cal_free(call->carrier_call);
  call->carrier_call = cal_strdup(carrier_call);
  return 0;
}

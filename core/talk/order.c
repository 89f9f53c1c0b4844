#include "talk/order.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/texts.h"

#define SHORTEST_SECRET 4 /* shorter ones would be found everywhere */
#define HIDDEN "***"

static void destroy(void *object) {
  cal_vendor_order *order = object;
  cal_unref(order->next);
  cal_unref(order->wire);
  cal_free((char *)order->name);
  cal_free((char *)order->voice);
  cal_free((char *)order->call);
  cal_free((char *)order->url);
  cal_free((char *)order->url_headers);
  cal_free((char *)order->form);
  cal_free((char *)order->closing);
  cal_free((char *)order->keepalive);
  cal_texts_free(order->opening);
  cal_texts_free(order->secrets);
  for (const cal_fault_rule *rule = order->faults; rule && rule->text; rule++) cal_free((char *)rule->text);
  cal_free((void *)order->faults);
}

static cal_fault_rule *faults_copy(const cal_fault_rule *given) {
  size_t count = 0;
  while (given && given[count].text) count++;
  cal_fault_rule *copy = cal_alloc((count + 1) * sizeof *copy);
  for (size_t i = 0; i < count; i++) copy[i] = (cal_fault_rule){cal_strdup(given[i].text), given[i].fault};
  return copy;
}

cal_vendor_order *cal_vendor_order_new(const cal_vendor_order *given) {
  cal_vendor_order *order = cal_ref_new(sizeof *order, destroy);
  *order = *given;
  cal_ref(order->next);
  order->name = cal_strdup(given->name);
  order->voice = cal_strdup(given->voice);
  order->call = cal_strdup(given->call);
  order->wire = cal_ref(given->wire);
  order->url = cal_strdup(given->url);
  order->url_headers = cal_strdup(given->url_headers);
  order->form = cal_strdup(given->form);
  order->closing = cal_strdup(given->closing);
  order->keepalive = cal_strdup(given->keepalive);
  order->opening = cal_texts_copy(given->opening);
  order->secrets = cal_texts_copy(given->secrets);
  order->faults = faults_copy(given->faults);
  return order;
}

int cal_vendor_order_is_voice(const cal_vendor_order *order) { return cal_wire_can_say(order->wire); }

int cal_vendor_order_is_http(const cal_vendor_order *order) { return !strncmp(order->url, "http", 4); }

int cal_vendor_order_is_ear(const cal_vendor_order *order) {
  return cal_wire_is_binary_out(order->wire) || cal_wire_says(order->wire, CAL_WIRE_AUDIO);
}

/* ---- faults */

/* Codes of closes and statuses of HTTP that all vendors mean alike. */
static const cal_fault_rule usual[] = {
    {"429", CAL_FAULT_BUSY},     {"503", CAL_FAULT_BUSY},     {"1013", CAL_FAULT_BUSY},
    {"400", CAL_FAULT_REFUSED},  {"401", CAL_FAULT_REFUSED},  {"402", CAL_FAULT_REFUSED},
    {"403", CAL_FAULT_REFUSED},  {"404", CAL_FAULT_REFUSED},  {"405", CAL_FAULT_REFUSED},
    {"410", CAL_FAULT_REFUSED},  {"422", CAL_FAULT_REFUSED},  {"1002", CAL_FAULT_REFUSED},
    {"1003", CAL_FAULT_REFUSED}, {"1007", CAL_FAULT_REFUSED}, {"1008", CAL_FAULT_REFUSED},
    {"1009", CAL_FAULT_REFUSED}, {"1010", CAL_FAULT_REFUSED}, {"1000", CAL_FAULT_AGAIN},
    {"1001", CAL_FAULT_AGAIN},   {"1012", CAL_FAULT_AGAIN},   {NULL, CAL_FAULT_LATER}};

static int is_number(const char *text) { return text[strspn(text, "0123456789")] == 0; }

static int is_meant(const cal_fault_rule *rule, const char *code, const char *error, const char *text) {
  if (!strcasecmp(rule->text, code) || !strcasecmp(rule->text, error)) return 1;
  if (is_number(rule->text)) return 0;
  size_t bytes = strlen(rule->text);
  for (; *text; text++)
    if (!strncasecmp(text, rule->text, bytes)) return 1;
  return 0;
}

/* What an error says is closer to the matter than the close after it. */
cal_fault cal_vendor_order_fault(const cal_vendor_order *order, int code, const char *error,
                                 const char *text) {
  char number[16];
  snprintf(number, sizeof number, "%d", code);
  for (const cal_fault_rule *rule = order->faults; rule->text; rule++)
    if (is_meant(rule, number, error, text)) return rule->fault;
  for (const cal_fault_rule *rule = usual; rule->text; rule++)
    if (!strcmp(rule->text, error)) return rule->fault;
  for (const cal_fault_rule *rule = usual; rule->text; rule++)
    if (!strcmp(rule->text, number)) return rule->fault;
  return CAL_FAULT_LATER;
}

/* ---- secrets */

/* The length of the longest secret that stands here; 0: none does. */
static size_t secret_at(const cal_vendor_order *order, const char *at) {
  size_t longest = 0;
  for (size_t i = 0; order->secrets && order->secrets[i]; i++) {
    size_t bytes = strlen(order->secrets[i]);
    if (bytes >= SHORTEST_SECRET && bytes > longest && !strncmp(at, order->secrets[i], bytes))
      longest = bytes;
  }
  return longest;
}

const char *cal_vendor_order_hide(const cal_vendor_order *order, const char *text, char *into, size_t room) {
  size_t used = 0;
  while (*text && used + sizeof HIDDEN < room) {
    size_t hidden = secret_at(order, text);
    if (hidden) {
      memcpy(into + used, HIDDEN, strlen(HIDDEN));
      used += strlen(HIDDEN);
      text += hidden;
    } else {
      into[used++] = *text++;
    }
  }
  into[used] = 0;
  return into;
}

int cal_vendor_order_dial(cal_vendor_order *order, cal_port **port, const cal_host *host) {
  cal_port_ws_options socket = {.name = order->call,
                                .wire = order->wire,
                                .start_deadline_ms = order->connect_ms,
                                .opening = order->opening,
                                .closing = order->closing,
                                .url = order->url,
                                .url_headers = order->url_headers,
                                .texts = order};
  return cal_port_ws_dial(port, host, &socket);
}

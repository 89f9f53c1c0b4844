#include "talk/order.h"

#include <string.h>

#include "base/mem.h"
#include "base/texts.h"

#define SHORTEST_SECRET 4 /* shorter ones would be found everywhere */
#define HIDDEN "***"

static void destroy(void *object) {
  cal_vendor_order *order = object;
  cal_unref(order->wire);
  cal_free((char *)order->name);
  cal_free((char *)order->call);
  cal_free((char *)order->url);
  cal_free((char *)order->url_headers);
  cal_free((char *)order->closing);
  cal_free((char *)order->keepalive);
  cal_texts_free(order->opening);
  cal_texts_free(order->secrets);
}

cal_vendor_order *cal_vendor_order_new(const cal_vendor_order *given) {
  cal_vendor_order *order = cal_ref_new(sizeof *order, destroy);
  *order = *given;
  order->name = cal_strdup(given->name);
  order->call = cal_strdup(given->call);
  order->wire = cal_ref(given->wire);
  order->url = cal_strdup(given->url);
  order->url_headers = cal_strdup(given->url_headers);
  order->closing = cal_strdup(given->closing);
  order->keepalive = cal_strdup(given->keepalive);
  order->opening = cal_texts_copy(given->opening);
  order->secrets = cal_texts_copy(given->secrets);
  return order;
}

int cal_vendor_order_is_voice(const cal_vendor_order *order) { return cal_wire_can_say(order->wire); }

int cal_vendor_order_is_ear(const cal_vendor_order *order) {
  return cal_wire_is_binary_out(order->wire) || cal_wire_says(order->wire, CAL_WIRE_AUDIO);
}

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

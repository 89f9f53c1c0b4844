#include "io/bridge.h"

#include <errno.h>

#include "audio/live.h"
#include "base/error.h"
#include "base/mem.h"

struct cal_bridge {
  cal_live *ways[2]; /* NULL: that way nothing is heard */
};

static int give(cal_party *party, cal_command_kind kind, cal_live *live) {
  return cal_party_command(party, &(cal_command){.kind = kind, .object = cal_ref(live)});
}

/* One that has only one end is closed; the leg that has it notices. */
static int open_way(cal_live **result, cal_party *from, cal_party *to) {
  cal_live *live = *result = cal_live_new(cal_party_rate_hz(to));
  int code = give(from, CAL_COMMAND_LEG_SPEAK, live);
  return code < 0 ? code : give(to, CAL_COMMAND_LEG_HEAR, live);
}

int cal_bridge_join(cal_bridge **result, cal_party *a, cal_party *b, int ways) {
  if (a == b) return cal_fail(-EINVAL, "a call cannot be joined with itself");
  if (!(ways & CAL_BRIDGE_BOTH)) return cal_fail(-EINVAL, "a bridge on which nobody hears anybody");
  cal_bridge *bridge = cal_alloc(sizeof *bridge);
  int code = ways & CAL_BRIDGE_B_HEARS ? open_way(&bridge->ways[0], a, b) : 0;
  if (!code && ways & CAL_BRIDGE_A_HEARS) code = open_way(&bridge->ways[1], b, a);
  if (code < 0)
    cal_bridge_leave(bridge);
  else
    *result = bridge;
  return code;
}

void cal_bridge_hold(cal_bridge *bridge, int is_held) {
  for (int i = 0; i < 2; i++)
    if (bridge->ways[i]) cal_live_mute(bridge->ways[i], is_held);
}

cal_bridge *cal_bridge_leave(cal_bridge *bridge) {
  if (!bridge) return NULL;
  for (int i = 0; i < 2; i++) {
    if (bridge->ways[i]) cal_live_close(bridge->ways[i]);
    cal_unref(bridge->ways[i]);
  }
  return cal_free(bridge);
}

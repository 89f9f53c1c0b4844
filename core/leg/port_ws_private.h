/* The inside of a port over a WebSocket, shared by port_ws.c (its life, what comes) and port_ws_say.c (what
 * leaves). */
#ifndef CAL_LEG_PORT_WS_PRIVATE_H
#define CAL_LEG_PORT_WS_PRIVATE_H

#include "leg/port_ws.h"

/*   CONNECTING (we open the socket) ──┐
 *                                     ├──► UP ──► OVER (until the socket is gone)
 *   WAITING (for the start message) ──┘ */
typedef enum port_state { PORT_CONNECTING, PORT_WAITING, PORT_UP, PORT_OVER } port_state;

/* When it is over and its socket still open: has the other side said its last word? */
typedef enum port_parting { PORT_NOT_PARTING, PORT_AWAITS_STOP, PORT_STOPPED } port_parting;

typedef struct port_ws {
  cal_port port;
  const cal_host *host;
  cal_port_ws_options options;
  cal_ws *ws; /* NULL: not open yet, or gone */
  cal_wire *wire;
  port_state state;
  port_parting parting;
  cal_timer deadline; /* of the start message; when it is over: of the other side's last word */
  uint32_t malformed_in_a_row;
  uint32_t limit_per_second, limit_burst; /* of messages with sound; 0: no limit */
  uint64_t limit_ns;                      /* when all sound that came would be allowed */
  char *stream, *call; /* as the start message named them: a second one may not change them */
  int close_code;
  char *close_reason;
  cal_wire_state wire_state;
} port_ws;

/* port_ws_say.c */
extern const cal_port_ops cal_port_ws_ops;
void cal_port_ws_say_text(port_ws *p, const char *text, size_t bytes);
void cal_port_ws_reply(port_ws *p, const cal_wire_event *event); /* the declared one, if there is one */
void cal_port_ws_say_limit(port_ws *p);
int cal_port_ws_say_bye(port_ws *p, const char *bye); /* 1: it was said */

/* port_ws.c */
void cal_port_ws_part(cal_port *port, const cal_parting *parting);
void cal_port_ws_free(cal_port *port);

static inline void cal_port_ws_watch(port_ws *p, int is_ours, const char *data, size_t bytes, int is_binary) {
  const cal_watcher *watcher = &p->host->watcher;
  if (p->options.is_watched && watcher->saw)
    watcher->saw(watcher->context, p->options.name, is_ours, data, bytes, is_binary);
}

#endif

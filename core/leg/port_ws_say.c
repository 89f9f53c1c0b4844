#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "leg/port_ws_private.h"

static port_ws *of(cal_port *port) { return (port_ws *)port; }

static char *room_for(port_ws *p, size_t bytes) {
  return (char *)cal_scratch_get(p->host->message, bytes + CAL_WS_PAD) + CAL_WS_PAD;
}

static char *control_room(port_ws *p, size_t *room) {
  *room = cal_wire_control_room(p->wire);
  return room_for(p, *room);
}

static int transmit(port_ws *p, char *message, ssize_t bytes, int kind) {
  if (bytes <= 0 || !p->ws) return 0;
  cal_port_ws_watch(p, 1, message, (size_t)bytes, kind & CAL_WS_BINARY);
  cal_ws_send(p->ws, message, (size_t)bytes, kind);
  return 1;
}

/* ---- sound */

static int is_open(const cal_port *port) {
  const port_ws *p = (const port_ws *)port;
  return p->ws && cal_ws_is_open(p->ws);
}

static void sound(cal_port *port, const int16_t *samples, size_t count) {
  port_ws *p = of(port);
  size_t room = cal_wire_audio_room(p->wire, count);
  char *message = room_for(p, room);
  ssize_t bytes = cal_wire_write_audio(p->wire, &p->wire_state, samples, count, message, room);
  int kind = cal_wire_is_binary_out(p->wire) ? CAL_WS_BINARY : CAL_WS_TEXT;
  transmit(p, message, bytes, kind | CAL_WS_AUDIO);
  port->frames_out++;
}

static void forget(cal_port *port) {
  if (of(port)->ws) cal_ws_clear_audio(of(port)->ws);
}

/* ---- what goes with it */

static void mark(cal_port *port, const char *name) {
  port_ws *p = of(port);
  if (!cal_wire_says(p->wire, CAL_WIRE_MARK)) return;
  size_t room;
  char *message = control_room(p, &room);
  transmit(p, message, cal_wire_write_mark(p->wire, &p->wire_state, name, message, room), CAL_WS_TEXT);
}

static void clear(cal_port *port) {
  port_ws *p = of(port);
  forget(port);
  size_t room;
  char *message = control_room(p, &room);
  transmit(p, message, cal_wire_write_clear(p->wire, &p->wire_state, message, room), CAL_WS_TEXT);
}

static void say_keys(cal_port *port, const char *keys) {
  port_ws *p = of(port);
  for (; *keys; keys++) {
    char one[2] = {*keys, 0};
    size_t room;
    char *message = control_room(p, &room);
    transmit(p, message, cal_wire_write_dtmf(p->wire, &p->wire_state, one, message, room), CAL_WS_TEXT);
  }
}

static void playing(cal_port *port, int is_playing) {
  port_ws *p = of(port);
  size_t room;
  char *message = control_room(p, &room);
  transmit(p, message, cal_wire_write_playing(p->wire, &p->wire_state, is_playing, message, room),
           CAL_WS_TEXT);
}

/* ---- texts */

void cal_port_ws_say_text(port_ws *p, const char *text, size_t bytes) {
  char *message = room_for(p, bytes);
  memcpy(message, text, bytes);
  transmit(p, message, (ssize_t)bytes, CAL_WS_TEXT);
}

static void say_numbered(port_ws *p, const char *text) {
  size_t room = cal_wire_text_room(text);
  char *message = room_for(p, room);
  ssize_t bytes = cal_wire_write_text(p->wire, &p->wire_state, text, message, room);
  if (bytes < 0) cal_log(CAL_LOG_WARN, "leg", p->options.name, "a text was not sent: %s", cal_error_text());
  transmit(p, message, bytes, CAL_WS_TEXT);
}

static void text(cal_port *port, const char *words, size_t bytes, int is_numbered) {
  if (is_numbered)
    say_numbered(of(port), words);
  else
    cal_port_ws_say_text(of(port), words, bytes);
}

static int say(cal_port *port, const char *words, const char *name, const char *voice) {
  port_ws *p = of(port);
  size_t room = cal_wire_say_room(p->wire);
  for (int part = 0; part < cal_wire_can_say(p->wire); part++) {
    char *message = room_for(p, room);
    ssize_t bytes = cal_wire_write_say(p->wire, &p->wire_state, part, words, name, voice, message, room);
    if (bytes < 0) return (int)bytes;
    if (!transmit(p, message, bytes, CAL_WS_TEXT)) return cal_fail(-ENOTCONN, "the voice is not connected");
  }
  return 0;
}

static void cancel(cal_port *port, const char *name) {
  port_ws *p = of(port);
  size_t room;
  char *message = control_room(p, &room);
  transmit(p, message, cal_wire_write_cancel(p->wire, &p->wire_state, name, message, room), CAL_WS_TEXT);
}

void cal_port_ws_reply(port_ws *p, const cal_wire_event *event) {
  if (event->reply < 0) return;
  size_t room;
  char *message = control_room(p, &room);
  transmit(p, message, cal_wire_write_reply(p->wire, &p->wire_state, event->reply, message, room),
           CAL_WS_TEXT);
}

void cal_port_ws_say_limit(port_ws *p) {
  size_t room;
  char *message = control_room(p, &room);
  transmit(p, message, cal_wire_write_limit(p->wire, &p->wire_state, message, room), CAL_WS_TEXT);
}

int cal_port_ws_say_bye(port_ws *p, const char *bye) {
  if (!cal_wire_says_bye(p->wire)) return 0;
  size_t room;
  char *message = control_room(p, &room);
  return transmit(p, message, cal_wire_write_bye(p->wire, &p->wire_state, bye, message, room), CAL_WS_TEXT);
}

const cal_port_ops cal_port_ws_ops = {.is_open = is_open,
                                      .sound = sound,
                                      .mark = mark,
                                      .clear = clear,
                                      .forget = forget,
                                      .keys = say_keys,
                                      .text = text,
                                      .say = say,
                                      .cancel = cancel,
                                      .playing = playing,
                                      .part = cal_port_ws_part,
                                      .free = cal_port_ws_free};

#include "io/io.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "io/fetches.h"
#include "io/pieces.h"

#define COMMANDS_CAPACITY 65536
#define RETRY_AFTER_S "5"

struct cal_io {
  cal_io_options options;
  cal_net *net;
  cal_server *server;
  cal_mailbox *commands;
  cal_legs *legs;
  cal_lobby *lobby;
  atomic_int refuses;
  cal_fetches *fetches;
  cal_pieces *pieces;
};

/* ---- HTTP */

static void refuse_request(cal_io *io, cal_id id, int status) {
  static const cal_http_field fields[] = {{{"retry-after", 11}, {RETRY_AFTER_S, 1}}};
  cal_server_reply(io->server, id,
                   &(cal_http_answer){.status = status, .fields = fields, .field_count = status == 503});
}

static void on_request(void *context, const cal_http_request *request) {
  cal_io *io = context;
  cal_http_message *message = cal_http_message_of(request);
  int status = io->options.hooks.on_request(io->options.hooks.context, io, request->id, message);
  if (status) refuse_request(io, request->id, status);
}

static void reply(cal_io *io, cal_command *command) {
  cal_http_message *message = command->message;
  if (!io->server) return;
  cal_http_field *fields = cal_http_message_fields(message);
  cal_http_answer answer = {.status = message->status,
                            .fields = fields,
                            .field_count = message->header_count,
                            .body = {message->body ? message->body : "", message->body_bytes},
                            .is_open = message->is_streamed};
  cal_server_reply(io->server, command->target, &answer);
  cal_free(fields);
}

static void on_room(void *context, cal_id request, int code) {
  cal_io *io = context;
  cal_pieces_room(io->pieces, request, code);
}

/* ---- media sockets */

typedef struct seen {
  const cal_http_request *request;
  char value[512];
} seen;

/* One that is too long to be right is given as empty: it was sent, so it must not pass for one that was not.
 */
static const char *field_of(void *context, const char *name) {
  seen *s = context;
  cal_span value = cal_http_request_field(s->request, name);
  if (!value.at) return NULL;
  if (value.bytes >= sizeof s->value) return "";
  memcpy(s->value, value.at, value.bytes);
  s->value[value.bytes] = 0;
  return s->value;
}

static int refuse_upgrade(cal_upgrade *upgrade, int status, const char *why) {
  static const cal_http_field fields[] = {{{"content-type", 12}, {"application/problem+json", 24}},
                                          {{"retry-after", 11}, {RETRY_AFTER_S, 1}}};
  char name[96], body[256];
  snprintf(name, sizeof name, "callisto_sockets_refused_total{status=\"%d\"}", status);
  cal_metric_add(cal_counter(name, "media sockets refused before the upgrade"), 1);
  int bytes =
      snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"status\":%d,\"title\":\"%s\"}", status, why);
  return cal_upgrade_refuse(upgrade, &(cal_http_answer){.status = status,
                                                        .fields = fields,
                                                        .field_count = status == 503 ? 2 : 1,
                                                        .body = {body, (size_t)bytes}});
}

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  cal_io *io = context;
  char path[512];
  if (request->path.bytes >= sizeof path) return refuse_upgrade(upgrade, 404, "The path is too long");
  memcpy(path, request->path.at, request->path.bytes);
  path[request->path.bytes] = 0;
  if (request->path.bytes > 1 && path[request->path.bytes - 1] == '/') path[request->path.bytes - 1] = 0;
  if (cal_legs_count(io->legs) + cal_lobby_proven(io->lobby) >= io->options.legs_ceiling)
    return refuse_upgrade(upgrade, 503, "All lines of this node are in use");
  seen s = {.request = request};
  int status = 0;
  cal_party *call =
      cal_tokens_take(io->options.tokens, path, field_of, &s, cal_loop_now_ns(io->options.loop), &status);
  if (!call && atomic_load(&io->refuses)) return refuse_upgrade(upgrade, 503, "This node takes no new calls");
  if (!call && status == 401 && io->options.prefixes) {
    int code = cal_lobby_hold(io->lobby, request, upgrade);
    if (!code) return 0;
    if (code == -EBUSY) return refuse_upgrade(upgrade, 503, "All lines of this carrier are in use");
    if (code == -EAGAIN) return refuse_upgrade(upgrade, 503, "This node is overloaded");
  }
  if (!call)
    return refuse_upgrade(upgrade, status,
                          status == 401 ? "A media socket needs the token it was given in the answer document"
                                        : "This media token was used, has expired, or is not signed rightly");
  upgrade->subprotocol = cal_wire_sub_protocol(cal_party_about(call)->wire);
  if (!cal_legs_accept(io->legs, call, &upgrade->handlers))
    return refuse_upgrade(upgrade, 503, "This node is overloaded");
  return 0;
}

/* ---- commands */

static void deliver(void *context, void *message) {
  cal_io *io = context;
  cal_command *command = message;
  switch (command->kind) {
  case CAL_COMMAND_HTTP_REPLY:
    reply(io, command);
    break;
  case CAL_COMMAND_HTTP_FETCH:
    cal_fetches_start(io->fetches, command);
    break;
  case CAL_COMMAND_HTTP_READ:
    cal_fetches_read(io->fetches, command);
    break;
  case CAL_COMMAND_HTTP_CLOSE:
    cal_fetches_close(io->fetches, command);
    break;
  case CAL_COMMAND_HTTP_WRITE:
    cal_pieces_send(io->pieces, io->server, command);
    break;
  case CAL_COMMAND_CALL_DIAL:
    cal_legs_dial(io->legs, command->object);
    command->object = NULL;
    break;
  case CAL_COMMAND_SOCKET_PROVEN:
    cal_lobby_prove(io->lobby, command->target, command->flags & CAL_COMMAND_ON);
    break;
  case CAL_COMMAND_SOCKET_TAKE:
    cal_lobby_take(io->lobby, command->target, command->object);
    command->object = NULL;
    break;
  case CAL_COMMAND_SOCKET_REFUSE:
    cal_lobby_refuse(io->lobby, command->target, command->object);
    command->object = NULL;
    break;
  default:
    cal_legs_command(io->legs, command);
    return;
  }
  cal_command_drop(command);
}

static void drop(void *context, void *message) { cal_command_drop(message); }

/* ---- life */

static void open_legs(cal_io *io) {
  const cal_io_options *options = &io->options;
  const cal_io_hooks *hooks = &options->hooks;
  io->legs = cal_legs_new(&(cal_legs_options){.host = {.loop = options->loop,
                                                       .net = io->net,
                                                       .recordings = hooks->recordings,
                                                       .hearing = hooks->hearing,
                                                       .watcher = hooks->watcher},
                                              .commands = io->commands,
                                              .tag = options->index,
                                              .ceiling = options->legs_ceiling + 1024,
                                              .ear = hooks->ear,
                                              .voice = hooks->voice,
                                              .breakers = hooks->breakers});
  io->lobby = cal_lobby_new(&(cal_lobby_options){.legs = io->legs,
                                                 .prefixes = options->prefixes,
                                                 .tag = options->index,
                                                 .ceiling = options->legs_ceiling + CAL_PREFIX_UNPROVEN,
                                                 .on_socket = hooks->on_socket,
                                                 .has_time = hooks->has_time,
                                                 .context = hooks->context});
}

int cal_io_new(cal_io **result, const cal_io_options *options) {
  cal_io *io = cal_alloc(sizeof *io);
  io->options = *options;
  io->options.net.tag = options->index;
  int code = cal_net_new(&io->net, options->loop, &io->options.net);
  if (!code)
    code = cal_mailbox_new(&io->commands, options->loop,
                           &(cal_mailbox_options){.name = "commands",
                                                  .message_bytes = sizeof(cal_command),
                                                  .capacity = COMMANDS_CAPACITY,
                                                  .deliver = deliver,
                                                  .drop = drop,
                                                  .context = io});
  if (code) {
    cal_net_close(io->net);
    cal_free(io);
    return code;
  }
  const cal_io_hooks *hooks = &options->hooks;
  io->fetches = cal_fetches_new(&(cal_fetches_options){.loop = options->loop,
                                                       .net = io->net,
                                                       .tag = options->index,
                                                       .context = hooks->context,
                                                       .on_response = hooks->on_response});
  io->pieces =
      cal_pieces_new(&(cal_pieces_options){.context = hooks->context, .on_response = hooks->on_response});
  open_legs(io);
  *result = io;
  return 0;
}

cal_io *cal_io_free(cal_io *io) {
  if (!io) return NULL;
  cal_legs_end(io->legs, "the engine stops");
  cal_net_close(io->net); /* ends every socket, so the legs are freed by their on_close */
  io->fetches = cal_fetches_free(io->fetches);
  io->pieces = cal_pieces_free(io->pieces);
  cal_mailbox_close(io->commands);
  cal_lobby_free(io->lobby);
  cal_legs_free(io->legs);
  return cal_free(io);
}

int cal_io_listen(cal_io *io, const cal_server_options *options) {
  cal_server_options mine = *options;
  mine.context = io;
  mine.on_request = on_request;
  mine.on_upgrade = on_upgrade;
  mine.on_room = on_room;
  return cal_server_listen(&io->server, io->net, &mine);
}

void cal_io_answer(cal_io *io, cal_id request, const cal_http_answer *answer) {
  cal_server_reply(io->server, request, answer);
}

uint16_t cal_io_port(cal_io *io) { return io->server ? (uint16_t)cal_server_port(io->server) : 0; }
cal_mailbox *cal_io_commands(cal_io *io) { return io->commands; }
void cal_io_refuse_calls(cal_io *io) { atomic_store(&io->refuses, 1); }
void cal_io_stop_listening(cal_io *io) {
  if (io->server) cal_server_stop_listening(io->server);
}
cal_legs *cal_io_legs(cal_io *io) { return io->legs; }
cal_lobby *cal_io_lobby(cal_io *io) { return io->lobby; }

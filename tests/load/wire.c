#include "load/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the carriers */

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"
#define CALLER "14155550100"
#define CALLED "14155550199"
#define ORGANIZATION "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"

/* How the messages of most services begin that speak JSON only. */
#define HEARS(media, a_mark, a_clear)                                                                        \
  .audio_in = "{\"event\":\"" media "\"", .mark_in = "{\"event\":\"" a_mark "\"",                            \
  .mark_name = "\"name\":\"", .clear_in = "{\"event\":\"" a_clear "\""

#define TWILIO                                                                                               \
  .carrier = "twilio", .is_signed = 1, .url = {"<Stream ", " url=\"", '"'},                                  \
  .opening = {"{'event':'connected','protocol':'Call','version':'1.0.0'}",                                   \
              "{'event':'start','sequenceNumber':'1','start':{'accountSid':'${account}',"                    \
              "'streamSid':'${stream}','callSid':'${call}','tracks':['inbound'],"                            \
              "'mediaFormat':{'encoding':'audio/x-mulaw','sampleRate':8000,'channels':1},"                   \
              "'customParameters':{}},'streamSid':'${stream}'}"},                                            \
  .audio = "{'event':'media','sequenceNumber':'${seq}','media':{'track':'inbound','chunk':'${chunk}',"       \
           "'timestamp':'${ms}','payload':'${audio}'},'streamSid':'${stream}'}",                             \
  .mark = "{'event':'mark','sequenceNumber':'${seq}','streamSid':'${stream}','mark':{'name':'${mark}'}}",    \
  .stop = "{'event':'stop','sequenceNumber':'${seq}',"                                                       \
          "'stop':{'accountSid':'${account}','callSid':'${call}'},'streamSid':'${stream}'}",                 \
  HEARS("media", "mark", "clear")

/* Plivo's, which Vobiz took over. */
#define PLIVO_FORM "CallUUID=${call}&From=" CALLER "&To=" CALLED "&CallStatus=${status}&Direction=inbound"
#define PLIVO(encoding, rate)                                                                                \
  .has_uuids = 1, .media_type = FORM, .ask = PLIVO_FORM "&Event=StartApp",                                   \
  .tell = PLIVO_FORM "&Event=Hangup&Duration=12", .url = {"<Stream ", ">", '<'},                             \
  .opening = {"{'event':'start','sequenceNumber':1,'start':{'callId':'${call}','streamId':'${stream}',"      \
              "'accountId':'10000001','tracks':['inbound'],"                                                 \
              "'mediaFormat':{'encoding':'" encoding "','sampleRate':" rate "}},'extra_headers':''}"},       \
  .audio = "{'event':'media','sequenceNumber':${seq},'streamId':'${stream}','media':{'track':'inbound',"     \
           "'timestamp':'${ms}','chunk':${chunk},'payload':'${audio}'},'extra_headers':''}",                 \
  .mark = "{'event':'playedStream','sequenceNumber':${seq},'streamId':'${stream}','name':'${mark}'}",        \
  HEARS("playAudio", "checkpoint", "clearAudio")

#define EXOTEL                                                                                               \
  .carrier = "exotel", .media_type = FORM, .url = {"", "\"url\":\"", '"'},                                   \
  .ask = "CallSid=${call}&CallFrom=" CALLER "&CallTo=" CALLED "&Direction=incoming",                         \
  .tell = "CallSid=${call}&Status=${status}&ConversationDuration=12",                                        \
  .opening = {"{'event':'connected'}",                                                                       \
              "{'event':'start','sequence_number':'1','stream_sid':'${stream}','start':{"                    \
              "'stream_sid':'${stream}','call_sid':'${call}','account_sid':'acme1','from':'" CALLER "',"     \
              "'to':'" CALLED "','custom_parameters':'',"                                                    \
              "'media_format':{'encoding':'audio/x-raw','sample_rate':'8000','bit_rate':'16'}}}"},           \
  .audio = "{'event':'media','sequence_number':'${seq}','stream_sid':'${stream}',"                           \
           "'media':{'chunk':'${chunk}','timestamp':'${ms}','payload':'${audio}'}}",                         \
  .mark = "{'event':'mark','sequence_number':'${seq}','stream_sid':'${stream}','mark':{'name':'${mark}'}}",  \
  .stop = "{'event':'stop','sequence_number':'${seq}','stream_sid':'${stream}',"                             \
          "'stop':{'call_sid':'${call}','account_sid':'acme1','reason':'callended'}}",                       \
  HEARS("media", "mark", "clear")

#define TELNYX_FORM "CallSid=${call}&From=%2B" CALLER "&To=%2B" CALLED "&CallStatus=${status}"
#define TELNYX(encoding, rate)                                                                               \
  .carrier = "telnyx", .has_uuids = 1, .media_type = FORM, .ask = TELNYX_FORM "&Direction=inbound",          \
  .tell = TELNYX_FORM "&CallDuration=12", .url = {"<Stream ", " url=\"", '"'},                               \
  .opening = {"{'event':'connected','version':'1.0.0'}",                                                     \
              "{'event':'start','sequence_number':'1','stream_id':'${stream}','start':{'user_id':'acme1',"   \
              "'call_control_id':'${call}','from':'+" CALLER "','to':'+" CALLED "',"                         \
              "'media_format':{'encoding':'" encoding "','sample_rate':" rate ",'channels':1}}}"},           \
  .audio = "{'event':'media','sequence_number':'${seq}','stream_id':'${stream}','media':{"                   \
           "'track':'inbound','chunk':'${chunk}','timestamp':'${ms}','payload':'${audio}'}}",                \
  .mark = "{'event':'mark','sequence_number':'${seq}','stream_id':'${stream}','mark':{'name':'${mark}'}}",   \
  .stop = "{'event':'stop','sequence_number':'${seq}','stream_id':'${stream}',"                              \
          "'stop':{'call_control_id':'${call}'}}",                                                           \
  HEARS("media", "mark", "clear")

#define VONAGE                                                                                               \
  .carrier = "vonage", .has_uuids = 1, .media_type = JSON, .url = {"", "\"uri\":\"", '"'},                   \
  .ask = "{'from':'" CALLER "','to':'" CALLED "','uuid':'${call}','conversation_uuid':'CON-${call}'}",       \
  .tell = "{'from':'" CALLER "','to':'" CALLED "','uuid':'${call}','status':'${status}',"                    \
          "'direction':'inbound','duration':'12'}",                                                          \
  .opening = {"{'event':'websocket:connected','content-type':'audio/l16;rate=16000'}"},                      \
  .mark = "{'event':'websocket:notify','payload':{'name':'${mark}'}}", .mark_in = "{\"action\":\"notify\"",  \
  .mark_name = "\"name\":\"", .clear_in = "{\"action\":\"clear\""

#define GENESYS_SAYS(type, parameters)                                                                       \
  "{'version':'2','id':'${call}','type':'" type "','seq':${seq},'serverseq':${peer},"                        \
  "'position':'PT${seconds}S','parameters':" parameters "}"
#define GENESYS                                                                                              \
  .carrier = "genesys", .has_uuids = 1, .path = "/ws/genesys/${agent}",                                      \
  .headers = "Audiohook-Organization-Id: " ORGANIZATION "\r\nAudiohook-Session-Id: ${call}\r\n"              \
             "Audiohook-Correlation-Id: ${stream}\r\nX-API-KEY: made-up-key\r\n",                            \
  .opening = {GENESYS_SAYS(                                                                                  \
      "open", "{'organizationId':'" ORGANIZATION "','conversationId':'${stream}','participant':{"            \
              "'id':'${stream}','ani':'+" CALLER "','aniName':'','dnis':'+" CALLED "'},"                     \
              "'media':[{'type':'audio','format':'PCMU','channels':['external'],'rate':8000}],"              \
              "'language':'en-US','customConfig':{},'inputVariables':{}}")},                                 \
  .mark = GENESYS_SAYS("playback_completed", "{}"), .stop = GENESYS_SAYS("close", "{'reason':'end'}"),       \
  .ready = "\"type\":\"opened\"", .clear_in = "\"type\":\"event\"", .sequence_in = "\"seq\":"

static const load_wire wires[] = {
    {"twilio", "-", {LOAD_MULAW, 8000, 20, 0}, TWILIO},
    {"plivo", "pcmu/8000", {LOAD_MULAW, 8000, 20, 0}, .carrier = "plivo", PLIVO("audio/x-mulaw", "8000")},
    {"plivo-l16", "l16/16000", {LOAD_L16LE, 16000, 20, 0}, .carrier = "plivo", PLIVO("audio/x-l16", "16000")},
    {"vobiz", "pcmu/8000", {LOAD_MULAW, 8000, 20, 0}, .carrier = "vobiz", PLIVO("audio/x-mulaw", "8000")},
    {"vobiz-l16", "l16/16000", {LOAD_L16BE, 16000, 20, 0}, .carrier = "vobiz", PLIVO("audio/x-l16", "16000")},
    {"exotel", "l16/8000", {LOAD_L16LE, 8000, 100, 0}, EXOTEL},
    {"telnyx", "pcmu/8000", {LOAD_MULAW, 8000, 20, 0}, TELNYX("PCMU", "8000")},
    {"telnyx-l16", "l16/16000", {LOAD_L16BE, 16000, 20, 0}, TELNYX("L16", "16000")},
    {"vonage", "l16/16000", {LOAD_L16LE, 16000, 20, 1}, VONAGE},
    {"genesys", "-", {LOAD_MULAW, 8000, 200, 1}, GENESYS},
};

const load_wire *load_wire_at(size_t i) { return i < sizeof wires / sizeof *wires ? &wires[i] : NULL; }

const load_wire *load_wire_find(const char *name) {
  const load_wire *wire;
  for (size_t i = 0; (wire = load_wire_at(i)) && strcmp(wire->name, name);) i++;
  return wire;
}

/* ---- templates */

typedef struct writer {
  char *at, *end;
} writer;

static void put(writer *to, const char *text, size_t bytes) {
  if (bytes >= (size_t)(to->end - to->at)) {
    fprintf(stderr, "load: a message does not fit\n");
    abort();
  }
  memcpy(to->at, text, bytes);
  to->at += bytes;
}

/* Of a template: with " for '. */
static void put_literal(writer *to, const char *text, size_t bytes) {
  char *quote = to->at;
  put(to, text, bytes);
  while ((quote = memchr(quote, '\'', (size_t)(to->at - quote)))) *quote++ = '"';
}

static void put_number(writer *to, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do digits[sizeof digits - ++count] = (char)('0' + number % 10);
  while (number /= 10);
  put(to, digits + sizeof digits - count, count);
}

static int is(const char *name, size_t bytes, const char *word) {
  return strlen(word) == bytes && !memcmp(name, word, bytes);
}

static void put_value(writer *to, const char *name, size_t bytes, const load_values *values) {
  const struct {
    const char *name, *value;
  } texts[] = {{"stream", values->stream}, {"call", values->call},       {"mark", values->mark},
               {"agent", values->agent},   {"account", values->account}, {"status", values->status}};
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = {{"seq", values->seq},
                 {"chunk", values->chunk},
                 {"ms", values->ms},
                 {"seconds", values->ms / 1000},
                 {"peer", values->peer}};
  if (is(name, bytes, "audio")) {
    put(to, values->audio, values->audio_bytes);
    return;
  }
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (!is(name, bytes, numbers[i].name)) continue;
    put_number(to, numbers[i].value);
    return;
  }
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!is(name, bytes, texts[i].name) || !texts[i].value) continue;
    put(to, texts[i].value, strlen(texts[i].value));
    return;
  }
  fprintf(stderr, "load: no value of ${%.*s}\n", (int)bytes, name);
  abort();
}

size_t load_write(char *into, size_t room, const char *text, const load_values *values) {
  writer to = {into, into + room};
  for (const char *variable; (variable = strstr(text, "${")); text = strchr(variable, '}') + 1) {
    put_literal(&to, text, (size_t)(variable - text));
    put_value(&to, variable + 2, strcspn(variable + 2, "}"), values);
  }
  put_literal(&to, text, strlen(text));
  *to.at = 0;
  return (size_t)(to.at - into);
}

/* ---- answers */

/* What JSON and XML write in another way in URLs. */
static size_t unescape(char *into, const char *text, size_t bytes) {
  char *at = into;
  for (size_t i = 0; i < bytes; i++) {
    if (text[i] == '\\' && i + 1 < bytes) i++;
    *at++ = text[i];
    if (bytes - i >= 5 && !memcmp(text + i, "&amp;", 5)) i += 4;
  }
  return (size_t)(at - into);
}

int load_wire_url(const load_wire *wire, const char *answer, char *into, size_t room) {
  const char *element = strstr(answer, wire->url.element ? wire->url.element : "");
  const char *value = element && wire->url.before ? strstr(element, wire->url.before) : NULL;
  const char *tag_end = value && *wire->url.element ? strchr(element, '>') : NULL;
  if (!value || (tag_end && value > tag_end)) return -1;
  value += strlen(wire->url.before);
  const char *end = strchr(value, wire->url.end);
  if (!end || end == value || (size_t)(end - value) >= room) return -1;
  into[unescape(into, value, (size_t)(end - value))] = 0;
  return 0;
}

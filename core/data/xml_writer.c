#include "data/xml.h"

#include <errno.h>
#include <libxml/tree.h>
#include <libxml/xmlwriter.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/utf8.h"
#include "data/xml_prepare.h"

struct cal_xml_writer {
  xmlTextWriter *writer;
  cal_buf *into;
  int code; /* the first mistake */
  int depth;
};

static int append(void *context, const char *data, int bytes) {
  cal_xml_writer *w = context;
  int code = cal_buf_append(w->into, data, (size_t)bytes);
  if (code < 0 && w->code == 0) w->code = code;
  return bytes; /* told at the end, libxml2 would only know that something failed */
}

cal_xml_writer *cal_xml_writer_new(cal_buf *into) {
  cal_xml_prepare();
  cal_xml_writer *w = cal_alloc(sizeof *w);
  w->into = into;
  xmlOutputBuffer *out = xmlOutputBufferCreateIO(append, NULL, w, NULL);
  w->writer = out ? xmlNewTextWriter(out) : NULL;
  if (!w->writer) {
    if (out) xmlOutputBufferClose(out);
    w->code = cal_fail(-ENOMEM, "libxml2 has no memory for a writer");
  } else {
    xmlTextWriterStartDocument(w->writer, "1.0", "UTF-8", NULL);
  }
  return w;
}

static void keep(cal_xml_writer *w, int result, const char *what) {
  if (result < 0 && w->code == 0) w->code = cal_fail(-EINVAL, "XML cannot be written: %s", what);
}

static int is_name(cal_xml_writer *w, const char *name) {
  if (w->code < 0) return 0;
  if (name && xmlValidateNameValue((const xmlChar *)name) == 1) return 1;
  w->code = cal_fail(-EINVAL, "XML cannot be written: \"%s\" is not a name", name ? name : "");
  return 0;
}

/* May XML hold this well-formed character? */
static int is_allowed(const char *at, size_t bytes) {
  unsigned char c = (unsigned char)*at;
  if (bytes == 1) return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
  return bytes != 3 || memcmp(at, "\xEF\xBF", 2) != 0 || (unsigned char)at[2] < 0xBE; /* not U+FFFE, U+FFFF */
}

static char *cleaned(cal_span text) { /* returns owned */
  char *out = cal_alloc(3 * text.bytes + 1), *into = out;
  for (size_t i = 0, bytes; i < text.bytes; i += bytes ? bytes : 1) {
    bytes = cal_utf8_next(text.at + i, text.bytes - i);
    int is_good = bytes && is_allowed(text.at + i, bytes);
    size_t written = is_good ? bytes : 3;
    memcpy(into, is_good ? text.at + i : CAL_UTF8_REPLACEMENT, written);
    into += written;
  }
  return out;
}

void cal_xml_open(cal_xml_writer *w, const char *name) {
  if (!is_name(w, name)) return;
  w->depth++;
  keep(w, xmlTextWriterStartElement(w->writer, (const xmlChar *)name), "an element where none belongs");
}

void cal_xml_put_attr(cal_xml_writer *w, const char *name, const char *value) {
  if (!value || !is_name(w, name)) return;
  char *clean = cleaned(cal_span_of(value));
  keep(w, xmlTextWriterWriteAttribute(w->writer, (const xmlChar *)name, (const xmlChar *)clean),
       "an attribute must follow its element's opening");
  cal_free(clean);
}

void cal_xml_put_text(cal_xml_writer *w, cal_span text) {
  if (w->code < 0 || text.bytes == 0) return;
  char *clean = cleaned(text);
  keep(w, w->depth ? xmlTextWriterWriteString(w->writer, (const xmlChar *)clean) : -1,
       "text outside the root element");
  cal_free(clean);
}

void cal_xml_close(cal_xml_writer *w) {
  if (w->code < 0) return;
  keep(w, w->depth ? xmlTextWriterEndElement(w->writer) : -1, "more elements were closed than opened");
  w->depth -= w->depth > 0;
}

int cal_xml_writer_end(cal_xml_writer *w) {
  if (w->writer && w->code == 0) xmlTextWriterEndDocument(w->writer);
  if (w->writer) xmlFreeTextWriter(w->writer);
  int code = w->code;
  cal_free(w);
  return code;
}

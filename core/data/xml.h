/* xml: answer documents in and out, by libxml2 with everything dangerous off.
 *
 * Reading makes a small tree: elements with their attributes, text and children. A document has at most
 * CAL_XML_BYTES and elements nest at most CAL_XML_DEPTH deep. A document type declaration is refused, so
 * there are no entities but the five of XML itself; nothing is ever loaded. The whole tree is one reference
 * counted block (cal_ref / cal_unref) and never changes: read it on any thread.
 *
 * Writing escapes what must be, closes what was opened, and remembers its first mistake until
 * cal_xml_writer_end. */
#ifndef CAL_DATA_XML_H
#define CAL_DATA_XML_H

#include "base/buf.h"

#define CAL_XML_BYTES 100000
#define CAL_XML_DEPTH 32

typedef struct cal_xml_attr {
  const char *name, *value; /* UTF-8, zero-terminated */
  const struct cal_xml_attr *next;
} cal_xml_attr;

typedef struct cal_xml {
  const char *name; /* without its namespace prefix */
  /* character data directly inside, joined, without the white space around it; never NULL */
  const char *text;
  const cal_xml_attr *attrs;
  const struct cal_xml *children, *next;
} cal_xml;

/* The root element, returned owned (one reference). -EBADMSG with line and reason, -EMSGSIZE when too large
 * or deep. */
int cal_xml_parse(cal_xml **result, const char *text, size_t bytes);

const char *cal_xml_get(const cal_xml *element, const char *attr); /* borrowed; NULL when absent */
const cal_xml *cal_xml_child(const cal_xml *element,
                             const char *name); /* the first of that name; NULL when absent */

typedef struct cal_xml_writer cal_xml_writer;

cal_xml_writer *
cal_xml_writer_new(cal_buf *into); /* returns owned; borrows `into`, appends to it; writes the declaration */
void cal_xml_open(cal_xml_writer *writer, const char *name);
void cal_xml_put_attr(cal_xml_writer *writer, const char *name,
                      const char *value); /* right after open; NULL value: nothing */
void cal_xml_put_text(cal_xml_writer *writer,
                      cal_span text); /* characters that XML cannot hold become U+FFFD */
void cal_xml_close(cal_xml_writer *writer);
/* Takes. Closes what is open. 0, or what went wrong first: -EMSGSIZE of the buffer, -EINVAL for a bad name.
 */
int cal_xml_writer_end(cal_xml_writer *writer);

#endif

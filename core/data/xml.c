#include "data/xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/xml_prepare.h"

/* libxml2 builds its own tree first. It is then measured and copied into one block: elements and attributes
 * from the front, their strings from the back, so that everything is aligned and goes at once. */
typedef struct block {
  char *front, *back;
} block;

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static int is_text(const xmlNode *node) {
  return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

static size_t measure_text(const xmlNode *element) {
  size_t bytes = 1;
  for (const xmlNode *node = element->children; node; node = node->next)
    if (is_text(node) && node->content) bytes += strlen((const char *)node->content);
  return bytes;
}

/* An attribute's value is a list of text nodes, as there are no entities. */
static size_t measure_attr(const xmlAttr *attr) {
  size_t bytes = strlen((const char *)attr->name) + 2;
  for (const xmlNode *node = attr->children; node; node = node->next)
    if (node->content) bytes += strlen((const char *)node->content);
  return bytes;
}

/* Bytes for the element and all below it; 0 when it nests too deeply. */
static size_t measure(const xmlNode *element, int depth) {
  if (depth > CAL_XML_DEPTH) return 0;
  size_t bytes = sizeof(cal_xml) + strlen((const char *)element->name) + 1 + measure_text(element);
  for (const xmlAttr *attr = element->properties; attr; attr = attr->next)
    bytes += sizeof(cal_xml_attr) + measure_attr(attr);
  for (const xmlNode *node = element->children; node; node = node->next) {
    if (node->type != XML_ELEMENT_NODE) continue;
    size_t below = measure(node, depth + 1);
    if (below == 0) return 0;
    bytes += below;
  }
  return bytes;
}

static void *take_front(block *b, size_t bytes) {
  void *taken = b->front;
  b->front += bytes;
  return taken;
}

static char *take_string(block *b, const char *text, size_t bytes) {
  b->back -= bytes + 1;
  memcpy(b->back, text, bytes);
  b->back[bytes] = 0;
  return b->back;
}

static const char *copy_text(block *b, const xmlNode *first, size_t room) {
  char *end = b->back, *into = b->back -= room;
  for (const xmlNode *node = first; node; node = node->next) {
    if (!is_text(node) || !node->content) continue;
    size_t bytes = strlen((const char *)node->content);
    memcpy(into, node->content, bytes);
    into += bytes;
  }
  char *start = b->back;
  while (start < into && is_space(*start)) start++;
  while (into > start && is_space(into[-1])) into--;
  memset(into, 0, (size_t)(end - into));
  return start;
}

static const char *copy_value(block *b, const xmlAttr *attr) {
  size_t room = measure_attr(attr) - strlen((const char *)attr->name) - 1;
  char *into = b->back -= room, *start = into;
  for (const xmlNode *node = attr->children; node; node = node->next) {
    size_t bytes = node->content ? strlen((const char *)node->content) : 0;
    if (bytes) memcpy(into, node->content, bytes);
    into += bytes;
  }
  *into = 0;
  return start;
}

static cal_xml *copy(block *b, const xmlNode *element) {
  cal_xml *made = take_front(b, sizeof *made);
  const cal_xml_attr **next_attr = &made->attrs;
  const cal_xml **next_child = &made->children;
  *made = (cal_xml){.name = take_string(b, (const char *)element->name, strlen((const char *)element->name)),
                    .text = copy_text(b, element->children, measure_text(element))};
  for (const xmlAttr *attr = element->properties; attr; attr = attr->next) {
    cal_xml_attr *copied = take_front(b, sizeof *copied);
    const char *name = take_string(b, (const char *)attr->name, strlen((const char *)attr->name));
    *copied = (cal_xml_attr){name, copy_value(b, attr), NULL};
    *next_attr = copied;
    next_attr = &copied->next;
  }
  for (const xmlNode *node = element->children; node; node = node->next) {
    if (node->type != XML_ELEMENT_NODE) continue;
    cal_xml *child = copy(b, node);
    *next_child = child;
    next_child = &child->next;
  }
  return made;
}

/* Called at "<!DOCTYPE": the end of the document as far as we are concerned. */
static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *external,
                           const xmlChar *system) {
  xmlParserCtxt *parser = context;
  parser->_private = parser;
  xmlStopParser(parser);
}

static int complain(const xmlParserCtxt *parser) {
  if (parser->_private) return cal_fail(-EBADMSG, "XML with a document type declaration is refused");
  const xmlError *error = xmlCtxtGetLastError((void *)parser);
  const char *message = error && error->message ? error->message : "it cannot be read";
  int bytes = (int)strcspn(message, "\n");
  return cal_fail(-EBADMSG, "not XML: %.*s, in line %d", bytes, message, error ? error->line : 0);
}

static int convert(cal_xml **result, const xmlDoc *document) {
  const xmlNode *root = xmlDocGetRootElement((xmlDoc *)document);
  if (!root) return cal_fail(-EBADMSG, "not XML: no element");
  size_t bytes = measure(root, 1);
  if (bytes == 0) return cal_fail(-EMSGSIZE, "XML elements nest more than %d deep", CAL_XML_DEPTH);
  char *memory = cal_ref_new(bytes, NULL);
  block b = {memory, memory + bytes};
  *result = copy(&b, root);
  return 0;
}

int cal_xml_parse(cal_xml **result, const char *text, size_t bytes) {
  if (bytes > CAL_XML_BYTES)
    return cal_fail(-EMSGSIZE, "an XML document of %zu bytes, at most %d are read", bytes, CAL_XML_BYTES);
  if (bytes == 0) return cal_fail(-EBADMSG, "not XML: an empty text");
  cal_xml_prepare();
  xmlParserCtxt *parser = xmlNewParserCtxt();
  if (!parser) return cal_fail(-ENOMEM, "libxml2 has no memory for a parser");
  parser->sax->internalSubset = refuse_doctype;
  int options =
      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA | XML_PARSE_COMPACT;
  xmlDoc *document = xmlCtxtReadMemory(parser, text, (int)bytes, NULL, NULL, options);
  int code = document && !parser->_private ? convert(result, document) : complain(parser);
  xmlFreeDoc(document);
  xmlFreeParserCtxt(parser);
  return code;
}

const char *cal_xml_get(const cal_xml *element, const char *attr) {
  for (const cal_xml_attr *a = element->attrs; a; a = a->next)
    if (strcmp(a->name, attr) == 0) return a->value;
  return NULL;
}

const cal_xml *cal_xml_child(const cal_xml *element, const char *name) {
  for (const cal_xml *child = element->children; child; child = child->next)
    if (strcmp(child->name, name) == 0) return child;
  return NULL;
}

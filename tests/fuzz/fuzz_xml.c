/* Whatever is read can be written, and reads back as the same tree. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MUST(condition)                                                                                      \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "does not hold: %s\n", #condition);                                                    \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

static int depth_of(const cal_xml *element) {
  int deepest = 0;
  for (const cal_xml *child = element->children; child; child = child->next) {
    int depth = depth_of(child);
    if (depth > deepest) deepest = depth;
  }
  return deepest + 1;
}

static void write_out(cal_xml_writer *w, const cal_xml *element) {
  cal_xml_open(w, element->name);
  for (const cal_xml_attr *a = element->attrs; a; a = a->next) {
    int is_again = 0; /* a:x and b:x are both x once their prefixes are gone */
    for (const cal_xml_attr *b = element->attrs; b != a; b = b->next)
      is_again |= strcmp(a->name, b->name) == 0;
    if (!is_again) cal_xml_put_attr(w, a->name, a->value);
  }
  cal_xml_put_text(w, cal_span_of(element->text));
  for (const cal_xml *child = element->children; child; child = child->next) write_out(w, child);
  cal_xml_close(w);
}

static void compare(const cal_xml *a, const cal_xml *b) {
  MUST(strcmp(a->name, b->name) == 0);
  MUST(strcmp(a->text, b->text) == 0);
  for (const cal_xml_attr *attr = a->attrs; attr; attr = attr->next)
    MUST(strcmp(cal_xml_get(a, attr->name), cal_xml_get(b, attr->name)) == 0);
  const cal_xml *x = a->children, *y = b->children;
  for (; x && y; x = x->next, y = y->next) compare(x, y);
  MUST(!x && !y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  cal_xml *root = NULL, *again = NULL;
  if (cal_xml_parse(&root, (const char *)data, bytes) < 0) {
    MUST(!root);
    return 0;
  }
  MUST(depth_of(root) <= CAL_XML_DEPTH);
  cal_buf buf;
  cal_buf_init(&buf, 100 * CAL_XML_BYTES);
  cal_xml_writer *w = cal_xml_writer_new(&buf);
  write_out(w, root);
  MUST(cal_xml_writer_end(w) == 0);
  if (buf.bytes <= CAL_XML_BYTES) {
    MUST(cal_xml_parse(&again, buf.data, buf.bytes) == 0);
    compare(root, again);
  }
  cal_buf_free(&buf);
  cal_unref(again);
  cal_unref(root);
  return 0;
}

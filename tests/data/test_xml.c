#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/xml.h"

static cal_xml *parsed(const char *text) {
  cal_xml *root = NULL;
  if (cal_xml_parse(&root, text, strlen(text)) != 0) fail_msg("%s: %s", text, cal_error_text());
  return root;
}

static void an_answer_document_becomes_a_tree(void **state) {
  cal_xml *root =
      parsed("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>\n  <Connect action='/end'>\n"
             "    <Stream url=\"wss://voice.example.com/m?a=1&amp;b=2\" name=\"&lt;x&gt; &quot;\">\n"
             "      <Parameter name=\"lead\" value=\"42\"/><!-- note --><Parameter name=\"t\" value=\"\"/>\n"
             "    </Stream>\n  </Connect>\n  <Say> Tom &amp; <b>J</b>erry <![CDATA[<3]]> &#233; "
             "</Say><Hangup/></Response>");
  assert_string_equal(root->name, "Response");
  assert_string_equal(root->text, "");
  const cal_xml *connect = cal_xml_child(root, "Connect"), *stream = cal_xml_child(connect, "Stream");
  assert_string_equal(cal_xml_get(connect, "action"), "/end");
  assert_string_equal(cal_xml_get(stream, "url"), "wss://voice.example.com/m?a=1&b=2");
  assert_string_equal(cal_xml_get(stream, "name"), "<x> \"");
  assert_null(cal_xml_get(stream, "track"));
  const cal_xml *first = stream->children;
  assert_string_equal(cal_xml_get(first, "value"), "42");
  assert_string_equal(cal_xml_get(first->next, "value"), "");
  assert_null(first->next->next);
  assert_string_equal(connect->next->text, "Tom & erry <3 \xC3\xA9");
  assert_string_equal(connect->next->children->text, "J");
  assert_string_equal(connect->next->next->name, "Hangup");
  assert_null(cal_xml_child(root, "Dial"));
  cal_unref(root);
}

static void prefixes_and_other_encodings_are_understood(void **state) {
  cal_xml *root =
      parsed("<?xml version='1.0' encoding='ISO-8859-1'?><a:b xmlns:a='urn:x' a:c='\xE9'>\xE9</a:b>");
  assert_string_equal(root->name, "b");
  assert_string_equal(root->text, "\xC3\xA9");
  assert_string_equal(cal_xml_get(root, "c"), "\xC3\xA9");
  cal_unref(root);
}

static void dangerous_documents_are_refused(void **state) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", "document type"},
      {"<!DOCTYPE a [<!ENTITY x \"y\"><!ENTITY z \"&x;&x;&x;\">]><a b='&z;'/>", "document type"},
      {"<!DOCTYPE a SYSTEM \"http://127.0.0.1/x.dtd\"><a/>", "document type"},
      {"<a>&x;</a>", "x"},
      {"<a>", "line 1"},
      {"<a></b>", "line 1"},
      {"<a/><b/>", "line 1"},
      {"<a b=1/>", "line 1"},
      {"<a b='1' b='2'/>", "line 1"},
      {"plain", "line 1"},
      {"", "empty"},
      {"<a>\xFF</a>", "line 1"},
      {"\n\n<a", "line 3"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_xml *root = NULL;
    assert_int_equal(cal_xml_parse(&root, cases[i].text, strlen(cases[i].text)), -EBADMSG);
    assert_null(root);
    if (!strstr(cal_error_text(), cases[i].says)) fail_msg("%s: %s", cases[i].text, cal_error_text());
  }
  assert_int_equal(cal_xml_parse(&(cal_xml *){NULL}, "<a>\0</a>", 8), -EBADMSG);
}

static void size_and_depth_have_limits(void **state) {
  cal_xml *root = NULL;
  char *large = cal_alloc(CAL_XML_BYTES + 1);
  memset(large, ' ', CAL_XML_BYTES + 1);
  memcpy(large, "<a>", 3);
  memcpy(large + CAL_XML_BYTES - 4, "</a>", 4);
  assert_int_equal(cal_xml_parse(&root, large, CAL_XML_BYTES + 1), -EMSGSIZE);
  assert_int_equal(cal_xml_parse(&root, large, CAL_XML_BYTES), 0);
  cal_free(large);
  root = cal_unref(root);
  for (int depth = CAL_XML_DEPTH; depth <= CAL_XML_DEPTH + 1; depth++) {
    char text[8 * CAL_XML_DEPTH] = "";
    for (int i = 0; i < depth; i++) strcat(text, "<a>");
    for (int i = 0; i < depth; i++) strcat(text, "</a>");
    assert_int_equal(cal_xml_parse(&root, text, strlen(text)), depth <= CAL_XML_DEPTH ? 0 : -EMSGSIZE);
    root = cal_unref(root);
  }
}

static void what_is_written_reads_back(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 4096);
  cal_xml_writer *w = cal_xml_writer_new(&buf);
  const char *awkward = "a<b>&\"'\t\nc]]>d \xE2\x82\xAC";
  cal_xml_open(w, "Response");
  cal_xml_open(w, "Say");
  cal_xml_put_attr(w, "voice", awkward);
  cal_xml_put_attr(w, "absent", NULL);
  cal_xml_put_text(w, cal_span_of(awkward));
  cal_xml_close(w);
  cal_xml_open(w, "Hangup");
  assert_int_equal(cal_xml_writer_end(w), 0);
  cal_xml *root = parsed(buf.data);
  assert_memory_equal(buf.data, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", 38);
  assert_string_equal(root->children->text, awkward);
  assert_string_equal(cal_xml_get(root->children, "voice"), awkward);
  assert_null(cal_xml_get(root->children, "absent"));
  assert_string_equal(root->children->next->name, "Hangup");
  cal_unref(root);
  cal_buf_free(&buf);
}

static void characters_xml_cannot_hold_are_replaced(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 4096);
  cal_xml_writer *w = cal_xml_writer_new(&buf);
  cal_xml_open(w, "a");
  cal_xml_put_text(w, (cal_span){"x\0y\x01z\xFF\xEF\xBF\xBE", 9});
  assert_int_equal(cal_xml_writer_end(w), 0);
  cal_xml *root = parsed(buf.data);
  assert_string_equal(root->text, "x\xEF\xBF\xBDy\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD");
  cal_unref(root);
  cal_buf_free(&buf);
}

static void the_writer_tells_its_first_mistake(void **state) {
  static const struct {
    int ceiling, mistake, code;
  } cases[] = {{4096, 'n', -EINVAL},
               {4096, 'c', -EINVAL},
               {4096, 't', -EINVAL},
               {4096, 'a', -EINVAL},
               {50, 'x', -EMSGSIZE}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_buf buf;
    cal_buf_init(&buf, (size_t)cases[i].ceiling);
    cal_xml_writer *w = cal_xml_writer_new(&buf);
    if (cases[i].mistake == 't') cal_xml_put_text(w, cal_span_of("early"));
    if (cases[i].mistake == 'c') cal_xml_close(w);
    cal_xml_open(w, cases[i].mistake == 'n' ? "not a name" : "name");
    cal_xml_put_text(w, cal_span_of("some text that is longer than the room there is"));
    if (cases[i].mistake == 'a') cal_xml_put_attr(w, "late", "value");
    assert_int_equal(cal_xml_writer_end(w), cases[i].code);
    cal_buf_free(&buf);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_document_becomes_a_tree),
      cmocka_unit_test(prefixes_and_other_encodings_are_understood),
      cmocka_unit_test(dangerous_documents_are_refused),
      cmocka_unit_test(size_and_depth_have_limits),
      cmocka_unit_test(what_is_written_reads_back),
      cmocka_unit_test(characters_xml_cannot_hold_are_replaced),
      cmocka_unit_test(the_writer_tells_its_first_mistake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "data/xml_prepare.h"

#include <libxml/parser.h>
#include <pthread.h>

static pthread_once_t is_prepared = PTHREAD_ONCE_INIT;

void cal_xml_prepare(void) { pthread_once(&is_prepared, xmlInitParser); }

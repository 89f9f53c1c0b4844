/* xml_prepare: libxml2 sets its tables up when it is first used, and two threads that do so at once destroy them. Reader and
 * writer call this before anything else of it. Any thread. */
#ifndef CAL_DATA_XML_PREPARE_H
#define CAL_DATA_XML_PREPARE_H

void cal_xml_prepare(void); /* once for the process; the others wait for it */

#endif

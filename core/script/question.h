/* question: what a VM asked another plane, and who gets the answer. A VM never waits inside C: asking gives a number,
 * and the answer is an event that carries it. Room for the answer is reserved in the thread's mailbox before the
 * question is accepted, so no answer is ever lost. The script's own thread. */
#ifndef CAL_SCRIPT_QUESTION_H
#define CAL_SCRIPT_QUESTION_H

#include "script/context.h"
#include "script/live_call.h"
#include "script/service.h"

#define CAL_QUESTIONS_CEILING 65536   /* of a thread */
#define CAL_CALL_QUESTIONS_CEILING 64 /* of one call: what it sends is memory of ours, not of its VM */

/* -ENOBUFS: too many answers are waited for. */
int cal_question_ask(cal_context *asker, cal_id *request);
void cal_question_forget(cal_context *asker, cal_id request); /* it was refused: no answer will come */

/* The answer has come. 1: it is for this call, or, with NULL, for the service's own VM. 0: it is too late. */
int cal_question_answered(cal_script_host *host, cal_id request, cal_service **service, cal_live_call **call);

void cal_question_drop_all(cal_script_host *host); /* when the thread ends */

#endif

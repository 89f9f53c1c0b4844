/* question: what a VM asked another plane, and who gets the answer. A VM never waits inside C: asking gives a number,
 * and the answer is an event that carries it. Room for the answer is reserved in the thread's mailbox before the
 * question is accepted, so no answer is ever lost. The script's own thread. */
#ifndef CAL_SCRIPT_QUESTION_H
#define CAL_SCRIPT_QUESTION_H

#include "script/context.h"
#include "script/live_call.h"
#include "script/service.h"

#define CAL_QUESTIONS_CEILING 65536 /* of a thread */

/* What calls send and are answered is memory and descriptors of ours, not of their VMs. When half of what all of them may
 * have is taken, one that has more than the smaller share is refused. */
#define CAL_CALL_QUESTIONS_CEILING 16 /* of one call */
#define CAL_CALL_QUESTIONS_SHORT 4
#define CAL_CALL_BYTES_CEILING (24u << 20) /* the same, with the room for the answers */
#define CAL_CALL_BYTES_SHORT (2u << 20)
#define CAL_CALLS_QUESTIONS_CEILING 512      /* of all calls */
#define CAL_CALLS_BYTES_CEILING (256u << 20) /* of all calls */

/* `bytes`: of what is sent and may be answered. -ENOBUFS: too many answers are waited for; -EDQUOT: the call waits for as
 * much as it may. */
int cal_question_ask(cal_context *asker, size_t bytes, cal_id *request);
void cal_question_forget(cal_context *asker, cal_id request); /* it was refused: no answer will come */

/* The answer has come. 1: it is for this call, or, with NULL, for the service's own VM. 0: it is too late. */
int cal_question_answered(cal_script_host *host, cal_id request, cal_service **service, cal_live_call **call);

void cal_question_drop_all(cal_script_host *host); /* when the thread ends */

#endif

/* What every cmocka program includes, in the order cmocka wants it. */
#ifndef CAL_TESTS_BASE_CHECK_H
#define CAL_TESTS_BASE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

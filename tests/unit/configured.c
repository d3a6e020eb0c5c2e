/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/keywords.h"
#include "tests/unit/configured.h"

struct settings *
configured(const char *text)
{
	struct settings *s;
	struct options o;
	struct err e;

	options_default(&o);
	if (text != NULL && keywords_parse(&o, span_cstr(text), "test",
	    &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(settings_new(&s, &o, 0, NULL, &e), 0);
	return s;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/keywords.h"
#include "tests/unit/configured.h"
#include "tests/unit/data.h"

int
configured_options(struct options *o, const char *text, struct err *e)
{
	struct data d = data_copy(span_cstr(text));
	int r;

	options_default(o);
	r = keywords_parse(o, data_span(&d), "test", e);
	data_free(&d);
	return r;
}

struct settings *
configured(const char *text)
{
	struct settings *s;
	struct options o;
	struct err e;

	if (configured_options(&o, text != NULL ? text : "", &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(settings_new(&s, &o, 0, NULL, &e), 0);
	return s;
}

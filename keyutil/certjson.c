/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "ca/form.h"
#include "keyutil/certjson.h"
#include "ssh/keytext.h"

json_t *
certjson_time(uint64_t when)
{
	return when <= INT64_MAX ? json_integer((json_int_t)when) :
	    json_null();
}

json_t *
certjson_serial(uint64_t serial)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, serial);
	return json_string(text);
}

json_t *
certjson_fingerprint(struct span blob)
{
	char *fp = keytext_fingerprint(blob);
	json_t *j = fp != NULL ? json_string(fp) : NULL;

	free(fp);
	return j;
}

json_t *
certjson_principals(const struct cert *c)
{
	json_t *array = json_array();
	struct span name;
	struct wire_r r;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		if (json_array_append_new(array, out_json_span(name)) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* Null: it has none, or one that is not well formed. */
static json_t *
json_of_value(struct span data)
{
	struct span value;

	return ca_form_value(data, &value) ? out_json_span(value) :
	    json_null();
}

json_t *
certjson_options(struct span options)
{
	json_t *array = json_array();
	struct span name, data;
	struct wire_r r;

	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data))
		if (json_array_append_new(array, json_pack("{s:o, s:o}",
		    "name", out_json_span(name),
		    "value", json_of_value(data))) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

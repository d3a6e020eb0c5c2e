/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "keyutil/login.h"
#include "keyutil/newkey.h"
#include "keyutil/out.h"
#include "keyutil/progress.h"

int
newkey_type(const char *name, const struct keytype **type, struct err *e)
{
	const struct keytype *t;

	if ((*type = keytype_by_name(name)) != NULL)
		return 0;
	out_warn("the types for SSH are:");
	for (size_t i = 0; (t = keytype_at(i)) != NULL; i++) {
		if (!t->ssh && i > 0 && keytype_at(i - 1)->ssh)
			out_warn("and for other uses:");
		out_warn("  %s", t->name);
	}
	return err_set(e, ERR_USAGE, 0, "no such type of key: %.64s", name);
}

int
newkey_check_name(const struct slot *s, const struct token_key_spec *spec,
    struct err *e)
{
	char id[2 * TOKEN_ID_MAX + 1] = "";

	for (size_t i = 0; i < spec->id.n && i < TOKEN_ID_MAX; i++)
		snprintf(id + 2 * i, sizeof(id) - 2 * i, "%02x",
		    spec->id.p[i]);
	for (size_t i = 0; i < s->keys.n; i++) {
		const struct token_key *k = &s->keys.v[i];

		if (strcmp(k->label, spec->label) == 0)
			return err_set(e, ERR_DENIED, 0, "token %s has a key "
			    "\"%.100s\" already, of the type %s; "
			    "\"hsm-keyutil export\" prints it, \"hsm-keyutil "
			    "delete\" deletes it", s->info.serial, k->label,
			    k->algo);
		if (id[0] != '\0' && strcmp(k->id, id) == 0)
			return err_set(e, ERR_DENIED, 0, "token %s has a key "
			    "with the id %s already: \"%.100s\"",
			    s->info.serial, id, k->label);
	}
	return 0;
}

static int
generate(struct slot *s, const struct token_key_spec *spec,
    struct token_key *made, struct err *e)
{
	struct progress *p;
	char what[64];
	int r;

	snprintf(what, sizeof(what), "generating a key of the type %s",
	    spec->type);
	p = progress_start(what);
	r = token_generate(s->token, spec, made, e);
	progress_end(p, r == 0);
	return r != 0 ? err_wrap(e, "token %s", s->info.serial) : 0;
}

int
newkey_make(struct slot *s, const struct token_key_spec *spec,
    const char *pin_file, struct token_key *made, struct err *e)
{
	struct login l;
	char reason[160];
	int r;

	*made = (struct token_key){ 0 };
	if ((r = token_can_generate(s->token, spec, e)) != 0)
		return err_wrap(e, "token %s", s->info.serial);
	snprintf(reason, sizeof(reason), "to make the key \"%.100s\"",
	    spec->label);
	if ((r = login_begin(&l, s, pin_file, reason, e)) != 0)
		return r;
	r = generate(s, spec, made, e);
	login_end(&l);
	if (r == ERR_TOKEN_GONE)
		out_warn("\"hsm-keyutil status\" and \"hsm-keyutil list\" "
		    "show what became of the key");
	return r;
}

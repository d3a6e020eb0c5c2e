/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "ca/form.h"
#include "ca/policy.h"
#include "ca/when.h"
#include "ssh/keytext.h"

#define DAY	UINT64_C(86400)
#define SHOWN	65		/* bytes of a name in a sentence, with NUL */

static const struct subject {
	const char	*name;
	const char	*plain;
	enum ca_subject	 bit;
} subjects[] = {
	{ "rsa",	"ssh-rsa",		CA_SUBJECT_RSA },
	{ "ecdsa-p256",	"ecdsa-sha2-nistp256",	CA_SUBJECT_P256 },
	{ "ecdsa-p384",	"ecdsa-sha2-nistp384",	CA_SUBJECT_P384 },
	{ "ecdsa-p521",	"ecdsa-sha2-nistp521",	CA_SUBJECT_P521 },
	{ "ed25519",	"ssh-ed25519",		CA_SUBJECT_ED25519 },
	{ "ecdsa-sk",	"sk-ecdsa-sha2-nistp256@openssh.com",
	    CA_SUBJECT_ECDSA_SK },
	{ "ed25519-sk",	"sk-ssh-ed25519@openssh.com",
	    CA_SUBJECT_ED25519_SK },
};

#define N_SUBJECTS	(sizeof(subjects) / sizeof(subjects[0]))

unsigned int
ca_subject_of(const char *name)
{
	if (strcmp(name, "ecdsa") == 0)
		return CA_SUBJECT_P256 | CA_SUBJECT_P384 | CA_SUBJECT_P521;
	for (size_t i = 0; i < N_SUBJECTS; i++)
		if (strcmp(name, subjects[i].name) == 0 ||
		    strcmp(name, subjects[i].plain) == 0)
			return subjects[i].bit;
	return 0;
}

int
ca_list_add(struct ca_list *l, const char *text, struct err *e)
{
	char **v = reallocarray(l->v, l->n + 1, sizeof(*v));

	if (v != NULL)
		l->v = v;
	if (v == NULL || (v[l->n] = strdup(text)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	l->n++;
	return 0;
}

bool
ca_list_has(const struct ca_list *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], text) == 0)
			return true;
	return false;
}

void
ca_list_clear(struct ca_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct ca_list){ 0 };
}

static bool
matches_one(const struct ca_list *l, struct span name)
{
	for (size_t i = 0; i < l->n; i++)
		if (glob_matches(name, span_cstr(l->v[i])))
			return true;
	return false;
}

int
ca_policy_default(struct ca_policy *p, struct err *e)
{
	static const char *const usual[] = { "permit-X11-forwarding",
	    "permit-agent-forwarding", "permit-port-forwarding",
	    "permit-pty", "permit-user-rc" };
	int r = 0;

	*p = (struct ca_policy){ .types = 1 << CERT_USER,
	    .max_validity = 366 * DAY, .latest_start = DAY,
	    .earliest_start = DAY, .rsa_bits = CA_RSA_MIN };
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual) && r == 0; i++)
		r = ca_list_add(&p->extensions, usual[i], e);
	return r != 0 ? r : ca_list_add(&p->critical, "*", e);
}

void
ca_policy_clear(struct ca_policy *p)
{
	ca_list_clear(&p->principals);
	ca_list_clear(&p->denied);
	ca_list_clear(&p->key_ids);
	ca_list_clear(&p->extensions);
	ca_list_clear(&p->critical);
	ca_list_clear(&p->required);
	ca_list_clear(&p->programs);
	ca_list_clear(&p->approvers);
	ca_list_clear(&p->requesters);
	free(p->users);
	*p = (struct ca_policy){ 0 };
}

/* --- the rules --- */

struct asked {
	const struct ca_policy	*p;
	const struct cert	*c;
	const struct ca_request	*who;
	uint64_t		 now;
};

static int
deny(struct err *e, const char *what, struct span name, const char *why)
{
	char shown[SHOWN];

	keytext_clean(shown, sizeof(shown), name);
	return err_set(e, ERR_DENIED, 0, "%s \"%s\" is %s for this CA", what,
	    shown, why);
}

static int
check_asker(const struct asked *a, struct err *e)
{
	const struct ca_policy *p = a->p;
	const char *program = a->who->program;
	size_t i = 0;

	while (i < p->n_users && p->users[i] != a->who->uid)
		i++;
	if (p->n_users > 0 && i == p->n_users)
		return err_set(e, ERR_DENIED, 0, "user %ld may not ask this "
		    "CA", (long)a->who->uid);
	for (i = 0; i < p->programs.n; i++)
		if (strcmp(p->programs.v[i], program) == 0)
			return 0;
	if (p->programs.n == 0)
		return 0;
	return program[0] == '\0' ? err_set(e, ERR_DENIED, 0, "nobody knows "
	    "which program asks, and not all may ask this CA") :
	    deny(e, "program", span_cstr(program), "not one that may ask");
}

static int
check_type(const struct asked *a, struct err *e)
{
	if ((a->p->types & 1u << a->c->type) != 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "this CA signs no %s certificates",
	    a->c->type == CERT_USER ? "user" : "host");
}

static int
check_principals(const struct asked *a, struct err *e)
{
	struct span name;
	struct wire_r r;

	wire_read(&r, a->c->principals);
	while (cert_next_principal(&r, &name)) {
		if (matches_one(&a->p->denied, name))
			return deny(e, "principal", name, "denied");
		if (a->p->principals.n > 0 &&
		    !matches_one(&a->p->principals, name))
			return deny(e, "principal", name, "not allowed");
	}
	return 0;
}

static int
check_key_id(const struct asked *a, struct err *e)
{
	if (a->p->key_ids.n == 0 ||
	    matches_one(&a->p->key_ids, a->c->key_id))
		return 0;
	return deny(e, "key id", a->c->key_id, "not allowed");
}

static int
check_serial(const struct asked *a, struct err *e)
{
	if (!a->p->serial || a->c->serial != 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "this CA signs nothing without a "
	    "serial number (ssh-keygen -z)");
}

/* ssh-keygen's +8h are from now, although it begins a minute before. */
static uint64_t
validity_of(const struct asked *a)
{
	const uint64_t from = a->c->valid_after > a->now ?
	    a->c->valid_after : a->now;

	return a->c->valid_before > from ? a->c->valid_before - from : 0;
}

static int
check_times(const struct asked *a, struct err *e)
{
	const uint64_t from = a->c->valid_after, length = validity_of(a);
	const struct ca_policy *p = a->p;
	char most[CA_WHEN_TEXT];

	if (length > p->max_validity)
		return err_set(e, ERR_DENIED, 0, "the certificate is valid "
		    "for %" PRIu64 " seconds, and this CA signs for at most "
		    "%s", length, ca_when_text(p->max_validity, most));
	if (from > a->now && from - a->now > p->latest_start)
		return err_set(e, ERR_DENIED, 0, "the certificate begins "
		    "%" PRIu64 " seconds from now, and this CA signs for at "
		    "most %s", from - a->now, ca_when_text(p->latest_start,
		    most));
	if (from < a->now && a->now - from > p->earliest_start)
		return err_set(e, ERR_DENIED, 0, "the certificate began "
		    "%" PRIu64 " seconds ago, and this CA signs for at most "
		    "%s", a->now - from, ca_when_text(p->earliest_start,
		    most));
	return 0;
}

static int
check_subject(const struct asked *a, struct err *e)
{
	const char *plain = a->c->plain_name;

	if (a->p->subjects != 0 &&
	    (a->p->subjects & ca_subject_of(plain)) == 0)
		return deny(e, "a subject key of type", span_cstr(plain),
		    "not allowed");
	if (strcmp(plain, "ssh-rsa") == 0 &&
	    ca_form_rsa_bits(a->c) < a->p->rsa_bits)
		return err_set(e, ERR_DENIED, 0, "the subject's RSA key has "
		    "%u bits, and this CA wants %u",
		    ca_form_rsa_bits(a->c), a->p->rsa_bits);
	return 0;
}

static int
check_options(const char *what, struct span options,
    const struct ca_list *allowed, struct err *e)
{
	struct span name, data;
	struct wire_r r;

	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data))
		if (!matches_one(allowed, name))
			return deny(e, what, name, "not allowed");
	return 0;
}

static bool
has_option(struct span options, const char *wanted)
{
	struct span name, data;
	struct wire_r r;

	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data))
		if (span_is(name, wanted))
			return true;
	return false;
}

static int
check_all_options(const struct asked *a, struct err *e)
{
	const struct ca_policy *p = a->p;
	int r;

	if ((r = check_options("critical option", a->c->critical,
	    &p->critical, e)) != 0 || (r = check_options("extension",
	    a->c->extensions, &p->extensions, e)) != 0)
		return r;
	/* A host's certificate can have none. */
	for (size_t i = 0; a->c->type == CERT_USER && i < p->required.n; i++)
		if (!has_option(a->c->critical, p->required.v[i]))
			return err_set(e, ERR_DENIED, 0, "this CA signs "
			    "nothing without the critical option \"%s\"",
			    p->required.v[i]);
	return 0;
}

int
ca_policy_check(const struct ca_policy *p, const struct cert *c,
    const struct ca_request *who, time_t now, struct err *e)
{
	static int (*const rules[])(const struct asked *, struct err *) = {
		check_asker, check_type, check_principals, check_key_id,
		check_serial, check_times, check_subject, check_all_options,
	};
	const struct asked a = { p, c, who, now > 0 ? (uint64_t)now : 0 };
	int r;

	if ((r = ca_form_check(c, e)) != 0 || p == NULL)
		return r;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if ((r = rules[i](&a, e)) != 0)
			return r;
	return 0;
}

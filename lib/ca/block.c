/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/block.h"
#include "ca/form.h"
#include "ca/line.h"

#define RSA_BITS_MAX	16384

/* The values that a later line replaces, so that there is to be none. */
enum said {
	SAID_TYPES = 1,
	SAID_EXTENSIONS = 2,
	SAID_CRITICAL = 4,
	SAID_VALIDITY = 8,
	SAID_LATEST = 16,
	SAID_EARLIEST = 32,
	SAID_RATE = 64,
	SAID_SERIAL = 128,
	SAID_OBSERVE = 256,
	SAID_SUBJECTS = 512,
	SAID_DEFAULT = 1024,
	SAID_APPROVALS = 2048,
};

int
ca_block_begin(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	*b = (struct ca_block){ .name = strdup(l->word[1]),
	    .line = l->number };
	if (b->name == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	return ca_policy_default(&b->policy, e);
}

void
ca_block_clear(struct ca_block *b)
{
	free(b->name);
	ca_policy_clear(&b->policy);
	*b = (struct ca_block){ 0 };
}

/* --- lists --- */

static int
critical_options(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return ca_line_options(l, &b->policy.critical, &b->said,
	    SAID_CRITICAL, e);
}

static int
extensions(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return ca_line_options(l, &b->policy.extensions, &b->said,
	    SAID_EXTENSIONS, e);
}

/* One that is not known can only be forgotten, and then nothing is signed. */
static int
require_options(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	for (size_t i = 1; i < l->n; i++)
		if (!ca_form_is_critical(l->word[i]))
			return err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no "
			    "critical option: force-command, source-address "
			    "or verify-required", l->word[0], l->word[i]);
	return ca_line_words(l, &b->policy.required,
	    "names of critical options", e);
}

static int
principals(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return ca_line_words(l, &b->policy.principals, "names and patterns", e);
}

static int
deny_principals(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return ca_line_words(l, &b->policy.denied, "names and patterns", e);
}

static int
key_id(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return ca_line_words(l, &b->policy.key_ids, "patterns", e);
}

static int
certificate_types(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	unsigned int types = 0;
	int r;

	if ((r = ca_line_once(l, &b->said, SAID_TYPES, e)) != 0)
		return r;
	for (size_t i = 1; i < l->n; i++) {
		if (strcasecmp(l->word[i], "user") == 0)
			types |= 1u << CERT_USER;
		else if (strcasecmp(l->word[i], "host") == 0)
			types |= 1u << CERT_HOST;
		else
			break;
		if (i == l->n - 1) {
			b->policy.types = types;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, 0, "%s takes user, host or both",
	    l->word[0]);
}

/* "rsa:3072" */
static int
rsa_bits(const char *text, unsigned int *bits, struct err *e)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    v < CA_RSA_MIN || v > RSA_BITS_MAX)
		return err_set(e, ERR_USAGE, 0, "rsa: takes a number of bits "
		    "from %d to %d", CA_RSA_MIN, RSA_BITS_MAX);
	*bits = (unsigned int)v;
	return 0;
}

static int
subject_keys(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	struct ca_policy *p = &b->policy;
	unsigned int bit;
	int r;

	if ((r = ca_line_once(l, &b->said, SAID_SUBJECTS, e)) != 0)
		return r;
	if (l->n < 2)
		return err_set(e, ERR_USAGE, 0, "%s takes types of keys",
		    l->word[0]);
	for (size_t i = 1; i < l->n; i++) {
		const bool rsa = strncmp(l->word[i], "rsa:", 4) == 0;

		if (rsa && (r = rsa_bits(l->word[i] + 4, &p->rsa_bits,
		    e)) != 0)
			return err_wrap(e, "%s", l->word[0]);
		if ((bit = ca_subject_of(rsa ? "rsa" : l->word[i])) == 0)
			return err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no "
			    "type: rsa, rsa:BITS, ecdsa, ecdsa-p256, "
			    "ecdsa-p384, ecdsa-p521, ed25519, ecdsa-sk or "
			    "ed25519-sk", l->word[0], l->word[i]);
		p->subjects |= bit;
	}
	return 0;
}

/* --- times --- */

static int
one_time(struct ca_block *b, const struct conf_line *l, uint64_t *out,
    enum said what, struct err *e)
{
	int r = ca_line_once(l, &b->said, what, e);

	return r != 0 ? r : ca_line_time(l, out, e);
}

static int
earliest_start(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return one_time(b, l, &b->policy.earliest_start, SAID_EARLIEST, e);
}

static int
latest_start(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return one_time(b, l, &b->policy.latest_start, SAID_LATEST, e);
}

static int
validity(struct ca_block *b, const struct conf_line *l, uint64_t *out,
    enum said what, struct err *e)
{
	int r = one_time(b, l, out, what, e);

	if (r == 0 && *out == 0)
		return err_set(e, ERR_USAGE, 0, "%s: 0 allows none",
		    l->word[0]);
	return r;
}

static int
default_validity(struct ca_block *b, const struct conf_line *l,
    struct err *e)
{
	return validity(b, l, &b->default_validity, SAID_DEFAULT, e);
}

static int
max_validity(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return validity(b, l, &b->policy.max_validity, SAID_VALIDITY, e);
}

/* "10/1h" */
static int
max_rate(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	const char *text = l->n == 2 ? l->word[1] : "";
	unsigned int per;
	unsigned long n;
	char *end;
	int r;

	if ((r = ca_line_once(l, &b->said, SAID_RATE, e)) != 0)
		return r;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '/' || errno != 0 ||
	    n == 0 || n > CA_RATE_MAX)
		return err_set(e, ERR_USAGE, 0, "%s takes a number and a "
		    "time, as in 10/1h; the number from 1 to %d", l->word[0],
		    CA_RATE_MAX);
	if ((r = conf_time(end + 1, &per, e)) != 0)
		return err_wrap(e, "%s", l->word[0]);
	if (per == 0)
		return err_set(e, ERR_USAGE, 0, "%s: in no time, that is no "
		    "limit", l->word[0]);
	b->policy.rate = n;
	b->policy.per = per;
	return 0;
}

/* --- yes or no --- */

static int
one_bool(struct ca_block *b, const struct conf_line *l, bool *out,
    enum said what, struct err *e)
{
	int r;

	if ((r = ca_line_once(l, &b->said, what, e)) != 0)
		return r;
	return conf_bool(l, out, e);
}

static int
observe(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return one_bool(b, l, &b->policy.observe, SAID_OBSERVE, e);
}

static int
require_serial(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return one_bool(b, l, &b->policy.serial, SAID_SERIAL, e);
}

/* --- who may ask --- */

static int
asker_program(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	for (size_t i = 1; i < l->n; i++)
		if (l->word[i][0] != '/')
			return err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no "
			    "whole path", l->word[0], l->word[i]);
	return ca_line_words(l, &b->policy.programs, "whole paths of programs",
	    e);
}

/* By number, or as the system knows the name when this is read. */
static int
user_of(const char *name, uid_t *uid, struct err *e)
{
	const struct passwd *pw;
	unsigned long v;
	char *end;

	if (name[0] >= '0' && name[0] <= '9') {
		errno = 0;
		v = strtoul(name, &end, 10);
		/* The largest means nobody in particular. */
		if (*end == '\0' && errno == 0 && v < UINT_MAX) {
			*uid = (uid_t)v;
			return 0;
		}
	} else if ((pw = getpwnam(name)) != NULL) {
		*uid = pw->pw_uid;
		return 0;
	}
	return err_set(e, ERR_USAGE, 0, "there is no user \"%s\"", name);
}

static int
asker_user(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	struct ca_policy *p = &b->policy;
	uid_t *users;
	int r;

	if (l->n < 2)
		return err_set(e, ERR_USAGE, 0, "%s takes users", l->word[0]);
	for (size_t i = 1; i < l->n; i++) {
		users = reallocarray(p->users, p->n_users + 1,
		    sizeof(*users));
		if (users == NULL)
			return err_set(e, ERR_NOMEM, 0, "configuration");
		p->users = users;
		if ((r = user_of(l->word[i], &users[p->n_users], e)) != 0)
			return err_wrap(e, "%s", l->word[0]);
		p->n_users++;
	}
	return 0;
}

/* --- who has to agree --- */

static int
approvers(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return ca_line_fingerprints(l, &b->policy.approvers,
	    "those who approve", e);
}

static int
requesters(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	return ca_line_fingerprints(l, &b->policy.requesters,
	    "those who ask for certificates", e);
}

static int
require_approvals(struct ca_block *b, const struct conf_line *l,
    struct err *e)
{
	const char *text = l->n == 2 ? l->word[1] : "";
	unsigned long n;
	char *end;
	int r;

	if ((r = ca_line_once(l, &b->said, SAID_APPROVALS, e)) != 0)
		return r;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    n == 0 || n > CA_APPROVALS_MAX)
		return err_set(e, ERR_USAGE, 0, "%s takes a number from 1 to "
		    "%d", l->word[0], CA_APPROVALS_MAX);
	b->policy.approvals = n;
	return 0;
}

/* Approvers besides who asks, for the one of those who has most of them. */
static size_t
others(const struct ca_policy *p)
{
	if (p->requesters.n == 0)
		return p->approvers.n;
	for (size_t i = 0; i < p->requesters.n; i++)
		if (!ca_list_has(&p->approvers, p->requesters.v[i]))
			return p->approvers.n;
	return p->approvers.n > 0 ? p->approvers.n - 1 : 0;
}

static int
check_approvals(const struct ca_policy *p, struct err *e)
{
	if (p->approvals == 0 && p->approvers.n + p->requesters.n > 0)
		return err_set(e, ERR_USAGE, 0, "it names %s, but without "
		    "RequireApprovals nobody is asked",
		    p->approvers.n > 0 ? "Approvers" : "Requesters");
	if (others(p) < p->approvals)
		return err_set(e, ERR_USAGE, 0, "RequireApprovals is %zu, but "
		    "there are %zu Approvers besides who asks", p->approvals,
		    others(p));
	/* With another key of his an approver would be two people. */
	if (p->approvals == 1 && p->requesters.n == 0)
		return err_set(e, ERR_USAGE, 0, "with RequireApprovals 1 it "
		    "has to name Requesters, or one who approves could ask, "
		    "too, with any other key");
	return 0;
}

int
ca_block_check(const struct ca_block *b, struct err *e)
{
	int r = check_approvals(&b->policy, e);

	if (r == 0 && b->default_validity > b->policy.max_validity)
		r = err_set(e, ERR_USAGE, 0, "DefaultValidity is longer than "
		    "MaxValidity");
	return r != 0 ? err_wrap(e, "CA \"%s\"", b->name) : 0;
}

/* --- the table --- */

static const struct keyword {
	const char	*name;
	int		(*fn)(struct ca_block *, const struct conf_line *,
			    struct err *);
} keywords[] = {
	{ "Approvers",		approvers },
	{ "AskerProgram",	asker_program },
	{ "AskerUser",		asker_user },
	{ "CertificateTypes",	certificate_types },
	{ "CriticalOptions",	critical_options },
	{ "DefaultValidity",	default_validity },
	{ "DenyPrincipals",	deny_principals },
	{ "EarliestStart",	earliest_start },
	{ "Extensions",		extensions },
	{ "KeyId",		key_id },
	{ "LatestStart",	latest_start },
	{ "MaxRate",		max_rate },
	{ "MaxValidity",	max_validity },
	{ "Observe",		observe },
	{ "Principals",		principals },
	{ "Requesters",		requesters },
	{ "RequireApprovals",	require_approvals },
	{ "RequireOptions",	require_options },
	{ "RequireSerial",	require_serial },
	{ "SubjectKeys",	subject_keys },
};

static const struct keyword *
keyword_of(const char *name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strcasecmp(name, keywords[i].name) == 0)
			return &keywords[i];
	return NULL;
}

bool
ca_block_knows(const char *keyword)
{
	return keyword_of(keyword) != NULL;
}

int
ca_block_line(struct ca_block *b, const struct conf_line *l, struct err *e)
{
	const struct keyword *k = keyword_of(l->word[0]);

	return k != NULL ? k->fn(b, l, e) : err_set(e, ERR_USAGE, 0,
	    "\"%s\" is no keyword of a CA block", l->word[0]);
}

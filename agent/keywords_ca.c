/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/keywords_ca.h"
#include "agent/keywords_key.h"
#include "ca/form.h"

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
};

/* A table keeps these keywords inside of CA blocks. */
static struct ca_options *
block(struct options *o)
{
	return &o->cas[o->n_cas - 1];
}

static struct ca_policy *
policy(struct options *o)
{
	return &block(o)->policy;
}

static int
once(struct options *o, const struct conf_line *l, enum said what,
    struct err *e)
{
	if ((block(o)->said & what) != 0)
		return err_set(e, ERR_USAGE, 0, "%s was said here before",
		    l->word[0]);
	block(o)->said |= what;
	return 0;
}

int
keywords_ca_fits(const struct options *o, const char *name, struct err *e)
{
	bool is_ca = false;

	for (size_t i = 0; i < o->n_cas; i++)
		is_ca |= strcmp(o->cas[i].key.name, name) == 0;
	for (size_t i = 0; is_ca && i < o->n_keys; i++) {
		const struct key_options *k = &o->keys[i];

		if (strcmp(k->name, name) == 0 && k->use_said &&
		    k->use.set != uses_certify.set)
			return err_set(e, ERR_USAGE, 0, "a key with a CA "
			    "block certifies and does nothing else, but the "
			    "Key block of \"%s\" says another Use", name);
	}
	return 0;
}

int
keywords_ca(struct options *o, const struct conf_line *l, struct err *e)
{
	struct ca_options *ca;
	int r;

	if ((r = keywords_one_key(l, e)) != 0)
		return r;
	for (size_t i = 0; i < o->n_cas; i++)
		if (strcmp(o->cas[i].key.name, l->word[1]) == 0)
			return err_set(e, ERR_USAGE, 0,
			    "CA \"%s\" has a block already", l->word[1]);
	ca = reallocarray(o->cas, o->n_cas + 1, sizeof(*ca));
	if (ca == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->cas = ca;
	ca += o->n_cas++;
	*ca = (struct ca_options){ .key = { .confirm = -1, .offer = -1 } };
	if ((ca->key.name = strdup(l->word[1])) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->section = SECTION_CA;
	if ((r = ca_policy_default(&ca->policy, e)) != 0)
		return r;
	return keywords_ca_fits(o, ca->key.name, e);
}

/* --- lists --- */

static int
add_words(const struct conf_line *l, struct ca_list *to, const char *what,
    struct err *e)
{
	int r = 0;

	if (l->n < 2)
		return err_set(e, ERR_USAGE, 0, "%s takes %s", l->word[0],
		    what);
	for (size_t i = 1; i < l->n && r == 0; i++)
		r = l->word[i][0] != '\0' ? ca_list_add(to, l->word[i], e) :
		    err_set(e, ERR_USAGE, 0, "%s: an empty word matches "
		    "nothing", l->word[0]);
	return r;
}

/* In the place of what is there by default; "none" stands alone. */
static int
add_options(struct options *o, const struct conf_line *l, struct ca_list *to,
    enum said what, struct err *e)
{
	const bool first = (block(o)->said & what) == 0;

	for (size_t i = 1; i < l->n; i++)
		if (strcasecmp(l->word[i], "none") == 0 &&
		    (!first || l->n > 2))
			return err_set(e, ERR_USAGE, 0,
			    "%s: none stands alone", l->word[0]);
	if (!first && to->n == 0)
		return err_set(e, ERR_USAGE, 0, "%s: none stands alone",
		    l->word[0]);
	if (first)
		ca_list_clear(to);
	block(o)->said |= what;
	if (l->n == 2 && strcasecmp(l->word[1], "none") == 0)
		return 0;
	return add_words(l, to, "names of options, or none", e);
}

int
keywords_critical_options(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return add_options(o, l, &policy(o)->critical, SAID_CRITICAL, e);
}

int
keywords_extensions(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return add_options(o, l, &policy(o)->extensions, SAID_EXTENSIONS, e);
}

/* One that is not known can only be forgotten, and then nothing is signed. */
int
keywords_require_options(struct options *o, const struct conf_line *l,
    struct err *e)
{
	for (size_t i = 1; i < l->n; i++)
		if (!ca_form_is_critical(l->word[i]))
			return err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no "
			    "critical option: force-command, source-address "
			    "or verify-required", l->word[0], l->word[i]);
	return add_words(l, &policy(o)->required, "names of critical options",
	    e);
}

int
keywords_principals(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return add_words(l, &policy(o)->principals, "names and patterns", e);
}

int
keywords_deny_principals(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return add_words(l, &policy(o)->denied, "names and patterns", e);
}

int
keywords_key_id(struct options *o, const struct conf_line *l, struct err *e)
{
	return add_words(l, &policy(o)->key_ids, "patterns", e);
}

int
keywords_certificate_types(struct options *o, const struct conf_line *l,
    struct err *e)
{
	unsigned int types = 0;
	int r;

	if ((r = once(o, l, SAID_TYPES, e)) != 0)
		return r;
	for (size_t i = 1; i < l->n; i++) {
		if (strcasecmp(l->word[i], "user") == 0)
			types |= 1u << CERT_USER;
		else if (strcasecmp(l->word[i], "host") == 0)
			types |= 1u << CERT_HOST;
		else
			break;
		if (i == l->n - 1) {
			policy(o)->types = types;
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

int
keywords_subject_keys(struct options *o, const struct conf_line *l,
    struct err *e)
{
	struct ca_policy *p = policy(o);
	unsigned int bit;
	int r;

	if ((r = once(o, l, SAID_SUBJECTS, e)) != 0)
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
one_time(struct options *o, const struct conf_line *l, uint64_t *out,
    enum said what, struct err *e)
{
	unsigned int v;
	int r;

	if ((r = once(o, l, what, e)) != 0)
		return r;
	if (l->n != 2)
		return err_set(e, ERR_USAGE, 0, "%s takes one time",
		    l->word[0]);
	if ((r = conf_time(l->word[1], &v, e)) != 0)
		return err_wrap(e, "%s", l->word[0]);
	*out = v;
	return 0;
}

int
keywords_earliest_start(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return one_time(o, l, &policy(o)->earliest_start, SAID_EARLIEST, e);
}

int
keywords_latest_start(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return one_time(o, l, &policy(o)->latest_start, SAID_LATEST, e);
}

int
keywords_max_validity(struct options *o, const struct conf_line *l,
    struct err *e)
{
	int r = one_time(o, l, &policy(o)->max_validity, SAID_VALIDITY, e);

	if (r == 0 && policy(o)->max_validity == 0)
		return err_set(e, ERR_USAGE, 0, "%s: 0 allows none",
		    l->word[0]);
	return r;
}

/* "10/1h" */
int
keywords_max_rate(struct options *o, const struct conf_line *l,
    struct err *e)
{
	const char *text = l->n == 2 ? l->word[1] : "";
	unsigned int per;
	unsigned long n;
	char *end;
	int r;

	if ((r = once(o, l, SAID_RATE, e)) != 0)
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
	policy(o)->rate = n;
	policy(o)->per = (int64_t)per * 1000;
	return 0;
}

/* --- yes or no --- */

static int
one_bool(struct options *o, const struct conf_line *l, bool *out,
    enum said what, struct err *e)
{
	int r;

	if ((r = once(o, l, what, e)) != 0)
		return r;
	return conf_bool(l, out, e);
}

int
keywords_observe(struct options *o, const struct conf_line *l, struct err *e)
{
	return one_bool(o, l, &policy(o)->observe, SAID_OBSERVE, e);
}

int
keywords_require_serial(struct options *o, const struct conf_line *l,
    struct err *e)
{
	return one_bool(o, l, &policy(o)->serial, SAID_SERIAL, e);
}

/* --- who may ask --- */

int
keywords_asker_program(struct options *o, const struct conf_line *l,
    struct err *e)
{
	for (size_t i = 1; i < l->n; i++)
		if (l->word[i][0] != '/')
			return err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no "
			    "whole path", l->word[0], l->word[i]);
	return add_words(l, &policy(o)->programs, "whole paths of programs",
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

int
keywords_asker_user(struct options *o, const struct conf_line *l,
    struct err *e)
{
	struct ca_policy *p = policy(o);
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

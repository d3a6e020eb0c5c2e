/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/uses.h"
#include "ca/ledger_krl.h"
#include "ssh/keytext.h"

#define SSHSIG_NS	"sshsig:"
#define OWN_NS		"@hsm-ssh-agent"
#define NS_MAX		64		/* namespaces of one key */

/*
 * A key that nobody said anything about does what its owner does with keys:
 * log in, sign files and commits, certify.  To be a host's key, or to sign
 * what nobody can read, it has to be told.  Who comes over a forwarded
 * connection sits at another machine: that one gets no certificates.
 */
const struct uses uses_default = {
	.set = USE_AUTH | USE_CA | USE_SSHSIG | USE_TEST,
};
const struct uses uses_default_forwarded = {
	.set = USE_AUTH | USE_SSHSIG,
};

const struct uses uses_certify = {
	.set = USE_CA | USE_KRL | USE_TEST,
};

static const struct {
	const char	*word;
	unsigned int	 set;
} words_known[] = {
	{ "auth",	USE_AUTH },
	{ "ca",		USE_CA | USE_KRL },
	{ "host",	USE_HOST },
	{ "sshsig",	USE_SSHSIG },
	{ "any",	USE_AUTH | USE_CA | USE_KRL | USE_HOST |
			    USE_SSHSIG | USE_UNKNOWN },
	{ "none",	0 },
};

static int
add_namespaces(struct uses *u, const char *list, struct err *e)
{
	char *copy, *rest, *name, **ns;
	int r = 0;

	if ((copy = rest = strdup(list)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "namespaces");
	while (r == 0 && (name = strsep(&rest, ",")) != NULL) {
		if (name[0] == '\0' || u->n_ns == NS_MAX) {
			r = err_set(e, ERR_USAGE, 0, name[0] == '\0' ?
			    "sshsig: takes namespaces, separated by commas" :
			    "too many namespaces");
			break;
		}
		ns = reallocarray(u->ns, u->n_ns + 1, sizeof(*ns));
		if (ns != NULL)
			u->ns = ns;
		if (ns == NULL || (ns[u->n_ns] = strdup(name)) == NULL)
			r = err_set(e, ERR_NOMEM, 0, "namespaces");
		else
			u->n_ns++;
	}
	free(copy);
	return r;
}

static int
add_word(struct uses *u, const char *word, struct err *e)
{
	const size_t n = strlen(SSHSIG_NS);

	if (strncasecmp(word, SSHSIG_NS, n) == 0) {
		u->set |= USE_SSHSIG;
		return add_namespaces(u, word + n, e);
	}
	for (size_t i = 0; i < sizeof(words_known) / sizeof(*words_known);
	    i++) {
		if (strcasecmp(word, words_known[i].word) == 0) {
			u->set |= words_known[i].set;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, 0, "\"%s\" is no use of a key: auth, ca, "
	    "host, sshsig, sshsig:NAMESPACE,... any or none", word);
}

int
uses_parse(struct uses *u, const char *const *words, size_t n,
    struct err *e)
{
	struct uses new = { 0 };
	bool every = false;
	int r = 0;

	if (n == 0)
		return err_set(e, ERR_USAGE, 0, "what is the key for?");
	for (size_t i = 0; i < n && r == 0; i++) {
		if (n > 1 && strcasecmp(words[i], "none") == 0)
			r = err_set(e, ERR_USAGE, 0, "none stands alone");
		else
			r = add_word(&new, words[i], e);
		every |= strcasecmp(words[i], "sshsig") == 0 ||
		    strcasecmp(words[i], "any") == 0;
	}
	if (r != 0 || every) {
		for (size_t i = 0; i < new.n_ns; i++)
			free(new.ns[i]);
		free(new.ns);
		new.ns = NULL;
		new.n_ns = 0;
	}
	if (r != 0)
		return r;
	if (new.set != 0)
		new.set |= USE_TEST;	/* it tells nobody anything */
	uses_clear(u);
	*u = new;
	return 0;
}

void
uses_clear(struct uses *u)
{
	for (size_t i = 0; i < u->n_ns; i++)
		free(u->ns[i]);
	free(u->ns);
	*u = (struct uses){ 0 };
}

static enum use
use_of(const struct request *req)
{
	switch (req->kind) {
	case REQUEST_USERAUTH:
	case REQUEST_USERAUTH_HOSTBOUND:
	case REQUEST_PAM:
		return USE_AUTH;
	case REQUEST_CERT:
		return USE_CA;
	case REQUEST_HOST_KEX:
	case REQUEST_HOSTKEYS_PROVE:
		return USE_HOST;
	case REQUEST_SSHSIG:
		return USE_SSHSIG;
	case REQUEST_TEST:
		return USE_TEST;
	case REQUEST_UNKNOWN:
		break;
	}
	return USE_UNKNOWN;
}

static bool
names(const struct uses *u, struct span ns)
{
	for (size_t i = 0; i < u->n_ns; i++)
		if (span_is(ns, u->ns[i]))
			return true;
	return false;
}

bool
uses_permit(const struct uses *u, const struct request *req)
{
	const enum use use = use_of(req);

	if (use == USE_SSHSIG && (u->set & USE_KRL) != 0 &&
	    span_is(req->ns, LEDGER_KRL_NS))
		return true;
	if ((u->set & use) == 0)
		return false;
	return use != USE_SSHSIG || u->n_ns == 0 || names(u, req->ns);
}

/* Lists of what was revoked, requests for certificates, approvals. */
static bool
is_own(const struct request *req)
{
	const size_t n = sizeof(OWN_NS) - 1;

	return use_of(req) == USE_SSHSIG && req->ns.n > n &&
	    memcmp(req->ns.p + req->ns.n - n, OWN_NS, n) == 0;
}

bool
uses_permit_afar(const struct uses *u, const struct request *req)
{
	const bool krl = (u->set & USE_KRL) != 0 &&
	    span_is(req->ns, LEDGER_KRL_NS);

	if (is_own(req) && (u->set & USE_UNKNOWN) == 0 && !krl &&
	    !names(u, req->ns))
		return false;
	return uses_permit(u, req);
}

void
uses_word(const struct request *req, char *buf, size_t len)
{
	char name[65];

	switch (use_of(req)) {
	case USE_AUTH:
		snprintf(buf, len, "auth");
		return;
	case USE_CA:
		snprintf(buf, len, "ca");
		return;
	case USE_HOST:
		snprintf(buf, len, "host");
		return;
	case USE_SSHSIG:
		keytext_clean(name, sizeof(name), req->ns);
		snprintf(buf, len, SSHSIG_NS "%s", name);
		return;
	case USE_KRL:
	case USE_TEST:
	case USE_UNKNOWN:
		snprintf(buf, len, "any");
		return;
	}
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "keyutil/cmd.h"
#include "keyutil/keys.h"
#include "keyutil/names.h"
#include "keyutil/out.h"
#include "keyutil/pubfile.h"
#include "keyutil/trust.h"
#include "ssh/keytext.h"

enum {
	OPT_FILE,
	OPT_FOR,
	OPT_PRINCIPALS,
	OPT_NAMESPACES,
	OPT_DOMAIN,
	OPT_ONLY,
	OPT_JSON,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_FILE] = { "file", "FILE",
	    "the key of the CA is in this .pub file, not on a token" },
	[OPT_FOR] = { "for", "user|host",
	    "only what certificates of users need, or of hosts" },
	[OPT_PRINCIPALS] = { "principals", "LIST",
	    "names, separated by commas: who logs in by authorized_keys; and "
	    "whose signatures allowed_signers is for, here also patterns" },
	[OPT_NAMESPACES] = { "namespaces", "LIST",
	    "what is signed, for allowed_signers; git if this is not given" },
	[OPT_DOMAIN] = { "domain", "LIST",
	    "host patterns, separated by commas, for known_hosts, such as "
	    "*.example.org" },
	[OPT_ONLY] = { "only", "PLACE",
	    "print the bare lines for this: user_ca, revoked, sshd, "
	    "authorized_keys, allowed_signers or known_hosts" },
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

static int
parse_types(const char *text, unsigned int *types, struct err *e)
{
	*types = 1U << CERT_USER | 1U << CERT_HOST;
	if (text == NULL)
		return 0;
	*types = strcmp(text, "user") == 0 ? 1U << CERT_USER :
	    strcmp(text, "host") == 0 ? 1U << CERT_HOST : 0;
	return *types != 0 ? 0 : err_set(e, ERR_USAGE, 0,
	    "--for takes user or host: %.32s", text);
}

/* Will the lines of this place be printed? */
static bool
shows(const struct cmd_args *a, const struct trust *t, const char *place)
{
	const char *only = a->value[OPT_ONLY];

	return (only == NULL || strcmp(only, place) == 0) &&
	    trust_has_place(t->types, place);
}

/* Exact names where they are for authorized_keys. */
static int
check_principals(const struct cmd_args *a, const struct trust *t,
    struct err *e)
{
	int r;

	if (t->signers == NULL)
		return 0;
	if (!shows(a, t, "authorized_keys"))
		return names_check_patterns(t->signers, e);
	if ((r = names_check_principals(t->signers, e)) != 0)
		return err_wrap(e, "authorized_keys");
	return 0;
}

static int
check_lists(const struct cmd_args *a, const struct trust *t, struct err *e)
{
	int r;

	if ((r = check_principals(a, t, e)) != 0 ||
	    (t->namespaces != NULL &&
	    (r = names_check_patterns(t->namespaces, e)) != 0) ||
	    (t->domain != NULL &&
	    (r = names_check_hosts(t->domain, e)) != 0))
		return r;
	return 0;
}

/* The option is of use for one of these places. */
static int
check_use(const struct cmd_args *a, const struct trust *t, int option,
    const char *place, const char *other, struct err *e)
{
	if (a->value[option] == NULL || shows(a, t, place) ||
	    (other != NULL && shows(a, t, other)))
		return 0;
	return err_set(e, ERR_USAGE, 0, "--%s is for %s%s%s, which is not "
	    "printed", options[option].name, place,
	    other != NULL ? " and " : "", other != NULL ? other : "");
}

static int
check_wish(const struct cmd_args *a, const struct trust *t, struct err *e)
{
	const char *only = a->value[OPT_ONLY];
	const bool exact = only != NULL || a->value[OPT_JSON] != NULL;
	int r;

	if ((a->n_operands == 1) == (a->value[OPT_FILE] != NULL) ||
	    a->n_operands > 1)
		return err_set(e, ERR_USAGE, 0, "name the one key of the CA, "
		    "or its file with --file");
	if (a->value[OPT_FILE] != NULL && a->value[OPT_TOKEN] != NULL)
		return err_set(e, ERR_USAGE, 0, "a key in a file is on no "
		    "token: --file or --token");
	if (only != NULL && a->value[OPT_JSON] != NULL)
		return err_set(e, ERR_USAGE, 0, "--only prints no JSON");
	if (only != NULL && !trust_has_place(t->types, only))
		return err_set(e, ERR_USAGE, 0, "--only takes %s: %.32s",
		    "user_ca, revoked, sshd, authorized_keys, allowed_signers "
		    "or known_hosts, as far as --for has it", only);
	if (exact && t->domain == NULL && shows(a, t, "known_hosts"))
		return err_set(e, ERR_USAGE, 0, "known_hosts needs --domain: "
		    "which hosts is the CA trusted for?");
	if ((r = check_use(a, t, OPT_PRINCIPALS, "authorized_keys",
	    "allowed_signers", e)) != 0 ||
	    (r = check_use(a, t, OPT_NAMESPACES, "allowed_signers", NULL,
	    e)) != 0 ||
	    (r = check_use(a, t, OPT_DOMAIN, "known_hosts", NULL, e)) != 0)
		return r;
	return check_lists(a, t, e);
}

/* The line of the key's .pub file, the caller's to free. */
static int
from_token(const struct cmd_args *a, char **line, struct err *e)
{
	const struct token_key *k;
	struct tokens ts;
	int r;

	if ((r = tokens_open(&ts, a->value[OPT_TOKEN], e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = keys_find_public(&ts, a->operand[0], &k, e)) == 0 &&
	    (*line = keytext_openssh((struct span){ k->blob, k->blob_n },
	    k->label)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "key %s", k->id);
	tokens_close(&ts);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct trust t = { .principals = a->value[OPT_PRINCIPALS],
	    .signers = a->value[OPT_PRINCIPALS],
	    .namespaces = a->value[OPT_NAMESPACES],
	    .domain = a->value[OPT_DOMAIN] };
	char *line = NULL;
	int r;

	if ((r = parse_types(a->value[OPT_FOR], &t.types, e)) != 0 ||
	    (r = check_wish(a, &t, e)) != 0)
		return r;
	r = a->value[OPT_FILE] != NULL ?
	    pubfile_read(a->value[OPT_FILE], &line, e) :
	    from_token(a, &line, e);
	if (r != 0)
		return r;
	t.key = line;
	if (a->value[OPT_JSON] != NULL)
		r = out_json(json_pack("{s:s, s:o}", "key", line, "places",
		    trust_json(&t)), e);
	else
		r = trust_print(stdout, &t, a->value[OPT_ONLY], e);
	free(line);
	return r;
}

const struct cmd cmd_ca_trust = {
	.name = "ca trust",
	.operands = "[KEY]",
	.summary = "print the lines by which servers and clients trust a CA; "
	    "needs no PIN",
	.about = "KEY is the key of the CA, named by its label, its id, or "
	    "its SHA256: fingerprint.  Without --only, each file is named, "
	    "with what its lines do and what is to be reloaded, in the order "
	    "in which to go; all but the lines are comments.",
	.options = options,
	.run = run,
};

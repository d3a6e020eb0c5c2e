/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "keyutil/agents.h"
#include "keyutil/keys.h"
#include "keyutil/pubfile.h"
#include "keyutil/signkey.h"
#include "ssh/cert.h"
#include "ssh/keytext.h"

#define BLOB_MAX	(64 * 1024)
#define COMMENT_MAX	256

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "key");
}

static int
from_file(struct signkey *k, const char *path, struct err *e)
{
	int r;

	if ((r = pubfile_blob(path, &k->blob, &k->comment, e)) != 0)
		return r;
	return cert_is_meant(wire_bytes(&k->blob)) ? err_set(e, ERR_USAGE, 0,
	    "\"%.200s\" is a certificate: name the .pub file of its key",
	    path) : 0;
}

/* --- agents --- */

static int
take(struct signkey *k, struct span blob, struct span comment,
    const char *name, struct err *e)
{
	char clean[COMMENT_MAX];

	if (span_eq(wire_bytes(&k->blob), blob))
		return 0;
	if (k->comment != NULL)
		return err_set(e, ERR_NOTFOUND, 0, "\"%.100s\" is the name of "
		    "several keys of the agent: name the key by its "
		    "fingerprint or its .pub file", name);
	keytext_clean(clean, sizeof(clean), comment);
	if ((k->comment = strdup(clean)) == NULL)
		return no_memory(e);
	wire_put_raw(&k->blob, blob);
	return 0;
}

static int
from_agent(struct signkey *k, const char *socket, const char *name,
    struct err *e)
{
	struct span blob, comment;
	struct identities ids;
	struct wire_w answer;
	int r = 0;

	if (agents_lists(socket, &answer, &ids))
		while (r == 0 && identities_next(&ids, &blob, &comment))
			if (!cert_is_meant(blob) &&
			    agents_key_is(blob, comment, name))
				r = take(k, blob, comment, name, e);
	wire_free(&answer);
	return r;
}

static int
from_agents(struct signkey *k, const char *name, struct err *e)
{
	struct agents_sockets at;
	int r;

	r = agents_sockets(&at, e);
	for (size_t i = 0; r == 0 && i < at.n; i++)
		r = from_agent(k, at.v[i], name, e);
	agents_sockets_free(&at);
	return r;
}

/* --- tokens --- */

static int
from_token(struct signkey *k, const char *name, const char *token,
    struct err *e)
{
	const struct token_key *found;
	struct tokens ts;
	int r;

	if ((r = tokens_open(&ts, token, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = keys_find_public(&ts, name, &found, e)) == 0) {
		wire_put_raw(&k->blob, (struct span){ found->blob,
		    found->blob_n });
		if ((k->comment = strdup(found->label)) == NULL)
			r = no_memory(e);
	}
	tokens_close(&ts);
	if ((r == ERR_NO_TOKEN || r == ERR_NOTFOUND) && token == NULL)
		return err_wrap(e, "no agent has a key \"%.100s\" (ssh-add "
		    "-l), and it is no .pub file", name);
	return r;
}

static int
finish(struct signkey *k, struct err *e)
{
	if (k->blob.bad)
		return no_memory(e);
	k->fingerprint = keytext_fingerprint(wire_bytes(&k->blob));
	return k->fingerprint != NULL ? 0 : no_memory(e);
}

int
signkey_take(struct signkey *k, struct span blob, const char *comment,
    struct err *e)
{
	*k = (struct signkey){ .comment = strdup(comment) };
	if (k->comment == NULL || !wire_write(&k->blob, BLOB_MAX))
		return no_memory(e);
	wire_put_raw(&k->blob, blob);
	return finish(k, e);
}

int
signkey_find(struct signkey *k, const char *name, const char *token,
    struct err *e)
{
	int r = 0;

	*k = (struct signkey){ 0 };
	if (!wire_write(&k->blob, BLOB_MAX))
		return no_memory(e);
	if (pubfile_is_named(name))
		r = from_file(k, name, e);
	else {
		if (token == NULL)
			r = from_agents(k, name, e);
		if (r == 0 && k->comment == NULL)
			r = from_token(k, name, token, e);
	}
	return r == 0 ? finish(k, e) : r;
}

void
signkey_free(struct signkey *k)
{
	wire_free(&k->blob);
	free(k->comment);
	free(k->fingerprint);
	*k = (struct signkey){ 0 };
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "keyutil/caledger.h"
#include "keyutil/keys.h"
#include "keyutil/out.h"
#include "keyutil/pubfile.h"
#include "ssh/keytext.h"

#define BLOB_MAX	(64 * 1024)

/* --- where it is --- */

static int
own_path(enum ledger_mode mode, char **path, struct err *e)
{
	char *dir = NULL;
	int r;

	*path = NULL;
	if ((r = paths_state_dir(&dir, e)) != 0)
		return r;
	if (mode == LEDGER_WRITE && (r = paths_make_dir(dir, e)) != 0)
		goto out;
	if (asprintf(path, "%s/" LEDGER_FILE, dir) == -1) {
		*path = NULL;
		r = err_set(e, ERR_NOMEM, 0, "ledger");
	}
out:
	free(dir);
	return r;
}

static int
no_ledger(const char *path, struct err *e)
{
	return err_set(e, ERR_NOTFOUND, 0, "there is no ledger %.200s: no CA "
	    "key has signed anything here; another one is named with "
	    "--ledger", path);
}

int
caledger_open(const char *file, enum ledger_mode mode, struct ledger **out,
    struct err *e)
{
	char *path;
	int r;

	*out = NULL;
	r = file != NULL ? paths_absolute(&path, file, e) :
	    own_path(mode, &path, e);
	if (r != 0)
		return r;
	if (file != NULL && access(path, F_OK) != 0)
		r = no_ledger(path, e);
	else if ((r = ledger_open(out, path, mode, e)) == ERR_NOTFOUND)
		r = no_ledger(path, e);
	free(path);
	if (r == 0)
		ledger_remember(*out);
	return r;
}

/* --- files with keys --- */

static int
put_subject(struct span blob, struct wire_w *out, struct err *e)
{
	struct cert c;
	int r;

	r = cert_is_meant(blob) ? cert_parse(blob, &c, e) :
	    cert_set_subject(&c, blob, e);
	if (r == 0)
		cert_put_subject(&c, out);
	return r;
}

int
caledger_read_subject(const char *path, struct wire_w *blob, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	if ((r = pubfile_blob(path, &w, NULL, e)) == 0 &&
	    (r = put_subject(wire_bytes(&w), blob, e)) != 0)
		r = err_wrap(e, "\"%.200s\"", path);
	wire_free(&w);
	return r;
}

/* --- which CA --- */

struct caledger_name
caledger_fingerprint(struct span blob)
{
	char *fp = keytext_fingerprint(blob);
	struct caledger_name name;

	snprintf(name.s, sizeof(name.s), "%s", fp != NULL ? fp : "(a key)");
	free(fp);
	return name;
}

static int
add_ca(void *arg, struct span ca, struct err *e)
{
	struct caledger_cas *cas = arg;
	struct wire_w *more;

	if ((more = reallocarray(cas->v, cas->n + 1, sizeof(*more))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keys of CAs");
	cas->v = more;
	if (!wire_write(&cas->v[cas->n], BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "keys of CAs");
	wire_put_raw(&cas->v[cas->n++], ca);
	return 0;
}

/* Keep the one with that fingerprint, if it is among them. */
static bool
keep_known(struct caledger_cas *cas, const char *name)
{
	struct wire_w kept;

	for (size_t i = 0; i < cas->n; i++) {
		if (!keys_has_fingerprint(wire_bytes(&cas->v[i]), name))
			continue;
		kept = cas->v[i];
		cas->v[i] = cas->v[0];
		cas->v[0] = kept;
		while (cas->n > 1)
			wire_free(&cas->v[--cas->n]);
		return true;
	}
	return false;
}

static int
from_file(const char *path, struct caledger_cas *out, struct err *e)
{
	struct wire_w blob;
	int r;

	if (!wire_write(&blob, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	if ((r = pubfile_blob(path, &blob, NULL, e)) == 0) {
		if (cert_is_meant(wire_bytes(&blob)))
			r = err_set(e, ERR_USAGE, 0, "\"%.200s\" is a "
			    "certificate, and not the key of a CA", path);
		else
			r = add_ca(out, wire_bytes(&blob), e);
	}
	wire_free(&blob);
	return r;
}

static int
from_tokens(const char *name, struct caledger_cas *out, struct err *e)
{
	const struct token_key *k;
	struct tokens ts;
	int r;

	if ((r = tokens_open(&ts, NULL, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = keys_find_public(&ts, name, &k, e)) == 0)
		r = add_ca(out, (struct span){ k->blob, k->blob_n }, e);
	tokens_close(&ts);
	if (r == ERR_NO_TOKEN)
		return err_wrap(e, "CA \"%.100s\" is not in the ledger by "
		    "that name, nor a .pub file", name);
	return r;
}

int
caledger_cas(struct ledger *l, const char *name, struct caledger_cas *out,
    struct err *e)
{
	int r;

	*out = (struct caledger_cas){ 0 };
	if (name != NULL && pubfile_is_named(name))
		return from_file(name, out, e);
	if ((r = ledger_cas(l, add_ca, out, e)) != 0 || name == NULL ||
	    keep_known(out, name))
		return r;
	caledger_cas_free(out);
	return from_tokens(name, out, e);
}

int
caledger_one_ca(struct ledger *l, const char *name,
    struct caledger_cas *out, struct span *ca, struct err *e)
{
	int r;

	if ((r = caledger_cas(l, name, out, e)) != 0)
		return r;
	if (out->n == 0)
		return err_set(e, ERR_USAGE, 0, "the ledger knows no CA yet; "
		    "name its key with --ca");
	if (out->n > 1) {
		out_warn("the ledger has these CAs:");
		for (size_t i = 0; i < out->n; i++)
			out_warn("  %s", caledger_fingerprint(
			    wire_bytes(&out->v[i])).s);
		return err_set(e, ERR_USAGE, 0, "name the one that is meant "
		    "with --ca");
	}
	*ca = wire_bytes(&out->v[0]);
	return 0;
}

void
caledger_cas_free(struct caledger_cas *cas)
{
	for (size_t i = 0; i < cas->n; i++)
		wire_free(&cas->v[i]);
	free(cas->v);
	*cas = (struct caledger_cas){ 0 };
}

/* --- who --- */

struct ledger_who
caledger_who(struct caledger_program *program)
{
	const ssize_t n = readlink("/proc/self/exe", program->path,
	    sizeof(program->path));

	return (struct ledger_who){ .uid = (uint32_t)getuid(),
	    .pid = (uint32_t)getpid(),
	    .program = { (const uint8_t *)program->path,
	    n > 0 ? (size_t)n : 0 } };
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "keyutil/certshow.h"
#include "keyutil/cmd.h"
#include "keyutil/readfile.h"
#include "ssh/keytext.h"

#define FILE_MAX	(4 * 1024 * 1024)
#define BLOB_MAX	65536

enum {
	OPT_AT,
	OPT_CA,
	OPT_FROM,
	OPT_HOST,
	OPT_JSON,
	OPT_KNOWN_HOSTS,
	OPT_PRINCIPALS,
	OPT_REVOKED,
	OPT_SSHD,
	OPT_USER,
};

static const struct cmd_option options[] = {
	[OPT_AT] = { "at", "TIME", "judge as of then: now, +1d, 20261231 or "
	    "202612312359, with a Z behind it in UTC" },
	[OPT_CA] = { "ca", "FILE", "the server trusts the CAs in this file, "
	    "its TrustedUserCAKeys" },
	[OPT_FROM] = { "from", "ADDRESS", "the client has this address" },
	[OPT_HOST] = { "host", "HOST", "would ssh take it for that of this "
	    "host?" },
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_KNOWN_HOSTS] = { "known-hosts", "FILE", "ssh trusts the CAs in "
	    "the @cert-authority lines of this file" },
	[OPT_PRINCIPALS] = { "principals", "FILE", "this is the user's "
	    "AuthorizedPrincipalsFile" },
	[OPT_REVOKED] = { "revoked", "FILE", "this is the server's "
	    "RevokedKeys" },
	[OPT_SSHD] = { "sshd", "FILE", "the server has these settings, as "
	    "\"sshd -T -C user=NAME,addr=ADDRESS\" prints them" },
	[OPT_USER] = { "user", "USER", "would sshd let this user in with it?"
	    },
	{ 0 },
};

struct show {
	struct verdict	 verdict;
	bool		 asked;
	json_t		*array;		/* NULL: it is for a person */
	size_t		 shown, refused;
};

static int
print(struct show *w, struct certshow *s, struct err *e)
{
	if (w->array == NULL) {
		if (w->shown++ > 0)
			putchar('\n');
		return certshow_print(stdout, s, e);
	}
	w->shown++;
	return json_array_append_new(w->array, certshow_json(s)) == 0 ? 0 :
	    err_set(e, ERR_NOMEM, 0, "JSON");
}

static int
show_blob(struct show *w, struct certshow *s, struct err *e)
{
	int r;

	if (!cert_is_meant(s->blob))
		return err_set(e, ERR_FORMAT, 0, "a key, and no certificate: "
		    "that of NAME.pub is in NAME-cert.pub");
	if ((r = cert_parse(s->blob, &s->cert, e)) != 0 ||
	    (r = certshow_judge(s, e)) != 0)
		return r;
	s->question = &w->verdict;
	s->asked = w->asked;
	if (s->asked && (r = verdict_of(s->question, &s->cert, &s->answer,
	    e)) != 0)
		return r;
	w->refused += s->asked && s->answer.reasons > 0;
	return print(w, s, e);
}

static int
show_line(struct show *w, const char *file, unsigned int number,
    const char *line, struct err *e)
{
	struct certshow s = { .file = file, .line = number };
	struct wire_w blob;
	int r;

	if (!wire_write(&blob, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if ((r = keytext_parse(line, &blob, &s.comment, e)) == 0) {
		s.blob = wire_bytes(&blob);
		r = show_blob(w, &s, e);
	}
	wire_free(&blob);
	return r == 0 ? 0 : err_wrap(e, "\"%.200s\", line %u", file, number);
}

/* One that is bad keeps none of the others from being shown. */
static int
show_text(struct show *w, const char *file, char *text, struct err *e)
{
	unsigned int number = 0;
	char *line, *next;
	size_t certs = 0;
	int r = 0, bad;

	for (line = text; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		number++;
		line += strspn(line, " \t\r");
		if (*line == '\0' || *line == '#')
			continue;
		certs++;
		if (r != 0)
			out_warn("%s", e->msg);
		if ((bad = show_line(w, file, number, line, e)) != 0)
			r = bad;
		else if (r != 0)
			r = err_set(e, r, 0, "\"%.200s\" has lines that are "
			    "no certificates", file);
	}
	if (certs == 0)
		return err_set(e, ERR_FORMAT, 0, "there is no certificate in "
		    "\"%.200s\"", file);
	return r;
}

static int
show_file(struct show *w, const char *file, struct err *e)
{
	uint8_t *bytes = malloc(FILE_MAX + 1);
	size_t n = FILE_MAX;
	int r;

	if (bytes == NULL)
		return err_set(e, ERR_NOMEM, 0, "\"%.200s\"", file);
	if ((r = readfile_or_stdin(file, bytes, &n, e)) == 0) {
		bytes[n] = '\0';
		if (strlen((char *)bytes) != n)
			r = err_set(e, ERR_FORMAT, 0, "\"%.200s\" is no text",
			    readfile_name(file));
		else
			r = show_text(w, readfile_is_stdin(file) ?
			    "(standard input)" : file, (char *)bytes, e);
	}
	free(bytes);
	return r;
}

static int
show_all(struct show *w, const struct cmd_args *a, struct err *e)
{
	struct err one;
	int r = 0;

	for (size_t i = 0; i < a->n_operands; i++) {
		if (show_file(w, a->operand[i], &one) == 0)
			continue;
		if (r != 0)
			out_warn("%s", e->msg);
		*e = one;
		r = (int)one.code;
	}
	if (r != 0 || w->refused == 0)
		return r;
	return err_set(e, ERR_DENIED, 0, w->shown == 1 ?
	    "the certificate would be refused" :
	    "%zu of %zu certificates would be refused", w->refused,
	    w->shown);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	const struct verdict_question q = { .user = a->value[OPT_USER],
	    .host = a->value[OPT_HOST], .from = a->value[OPT_FROM],
	    .at = a->value[OPT_AT], .sshd = a->value[OPT_SSHD],
	    .ca = a->value[OPT_CA], .revoked = a->value[OPT_REVOKED],
	    .principals = a->value[OPT_PRINCIPALS],
	    .known_hosts = a->value[OPT_KNOWN_HOSTS] };
	struct show w = { .asked = verdict_is_asked(&q) };
	struct err output;
	int r;

	if (a->n_operands == 0)
		return err_set(e, ERR_USAGE, 0, "name the files of the "
		    "certificates; -: standard input");
	if ((r = verdict_load(&w.verdict, &q, e)) == 0) {
		if (a->value[OPT_JSON] != NULL &&
		    (w.array = json_array()) == NULL)
			r = err_set(e, ERR_NOMEM, 0, "JSON");
		else
			r = show_all(&w, a, e);
	}
	verdict_free(&w.verdict);
	if (w.array != NULL && out_json(w.array, &output) != 0 && r == 0) {
		*e = output;
		r = (int)output.code;
	}
	return r;
}

const struct cmd cmd_ca_show = {
	.name = "ca show",
	.operands = "FILE...",
	.summary = "show certificates in words, and why a server refuses them",
	.about = "Each line of FILE is a certificate; -: of standard input.  "
	    "With options that say who logs in to where it is judged as sshd "
	    "does it, or with --host as ssh does; each reason against it is "
	    "printed, with what mends it, and the exit status is 1 when there "
	    "is one.",
	.options = options,
	.run = run,
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "ca/sources.h"
#include "ca/when.h"
#include "keyutil/readfile.h"
#include "keyutil/revoked.h"
#include "keyutil/verdict.h"
#include "ssh/krl.h"

bool
verdict_is_asked(const struct verdict_question *q)
{
	return q->user != NULL || q->host != NULL || q->from != NULL ||
	    q->at != NULL || q->sshd != NULL || q->ca != NULL ||
	    q->revoked != NULL || q->principals != NULL ||
	    q->known_hosts != NULL;
}

/* All of a file; free the span's bytes. */
static int
load(const char *path, size_t max, struct span *out, struct err *e)
{
	uint8_t *bytes = malloc(max);
	size_t n = max;
	int r;

	*out = (struct span){ 0 };
	if (bytes == NULL)
		return err_set(e, ERR_NOMEM, 0, "\"%.200s\"", path);
	if ((r = readfile(path, bytes, &n, e)) != 0)
		free(bytes);
	else
		*out = (struct span){ bytes, n };
	return r;
}

static void
unload(struct span *s)
{
	free((void *)(uintptr_t)s->p);
	*s = (struct span){ 0 };
}

/*
 * The file of a setting.  That it cannot be read is an error where it was
 * named on the command line, and else a fault to tell of.
 */
static int
load_list(const char *path, bool named, int (*read)(struct span,
    struct trustfile *, struct err *), struct trustfile *t, char fault[200],
    struct err *e)
{
	struct span text;
	int r;

	if ((r = load(path, TRUSTFILE_MAX, &text, e)) != 0) {
		if (named || r == ERR_NOMEM)
			return r;
		snprintf(fault, 200, "%.199s", e->msg);
		return 0;
	}
	r = read(text, t, e);
	unload(&text);
	if (r == 0)
		snprintf(fault, 200, "%.199s", t->fault);
	return r;
}

static const char *
unless_empty(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

/* What the command line names goes before what the settings do. */
static void
take_setting(struct explain_file *f, const char *named, const char *set,
    bool have_settings)
{
	f->path = named != NULL ? named : set;
	f->asked = named != NULL || have_settings;
}

static int
load_cas(struct verdict *v, struct err *e)
{
	int r;

	take_setting(&v->trusted, v->q.ca, v->sshd.trusted,
	    v->q.sshd != NULL);
	if (v->trusted.path == NULL)
		return 0;
	r = load_list(v->trusted.path, v->q.ca != NULL, trustfile_keys,
	    &v->cas, v->ca_fault, e);
	v->trusted.fault = unless_empty(v->ca_fault);
	return r;
}

/* --- AuthorizedPrincipalsFile --- */

struct path {
	char	*s;
	size_t	 n, max;
	bool	 bad;
};

static void
put(struct path *p, const char *s, size_t n)
{
	if (p->bad || n >= p->max - p->n) {
		p->bad = true;
		return;
	}
	memcpy(p->s + p->n, s, n);
	p->n += n;
	p->s[p->n] = '\0';
}

/* %u, %h and %U of the user, who need not be one of this machine. */
static void
put_token(struct path *p, char token, const char *user,
    const struct passwd *pw)
{
	char uid[24];

	if (token == '%')
		put(p, "%", 1);
	else if (token == 'u')
		put(p, user, strlen(user));
	else if (token == 'h' && pw != NULL)
		put(p, pw->pw_dir, strlen(pw->pw_dir));
	else if (token == 'U' && pw != NULL) {
		snprintf(uid, sizeof(uid), "%lu", (unsigned long)pw->pw_uid);
		put(p, uid, strlen(uid));
	} else
		p->bad = true;
}

/* As sshd does it; a path that is not absolute is one in the home. */
static int
expand(struct verdict *v, const char *pattern, struct err *e)
{
	struct path p = { .s = v->mapped_path,
	    .max = sizeof(v->mapped_path) };
	const struct passwd *pw = getpwnam(v->q.user);
	size_t n;

	if (pattern[0] != '/' && strncmp(pattern, "%h", 2) != 0) {
		put_token(&p, 'h', v->q.user, pw);
		put(&p, "/", 1);
	}
	for (const char *s = pattern; *s != '\0'; s += n) {
		n = strcspn(s, "%");
		put(&p, s, n);
		if (s[n] == '\0')
			break;
		put_token(&p, s[n + 1], v->q.user, pw);
		n += s[n + 1] != '\0' ? 2 : 1;
	}
	if (!p.bad)
		return 0;
	return err_set(e, ERR_NOTFOUND, 0, "which file "
	    "AuthorizedPrincipalsFile \"%.100s\" is for user \"%.60s\" cannot "
	    "be known here: name a copy of it with --principals", pattern,
	    v->q.user);
}

static bool
depends_on_user(const char *pattern)
{
	return pattern[0] != '/' || strchr(pattern, '%') != NULL;
}

static int
load_names(struct verdict *v, struct err *e)
{
	const char *set = v->sshd.principals;
	int r;

	take_setting(&v->mapped, v->q.principals, set, v->q.sshd != NULL);
	if (v->mapped.path == NULL)
		return 0;
	if (v->q.principals == NULL && v->q.user == NULL &&
	    depends_on_user(set)) {
		v->needs_user = true;
		v->mapped = (struct explain_file){ 0 };
		return 0;
	}
	if (v->q.principals == NULL && v->q.user != NULL) {
		if ((r = expand(v, set, e)) != 0)
			return r;
		v->mapped.path = v->mapped_path;
	}
	r = load_list(v->mapped.path, v->q.principals != NULL,
	    trustfile_names, &v->names, v->mapped_fault, e);
	v->mapped.fault = unless_empty(v->mapped_fault);
	return r;
}

/* --- the rest --- */

static int
load_settings(struct verdict *v, struct err *e)
{
	struct span text;
	int r;

	if (v->q.sshd == NULL)
		return 0;
	if ((r = load(v->q.sshd, SSHDCONF_MAX, &text, e)) != 0)
		return r;
	if ((r = sshdconf_parse(text, &v->sshd, e)) != 0)
		(void)err_wrap(e, "\"%.150s\"", v->q.sshd);
	unload(&text);
	return r;
}

static int
take_host(struct verdict *v, struct err *e)
{
	const char *s = v->q.host;
	size_t n = 0;

	if (s == NULL)
		return 0;
	if (*s == '\0' || strlen(s) >= sizeof(v->host))
		return err_set(e, ERR_USAGE, 0, "--host: no name of a host");
	for (; *s != '\0'; s++)
		v->host[n++] = (char)(*s >= 'A' && *s <= 'Z' ?
		    *s - 'A' + 'a' : *s);
	v->host[n] = '\0';
	return 0;
}

static int
load_known_hosts(struct verdict *v, struct err *e)
{
	int r;

	if (v->q.known_hosts == NULL)
		return 0;
	if (v->q.host == NULL)
		return err_set(e, ERR_USAGE, 0, "--known-hosts: say for which "
		    "host (--host)");
	if ((r = load(v->q.known_hosts, TRUSTFILE_MAX, &v->known_hosts,
	    e)) != 0)
		return r;
	v->cas_of_hosts = (struct explain_file){ .asked = true,
	    .path = v->q.known_hosts };
	r = trustfile_hosts(v->known_hosts, "@cert-authority", v->host,
	    &v->host_cas, e);
	v->cas_of_hosts.fault = unless_empty(v->host_cas.fault);
	return r;
}

/* As for load_list(), of what is read anew for each certificate. */
static int
load_revoked(struct verdict *v, struct err *e)
{
	int r;

	take_setting(&v->revoked, v->q.revoked, v->sshd.revoked,
	    v->q.sshd != NULL);
	if (v->revoked.path == NULL || (r = load(v->revoked.path, KRL_MAX,
	    &v->revoked_text, e)) == 0)
		return 0;
	if (v->q.revoked != NULL || r == ERR_NOMEM)
		return r;
	snprintf(v->revoked_fault, sizeof(v->revoked_fault), "%.199s",
	    e->msg);
	v->revoked.fault = v->revoked_fault;
	return 0;
}

int
verdict_load(struct verdict *v, const struct verdict_question *q,
    struct err *e)
{
	int r;

	*v = (struct verdict){ .q = *q };
	if (q->user != NULL && *q->user == '\0')
		return err_set(e, ERR_USAGE, 0, "--user: no name of a user");
	if (q->from != NULL && !ca_sources_is_address(q->from))
		return err_set(e, ERR_USAGE, 0, "--from: \"%.60s\" is no "
		    "address, as 192.0.2.7 or 2001:db8::7 is", q->from);
	if ((r = ca_when_point(q->at != NULL ? q->at : "now", time(NULL),
	    &v->at, e)) != 0)
		return err_wrap(e, "--at");
	if ((r = take_host(v, e)) != 0 || (r = load_settings(v, e)) != 0 ||
	    (r = load_cas(v, e)) != 0 || (r = load_names(v, e)) != 0 ||
	    (r = load_revoked(v, e)) != 0)
		return r;
	return load_known_hosts(v, e);
}

void
verdict_free(struct verdict *v)
{
	trustfile_free(&v->cas);
	trustfile_free(&v->names);
	trustfile_free(&v->host_cas);
	unload(&v->known_hosts);
	unload(&v->revoked_text);
	sshdconf_free(&v->sshd);
}

enum cert_type
verdict_as(const struct verdict *v, const struct cert *c)
{
	if ((v->q.user != NULL) == (v->q.host != NULL))
		return c->type;
	return v->q.user != NULL ? CERT_USER : CERT_HOST;
}

/* --- the answer --- */

/* Of "[host]:port", the host; a certificate has no port. */
static const char *
bare_host(const struct verdict *v, char *buf, size_t len)
{
	const char *end = strstr(v->host, "]:");

	if (v->q.host == NULL)
		return NULL;
	if (v->host[0] != '[' || end == NULL)
		return v->host;
	snprintf(buf, len, "%.*s", (int)(end - v->host - 1), v->host + 1);
	return buf;
}

static void
note_settings(const struct verdict *v, struct explain *x)
{
	const struct sshdconf *s = &v->sshd;

	if (s->match != 0)
		explain_note(x, "the settings were read up to line %u, where "
		    "Match begins: sshd -T -C user=NAME,addr=ADDRESS prints "
		    "what holds for one user", s->match);
	if (s->include != 0)
		explain_note(x, "files that Include names in line %u were not "
		    "read: sshd -T prints all settings", s->include);
	for (size_t i = 0; i < s->n_unjudged; i++)
		if (strcasecmp(s->unjudged[i], "PermitRootLogin") != 0 ||
		    v->q.user == NULL || strcmp(v->q.user, "root") == 0)
			explain_note(x, "%s is set, and was not judged",
			    s->unjudged[i]);
	if (v->needs_user)
		explain_note(x, "AuthorizedPrincipalsFile was not looked at: "
		    "it is another one for each user (--user)");
}

/* A line by which a principal stands for the user may have conditions. */
static void
note_names(const struct verdict *v, const struct cert *c, struct explain *x)
{
	struct span name;
	struct wire_r r;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		for (size_t i = 0; i < v->names.n; i++)
			if (v->names.at[i].options &&
			    span_eq(v->names.v[i], name))
				explain_note(x, "line %u of %.100s has options"
				    " that hold, too, and were not judged",
				    v->names.at[i].number, v->mapped.path);
}

static int
user_verdict(const struct verdict *v, const struct cert *c,
    struct explain_facts *f, char how[REVOKED_HOW], struct explain *out,
    struct err *e)
{
	int r;

	f->name = v->q.user;
	f->key_algorithms = v->sshd.key_algorithms;
	f->ca_algorithms = v->sshd.ca_algorithms;
	f->rsa_bits = v->sshd.rsa_bits;
	f->pubkey_off = v->sshd.pubkey_off;
	f->trusted = v->trusted;
	f->cas = v->cas.v;
	f->n_cas = v->cas.n;
	f->mapped = v->mapped;
	f->names = v->names.v;
	f->n_names = v->names.n;
	f->command = v->sshd.command != NULL;
	f->revoked = v->revoked;
	if (v->revoked.path != NULL && v->revoked.fault == NULL &&
	    (r = revoked_by(v->revoked_text, c, how, e)) != 0) {
		if (r == ERR_NOMEM || r == ERR_UNSUPPORTED)
			return r;
		f->revoked.fault = e->msg;
	}
	f->revoked_how = unless_empty(how);
	explain(c, f, out);
	note_settings(v, out);
	note_names(v, c, out);
	return 0;
}

static int
host_verdict(const struct verdict *v, const struct cert *c,
    struct explain_facts *f, char how[REVOKED_HOW], struct explain *out,
    struct err *e)
{
	char bare[sizeof(v->host)];
	int r = 0;

	f->name = bare_host(v, bare, sizeof(bare));
	f->trusted = v->cas_of_hosts;
	f->cas = v->host_cas.v;
	f->n_cas = v->host_cas.n;
	if (v->q.known_hosts != NULL) {
		f->revoked = v->cas_of_hosts;
		f->revoked.fault = NULL;
		r = revoked_in(v->known_hosts, v->host, c, how, e);
	}
	if (r == 0 && how[0] == '\0' && v->q.revoked != NULL) {
		f->revoked = (struct explain_file){ .asked = true,
		    .path = v->q.revoked };
		r = revoked_by(v->revoked_text, c, how, e);
	}
	if (r != 0)
		return r;
	f->revoked_how = unless_empty(how);
	explain(c, f, out);
	if (v->host_cas.hashed > 0)
		explain_note(out, "%zu @cert-authority lines with hashed "
		    "names were not looked at", v->host_cas.hashed);
	return 0;
}

int
verdict_of(const struct verdict *v, const struct cert *c,
    struct explain *out, struct err *e)
{
	struct explain_facts f = { .as = verdict_as(v, c),
	    .address = v->q.from, .at = v->at };
	char how[REVOKED_HOW] = "";

	if (f.as == CERT_USER)
		return user_verdict(v, c, &f, how, out, e);
	return host_verdict(v, c, &f, how, out, e);
}

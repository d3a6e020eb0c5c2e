/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/keyscan.h"
#include "ssh/cert.h"
#include "ssh/keytext.h"

#define LINE_MAX_BYTES	65536
#define BLOB_MAX	(16 * 1024)
#define BLANKS		" \t"
#define HOST_CHARACTERS	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%"

/* --- host keys --- */

void
keyscan_begin(struct keyscan *k, struct span text)
{
	*k = (struct keyscan){ .rest = text };
}

void
keyscan_end(struct keyscan *k)
{
	wire_free(&k->blob);
	*k = (struct keyscan){ 0 };
}

/* It becomes a part of a file's name, and a principal. */
static bool
is_host(const char *s)
{
	return s[0] != '\0' && s[0] != '.' && s[0] != '-' &&
	    s[strspn(s, HOST_CHARACTERS)] == '\0';
}

/* "host" or "[host]:port" */
static bool
read_place(struct keyscan *k, const char *s, size_t n)
{
	const char *end;

	if (n >= sizeof(k->place))
		return false;
	memcpy(k->place, s, n);
	k->place[n] = '\0';
	if (s[0] != '[') {
		end = k->place + n;
		s = k->place;
	} else {
		if ((end = strchr(k->place, ']')) == NULL ||
		    end[1] != ':' || end[2] == '\0' ||
		    end[2 + strspn(end + 2, "0123456789")] != '\0')
			return false;
		s = k->place + 1;
	}
	if ((size_t)(end - s) >= sizeof(k->host))
		return false;
	memcpy(k->host, s, (size_t)(end - s));
	k->host[end - s] = '\0';
	return is_host(k->host);
}

static int
read_type(struct keyscan *k, struct err *e)
{
	static const struct {
		const char	*name, *type;
	} types[] = {
		{ "ssh-ed25519", "ed25519" }, { "ssh-rsa", "rsa" },
		{ "ecdsa-sha2-nistp256", "ecdsa" },
		{ "ecdsa-sha2-nistp384", "ecdsa" },
		{ "ecdsa-sha2-nistp521", "ecdsa" },
	};
	struct span name;
	struct wire_r r;

	wire_read(&r, wire_bytes(&k->blob));
	name = wire_get_string(&r);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_is(name, types[i].name)) {
			snprintf(k->type, sizeof(k->type), "%s",
			    types[i].type);
			return 0;
		}
	return err_set(e, ERR_UNSUPPORTED, 0, "no type that a host key of "
	    "OpenSSH has");
}

static int
read_line(struct keyscan *k, const char *line, struct err *e)
{
	const size_t n = strcspn(line, BLANKS);
	struct cert c = { 0 };
	int r;

	if (line[0] == '|')
		return err_set(e, ERR_FORMAT, 0, "the host's name is hashed: "
		    "use ssh-keyscan without -H");
	if (!read_place(k, line, n))
		return err_set(e, ERR_FORMAT, 0, "no line of ssh-keyscan: "
		    "HOST TYPE KEY expected");
	line += n;
	wire_free(&k->blob);
	if (!wire_write(&k->blob, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	if ((r = keytext_parse(line + strspn(line, BLANKS), &k->blob, NULL,
	    e)) != 0 || (r = read_type(k, e)) != 0)
		return r;
	return cert_set_subject(&c, wire_bytes(&k->blob), e);
}

/* A line as a C string without blanks around it; NULL: none is left. */
static int
next_line(struct span *rest, size_t *number, char **line, struct err *e)
{
	struct span s;

	*line = NULL;
	while (rest->n > 0) {
		s = span_cut_line(rest);
		(*number)++;
		while (s.n > 0 && strchr(BLANKS, s.p[0]) != NULL &&
		    s.p[0] != '\0') {
			s.p++;
			s.n--;
		}
		if (s.n == 0 || s.p[0] == '#')
			continue;
		if (s.n > LINE_MAX_BYTES || memchr(s.p, '\0', s.n) != NULL)
			return err_set(e, ERR_FORMAT, 0, "line %zu is no "
			    "text, or too long", *number);
		*line = strndup((const char *)s.p, s.n);
		return *line != NULL ? 0 : err_set(e, ERR_NOMEM, 0, "text");
	}
	return 0;
}

int
keyscan_next(struct keyscan *k, struct err *e)
{
	char *line;
	int r;

	k->host[0] = '\0';
	if ((r = next_line(&k->rest, &k->line, &line, e)) != 0 ||
	    line == NULL)
		return r;
	if ((r = read_line(k, line, e)) != 0)
		(void)err_wrap(e, "line %zu", k->line);
	free(line);
	return r;
}

/* --- pins --- */

void
hostpins_free(struct hostpins *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].host);
		free(p->v[i].fingerprint);
	}
	free(p->v);
	*p = (struct hostpins){ 0 };
}

static int
add(struct hostpins *p, const char *host, size_t n, const char *fingerprint,
    struct err *e)
{
	struct hostpin *v;

	if (n == 0 || !keytext_is_fingerprint(fingerprint))
		return err_set(e, ERR_USAGE, 0, "no host with the fingerprint "
		    "of its key, as ssh-keygen -l prints it: SHA256:...");
	if ((v = reallocarray(p->v, p->n + 1, sizeof(*v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "fingerprints");
	p->v = v;
	v[p->n] = (struct hostpin){ .host = strndup(host, n),
	    .fingerprint = strdup(fingerprint) };
	if (v[p->n].host == NULL || v[p->n].fingerprint == NULL) {
		free(v[p->n].host);
		free(v[p->n].fingerprint);
		return err_set(e, ERR_NOMEM, 0, "fingerprints");
	}
	p->n++;
	return 0;
}

int
hostpins_add(struct hostpins *p, const char *text, struct err *e)
{
	const size_t n = strcspn(text, "=");
	char shown[100];

	if (add(p, text, n, text[n] != '\0' ? text + n + 1 : "", e) == 0)
		return 0;
	keytext_clean(shown, sizeof(shown), span_cstr(text));
	return err_wrap(e, "--pin \"%s\"", shown);
}

int
hostpins_parse(struct hostpins *p, struct span text, struct err *e)
{
	size_t number = 0, n;
	char *line, *fp;
	int r;

	while ((r = next_line(&text, &number, &line, e)) == 0 &&
	    line != NULL) {
		n = strcspn(line, BLANKS);
		fp = line + n + strspn(line + n, BLANKS);
		fp[strcspn(fp, BLANKS)] = '\0';
		if ((r = add(p, line, n, fp, e)) != 0)
			(void)err_wrap(e, "line %zu", number);
		free(line);
		if (r != 0)
			break;
	}
	return r;
}

static int
compare(const void *a, const void *b)
{
	const struct hostpin *x = a, *y = b;

	return strcmp(x->host, y->host);
}

void
hostpins_sort(struct hostpins *p)
{
	if (p->n > 0)
		qsort(p->v, p->n, sizeof(*p->v), compare);
}

struct hostpin *
hostpins_first(const struct hostpins *p, const char *host)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(p->v[middle].host, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->n && strcmp(p->v[low].host, host) == 0 ?
	    &p->v[low] : NULL;
}

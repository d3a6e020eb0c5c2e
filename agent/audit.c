/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <jansson.h>

#include "agent/audit.h"
#include "agent/audit_file.h"
#include "agent/audit_journal.h"
#include "ssh/keytext.h"
#include "ssh/wire.h"

#define MESSAGE_MAX	1024

struct audit {
	const struct log *log;
	char		*where;
	struct audit_file *file;	/* NULL: the journal */
	uint64_t	 lost;		/* entries since the last one */
};

/* An object that is being made. */
struct form {
	json_t	*o;
	bool	 bad;			/* no memory */
};

static void
put(struct form *f, const char *name, json_t *value)
{
	if (json_object_set_new(f->o, name, value) == -1)
		f->bad = true;
}

/* Whatever the bytes are: jansson takes valid UTF-8 only. */
static json_t *
json_of(struct span s)
{
	char *clean = malloc(s.n + 1);	/* it never gets longer */
	json_t *j;

	if (clean == NULL)
		return NULL;
	keytext_clean(clean, s.n + 1, s);
	j = json_string(clean);
	free(clean);
	return j;
}

static void
put_span(struct form *f, const char *name, struct span s)
{
	if (s.n > 0)
		put(f, name, json_of(s));
}

static void
put_text(struct form *f, const char *name, const char *text)
{
	if (text != NULL)
		put_span(f, name, span_cstr(text));
}

/* In UTC; as digits where the calendar ends. */
static void
put_time(struct form *f, const char *name, uint64_t seconds)
{
	const time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (seconds == CERT_FOREVER)
		snprintf(text, sizeof(text), "forever");
	else if (seconds > INT64_MAX || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(text, sizeof(text), "%" PRIu64, seconds);
	put_text(f, name, text);
}

static void
put_now(struct form *f)
{
	char day[32], text[64];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) == NULL ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		day[0] = '\0';
	snprintf(text, sizeof(text), "%s.%03dZ", day,
	    (int)(now.tv_nsec / 1000000));
	put_text(f, "time", text);
}

static void
put_peer(struct form *f, const struct peer *p)
{
	char exe[PATH_MAX];

	if (p == NULL)
		return;
	put(f, "pid", json_integer(p->relayed ? (json_int_t)p->claims :
	    p->pid));
	put(f, "uid", json_integer(p->uid));
	peer_exe(p, exe, sizeof(exe));
	put_text(f, "exe", exe);
	put(f, "relayed", json_boolean(p->relayed));
}

/* The serial is a string: JSON's numbers end at 53 bits for many. */
static void
put_cert(struct form *to, const struct cert *c)
{
	struct form f = { .o = json_object() };
	json_t *names = json_array();
	struct span name;
	struct wire_r r;
	char serial[32];

	put_text(&f, "type", c->type == CERT_USER ? "user" : "host");
	put(&f, "key_id", json_of(c->key_id));
	snprintf(serial, sizeof(serial), "%" PRIu64, c->serial);
	put_text(&f, "serial", serial);
	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		if (json_array_append_new(names, json_of(name)) == -1)
			f.bad = true;
	put(&f, "principals", names);
	put_time(&f, "valid_after", c->valid_after);
	put_time(&f, "valid_before", c->valid_before);
	put(to, "certificate", f.o);
	to->bad = to->bad || f.bad;
}

static json_t *
json_of_entry(const struct audit_entry *en, uint64_t lost)
{
	struct form f = { .o = json_object() };

	put_now(&f);
	put_text(&f, "action", en->action);
	put_text(&f, "verdict", en->refused == NULL ? "allowed" : "denied");
	put_peer(&f, en->peer);
	put_text(&f, "token", en->token);
	put_text(&f, "key", en->key);
	put_text(&f, "fingerprint", en->fingerprint);
	put_text(&f, "kind", en->kind);
	put_text(&f, "what", en->what);
	put_span(&f, "user", en->user);
	put_span(&f, "namespace", en->ns);
	if (en->cert != NULL)
		put_cert(&f, en->cert);
	put_text(&f, "host", en->host);
	put(&f, "forwarded", json_boolean(en->forwarded));
	put(&f, "confirmed", json_boolean(en->confirmed));
	if (en->refused != NULL) {
		put_text(&f, "reason", err_name(en->refused->code));
		put_text(&f, "why", en->refused->msg);
	}
	if (en->observed != NULL)
		put_text(&f, "would_refuse", en->observed->msg);
	if (en->duration_ms >= 0)
		put(&f, "duration_ms", json_integer(en->duration_ms));
	if (lost > 0)
		put(&f, "lost", json_integer((json_int_t)lost));
	if (!f.bad)
		return f.o;
	json_decref(f.o);
	return NULL;
}

static char *
line_of(const json_t *entry)
{
	return entry == NULL ? NULL : json_dumps(entry, JSON_COMPACT);
}

char *
audit_line(const struct audit_entry *en, uint64_t lost)
{
	json_t *j = json_of_entry(en, lost);
	char *line = line_of(j);

	json_decref(j);
	return line;
}

static int
add_to_file(struct audit *a, const json_t *entry, struct err *e)
{
	char *line = line_of(entry);
	int r;

	if (line == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	r = audit_file_add(a->file, line, e);
	free(line);
	return r;
}

/* "NAME=value", for the journal. */
struct fields {
	char	**v;
	size_t	 n;
	bool	 bad;
};

/* Takes text over. */
static void
add_field(struct fields *f, char *text)
{
	char **v = reallocarray(f->v, f->n + 1, sizeof(*v));

	if (v != NULL)
		f->v = v;
	if (v == NULL || text == NULL) {
		free(text);
		f->bad = true;
		return;
	}
	f->v[f->n++] = text;
}

static char *
field_of(const char *name, const json_t *value)
{
	char *text = NULL;
	int n = 0;

	if (json_is_string(value))
		n = asprintf(&text, "%s=%s", name, json_string_value(value));
	else if (json_is_integer(value))
		n = asprintf(&text, "%s=%" JSON_INTEGER_FORMAT, name,
		    json_integer_value(value));
	else
		n = asprintf(&text, "%s=%s", name,
		    json_is_true(value) ? "yes" : "no");
	return n == -1 ? NULL : text;
}

/* An array is several fields of one name. */
static void
add_value(struct fields *f, const char *name, const json_t *value)
{
	if (!json_is_array(value)) {
		add_field(f, field_of(name, value));
		return;
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		add_field(f, field_of(name, json_array_get(value, i)));
}

/* In capitals, and what is inside a member with its name in front. */
static void
add_object(struct fields *f, const char *prefix, json_t *o)
{
	const char *key;
	json_t *value;
	char name[64];

	json_object_foreach(o, key, value) {
		snprintf(name, sizeof(name), "%s_%s", prefix, key);
		for (char *p = name; *p != '\0'; p++)
			if (*p >= 'a' && *p <= 'z')
				*p = (char)(*p - 'a' + 'A');
		if (json_is_object(value))
			add_object(f, name, value);
		else
			add_value(f, name, value);
	}
}

/* A member and what goes before it, or nothing. */
struct phrase {
	const char *before, *member;
};

static void
add_message(struct fields *f, const json_t *entry)
{
	static const struct phrase phrases[] = {
		{ "", "verdict" }, { ": ", "action" }, { ", ", "what" },
		{ ", key ", "key" }, { ", token ", "token" },
		{ ", for ", "exe" }, { ": ", "why" },
	};
	char text[MESSAGE_MAX] = "MESSAGE=", whole[MESSAGE_MAX];
	const char *value;
	size_t used;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		value = json_string_value(json_object_get(entry,
		    phrases[i].member));
		used = strlen(text);
		if (value != NULL)
			snprintf(text + used, sizeof(text) - used, "%s%s",
			    phrases[i].before, value);
	}
	/* It may have been cut inside a character. */
	keytext_clean(whole, sizeof(whole), span_cstr(text));
	add_field(f, strdup(whole));
}

static int
add_to_journal(const struct audit_entry *en, json_t *entry, struct err *e)
{
	struct fields f = { 0 };
	char priority[32];
	int r;

	if (entry == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	snprintf(priority, sizeof(priority), "PRIORITY=%d",
	    en->refused == NULL ? LOG_INFO : LOG_WARNING);
	add_message(&f, entry);
	add_field(&f, strdup(priority));
	add_object(&f, "HSM", entry);
	if (f.bad)
		r = err_set(e, ERR_NOMEM, 0, "no memory");
	else
		r = audit_journal_send(f.v, f.n, e);
	for (size_t i = 0; i < f.n; i++)
		free(f.v[i]);
	free(f.v);
	return r;
}

static int
open_place(struct audit *a, struct err *e)
{
	if (strcmp(a->where, "journal") == 0)
		return audit_journal_check(e);
	if (a->where[0] != '/')
		return err_set(e, ERR_USAGE, 0, "it has to be \"journal\", or "
		    "the absolute path of a file");
	return audit_file_new(&a->file, a->log, a->where, e);
}

int
audit_new(struct audit **out, const struct log *log, const char *where,
    struct err *e)
{
	struct audit *a;
	int r;

	if ((a = calloc(1, sizeof(*a))) == NULL ||
	    (a->where = strdup(where)) == NULL) {
		free(a);
		return err_set(e, ERR_NOMEM, 0, "audit log");
	}
	a->log = log;
	if ((r = open_place(a, e)) != 0) {
		r = err_wrap(e, "audit log %s", where);
		audit_free(a);
		return r;
	}
	*out = a;
	return 0;
}

void
audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	audit_file_free(a->file);
	free(a->where);
	free(a);
}

const char *
audit_where(const struct audit *a)
{
	return a == NULL ? NULL : a->where;
}

void
audit_write(struct audit *a, const struct audit_entry *en)
{
	json_t *entry;
	struct err e;
	int r;

	if (a == NULL)
		return;
	entry = json_of_entry(en, a->lost);
	r = a->file != NULL ? add_to_file(a, entry, &e) :
	    add_to_journal(en, entry, &e);
	json_decref(entry);
	if (r != 0) {
		if (a->lost++ == 0)
			log_error(a->log, "audit log %s: %s; entries are "
			    "lost", a->where, e.msg);
	} else if (a->lost > 0) {
		log_error(a->log, "audit log %s: written to again, %" PRIu64
		    " entries were lost", a->where, a->lost);
		a->lost = 0;
	}
}

void
audit_reopen(struct audit *a)
{
	if (a != NULL && a->file != NULL)
		audit_file_reopen(a->file);
}

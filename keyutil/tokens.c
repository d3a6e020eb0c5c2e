/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyutil/out.h"
#include "keyutil/tokens.h"
#include "ssh/keytext.h"
#include "token/modclient.h"
#include "token/open.h"
#include "token/p11uri.h"

#define PATIENCE_SECONDS	3

static void
on_alarm(int sig)
{
	static const char text[] = "hsm-keyutil: waiting for the "
	    "token; another program may be using it\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) == -1)
		return;		/* nowhere left to say it */
}

/* A card in another program's transaction blocks us: tell the person. */
static void
patience_start(void)
{
	struct sigaction sa = { .sa_handler = on_alarm,
	    .sa_flags = SA_RESTART };

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGALRM, &sa, NULL) == 0)
		alarm(PATIENCE_SECONDS);
}

static void
patience_end(void)
{
	alarm(0);
}

/* The slot names its reader already: leave it out of the message. */
static void
trim_reader(struct err *e, const char *reader)
{
	const size_t n = strlen(reader);

	if (strncmp(e->msg, reader, n) == 0 &&
	    strncmp(e->msg + n, ": ", 2) == 0)
		memmove(e->msg, e->msg + n + 2, strlen(e->msg + n + 2) + 1);
}

static void
slot_drop(struct slot *s, enum slot_state state)
{
	token_keys_free(&s->keys);
	token_leftovers_free(&s->leftovers);
	token_close(s->token);
	s->token = NULL;
	s->state = state;
}

int
slot_know(struct slot *s, unsigned int parts, struct err *e)
{
	int r;

	if ((parts & ~s->info.known) == 0)
		return 0;
	patience_start();
	if ((r = token_begin(s->token, e)) == 0) {
		r = token_get_info(s->token, parts, &s->info, e);
		token_end(s->token);
	}
	patience_end();
	return r;
}

int
slot_tries(const struct slot *s)
{
	return token_tries_told(s->token, s->info.pin_tries);
}

/* One that does not tell is out. */
static void
all_know(struct tokens *ts, unsigned int parts)
{
	for (size_t i = 0; i < ts->n; i++)
		if (ts->v[i].state == SLOT_TOKEN &&
		    slot_know(&ts->v[i], parts, &ts->v[i].err) != 0)
			slot_drop(&ts->v[i], SLOT_FAILED);
}

static void
slot_open(struct slot *s, const struct token_place *place)
{
	int r;

	keytext_clean(s->reader, sizeof(s->reader), span_cstr(place->name));
	s->in_module = place->module != NULL;
	snprintf(s->model, sizeof(s->model), "%s", place->slot.model);
	snprintf(s->maker, sizeof(s->maker), "%s", place->slot.maker);
	if (!s->in_module && !place->reader.present)
		return;
	if ((r = token_open(place, 0, &s->token, &s->err)) != 0) {
		s->token = NULL;
		trim_reader(&s->err, place->name);
		s->state = r == ERR_UNSUPPORTED && !s->in_module ?
		    SLOT_FOREIGN : SLOT_FAILED;
		return;
	}
	s->state = SLOT_TOKEN;
	snprintf(s->info.serial, sizeof(s->info.serial), "%s",
	    s->token->serial);
}

static size_t
count(const struct tokens *ts, enum slot_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++)
		n += ts->v[i].state == state;
	return n;
}

static const struct slot *
first(const struct tokens *ts, enum slot_state state)
{
	for (size_t i = 0; i < ts->n; i++)
		if (ts->v[i].state == state)
			return &ts->v[i];
	return NULL;
}

/* Why there is no token at all, and what a person can do. */
static int
none_at_all(const struct tokens *ts, struct err *e)
{
	const struct slot *s;

	if (ts->n == 0 && ts->module != NULL)
		return err_set(e, ERR_NO_TOKEN, 0, "PKCS#11 module %s has no "
		    "token in its slots, or none that was set up",
		    ts->module);
	if (ts->n == 0)
		return err_set(e, ERR_NO_TOKEN, 0,
		    "no smart-card reader: plug the token in (a USB token is "
		    "its own reader and needs the package libccid; in WSL, "
		    "attach it with usbipd)");
	if (count(ts, SLOT_FAILED) > 0)
		return tokens_failed(ts, e);
	if ((s = first(ts, SLOT_FOREIGN)) != NULL)
		return err_set(e, ERR_NO_TOKEN, 0,
		    "the card in \"%s\" is not a SmartCard-HSM: put in the "
		    "token", s->reader);
	return err_set(e, ERR_NO_TOKEN, 0,
	    "no card in \"%s\"%s: put in the token", ts->v[0].reader,
	    ts->n > 1 ? " or any other reader" : "");
}

struct p11uri_token
slot_in_uri(const struct slot *s)
{
	return (struct p11uri_token){ s->info.serial, s->info.label,
	    s->in_module ? s->model : NULL,
	    s->in_module ? s->maker : NULL };
}

static bool
slot_is(const struct slot *s, const char *name)
{
	const struct p11uri_token t = slot_in_uri(s);
	struct p11uri uri;
	struct err e;

	if (s->state != SLOT_TOKEN)
		return false;
	if (p11uri_is(name))
		return p11uri_parse(&uri, name, &e) == 0 &&
		    p11uri_matches(&uri, &t);
	return strcmp(s->info.serial, name) == 0 ||
	    strcmp(s->info.label, name) == 0 || strcmp(s->reader, name) == 0;
}

void
tokens_warn_failed(const struct tokens *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		if (ts->v[i].state == SLOT_FAILED)
			out_warn("%s: %s", ts->v[i].reader, ts->v[i].err.msg);
}

/* The tokens a person could have meant; those of a name, unless NULL. */
static void
warn_candidates(const struct tokens *ts, const char *name)
{
	for (size_t i = 0; i < ts->n; i++) {
		const struct slot *s = &ts->v[i];

		if (name == NULL ? s->state == SLOT_TOKEN : slot_is(s, name))
			out_warn("  %s \"%s\" in %s", s->info.serial,
			    s->info.label, s->reader);
	}
}

struct slot *
tokens_find(struct tokens *ts, const char *name, struct err *e)
{
	struct slot *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++) {
		if (!slot_is(&ts->v[i], name))
			continue;
		found = &ts->v[i];
		if (strcmp(found->info.serial, name) == 0)
			return found;
		n++;
	}
	if (n == 1)
		return found;
	if (n > 1) {
		out_warn("\"%s\" is the name of %zu tokens:", name, n);
		warn_candidates(ts, name);
		(void)err_set(e, ERR_NOTFOUND, 0,
		    "name the token by its serial number");
		return NULL;
	}
	tokens_warn_failed(ts);
	out_warn("the tokens are:");
	warn_candidates(ts, NULL);
	(void)err_set(e, ERR_NO_TOKEN, 0, "there is no token \"%.100s\"",
	    name);
	return NULL;
}

static int
keep_only(struct tokens *ts, const char *name, struct err *e)
{
	struct slot *found, kept;

	if ((found = tokens_find(ts, name, e)) == NULL)
		return (int)e->code;
	kept = *found;
	found->token = NULL;
	tokens_close(ts);
	ts->v[0] = kept;
	ts->n = 1;
	return 0;
}

static int
open_readers(struct tokens *ts, struct err *e)
{
	struct token_place place;
	struct pcsc_readers rs;
	struct pcsc *p;
	int r;

	if ((r = pcsc_open(&p, e)) != 0)
		return r;
	r = pcsc_list(p, &rs, e);
	pcsc_close(p);
	if (r != 0)
		return r;
	patience_start();
	for (; ts->n < rs.n; ts->n++) {
		token_place_reader(&place, &rs.v[ts->n]);
		slot_open(&ts->v[ts->n], &place);
	}
	patience_end();
	return 0;
}

static int
open_slots(struct tokens *ts, const char *module,
    const struct p11_slots *slots, struct err *e)
{
	struct token_place place;
	int r = 0;

	for (size_t i = 0; i < slots->n && r == 0; i++) {
		if (!slots->v[i].present || slots->v[i].serial[0] == '\0')
			continue;
		if (ts->n == TOKENS_MAX)
			return err_set(e, ERR_LIMIT, 0, "PKCS#11 module %s "
			    "has more than %d tokens", module, TOKENS_MAX);
		if ((r = token_place_slot(&place, module, &slots->v[i],
		    e)) == 0)
			slot_open(&ts->v[ts->n++], &place);
		token_place_clear(&place);
	}
	return r;
}

/* The process that tells of the slots is not one that has a token. */
static int
open_module(struct tokens *ts, struct err *e)
{
	struct p11_slots slots = { 0 };
	char path[PATH_MAX];
	const char *module = ts->module;
	struct modclient *c;
	int r;

	if (strchr(module, '/') != NULL) {
		if (realpath(module, path) == NULL)
			return err_sys(e, "PKCS#11 module %s", module);
		module = path;
	}
	if ((r = modclient_new(&c, module, 0, e)) != 0)
		return r;
	patience_start();
	if ((r = modclient_list(c, &slots, e)) != 0)
		(void)err_wrap(e, "PKCS#11 module %s", ts->module);
	else
		r = open_slots(ts, module, &slots, e);
	patience_end();
	modclient_free(c);
	p11_slots_free(&slots);
	return r;
}

static bool
is_label(const struct tokens *ts, const char *name)
{
	for (size_t i = 0; i < ts->n; i++)
		if (strcmp(ts->v[i].info.serial, name) == 0 ||
		    strcmp(ts->v[i].reader, name) == 0)
			return false;
	return true;
}

static int
open_knowing(struct tokens *ts, const char *module, const char *name,
    unsigned int parts, struct err *e)
{
	struct p11uri uri;
	int r;

	*ts = (struct tokens){ .module = module };
	if (name != NULL && p11uri_is(name) &&
	    (r = p11uri_parse(&uri, name, e)) != 0)
		return r;
	r = module != NULL ? open_module(ts, e) : open_readers(ts, e);
	if (r != 0)
		return r;
	if (name != NULL && is_label(ts, name))
		parts |= TOKEN_INFO_LABEL;
	all_know(ts, parts);
	if (count(ts, SLOT_TOKEN) == 0)
		return none_at_all(ts, e);
	return name == NULL ? 0 : keep_only(ts, name, e);
}

int
tokens_open(struct tokens *ts, const char *name, struct err *e)
{
	return open_knowing(ts, NULL, name, TOKEN_INFO_ALL, e);
}

int
tokens_open_in(struct tokens *ts, const char *module, const char *name,
    struct err *e)
{
	return open_knowing(ts, module, name, TOKEN_INFO_ALL, e);
}

static int
open_one(struct tokens *ts, const char *module, const char *name,
    unsigned int parts, struct slot **out, struct err *e)
{
	size_t n;
	int r;

	*out = NULL;
	if ((r = open_knowing(ts, module, name, parts, e)) != 0)
		return r;
	if ((n = count(ts, SLOT_TOKEN)) > 1) {
		all_know(ts, TOKEN_INFO_LABEL);
		out_warn("%zu tokens are plugged in:", n);
		warn_candidates(ts, NULL);
		return err_set(e, ERR_USAGE, 0,
		    "say with --token which one is meant");
	}
	for (size_t i = 0; i < ts->n; i++)
		if (ts->v[i].state == SLOT_TOKEN)
			*out = &ts->v[i];
	return 0;
}

int
tokens_open_knowing(struct tokens *ts, const char *name, unsigned int parts,
    struct slot **out, struct err *e)
{
	return open_one(ts, NULL, name, parts, out, e);
}

int
tokens_open_one(struct tokens *ts, const char *name, struct slot **out,
    struct err *e)
{
	return open_one(ts, NULL, name, TOKEN_INFO_ALL, out, e);
}

int
tokens_open_one_in(struct tokens *ts, const char *module, const char *name,
    struct slot **out, struct err *e)
{
	return open_one(ts, module, name, TOKEN_INFO_ALL, out, e);
}

void
tokens_close(struct tokens *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		slot_drop(&ts->v[i], SLOT_EMPTY);
	ts->n = 0;
}

static int
read_keys(struct slot *s)
{
	int r;

	if ((r = token_begin(s->token, &s->err)) != 0)
		return r;
	r = token_list(s->token, NULL, &s->keys, &s->err);
	token_end(s->token);
	return r;
}

/* A token of a kind that tells of none has none. */
static int
read_leftovers(struct slot *s)
{
	int r;

	if ((r = token_begin(s->token, &s->err)) != 0)
		return r;
	r = token_leftovers(s->token, &s->leftovers, &s->err);
	token_end(s->token);
	return r == ERR_UNSUPPORTED ? 0 : r;
}

/* Have it done to every token; one that fails becomes SLOT_FAILED. */
static int
read_each(struct tokens *ts, int (*read)(struct slot *), struct err *e)
{
	patience_start();
	for (size_t i = 0; i < ts->n; i++)
		if (ts->v[i].state == SLOT_TOKEN && read(&ts->v[i]) != 0)
			slot_drop(&ts->v[i], SLOT_FAILED);
	patience_end();
	return count(ts, SLOT_TOKEN) > 0 ? 0 : none_at_all(ts, e);
}

int
tokens_read_keys(struct tokens *ts, struct err *e)
{
	return read_each(ts, read_keys, e);
}

int
tokens_read_leftovers(struct tokens *ts, struct err *e)
{
	return read_each(ts, read_leftovers, e);
}

int
tokens_failed(const struct tokens *ts, struct err *e)
{
	const size_t n = count(ts, SLOT_FAILED);
	const struct slot *s = first(ts, SLOT_FAILED);

	if (n == 0)
		return 0;
	if (n == 1) {
		*e = s->err;
		return err_wrap(e, "%s", s->reader);
	}
	tokens_warn_failed(ts);
	return err_set(e, s->err.code, s->err.detail,
	    "%zu tokens could not be read", n);
}

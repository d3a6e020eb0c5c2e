/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/sig.h"
#include "token/keytype.h"
#include "token/manage.h"
#include "token/modclient.h"
#include "token/open.h"

/*
 * token-suite PIN WRONG-PIN [MODULE]: what token/token.h promises, asked of
 * the first token in a reader, or of the first one that a PKCS#11 module has,
 * whose PIN this is.  Costs one try, which the right PIN gives back.  TAP.
 */
struct suite {
	struct token	*t;
	struct secret	*pin, *wrong;
	struct token_keys keys;
	unsigned int	 n, bad;
	struct err	 e;
};

static void say(struct suite *s, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
say(struct suite *s, bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", ok ? "" : "not ", ++s->n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (ok)
		return;
	s->bad++;
	printf("# %s\n", s->e.msg);
}

/* The result of a call, with what it should be. */
static bool
gives(struct suite *s, int r, int want, const char *what)
{
	if (r == 0)
		s->e = (struct err){ 0 };
	say(s, r == want, "%s", what);
	if (r != want)
		printf("# error %d, not %d\n", r, want);
	return r == want;
}

static bool
begin(struct suite *s)
{
	return token_begin(s->t, &s->e) == 0;
}

/* --- what is known without a PIN --- */

static void
info_is_complete(struct suite *s)
{
	struct token_info i = { 0 };
	int r = ERR_TOKEN;

	if (begin(s)) {
		r = token_get_info(s->t, TOKEN_INFO_ALL, &i, &s->e);
		token_end(s->t);
	}
	gives(s, r, 0, "it tells of itself");
	say(s, i.serial[0] != '\0' && strcmp(i.serial, s->t->serial) == 0,
	    "... its serial number");
	say(s, i.label[0] != '\0' && i.model[0] != '\0',
	    "... its label and model");
	say(s, i.pin == TOKEN_PIN_NEEDED && i.pin_tries > 1,
	    "... and that it needs a PIN, with tries to spare");
}

static bool
has_usable(const struct token_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].blob != NULL)
			return true;
	return false;
}

static bool
keys_are_sound(const struct token_keys *keys)
{
	struct key key;
	struct err e;

	for (size_t i = 0; i < keys->n; i++) {
		const struct token_key *k = &keys->v[i];

		if (k->ref[0] == '\0' || k->id[0] == '\0' ||
		    (k->blob == NULL) != (k->unusable[0] != '\0'))
			return false;
		if (k->blob != NULL && key_parse((struct span){ k->blob,
		    k->blob_n }, &key, &e) != 0)
			return false;
		for (size_t j = 0; j < i; j++)
			if (strcmp(keys->v[j].ref, k->ref) == 0)
				return false;
	}
	return true;
}

static bool
same_keys(const struct token_keys *a, const struct token_keys *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (!span_eq((struct span){ a->v[i].blob, a->v[i].blob_n },
		    (struct span){ b->v[i].blob, b->v[i].blob_n }))
			return false;
	return a->n == b->n &&
	    memcmp(a->stamp, b->stamp, sizeof(a->stamp)) == 0;
}

static void
keys_are_listed(struct suite *s)
{
	struct token_keys again = { 0 };
	int r = ERR_TOKEN;

	if (begin(s)) {
		r = token_list(s->t, NULL, &s->keys, &s->e);
		token_end(s->t);
	}
	if (!gives(s, r, 0, "its keys are listed without a PIN"))
		return;
	say(s, has_usable(&s->keys), "... one at least that SSH can use");
	say(s, keys_are_sound(&s->keys),
	    "... each has a place, an id, and a public key or a reason");
	say(s, token_keys_stamped(&s->keys), "... the list has a stamp");
	r = ERR_TOKEN;
	if (begin(s)) {
		r = token_list(s->t, &s->keys, &again, &s->e);
		token_end(s->t);
	}
	gives(s, r, 0, "they are listed again");
	say(s, same_keys(&s->keys, &again), "... the same");
	token_keys_free(&again);
	for (size_t i = 0; i < s->keys.n; i++)
		if (s->keys.v[i].blob == NULL)
			printf("# %s \"%s\": %s\n", s->keys.v[i].algo,
			    s->keys.v[i].label, s->keys.v[i].unusable);
}

/* --- the PIN --- */

static int
log_in(struct suite *s, const struct secret *pin)
{
	int r = ERR_TOKEN;

	if (begin(s)) {
		r = token_login(s->t, pin, &s->e);
		token_end(s->t);
	}
	return r;
}

static int
sign_with(struct suite *s, const struct token_key *k, enum sig_alg alg,
    struct span data, struct wire_w *sig)
{
	int r = ERR_AGAIN;

	if (!wire_write(sig, SIG_BLOB_MAX))
		return ERR_NOMEM;
	/* Others at the card: then in a turn of our own. */
	r = token_sign(s->t, k, alg, data, sig, &s->e);
	if (r == ERR_AGAIN && begin(s)) {
		r = token_sign(s->t, k, alg, data, sig, &s->e);
		token_end(s->t);
	}
	return r;
}

static const struct token_key *
first_usable(const struct suite *s)
{
	for (size_t i = 0; i < s->keys.n; i++)
		if (s->keys.v[i].blob != NULL)
			return &s->keys.v[i];
	return NULL;
}

static enum sig_alg
some_alg(const struct token_key *k)
{
	struct key key;
	struct err e;

	return key_parse((struct span){ k->blob, k->blob_n }, &key, &e) == 0 ?
	    sig_alg_for(key.type) : SIG_RSA_SHA256;
}

static int
try_signing(struct suite *s)
{
	const struct token_key *k = first_usable(s);
	struct wire_w sig;
	int r;

	r = sign_with(s, k, some_alg(k), span_cstr("data"), &sig);
	if (r != 0 && wire_bytes(&sig).n > 0)
		r = ERR_TOKEN;
	wire_free(&sig);
	return r;
}

static void
the_pin_is_needed(struct suite *s)
{
	gives(s, try_signing(s), ERR_PIN_NEEDED, "nothing is signed without "
	    "a PIN");
	gives(s, log_in(s, s->wrong), ERR_PIN_WRONG, "a wrong PIN is wrong");
	say(s, s->e.detail > 0, "... and how many tries are left is told");
	gives(s, try_signing(s), ERR_PIN_NEEDED, "... it unlocks nothing");
	gives(s, log_in(s, s->pin), 0, "the right one is right");
	say(s, !token_had_login(s->t), "... nobody was logged in before");
	say(s, token_pin_doubt(s->t) == 0, "... there is no doubt about it");
	gives(s, log_in(s, s->pin), 0, "it is right a second time");
	say(s, token_had_login(s->t), "... somebody was logged in before");
}

/* --- signatures --- */

static void
signs(struct suite *s, const struct token_key *k, enum sig_alg alg, size_t n)
{
	const struct span blob = { k->blob, k->blob_n };
	uint8_t *data = malloc(n + 1);
	struct wire_w sig;
	int r = ERR_NOMEM;

	if (data != NULL) {
		memset(data, 'x', n);
		r = sign_with(s, k, alg, (struct span){ data, n }, &sig);
		if (r == 0)
			r = sig_verify(blob, alg, (struct span){ data, n },
			    wire_bytes(&sig), &s->e);
		wire_free(&sig);
	}
	free(data);
	say(s, r == 0, "%s \"%s\" signs %zu bytes by %s", k->algo, k->label,
	    n, sig_alg_name(alg));
}

static void
each_key_signs(struct suite *s)
{
	static const size_t sizes[] = { 0, 1, 10000, 200000 };
	struct key key;
	struct err e;

	for (size_t i = 0; i < s->keys.n; i++) {
		const struct token_key *k = &s->keys.v[i];

		if (k->blob == NULL || key_parse((struct span){ k->blob,
		    k->blob_n }, &key, &e) != 0)
			continue;
		for (int a = SIG_RSA_SHA1; a <= SIG_ALG_LAST; a++)
			for (size_t j = 0; j < sizeof(sizes) /
			    sizeof(*sizes); j++)
				if (sig_alg_fits((enum sig_alg)a, key.type))
					signs(s, k, (enum sig_alg)a,
					    sizes[j]);
	}
}

/* Its number s or r is short once in 128 times: none is written wrongly. */
static void
many_signatures_are_right(struct suite *s)
{
	const struct token_key *k = NULL;
	size_t right = 0;

	for (size_t i = 0; i < s->keys.n; i++)
		if (s->keys.v[i].blob != NULL &&
		    strncmp(s->keys.v[i].algo, "P-", 2) == 0)
			k = &s->keys.v[i];
	for (size_t i = 0; k != NULL && i < 300; i++) {
		struct wire_w sig;

		right += sign_with(s, k, some_alg(k), (struct span){
		    (uint8_t *)&i, sizeof(i) }, &sig) == 0;
		wire_free(&sig);
	}
	printf("# %zu of them\n", right);
	say(s, k == NULL || right == 300, "300 of 300 ECDSA signatures are "
	    "right, short numbers included");
}

/* As when it was replaced by another program. */
static void
a_key_that_is_not_there_does_not_sign(struct suite *s)
{
	struct token_key gone = *first_usable(s);
	struct wire_w sig;
	int r;

	snprintf(gone.ref, sizeof(gone.ref), "7e");
	snprintf(gone.id, sizeof(gone.id), "7e7e7e");
	snprintf(gone.label, sizeof(gone.label), "no such key");
	r = sign_with(s, &gone, some_alg(&gone), span_cstr("data"), &sig);
	wire_free(&sig);
	gives(s, r, ERR_STALE, "a key that is gone does not sign");
}

/* --- changes, between begin and end, and logged in --- */

static bool
list(struct suite *s, struct token_keys *out)
{
	return token_list(s->t, NULL, out, &s->e) == 0;
}

/* The only key of that label, NULL if there is none or are several. */
static const struct token_key *
labelled(const struct token_keys *keys, const char *label)
{
	const struct token_key *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < keys->n; i++) {
		if (strcmp(keys->v[i].label, label) != 0)
			continue;
		found = &keys->v[i];
		n++;
	}
	return n == 1 ? found : NULL;
}

static void
the_new_one_is_a_key(struct suite *s, const struct token_key *made)
{
	struct token_keys now = { 0 };
	const struct token_key *k;
	struct wire_w sig;

	if (!list(s, &now) || (k = labelled(&now, made->label)) == NULL) {
		say(s, false, "... and listed");
		token_keys_free(&now);
		return;
	}
	say(s, k->blob != NULL && span_eq((struct span){ k->blob, k->blob_n },
	    (struct span){ made->blob, made->blob_n }) &&
	    strcmp(k->ref, made->ref) == 0 && strcmp(k->id, made->id) == 0,
	    "... and listed as it was told");
	gives(s, sign_with(s, k, some_alg(k), span_cstr("data"), &sig), 0,
	    "... and signs");
	wire_free(&sig);
	token_keys_free(&now);
}

static void
it_is_named_anew(struct suite *s, const struct token_key *made)
{
	struct token_keys now = { 0 };
	const struct token_key *k;
	int r;

	r = token_set_label(s->t, made->ref, "another name", &s->e);
	if (r == ERR_UNSUPPORTED) {
		printf("# no other label: %s\n", s->e.msg);
		return;
	}
	say(s, r == 0 && list(s, &now) &&
	    (k = labelled(&now, "another name")) != NULL &&
	    strcmp(k->id, made->id) == 0 &&
	    labelled(&now, made->label) == NULL, "... and takes another label");
	token_keys_free(&now);
}

static void
a_key_is_made_and_deleted(struct suite *s, const struct keytype *type)
{
	const struct token_key_spec spec = { .type = type->name,
	    .label = "made by the suite" };
	struct token_keys before = { 0 }, after = { 0 };
	struct token_key made = { 0 };
	int r;

	if (!list(s, &before))
		return;
	r = token_generate(s->t, &spec, &made, &s->e);
	if (r == ERR_UNSUPPORTED) {
		printf("# no key of the type %s: %s\n", type->name, s->e.msg);
	} else {
		say(s, r == 0 && strcmp(made.algo, type->algo) == 0,
		    "a key of the type %s is made", type->name);
		the_new_one_is_a_key(s, &made);
		it_is_named_anew(s, &made);
		gives(s, token_remove(s->t, made.ref, &s->e), 0,
		    "... and deleted");
		say(s, list(s, &after) && same_keys(&before, &after),
		    "... all others are still there");
		gives(s, token_remove(s->t, made.ref, &s->e), ERR_NOTFOUND,
		    "... it cannot be deleted twice");
	}
	free(made.blob);
	token_keys_free(&before);
	token_keys_free(&after);
}

static void
keys_come_and_go(struct suite *s)
{
	const struct keytype *type;

	if (!begin(s))
		return;
	for (size_t i = 0; (type = keytype_at(i)) != NULL && type->ssh; i++)
		if (type->bits <= 2048)
			a_key_is_made_and_deleted(s, type);
	token_end(s->t);
}

static void
the_end(struct suite *s)
{
	int r = ERR_TOKEN;

	if (begin(s)) {
		r = token_logout(s->t, &s->e);
		token_end(s->t);
	}
	gives(s, r, 0, "it is logged out");
	gives(s, try_signing(s), ERR_PIN_NEEDED, "... and signs no more");
}

/* --- which token --- */

static int
first_card(struct token_place *place, struct err *e)
{
	struct pcsc_readers rs = { .n = 0 };
	struct pcsc *p;
	int r;

	if ((r = pcsc_open(&p, e)) != 0)
		return r;
	r = pcsc_list(p, &rs, e);
	pcsc_close(p);
	for (size_t i = 0; r == 0 && i < rs.n; i++) {
		if (!rs.v[i].present)
			continue;
		token_place_reader(place, &rs.v[i]);
		return 0;
	}
	return r != 0 ? r : err_set(e, ERR_NO_TOKEN, 0, "no card");
}

static int
first_slot(struct token_place *place, const char *module, struct err *e)
{
	struct p11_slots slots = { 0 };
	struct modclient *c;
	int r;

	if ((r = modclient_new(&c, module, 0, e)) != 0)
		return r;
	if ((r = modclient_list(c, &slots, e)) == 0)
		r = err_set(e, ERR_NO_TOKEN, 0, "no token");
	for (size_t i = 0; i < slots.n; i++) {
		if (!slots.v[i].present)
			continue;
		r = token_place_slot(place, module, &slots.v[i], e);
		break;
	}
	p11_slots_free(&slots);
	modclient_free(c);
	return r;
}

static struct secret *
secret_of(const char *text)
{
	struct secret *s = secret_new();

	if (s == NULL || secret_add(s, text, strlen(text)) != 0)
		exit(2);
	return s;
}

int
main(int argc, char **argv)
{
	struct token_place place;
	struct suite s = { 0 };
	int r;

	if (argc != 3 && argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	s.pin = secret_of(argv[1]);
	s.wrong = secret_of(argv[2]);
	r = argc == 4 ? first_slot(&place, argv[3], &s.e) :
	    first_card(&place, &s.e);
	if (r == 0)
		r = token_open(&place, 0, &s.t, &s.e);
	if (gives(&s, r, 0, "a token is opened")) {
		token_place_clear(&place);
		info_is_complete(&s);
		keys_are_listed(&s);
		if (first_usable(&s) != NULL) {
			the_pin_is_needed(&s);
			each_key_signs(&s);
			many_signatures_are_right(&s);
			a_key_that_is_not_there_does_not_sign(&s);
			keys_come_and_go(&s);
			the_end(&s);
		}
	}
	token_keys_free(&s.keys);
	token_close(s.t);
	secret_free(s.pin);
	secret_free(s.wrong);
	printf("1..%u\n", s.n);
	return s.bad != 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/cmd.h"
#include "keyutil/login.h"
#include "keyutil/out.h"
#include "keyutil/progress.h"
#include "keyutil/trial.h"

enum {
	OPT_TOKEN,
	OPT_MODULE,
	OPT_PIN_FILE,
	OPT_JSON,
};

static const struct cmd_option options[] = {
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_MODULE] = CMD_OPTION_MODULE,
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_JSON] = CMD_OPTION_JSON,
	{ 0 },
};

struct trial {
	const struct token_key *key;
	const char	*alg;		/* "" when there is none */
	bool		 skipped;
	int		 rc;		/* of trial_sign() */
	double		 ms;
	char		 why[320];	/* unless it went well */
};

struct trials {
	struct trial	*v;
	size_t		 n, signed_, failed;
};

static void
skip(struct trials *t, const struct token_key *k)
{
	struct trial *x = &t->v[t->n++];

	*x = (struct trial){ .key = k, .alg = "", .skipped = true };
	snprintf(x->why, sizeof(x->why), "%s", k->unusable);
}

/* Nonzero only when there is no use in going on. */
static int
try_key(struct trials *t, struct token *token, const struct token_key *k,
    struct err *e)
{
	enum sig_alg algs[TRIAL_ALGS_MAX];
	const size_t n = trial_algs(k, algs);

	if (n == 0)
		skip(t, k);
	for (size_t i = 0; i < n; i++) {
		struct trial *x = &t->v[t->n++];

		*x = (struct trial){ .key = k,
		    .alg = sig_alg_name(algs[i]) };
		x->rc = trial_sign(token, k, algs[i], &x->ms, e);
		t->signed_++;
		if (x->rc == 0)
			continue;
		t->failed++;
		snprintf(x->why, sizeof(x->why), "%s", e->msg);
		if (trial_is_over(e->code))
			return x->rc;
	}
	return 0;
}

static int
try_all(struct trials *t, struct slot *s, const char *pin_file,
    const struct trial_keys *keys, struct err *e)
{
	struct progress *p;
	struct login l;
	int r;

	if ((t->v = calloc(keys->n, TRIAL_ALGS_MAX * sizeof(*t->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keys");
	if ((r = login_begin(&l, s, pin_file, "to test its keys", e)) != 0)
		return r;
	p = progress_start("testing the keys");
	for (size_t i = 0; r == 0 && i < keys->n; i++) {
		progress_at(p, (double)i / (double)keys->n);
		r = try_key(t, s->token, keys->v[i], e);
	}
	progress_end(p, r == 0);
	login_end(&l);
	return r;
}

static const char *
result_of(const struct trial *x)
{
	return x->skipped ? "skip" : x->rc == 0 ? "pass" : "fail";
}

static const char *
name_of(const struct token_key *k)
{
	return k->label[0] != '\0' ? k->label : k->id;
}

/* What did not go well has its reason below the table. */
static void
print_reasons(const struct trials *t)
{
	char text[sizeof(t->v->why) + 400];

	for (size_t i = 0; i < t->n; i++) {
		const struct trial *x = &t->v[i];

		if (x->why[0] == '\0')
			continue;
		snprintf(text, sizeof(text), "%s%s%s: %s: %s",
		    name_of(x->key), x->skipped ? "" : " with ", x->alg,
		    x->skipped ? "skipped" : "failed", x->why);
		fputs("  ", stdout);
		out_paragraph(stdout, 2, text);
	}
}

static int
print_text(const struct trials *t, const struct slot *s, struct err *e)
{
	struct out_table table = { .columns = 5,
	    .head = { "LABEL", "TYPE", "ALGORITHM", "RESULT", "TIME" } };
	char ms[32];
	int r = 0;

	printf("Token %s \"%s\"\n", s->info.serial, s->info.label);
	for (size_t i = 0; i < t->n; i++) {
		const struct trial *x = &t->v[i];

		if (x->skipped)
			continue;
		snprintf(ms, sizeof(ms), "%.1f ms", x->ms);
		out_table_row(&table, (const char *[]){ name_of(x->key),
		    x->key->algo, x->alg, x->rc == 0 ? "pass" : "FAIL", ms });
	}
	if (t->signed_ > 0)
		r = out_table_print(stdout, &table, e);
	print_reasons(t);
	return r;
}

static int
print_json(const struct trials *t, const struct slot *s, struct err *e)
{
	json_t *all = json_array();

	for (size_t i = 0; all != NULL && i < t->n; i++) {
		const struct trial *x = &t->v[i];

		if (json_array_append_new(all, json_pack(
		    "{s:s, s:s, s:s, s:s, s:s?, s:s, s:o, s:s?}",
		    "token", s->info.serial, "id", x->key->id,
		    "label", x->key->label, "type", x->key->algo,
		    "algorithm", x->alg[0] != '\0' ? x->alg : NULL,
		    "result", result_of(x),
		    "ms", x->why[0] != '\0' ? json_null() : json_real(x->ms),
		    "text", x->why[0] != '\0' ? x->why : NULL)) != 0) {
			json_decref(all);
			all = NULL;
		}
	}
	return out_json(all, e);
}

static int
test_slot(struct slot *s, const struct trial_keys *keys,
    const struct cmd_args *a, struct err *e)
{
	struct trials t = { 0 };
	struct err why = { 0 };
	int r, printed;

	r = try_all(&t, s, a->value[OPT_PIN_FILE], keys, e);
	if (t.n > 0) {
		printed = a->value[OPT_JSON] != NULL ?
		    print_json(&t, s, &why) : print_text(&t, s, &why);
		if (r == 0 && printed != 0) {
			*e = why;
			r = printed;
		}
	}
	if (r == 0 && t.signed_ == 0)
		r = err_set(e, ERR_UNSUPPORTED, 0, "SSH can use none of "
		    "these keys");
	else if (r == 0 && t.failed > 0)
		r = err_set(e, ERR_TOKEN, 0, "token %s: %zu of %zu "
		    "signatures failed", s->info.serial, t.failed, t.signed_);
	free(t.v);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct trial_keys keys = { 0 };
	struct tokens ts;
	struct slot *s;
	int r;

	if ((r = tokens_open_one_in(&ts, a->value[OPT_MODULE],
	    a->value[OPT_TOKEN], &s, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = trial_choose(s, a->operand, a->n_operands, &keys,
	    e)) == 0)
		r = test_slot(s, &keys, a, e);
	trial_keys_free(&keys);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_test = {
	.name = "test",
	.operands = "[KEY...]",
	.summary = "sign and verify with each key by each SSH algorithm",
	.about = "Without a KEY all on the token are tested.  A key that may "
	    "be used a certain number of times only is used once for each "
	    "algorithm.",
	.options = options,
	.run = run,
};

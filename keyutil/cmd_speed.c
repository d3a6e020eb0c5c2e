/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/cmd.h"
#include "keyutil/login.h"
#include "keyutil/out.h"
#include "keyutil/progress.h"
#include "keyutil/trial.h"

#define SECONDS_DEFAULT	3
#define SECONDS_MAX	3600

enum {
	OPT_SECONDS,
	OPT_TOKEN,
	OPT_PIN_FILE,
	OPT_JSON,
};

static const struct cmd_option options[] = {
	[OPT_SECONDS] = { "seconds", "N",
	    "sign that long with each key; 3 if not given" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_JSON] = CMD_OPTION_JSON,
	{ 0 },
};

/* How long each signature with a key took. */
struct pace {
	const struct token_key *key;
	const char	*alg;
	double		*ms;		/* sorted, once all are there */
	size_t		 n;
	double		 sum;
};

struct paces {
	struct pace	*v;
	size_t		 n;
};

static int
parse_seconds(const char *s, int *out, struct err *e)
{
	char *end;
	long n;

	*out = SECONDS_DEFAULT;
	if (s == NULL)
		return 0;
	errno = 0;
	n = strtol(s, &end, 10);
	if (errno != 0 || *s < '0' || *s > '9' || *end != '\0' || n < 1 ||
	    n > SECONDS_MAX)
		return err_set(e, ERR_USAGE, 0,
		    "--seconds takes a number from 1 to %d", SECONDS_MAX);
	*out = (int)n;
	return 0;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
append(struct pace *p, double ms, struct err *e)
{
	void *more;

	/* Room for a power of two. */
	if ((p->n & (p->n - 1)) == 0) {
		more = reallocarray(p->ms, p->n > 0 ? 2 * p->n : 1,
		    sizeof(*p->ms));
		if (more == NULL)
			return err_set(e, ERR_NOMEM, 0, "times");
		p->ms = more;
	}
	p->ms[p->n++] = ms;
	p->sum += ms;
	return 0;
}

/* Sign until the token was busy for so long. */
static int
measure(struct pace *p, struct token *t, enum sig_alg alg, int seconds,
    struct err *e)
{
	double ms;
	int r = 0;

	while (r == 0 && p->sum < seconds * 1e3)
		if ((r = trial_sign(t, p->key, alg, &ms, e)) == 0)
			r = append(p, ms, e);
	if (p->n > 0)
		qsort(p->ms, p->n, sizeof(*p->ms), by_size);
	return r == 0 ? 0 : err_wrap(e, "key \"%s\"",
	    p->key->label[0] != '\0' ? p->key->label : p->key->id);
}

static int
measure_all(struct paces *all, struct slot *s, const char *pin_file,
    const struct trial_keys *keys, int seconds, struct err *e)
{
	enum sig_alg algs[TRIAL_ALGS_MAX];
	struct progress *p;
	struct login l;
	size_t n;
	int r;

	if ((all->v = calloc(keys->n, sizeof(*all->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keys");
	if ((r = login_begin(&l, s, pin_file, "to measure its keys",
	    e)) != 0)
		return r;
	p = progress_start("signing");
	for (size_t i = 0; r == 0 && i < keys->n; i++) {
		progress_at(p, (double)i / (double)keys->n);
		if ((n = trial_algs(keys->v[i], algs)) == 0)
			continue;
		all->v[all->n] = (struct pace){ .key = keys->v[i],
		    .alg = sig_alg_name(algs[n - 1]) };
		r = measure(&all->v[all->n++], s->token, algs[n - 1], seconds,
		    e);
	}
	progress_end(p, r == 0);
	login_end(&l);
	return r;
}

static double
per_second(const struct pace *p)
{
	return p->sum > 0 ? (double)p->n * 1e3 / p->sum : 0;
}

static int
print_text(const struct paces *all, const struct slot *s, struct err *e)
{
	struct out_table table = { .columns = 6, .head = { "LABEL", "TYPE",
	    "ALGORITHM", "PER SECOND", "MEDIAN", "SLOWEST" } };
	char rate[32], median[32], slowest[32];

	printf("Token %s \"%s\"\n", s->info.serial, s->info.label);
	for (size_t i = 0; i < all->n; i++) {
		const struct pace *p = &all->v[i];

		if (p->n == 0)
			continue;
		snprintf(rate, sizeof(rate), "%.1f", per_second(p));
		snprintf(median, sizeof(median), "%.1f ms", p->ms[p->n / 2]);
		snprintf(slowest, sizeof(slowest), "%.1f ms",
		    p->ms[p->n - 1]);
		out_table_row(&table, (const char *[]){
		    p->key->label[0] != '\0' ? p->key->label : p->key->id,
		    p->key->algo, p->alg, rate, median, slowest });
	}
	return out_table_print(stdout, &table, e);
}

static int
print_json(const struct paces *all, const struct slot *s, struct err *e)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < all->n; i++) {
		const struct pace *p = &all->v[i];

		if (p->n > 0 && json_array_append_new(array, json_pack(
		    "{s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:f, s:f}",
		    "token", s->info.serial, "id", p->key->id,
		    "label", p->key->label, "type", p->key->algo,
		    "algorithm", p->alg, "signatures", (json_int_t)p->n,
		    "per_second", per_second(p), "median_ms", p->ms[p->n / 2],
		    "slowest_ms", p->ms[p->n - 1])) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return out_json(array, e);
}

static int
speed_of(struct slot *s, const struct trial_keys *keys, int seconds,
    const struct cmd_args *a, struct err *e)
{
	struct paces all = { 0 };
	struct err why = { 0 };
	int r, printed = 0;

	r = measure_all(&all, s, a->value[OPT_PIN_FILE], keys, seconds, e);
	if (r == 0 && all.n == 0)
		r = err_set(e, ERR_UNSUPPORTED, 0, "SSH can use none of "
		    "these keys");
	if (all.n > 0)
		printed = a->value[OPT_JSON] != NULL ?
		    print_json(&all, s, &why) : print_text(&all, s, &why);
	if (r == 0 && printed != 0) {
		*e = why;
		r = printed;
	}
	for (size_t i = 0; i < all.n; i++)
		free(all.v[i].ms);
	free(all.v);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct trial_keys keys = { 0 };
	struct tokens ts;
	struct slot *s;
	int r, seconds;

	if ((r = parse_seconds(a->value[OPT_SECONDS], &seconds, e)) != 0)
		return r;
	if ((r = tokens_open_one(&ts, a->value[OPT_TOKEN], &s, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = trial_choose(s, a->operand, a->n_operands, &keys,
	    e)) == 0)
		r = speed_of(s, &keys, seconds, a, e);
	trial_keys_free(&keys);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_speed = {
	.name = "speed",
	.operands = "[KEY...]",
	.summary = "measure the signatures that each key makes in a second",
	.about = "The token does nothing else meanwhile.  RSA keys sign with "
	    "rsa-sha2-512.  A key that may be used a certain number of times "
	    "only loses one of them with each signature.",
	.options = options,
	.run = run,
};

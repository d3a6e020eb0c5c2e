/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands to the reader: what goes wrong, when, and what went by. */
#include <string.h>

#include <openssl/crypto.h>

#include "tests/vhsm/ctl_call.h"
#include "tests/vhsm/reader.h"

#define MS_MAX	600000UL
#define NTH_MAX	1000000UL

bool
ctl_pull(const struct ctl_call *c)
{
	reader_pull(c->s);
	return true;
}

bool
ctl_insert(const struct ctl_call *c)
{
	reader_insert(c->s);
	return true;
}

bool
ctl_swap(const struct ctl_call *c)
{
	unsigned long n;
	struct vhsm *card;
	struct err e;

	if (!ctl_number(c->word[1], 10, SERVE_CARDS - 1, &n))
		return ctl_fail(c, "swap: want a card from 0 to 3");
	if (serve_card(c->s, (unsigned)n, &card, &e) != 0)
		return ctl_fail(c, e.msg);
	if (c->n == 2) {
		reader_pull(c->s);
		reader_exchange(c->s, (unsigned)n);
		reader_insert(c->s);
	} else if (strcmp(c->word[2], "quiet") == 0) {
		reader_exchange(c->s, (unsigned)n);
	} else if (strcmp(c->word[2], "reset") == 0) {
		c->s->next = (unsigned)n;
	} else {
		return ctl_fail(c, "swap: want quiet, reset or nothing more");
	}
	return true;
}

bool
ctl_reader(const struct ctl_call *c)
{
	fputs(!c->s->inserted ? "empty\n" : c->s->seen ? "seen\n" :
	    "full\n", c->out);
	return true;
}

bool
ctl_reset(const struct ctl_call *c)
{
	vhsm_power(c->card);
	return true;
}

/* Two hex digits, and perhaps a plus. */
static bool
parse_ins(const char *s, struct fault *f)
{
	unsigned v;

	if (strspn(s, "0123456789abcdefABCDEF") != 2 || (s[2] != '\0' &&
	    strcmp(s + 2, "+") != 0) || sscanf(s, "%2x", &v) != 1)
		return false;
	f->ins = (int)v;
	f->with_data = s[2] == '+';
	return true;
}

/* N [INS] from word i on; i then is the word after them, 0 a complaint. */
static void
parse_moment(const struct ctl_call *c, size_t *i, struct fault *f)
{
	f->ins = -1;
	if (!ctl_number(c->word[*i], 10, NTH_MAX, &f->left) || f->left == 0) {
		ctl_fail(c, "N counts from 1");
		*i = 0;
		return;
	}
	++*i;
	if (*i < c->n && parse_ins(c->word[*i], f))
		++*i;
}

static bool
plan(const struct ctl_call *c, const struct fault *f)
{
	if (!fault_plan(&c->s->faults, f))
		return ctl_fail(c, "32 plans are all it holds");
	return true;
}

static bool
delay_nth(const struct ctl_call *c, unsigned ms)
{
	struct fault f = { .kind = FAULT_DELAY, .ms = ms };
	size_t i = 3;

	if (c->n < 4)
		return ctl_fail(c, "delay: at which command?");
	parse_moment(c, &i, &f);
	if (i != c->n)
		return i != 0 && ctl_fail(c, "delay: want MS at N [INS]");
	return plan(c, &f);
}

bool
ctl_delay(const struct ctl_call *c)
{
	unsigned long ms, ins;

	if (!ctl_number(c->word[1], 10, MS_MAX, &ms))
		return ctl_fail(c, "delay: want milliseconds, at most 600000");
	if (c->n == 2) {
		c->s->faults.delay_all = (unsigned)ms;
		return true;
	}
	if (strcmp(c->word[2], "at") == 0)
		return delay_nth(c, (unsigned)ms);
	if (c->n != 3 || !ctl_number(c->word[2], 16, 0xff, &ins))
		return ctl_fail(c, "delay: INS is two hex digits");
	c->s->faults.delay_ins[ins] = (unsigned)ms;
	return true;
}

static bool
raw_answer(const struct ctl_call *c, const char *hex, struct fault *f)
{
	uint8_t *p;
	size_t n;

	f->kind = FAULT_ANSWER;
	if ((p = ctl_hex(hex, &n)) == NULL)
		return ctl_fail(c, "fail: raw takes bytes in hex");
	if (n == 0 || n > sizeof(f->raw)) {
		OPENSSL_free(p);
		return ctl_fail(c, "fail: raw takes 1 to 64 bytes");
	}
	memcpy(f->raw, p, n);
	f->raw_n = n;
	OPENSSL_free(p);
	return true;
}

bool
ctl_fail_nth(const struct ctl_call *c)
{
	struct fault f = { .kind = FAULT_DROP };
	unsigned long sw;
	size_t i = 1, more;

	parse_moment(c, &i, &f);
	if (i == 0)
		return false;
	more = c->n - i;
	if (more == 2 && strcmp(c->word[i], "raw") == 0)
		return raw_answer(c, c->word[i + 1], &f) && plan(c, &f);
	if (more == 1 && strcmp(c->word[i], "drop") == 0)
		return plan(c, &f);
	if (more == 1 && strcmp(c->word[i], "empty") == 0) {
		f.kind = FAULT_EMPTY;
		return plan(c, &f);
	}
	if (more == 1 && strcmp(c->word[i], "drop-after") == 0) {
		f.kind = FAULT_DROP_AFTER;
		return plan(c, &f);
	}
	if (more != 1 || !ctl_number(c->word[i], 16, 0xffff, &sw))
		return ctl_fail(c, "fail: want a status word in hex, raw HEX, "
		    "empty, drop or drop-after");
	f.kind = FAULT_ANSWER;
	f.raw[0] = (uint8_t)(sw >> 8);
	f.raw[1] = (uint8_t)sw;
	f.raw_n = 2;
	return plan(c, &f);
}

/* Words i and on as a line again. */
static bool
join(const struct ctl_call *c, size_t i, char line[FAULT_LINE])
{
	size_t used = 0, n;

	for (; i < c->n; i++) {
		n = strlen(c->word[i]);
		if (n + 4 > FAULT_LINE - used)
			return false;
		line[used++] = '"';
		memcpy(line + used, c->word[i], n);
		used += n;
		line[used++] = '"';
		line[used++] = ' ';
	}
	line[used] = '\0';
	return used != 0;
}

static bool
parse_side(const char *s, enum fault_kind *kind)
{
	static const struct {
		const char	*name;
		enum fault_kind	 kind;
	} sides[] = {
		{ "before", FAULT_BEFORE },
		{ "during", FAULT_DURING },
		{ "after", FAULT_AFTER },
	};

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
		if (strcmp(s, sides[i].name) == 0) {
			*kind = sides[i].kind;
			return true;
		}
	return false;
}

bool
ctl_at(const struct ctl_call *c)
{
	struct fault f = { .kind = FAULT_NONE };
	size_t i = 1;

	parse_moment(c, &i, &f);
	if (i == 0)
		return false;
	if (i >= c->n || !parse_side(c->word[i], &f.kind))
		return ctl_fail(c, "at: want before, during or after");
	if (!join(c, i + 1, f.line))
		return ctl_fail(c, "at: want a command, not too long a one");
	return plan(c, &f);
}

/* What has been due is not yet forgotten, but planned no more. */
bool
ctl_planned(const struct ctl_call *c)
{
	struct faults *f = &c->s->faults;
	size_t n = 0;

	if (f->error[0] != '\0') {
		ctl_fail(c, f->error);
		f->error[0] = '\0';
		return false;
	}
	for (size_t i = 0; i < f->plans; i++)
		n += f->plan[i].left != 0;
	fprintf(c->out, "%zu\n", n);
	return true;
}

bool
ctl_forget(const struct ctl_call *c)
{
	fault_forget(&c->s->faults);
	c->s->faults.error[0] = '\0';
	return true;
}

bool
ctl_count(const struct ctl_call *c)
{
	unsigned long ins;

	if (c->n == 1) {
		fprintf(c->out, "%lu\n", c->s->faults.total);
		return true;
	}
	if (!ctl_number(c->word[1], 16, 0xff, &ins))
		return ctl_fail(c, "count: INS is two hex digits");
	fprintf(c->out, "%lu\n", c->s->faults.by_ins[ins]);
	return true;
}

bool
ctl_reset_count(const struct ctl_call *c)
{
	const struct vhsm_pins none = { 0 };

	fault_reset_count(&c->s->faults);
	for (unsigned i = 0; i < SERVE_CARDS; i++)
		if (c->s->card[i] != NULL)
			vhsm_set_pins(c->s->card[i], none);
	return true;
}

bool
ctl_log(const struct ctl_call *c)
{
	fault_print_log(&c->s->faults, c->out);
	return true;
}

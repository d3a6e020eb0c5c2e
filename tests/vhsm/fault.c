/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/vhsm/fault.h"

bool
fault_plan(struct faults *f, const struct fault *what)
{
	if (f->plans == FAULT_PLANS)
		return false;
	f->plan[f->plans++] = *what;
	return true;
}

void
fault_forget(struct faults *f)
{
	f->plans = 0;
}

static void
forget_one(struct faults *f, size_t i)
{
	f->plans--;
	memmove(&f->plan[i], &f->plan[i + 1],
	    (f->plans - i) * sizeof(f->plan[0]));
}

/* Five bytes are a header and Lc, or Le. */
static bool
is_counted(const struct fault *p, struct span cmd)
{
	if (p->ins != -1 && (cmd.n < 2 || cmd.p[1] != p->ins))
		return false;
	return !p->with_data || cmd.n > 5;
}

void
fault_arrive(struct faults *f, struct span cmd)
{
	for (size_t i = 0; i < f->plans;) {
		if (f->plan[i].left == 0) {	/* its moment has passed */
			forget_one(f, i);
			continue;
		}
		if (is_counted(&f->plan[i], cmd))
			f->plan[i].left--;
		i++;
	}
}

bool
fault_take(struct faults *f, enum fault_kind kind, struct fault *out)
{
	for (size_t i = 0; i < f->plans; i++)
		if (f->plan[i].left == 0 && f->plan[i].kind == kind) {
			*out = f->plan[i];
			forget_one(f, i);
			return true;
		}
	return false;
}

unsigned
fault_delay(struct faults *f, struct span cmd)
{
	struct fault due;
	unsigned ms = f->delay_all;

	if (cmd.n >= 2)
		ms += f->delay_ins[cmd.p[1]];
	while (fault_take(f, FAULT_DELAY, &due))
		ms += due.ms;
	return ms;
}

void
fault_note(struct faults *f, struct span cmd, struct span rsp)
{
	struct fault_entry *l = &f->log[f->logged++ % FAULT_LOG];

	memset(l, 0, sizeof(*l));
	l->n = cmd.n;
	l->short_header = cmd.n < sizeof(l->header);
	if (!l->short_header)
		memcpy(l->header, cmd.p, sizeof(l->header));
	l->rsp_n = rsp.n;
	if (rsp.n < 2)
		return;
	l->sw = (unsigned)rsp.p[rsp.n - 2] << 8 | rsp.p[rsp.n - 1];
	f->total++;
	if (cmd.n >= 2)
		f->by_ins[cmd.p[1]]++;
}

void
fault_reset_count(struct faults *f)
{
	f->total = 0;
	f->logged = 0;
	memset(f->by_ins, 0, sizeof(f->by_ins));
}

static void
print_entry(const struct fault_entry *l, FILE *out)
{
	if (l->short_header)
		fputs("--------", out);
	else
		for (size_t k = 0; k < sizeof(l->header); k++)
			fprintf(out, "%02X", l->header[k]);
	fprintf(out, " %zu -> ", l->n);
	if (l->sw == 0)
		fputs("lost\n", out);
	else
		fprintf(out, "%zu %04X\n", l->rsp_n, l->sw);
}

void
fault_print_log(const struct faults *f, FILE *out)
{
	unsigned long i;

	i = f->logged > FAULT_LOG ? f->logged - FAULT_LOG : 0;
	for (; i < f->logged; i++)
		print_entry(&f->log[i % FAULT_LOG], out);
}

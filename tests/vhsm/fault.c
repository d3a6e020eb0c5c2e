/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/vhsm/fault.h"

bool
fault_plan(struct faults *f, const struct fault *what, unsigned long n)
{
	for (size_t i = 0; i < FAULT_PLANS; i++)
		if (f->plan[i].kind == FAULT_NONE) {
			f->plan[i] = *what;
			f->plan[i].at = f->seen + n;
			return true;
		}
	return false;
}

struct fault
fault_next(struct faults *f)
{
	struct fault due = { .kind = FAULT_NONE };

	f->seen++;
	for (size_t i = 0; i < FAULT_PLANS; i++)
		if (f->plan[i].kind != FAULT_NONE &&
		    f->plan[i].at == f->seen) {
			due = f->plan[i];
			f->plan[i].kind = FAULT_NONE;
		}
	return due;
}

unsigned
fault_delay(const struct faults *f, struct span cmd)
{
	unsigned ms = f->delay_all;

	if (cmd.n >= 2)
		ms += f->delay_ins[cmd.p[1]];
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

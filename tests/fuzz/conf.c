/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "agent/keywords.h"
#include "tests/fuzz/law.h"

/* Where the agent finds no mistake, a tool that reads of CAs finds the same. */
static void
must_agree(const struct ca_blocks *a, const struct ca_blocks *b)
{
	must(a->n_cas == b->n_cas);
	for (size_t i = 0; i < a->n_cas; i++) {
		must(strcmp(a->cas[i].name, b->cas[i].name) == 0);
		must(a->cas[i].said == b->cas[i].said);
	}
	must(a->n_profiles == b->n_profiles);
	for (size_t i = 0; i < a->n_profiles; i++) {
		must(strcmp(a->profiles[i].name, b->profiles[i].name) == 0);
		must(a->profiles[i].said == b->profiles[i].said);
	}
}

/* Every error names the file and the line; nothing leaks either way. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span text = { p, n };
	struct options o = { .pin_fd = -1 };
	struct ca_blocks b;
	bool agent, tool;
	struct err e;

	agent = keywords_parse(&o, text, "conf", &e) == 0;
	must(agent || strncmp(e.msg, "conf:", 5) == 0);
	tool = ca_blocks_parse(text, "conf", &b, &e) == 0;
	must(tool || strncmp(e.msg, "conf:", 5) == 0);
	must(tool || !agent);
	if (agent)
		must_agree(&o.ca, &b);
	ca_blocks_clear(&b);
	options_free(&o);
	return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tests/vhsm/ctl.h"

#define WORDS	6
#define MS_MAX	600000UL

struct call {
	struct server	*s;
	char		*word[WORDS];
	size_t		 n;
	FILE		*out;
};

typedef bool ctl_command(const struct call *c);

static bool
fail(const struct call *c, const char *why)
{
	fprintf(c->out, "error %s\n", why);
	return false;
}

static bool
number(const char *s, int base, unsigned long max, unsigned long *v)
{
	char *end;

	errno = 0;
	*v = strtoul(s, &end, base);
	return errno == 0 && end != s && *end == '\0' && *s != '-' &&
	    *v <= max;
}

/* Hex digits to bytes; free them with OPENSSL_free(). */
static uint8_t *
from_hex(const char *s, size_t *n)
{
	uint8_t *p;
	long len = 0;

	*n = 0;
	if ((p = OPENSSL_hexstr2buf(s, &len)) != NULL)
		*n = (size_t)len;
	return p;
}

static bool
run_pull(const struct call *c)
{
	serve_pull(c->s);
	return true;
}

static bool
run_insert(const struct call *c)
{
	serve_insert(c->s);
	return true;
}

static bool
run_reset(const struct call *c)
{
	vhsm_power(c->s->card);
	return true;
}

static bool
run_delay(const struct call *c)
{
	unsigned long ms, ins;

	if (!number(c->word[1], 10, MS_MAX, &ms))
		return fail(c, "delay: want milliseconds, at most 600000");
	if (c->n == 2) {
		c->s->faults.delay_all = (unsigned)ms;
		return true;
	}
	if (!number(c->word[2], 16, 0xff, &ins))
		return fail(c, "delay: INS is two hex digits");
	c->s->faults.delay_ins[ins] = (unsigned)ms;
	return true;
}

static bool
raw_answer(const struct call *c, struct fault *f)
{
	uint8_t *p;
	size_t n;

	f->kind = FAULT_RAW_ANSWER;
	if (c->n == 3 || (p = from_hex(c->word[3], &n)) == NULL)
		return fail(c, "fail: raw takes bytes in hex");
	if (n == 0 || n > sizeof(f->raw)) {
		OPENSSL_free(p);
		return fail(c, "fail: raw takes 1 to 64 bytes");
	}
	memcpy(f->raw, p, n);
	f->raw_n = n;
	OPENSSL_free(p);
	return true;
}

static bool
run_fail(const struct call *c)
{
	struct fault f = { .kind = FAULT_NONE };
	unsigned long n, sw;

	if (!number(c->word[1], 10, 1000000, &n) || n == 0)
		return fail(c, "fail: N counts from 1");
	if (strcmp(c->word[2], "drop") == 0) {
		f.kind = FAULT_DROP;
	} else if (strcmp(c->word[2], "drop-after") == 0) {
		f.kind = FAULT_DROP_AFTER;
	} else if (strcmp(c->word[2], "raw") == 0) {
		if (!raw_answer(c, &f))
			return false;
	} else {
		if (!number(c->word[2], 16, 0xffff, &sw))
			return fail(c, "fail: want a status word in hex, "
			    "raw, drop or drop-after");
		f.kind = FAULT_SW;
		f.raw[0] = (uint8_t)(sw >> 8);
		f.raw[1] = (uint8_t)sw;
		f.raw_n = 2;
	}
	if (!fault_plan(&c->s->faults, &f, n))
		return fail(c, "fail: 16 planned faults are all it holds");
	return true;
}

static bool
run_count(const struct call *c)
{
	unsigned long ins;

	if (c->n == 1) {
		fprintf(c->out, "%lu\n", c->s->faults.total);
		return true;
	}
	if (!number(c->word[1], 16, 0xff, &ins))
		return fail(c, "count: INS is two hex digits");
	fprintf(c->out, "%lu\n", c->s->faults.by_ins[ins]);
	return true;
}

static bool
run_reset_count(const struct call *c)
{
	fault_reset_count(&c->s->faults);
	return true;
}

static bool
run_log(const struct call *c)
{
	fault_print_log(&c->s->faults, c->out);
	return true;
}

static bool
send_privileged(const struct call *c, struct span cmd)
{
	uint8_t *rsp = malloc(VHSM_RSP_MAX);
	size_t n;

	if (rsp == NULL)
		return fail(c, "out of memory");
	n = vhsm_apdu_privileged(c->s->card, cmd, rsp, VHSM_RSP_MAX);
	for (size_t i = 0; i < n; i++)
		fprintf(c->out, "%02X", rsp[i]);
	fputc('\n', c->out);
	OPENSSL_cleanse(rsp, n);
	free(rsp);
	return true;
}

static bool
run_apdu(const struct call *c)
{
	struct span cmd;
	uint8_t *p;
	bool ok;

	if ((p = from_hex(c->word[1], &cmd.n)) == NULL)
		return fail(c, "apdu: want hex digits");
	cmd.p = p;
	ok = send_privileged(c, cmd);
	OPENSSL_clear_free(p, cmd.n);
	return ok;
}

static bool
run_init(const struct call *c)
{
	struct err e;

	if (vhsm_initialise(c->s->card, c->word[1], c->word[2],
	    c->n > 3 ? c->word[3] : "vhsm", &e) != 0)
		return fail(c, e.msg);
	return true;
}

static bool
run_generate(const struct call *c)
{
	struct span id = { NULL, 0 };
	uint8_t *p = NULL, ref;
	struct err e;
	bool ok;

	if (c->n > 3 && (p = from_hex(c->word[3], &id.n)) == NULL)
		return fail(c, "generate: ID is hex");
	id.p = p;
	ok = vhsm_make_key(c->s->card, c->word[1], c->word[2], id, &ref,
	    &e) == 0;
	OPENSSL_free(p);
	if (!ok)
		return fail(c, e.msg);
	fprintf(c->out, "%02X\n", ref);
	return true;
}

static bool
run_delete(const struct call *c)
{
	uint8_t cmd[7] = { 0x00, 0xe4, 0x02, 0x00, 0x02 }, rsp[2];
	struct span s = { cmd, sizeof(cmd) };
	unsigned long fid;

	if (!number(c->word[1], 16, 0xffff, &fid))
		return fail(c, "delete-file: FID is four hex digits");
	cmd[5] = (uint8_t)(fid >> 8);
	cmd[6] = (uint8_t)fid;
	vhsm_apdu_privileged(c->s->card, s, rsp, sizeof(rsp));
	if (rsp[0] != 0x90)
		return fail(c, rsp[0] == 0x6a ? "no such file" :
		    "this file stays");
	return true;
}

static bool
run_quirk(const struct call *c)
{
	static const char *const names[] = {
		[VHSM_QUIRK_EOF_OK] = "eof-ok",
		[VHSM_QUIRK_ENUM_PAD] = "enum-pad",
		[VHSM_QUIRK_NO_CE_LIST] = "no-ce-list",
	};
	bool on = strcmp(c->word[2], "on") == 0;

	if (!on && strcmp(c->word[2], "off") != 0)
		return fail(c, "quirk: want on or off");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], c->word[1]) == 0) {
			vhsm_set_quirk(c->s->card, (enum vhsm_quirk)i, on);
			return true;
		}
	return fail(c, "quirk: want eof-ok, enum-pad or no-ce-list");
}

static bool
run_serial(const struct call *c)
{
	fprintf(c->out, "%s\n", vhsm_serial(c->s->card));
	return true;
}

static bool
run_pid(const struct call *c)
{
	fprintf(c->out, "%ld\n", (long)getpid());
	return true;
}

static bool
run_ping(const struct call *c)
{
	(void)c;
	return true;
}

static const struct {
	const char	*name;
	size_t		 min, max;	/* words, the name included */
	ctl_command	*run;
} commands[] = {
	{ "pull", 1, 1, run_pull },
	{ "insert", 1, 1, run_insert },
	{ "reset", 1, 1, run_reset },
	{ "delay", 2, 3, run_delay },
	{ "fail", 3, 4, run_fail },
	{ "count", 1, 2, run_count },
	{ "reset-count", 1, 1, run_reset_count },
	{ "log", 1, 1, run_log },
	{ "apdu", 2, 2, run_apdu },
	{ "init", 3, 4, run_init },
	{ "generate", 3, 4, run_generate },
	{ "delete-file", 2, 2, run_delete },
	{ "quirk", 3, 3, run_quirk },
	{ "serial", 1, 1, run_serial },
	{ "pid", 1, 1, run_pid },
	{ "ping", 1, 1, run_ping },
};

/* Cut line into words in place; false: too many. */
static bool
split(struct call *c, char *line)
{
	char quote;

	while (*line != '\0') {
		line += strspn(line, " \t\r");
		if (*line == '\0')
			return true;
		if (c->n == WORDS)
			return false;
		quote = *line == '"' ? '"' : '\0';
		line += quote != '\0';
		c->word[c->n++] = line;
		line += strcspn(line, quote != '\0' ? "\"" : " \t\r");
		if (*line != '\0')
			*line++ = '\0';
	}
	return true;
}

void
ctl_run(struct server *s, char *line, FILE *out)
{
	struct call c = { .s = s, .out = out };

	if (!split(&c, line) || c.n == 0) {
		fail(&c, "want one command; see ctl.h");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, c.word[0]) != 0)
			continue;
		if (c.n < commands[i].min || c.n > commands[i].max)
			fail(&c, "wrong number of words; see ctl.h");
		else if (commands[i].run(&c))
			fputs("ok\n", out);
		return;
	}
	fail(&c, "no such command; see ctl.h");
}

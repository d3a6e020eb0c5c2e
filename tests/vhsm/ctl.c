/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tests/vhsm/ctl.h"
#include "tests/vhsm/ctl_call.h"

bool
ctl_fail(const struct ctl_call *c, const char *why)
{
	fprintf(c->out, "error %s\n", why);
	return false;
}

bool
ctl_number(const char *s, int base, unsigned long max, unsigned long *v)
{
	char *end;

	errno = 0;
	*v = strtoul(s, &end, base);
	return errno == 0 && end != s && *end == '\0' && *s != '-' &&
	    *v <= max;
}

uint8_t *
ctl_hex(const char *s, size_t *n)
{
	uint8_t *p;
	long len = 0;

	*n = 0;
	if ((p = OPENSSL_hexstr2buf(s, &len)) != NULL)
		*n = (size_t)len;
	return p;
}

static bool
pid(const struct ctl_call *c)
{
	fprintf(c->out, "%ld\n", (long)getpid());
	return true;
}

static bool
ping(const struct ctl_call *c)
{
	(void)c;
	return true;
}

static ctl_command on_card;

static const struct {
	const char	*name;
	size_t		 min, max;	/* words, the name included */
	ctl_command	*run;
} commands[] = {
	{ "pull", 1, 1, ctl_pull },
	{ "insert", 1, 1, ctl_insert },
	{ "swap", 2, 3, ctl_swap },
	{ "reader", 1, 1, ctl_reader },
	{ "card", 3, CTL_WORDS, on_card },
	{ "reset", 1, 1, ctl_reset },
	{ "delay", 2, 5, ctl_delay },
	{ "fail", 3, 5, ctl_fail_nth },
	{ "at", 4, CTL_WORDS, ctl_at },
	{ "planned", 1, 1, ctl_planned },
	{ "forget", 1, 1, ctl_forget },
	{ "count", 1, 2, ctl_count },
	{ "reset-count", 1, 1, ctl_reset_count },
	{ "log", 1, 1, ctl_log },
	{ "apdu", 2, 2, ctl_apdu },
	{ "send", 2, 2, ctl_send },
	{ "logout", 1, 1, ctl_logout },
	{ "other-applet", 1, 1, ctl_other_applet },
	{ "pin", 2, 2, ctl_pin },
	{ "tries", 1, 2, ctl_tries },
	{ "so-tries", 1, 2, ctl_so_tries },
	{ "pins", 1, 1, ctl_pins },
	{ "init", 3, 4, ctl_init },
	{ "generate", 3, 4, ctl_generate },
	{ "delete-file", 2, 2, ctl_delete },
	{ "quirk", 3, 3, ctl_quirk },
	{ "firmware", 2, 2, ctl_firmware },
	{ "atr", 2, 2, ctl_atr },
	{ "transport", 2, 2, ctl_transport },
	{ "pka", 2, 2, ctl_pka },
	{ "uses", 3, 3, ctl_uses },
	{ "algs", 3, 3, ctl_algs },
	{ "serial", 1, 1, ctl_serial },
	{ "pid", 1, 1, pid },
	{ "ping", 1, 1, ping },
};

/* Cut line into words in place; false: too many. */
static bool
split(struct ctl_call *c, char *line)
{
	char quote;

	while (*line != '\0') {
		line += strspn(line, " \t\r");
		if (*line == '\0')
			return true;
		if (c->n == CTL_WORDS)
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

static bool
run(const struct ctl_call *c)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, c->word[0]) != 0)
			continue;
		if (c->n < commands[i].min || c->n > commands[i].max)
			return ctl_fail(c, "wrong number of words; "
			    "see ctl.h");
		return commands[i].run(c);
	}
	return ctl_fail(c, "no such command; see ctl.h");
}

/* card N COMMAND: the rest of the words, for another card. */
static bool
on_card(const struct ctl_call *c)
{
	struct ctl_call rest = { .s = c->s, .out = c->out };
	unsigned long n;
	struct err e;

	if (!ctl_number(c->word[1], 10, SERVE_CARDS - 1, &n))
		return ctl_fail(c, "card: want a number from 0 to 3");
	if (serve_card(c->s, (unsigned)n, &rest.card, &e) != 0)
		return ctl_fail(c, e.msg);
	rest.n = c->n - 2;
	memcpy(rest.word, c->word + 2, rest.n * sizeof(rest.word[0]));
	return run(&rest);
}

void
ctl_run(struct server *s, char *line, FILE *out)
{
	struct ctl_call c = { .s = s, .card = s->card[s->in], .out = out };

	if (!split(&c, line) || c.n == 0)
		ctl_fail(&c, "want one command; see ctl.h");
	else if (run(&c))
		fputs("ok\n", out);
}

/* The last line of what a command printed says how it ended. */
static const char *
find_error(char *text, size_t n)
{
	char *line;

	if (n == 0 || text[n - 1] != '\n')
		return "no answer";
	text[n - 1] = '\0';
	line = strrchr(text, '\n');
	line = line != NULL ? line + 1 : text;
	return strncmp(line, "error ", 6) == 0 ? line + 6 : NULL;
}

void
ctl_run_planned(struct server *s, char *line)
{
	char *text = NULL;
	const char *bad = "out of memory";
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out != NULL) {
		ctl_run(s, line, out);
		if (fclose(out) == 0)
			bad = find_error(text, n);
	}
	if (bad != NULL && s->faults.error[0] == '\0')
		snprintf(s->faults.error, sizeof(s->faults.error), "%.120s",
		    bad);
	free(text);
}

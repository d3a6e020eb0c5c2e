/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keyutil/commands.h"
#include "keyutil/out.h"

enum exit_code {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_NO_TOKEN,
	EXIT_PIN,
};

static enum exit_code
exit_code_of(const struct err *e)
{
	switch (e->code) {
	case ERR_NONE:
		return EXIT_OK;
	case ERR_USAGE:
		return EXIT_USAGE;
	case ERR_NO_TOKEN:
	case ERR_TOKEN_GONE:
		return EXIT_NO_TOKEN;
	case ERR_PIN_NEEDED:
	case ERR_PIN_WRONG:
	case ERR_PIN_BLOCKED:
		return EXIT_PIN;
	case ERR_AGAIN:
	case ERR_STALE:
	case ERR_NOMEM:
	case ERR_SYS:
	case ERR_FORMAT:
	case ERR_LIMIT:
	case ERR_UNSUPPORTED:
	case ERR_NOTFOUND:
	case ERR_DENIED:
	case ERR_CANCELLED:
	case ERR_TOKEN:
		break;
	}
	return EXIT_FAILED;
}

/* "pin" may be the first word of several. */
static int
no_command(const char *name, struct err *e)
{
	const size_t n = strlen(name);
	char more[200];
	size_t used = 0;

	for (size_t i = 0; commands[i] != NULL && used < sizeof(more); i++)
		if (strncmp(commands[i]->name, name, n) == 0 &&
		    commands[i]->name[n] == ' ')
			used += (size_t)snprintf(more + used,
			    sizeof(more) - used, "%s\"%s\"",
			    used > 0 ? ", " : "", commands[i]->name);
	if (used == 0)
		return err_set(e, ERR_USAGE, 0, "no such command: %s", name);
	return err_set(e, ERR_USAGE, 0, "there is %s", more);
}

static void
print_usage(FILE *f)
{
	fputs("usage: hsm-keyutil COMMAND [OPTION...] [ARGUMENT...]\n\n", f);
	for (size_t i = 0; commands[i] != NULL; i++)
		fprintf(f, "  %-20s  %s\n", commands[i]->name,
		    commands[i]->summary);
	fputs("  help                  explain a command: "
	    "hsm-keyutil help export\n\n"
	    "  --version             print the version\n", f);
}

static void
print_help(FILE *f, const struct cmd *c)
{
	char head[48];
	char letter;

	fprintf(f, "usage: hsm-keyutil %s [OPTION...]%s%s\n\n", c->name,
	    c->operands != NULL ? " " : "",
	    c->operands != NULL ? c->operands : "");
	out_paragraph(f, 0, c->summary);
	if (c->options->name != NULL)
		putc('\n', f);
	for (const struct cmd_option *o = c->options; o->name != NULL; o++) {
		letter = commands_letter(o->name);
		snprintf(head, sizeof(head), "%s%.1s%s--%s%s%s",
		    letter != '\0' ? "-" : "", &letter,
		    letter != '\0' ? ", " : "", o->name,
		    o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
		fprintf(f, "  %-20s  ", head);
		out_paragraph(f, 24, o->help);
	}
	if (c->about != NULL) {
		putc('\n', f);
		out_paragraph(f, 0, c->about);
	}
}

/* getopt's copy of the option table, with --help as its last. */
struct getopt_table {
	struct option	 options[CMD_OPTIONS_MAX + 2];
	char		 letters[2 * CMD_OPTIONS_MAX + 3];
	size_t		 n;
};

static void
fill_table(const struct cmd *c, struct getopt_table *t)
{
	size_t n = 0, used;
	char letter;

	used = (size_t)snprintf(t->letters, sizeof(t->letters), ":h");
	for (; n < CMD_OPTIONS_MAX && c->options[n].name != NULL; n++) {
		letter = commands_letter(c->options[n].name);
		t->options[n] = (struct option){ .name = c->options[n].name,
		    .has_arg = c->options[n].arg != NULL ?
		    required_argument : no_argument, .val = letter };
		if (letter == '\0')
			continue;
		t->letters[used++] = letter;
		if (c->options[n].arg != NULL)
			t->letters[used++] = ':';
	}
	t->letters[used] = '\0';
	t->options[n] = (struct option){ .name = "help", .val = 'h' };
	t->options[n + 1] = (struct option){ 0 };
	t->n = n;
}

/* The place of the option that getopt has found. */
static size_t
place_of(const struct getopt_table *t, int ch, int which)
{
	if (which >= 0)
		return (size_t)which;
	for (size_t i = 0; i < t->n; i++)
		if (t->options[i].val == ch)
			return i;
	return t->n;
}

static int
take_option(const struct cmd *c, size_t i, const char *value,
    struct cmd_args *a, struct err *e)
{
	const char *arg = c->options[i].arg;

	if (arg != NULL && strstr(arg, "...") != NULL) {
		if (a->n_many == CMD_MANY_MAX)
			return err_set(e, ERR_USAGE, 0,
			    "--%s was given too often", c->options[i].name);
		a->many[a->n_many++] = (struct cmd_given){ .option = i,
		    .value = value };
	} else if (a->value[i] != NULL) {
		return err_set(e, ERR_USAGE, 0, "--%s was given twice",
		    c->options[i].name);
	}
	a->value[i] = value;
	return 0;
}

/* *help: the person asked for help, and nothing else counts. */
static int
parse_args(const struct cmd *c, int argc, char **argv, struct cmd_args *a,
    bool *help, struct err *e)
{
	struct getopt_table t;
	int ch, which, r;
	size_t i;

	fill_table(c, &t);
	*a = (struct cmd_args){ 0 };
	*help = false;
	opterr = 0;
	while (which = -1, (ch = getopt_long(argc, argv, t.letters,
	    t.options, &which)) != -1) {
		if (ch == ':')
			return err_set(e, ERR_USAGE, 0,
			    "%s needs an argument", argv[optind - 1]);
		if (ch == '?')
			return err_set(e, ERR_USAGE, 0,
			    "no such option: %s", argv[optind - 1]);
		if ((i = place_of(&t, ch, which)) == t.n) {
			*help = true;
			return 0;
		}
		if ((r = take_option(c, i, optarg != NULL ? optarg : "", a,
		    e)) != 0)
			return r;
	}
	a->operand = argv + optind;
	a->n_operands = (size_t)(argc - optind);
	if (a->n_operands > 0 && c->operands == NULL)
		return err_set(e, ERR_USAGE, 0, "unexpected argument: %s",
		    argv[optind]);
	return 0;
}

/* Print what went wrong, and what to type to learn how it goes right. */
static enum exit_code
finish(const struct cmd *c, const struct err *e)
{
	if (e->code != ERR_NONE)
		out_warn("%s", e->msg);
	if (e->code == ERR_USAGE)
		out_warn("see \"hsm-keyutil help%s%s\"",
		    c != NULL ? " " : "", c != NULL ? c->name : "");
	return exit_code_of(e);
}

static enum exit_code
run_command(const struct cmd *c, int argc, char **argv)
{
	struct err e = { 0 };
	struct cmd_args a;
	bool help;
	int r;

	if ((r = parse_args(c, argc, argv, &a, &help, &e)) == 0) {
		if (help)
			print_help(stdout, c);
		else
			r = c->run(&a, &e);
	}
	if (r == 0) {
		e = (struct err){ 0 };
		(void)out_flush(&e);
	}
	return finish(c, &e);
}

static enum exit_code
run_help(int argc, char **argv)
{
	const struct cmd *c;
	struct err e = { 0 };
	int words;

	if (argc < 2) {
		print_usage(stdout);
	} else if ((c = commands_find(argc - 1, argv + 1, &words)) != NULL &&
	    words == argc - 1) {
		print_help(stdout, c);
	} else {
		(void)no_command(argv[argc - 1], &e);
		return finish(NULL, &e);
	}
	(void)out_flush(&e);
	return finish(NULL, &e);
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct cmd *c;
	struct err e = { 0 };
	int words;

	setlocale(LC_CTYPE, "");
	(void)signal(SIGXFSZ, SIG_IGN);	/* a limit is as a full disk */
	if (name == NULL) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if ((c = commands_find(argc - 1, argv + 1, &words)) != NULL)
		return run_command(c, argc - words, argv + words);
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
	    strcmp(name, "-h") == 0)
		return run_help(argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0) {
		puts("hsm-keyutil " PACKAGE_VERSION);
		(void)out_flush(&e);
		return finish(NULL, &e);
	}
	(void)no_command(name, &e);
	return finish(NULL, &e);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keyutil/cmd.h"
#include "keyutil/out.h"

enum exit_code {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_NO_TOKEN,
	EXIT_PIN,
};

static const struct cmd *const commands[] = {
	&cmd_status,
	&cmd_list,
	&cmd_export,
	&cmd_lock,
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

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

static const struct cmd *
find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void
print_usage(FILE *f)
{
	fputs("usage: hsm-keyutil COMMAND [OPTION...] [ARGUMENT...]\n\n", f);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  %-10s%s\n", commands[i]->name,
		    commands[i]->summary);
	fputs("  help      explain a command: hsm-keyutil help export\n"
	    "\n"
	    "  --version print the version\n", f);
}

static void
print_help(FILE *f, const struct cmd *c)
{
	char head[32];

	fprintf(f, "usage: hsm-keyutil %s [OPTION...]%s%s\n\n", c->name,
	    c->operands != NULL ? " " : "",
	    c->operands != NULL ? c->operands : "");
	out_paragraph(f, 0, c->summary);
	if (c->options->name != NULL)
		putc('\n', f);
	for (const struct cmd_option *o = c->options; o->name != NULL; o++) {
		snprintf(head, sizeof(head), "--%s%s%s", o->name,
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
static size_t
long_options(const struct cmd *c, struct option *to)
{
	size_t n = 0;

	for (; n < CMD_OPTIONS_MAX && c->options[n].name != NULL; n++)
		to[n] = (struct option){ .name = c->options[n].name,
		    .has_arg = c->options[n].arg != NULL ?
		    required_argument : no_argument };
	to[n] = (struct option){ .name = "help", .has_arg = no_argument };
	to[n + 1] = (struct option){ 0 };
	return n;
}

/* *help: the person asked for help, and nothing else counts. */
static int
parse_args(const struct cmd *c, int argc, char **argv, struct cmd_args *a,
    bool *help, struct err *e)
{
	struct option options[CMD_OPTIONS_MAX + 2];
	const size_t n = long_options(c, options);
	int ch, which;

	*a = (struct cmd_args){ 0 };
	*help = false;
	opterr = 0;
	while (which = -1, (ch = getopt_long(argc, argv, ":h", options,
	    &which)) != -1) {
		if (ch == ':')
			return err_set(e, ERR_USAGE, 0,
			    "%s needs an argument", argv[optind - 1]);
		if (ch == '?')
			return err_set(e, ERR_USAGE, 0,
			    "no such option: %s", argv[optind - 1]);
		if (ch == 'h' || (size_t)which == n) {
			*help = true;
			return 0;
		}
		if (a->value[which] != NULL)
			return err_set(e, ERR_USAGE, 0,
			    "--%s was given twice", options[which].name);
		a->value[which] = optarg != NULL ? optarg : "";
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

	if (argc < 2) {
		print_usage(stdout);
	} else if ((c = find_command(argv[1])) != NULL && argc == 2) {
		print_help(stdout, c);
	} else {
		(void)err_set(&e, ERR_USAGE, 0, "no such command: %s",
		    argv[argc - 1]);
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

	setlocale(LC_CTYPE, "");
	if (name == NULL) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if ((c = find_command(name)) != NULL)
		return run_command(c, argc - 1, argv + 1);
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
	    strcmp(name, "-h") == 0)
		return run_help(argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0) {
		puts("hsm-keyutil " PACKAGE_VERSION);
		(void)out_flush(&e);
		return finish(NULL, &e);
	}
	(void)err_set(&e, ERR_USAGE, 0, "no such command: %s", name);
	return finish(NULL, &e);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "keyutil/cmd.h"
#include "keyutil/complete.h"
#include "keyutil/tokens.h"

/* A person who has pressed TAB does not wait for a busy token. */
#define PATIENCE_SECONDS	2

enum {
	OPT_CANDIDATES,
};

static const struct cmd_option options[] = {
	[OPT_CANDIDATES] = { "candidates", NULL,
	    "for these scripts: print what the last of the arguments may "
	    "become" },
	{ 0 },
};

/*
 * The scripts know nothing of the commands: they ask this program what fits,
 * and have no other work than the quoting of their shell.  A label comes from
 * a token, so no word of it may be expanded by the shell.
 */
static const char bash_script[] =
"# SPDX-License-Identifier: GPL-3.0-or-later\n"
"# bash completion for hsm-keyutil\n"
"_hsm_keyutil()\n"
"{\n"
"	local glue='' line now='' skip word\n"
"	local -a out=() words=()\n"
"	# Without the shell's quotes, and whole: it parts words at = and :.\n"
"	for word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
"		word=${word//[\\\\\\\"\\']/}\n"
"		if [[ $word == '=' && -z $glue && ${words[*]: -1} == --* ]]\n"
"		then\n"
"			words+=('')\n"
"			glue=1\n"
"		elif [[ $word == [=:]* && ${#words[@]} -gt 0 ]]; then\n"
"			words[-1]+=$word\n"
"			glue=1\n"
"		elif [[ -n $glue ]]; then\n"
"			words[-1]+=$word\n"
"			glue=''\n"
"		else\n"
"			words+=(\"$word\")\n"
"		fi\n"
"		now=$word\n"
"	done\n"
"	[[ $now == [=:]* ]] && now=''\n"
"	skip=$((${#words[-1]} - ${#now}))\n"
"	now=${words[-1]}\n"
"	mapfile -t out < <(\"${COMP_WORDS[0]}\" completion --candidates -- \\\n"
"	    \"${words[@]}\" 2>/dev/null)\n"
"	COMPREPLY=()\n"
"	case ${out[0]-} in\n"
"	files)\n"
"		compopt -o filenames\n"
"		mapfile -t COMPREPLY < <(compgen -f -- \"$now\") ;;\n"
"	dirs)\n"
"		compopt -o filenames\n"
"		mapfile -t COMPREPLY < <(compgen -d -- \"$now\") ;;\n"
"	words)\n"
"		for line in \"${out[@]:1}\"; do\n"
"			word=${line%%$'\\t'*}\n"
"			[[ $word == \"$now\"* ]] || continue\n"
"			word=${word:skip}\n"
"			# Readline would leave a $ as it is.\n"
"			case ${COMP_WORDS[COMP_CWORD]} in\n"
"			\\'*)\n"
"				[[ $word == *\\'* ]] && continue ;;\n"
"			\\\"*)\n"
"				[[ $word == *[\\\"\\$\\`\\\\!]* ]] &&\n"
"				    continue ;;\n"
"			*)\n"
"				printf -v word %q \"$word\" ;;\n"
"			esac\n"
"			COMPREPLY+=(\"$word\")\n"
"		done ;;\n"
"	esac\n"
"}\n"
"complete -F _hsm_keyutil hsm-keyutil\n";

static const char zsh_script[] =
"#compdef hsm-keyutil\n"
"# SPDX-License-Identifier: GPL-3.0-or-later\n"
"_hsm-keyutil()\n"
"{\n"
"	local -a out shown\n"
"	local line value\n"
"	out=(\"${(@f)$(\"${(Q)words[1]}\" completion --candidates -- \\\n"
"	    \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
"	[[ ${words[CURRENT]} == --*=* ]] && compset -P '--*='\n"
"	case $out[1] in\n"
"	files)\n"
"		_files ;;\n"
"	dirs)\n"
"		_files -/ ;;\n"
"	words)\n"
"		for line in \"${(@)out[2,-1]}\"; do\n"
"			value=${${line%%$'\\t'*}//\\\\/\\\\\\\\}\n"
"			shown+=(\"${value//:/\\\\:}:${line#*$'\\t'}\")\n"
"		done\n"
"		_describe hsm-keyutil shown ;;\n"
"	esac\n"
"}\n"
"if [[ $funcstack[1] == _hsm-keyutil ]]; then\n"
"	_hsm-keyutil \"$@\"\n"
"else\n"
"	compdef _hsm-keyutil hsm-keyutil\n"
"fi\n";

static const char fish_script[] =
"# SPDX-License-Identifier: GPL-3.0-or-later\n"
"# fish completion for hsm-keyutil\n"
"function __hsm_keyutil\n"
"	set -l words (commandline -opc)\n"
"	set -l now (commandline -ct)\n"
"	set -l before (string match -r -- '^--[^=]*=' \"$now\")\n"
"	set -l after (string replace -r -- '^--[^=]*=' '' \"$now\")\n"
"	set -l out (command $words[1] completion --candidates -- \\\n"
"	    $words[2..-1] \"$now\" 2>/dev/null)\n"
"	set -l found\n"
"	switch \"$out[1]\"\n"
"		case files\n"
"			set found (__fish_complete_path \"$after\")\n"
"		case dirs\n"
"			set found (__fish_complete_directories \"$after\" '')\n"
"		case words\n"
"			set found $out[2..-1]\n"
"	end\n"
"	for line in $found\n"
"		printf '%s%s\\n' \"$before\" $line\n"
"	end\n"
"end\n"
"complete -c hsm-keyutil -f -a '(__hsm_keyutil)'\n";

static const struct {
	const char	*shell, *script;
} scripts[] = {
	{ "bash", bash_script },
	{ "zsh", zsh_script },
	{ "fish", fish_script },
};

static int
print_script(const struct cmd_args *a, struct err *e)
{
	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0,
		    "name the shell: bash, zsh or fish");
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		if (strcmp(scripts[i].shell, a->operand[0]) == 0) {
			fputs(scripts[i].script, stdout);
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, 0, "no completion for %s: bash, zsh and "
	    "fish have one", a->operand[0]);
}

/* Up to the first full stop or semicolon: shells have little room. */
static void
print_candidate(const char *text, const char *help)
{
	printf("%s\t%.*s\n", text, (int)strcspn(help, ";"), help);
}

/* What a person would type for a key: the label, if it can be typed so. */
static const char *
name_of(const struct token_key *k)
{
	return k->label[0] != '\0' && k->label[0] != '-' ? k->label : k->id;
}

static void
print_keys(const struct slot *s)
{
	char help[sizeof(s->keys.v->algo) + sizeof(s->info.serial) + 8];

	for (size_t i = 0; i < s->keys.n; i++) {
		const struct token_key *k = &s->keys.v[i];

		snprintf(help, sizeof(help), "%s on %s", k->algo,
		    s->info.serial);
		print_candidate(name_of(k), help);
	}
}

/* Killed when its time is over: then the shell offers nothing. */
static void
limit_time(void)
{
	const struct itimerspec limit = { .it_value.tv_sec =
	    PATIENCE_SECONDS };
	struct sigevent death = { .sigev_notify = SIGEV_SIGNAL,
	    .sigev_signo = SIGTERM };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &death, &timer) == 0)
		timer_settime(timer, 0, &limit, NULL);
}

static void
print_from_tokens(const struct complete *c)
{
	struct tokens ts;
	struct err e;

	limit_time();
	if (tokens_open(&ts, c->token, &e) == 0 &&
	    (c->kind == COMPLETE_TOKENS || tokens_read_keys(&ts, &e) == 0)) {
		for (size_t i = 0; i < ts.n; i++) {
			if (ts.v[i].state != SLOT_TOKEN)
				continue;
			if (c->kind == COMPLETE_KEYS)
				print_keys(&ts.v[i]);
			else
				print_candidate(ts.v[i].info.serial,
				    ts.v[i].info.label);
		}
	}
	tokens_close(&ts);
}

/* The kind in a line, and then a line for each word that we know. */
static void
print_candidates(const struct complete *c)
{
	static const char *const kinds[] = {
		[COMPLETE_WORDS] = "words",
		[COMPLETE_KEYS] = "words",
		[COMPLETE_TOKENS] = "words",
		[COMPLETE_FILES] = "files",
		[COMPLETE_DIRS] = "dirs",
	};

	puts(kinds[c->kind]);
	for (size_t i = 0; i < c->n; i++)
		print_candidate(c->v[i].text, c->v[i].help);
	if (c->kind == COMPLETE_KEYS || c->kind == COMPLETE_TOKENS)
		print_from_tokens(c);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct complete c;

	if (a->value[OPT_CANDIDATES] == NULL)
		return print_script(a, e);
	complete(a->operand, a->n_operands, &c);
	print_candidates(&c);
	return 0;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.summary = "print a script that completes commands in this shell",
	.about = "For this shell alone: . <(hsm-keyutil completion bash), the "
	    "same with zsh, or hsm-keyutil completion fish | source.",
	.options = options,
	.run = run,
};

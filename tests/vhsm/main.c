/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vhsm: a virtual SmartCard-HSM in the slot of a virtual reader. */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vhsm/serve.h"

struct options {
	struct vhsm_options	 card;
	const char		*ctl;
	unsigned long		 port, latency, ctl_fd;
	bool			 reconnect;
};

static const char usage_text[] =
    "usage: vhsm [--port N] [--state FILE] [--ctl SOCKET | --ctl-fd N]\n"
    "            [--latency MS] [--short] [--firmware X.Y|pico] [--serial S]\n"
    "            [--foreign] [--reconnect]\n";

static unsigned long
number(const char *s, unsigned long max, const char *what)
{
	unsigned long v;
	char *end;

	v = strtoul(s, &end, 10);
	if (end == s || *end != '\0' || v > max || *s == '-')
		errx(2, "%s: want a %s of at most %lu", s, what, max);
	return v;
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "state", required_argument, NULL, 's' },
		{ "ctl", required_argument, NULL, 'c' },
		{ "ctl-fd", required_argument, NULL, 'd' },
		{ "latency", required_argument, NULL, 'l' },
		{ "short", no_argument, NULL, 'S' },
		{ "firmware", required_argument, NULL, 'f' },
		{ "serial", required_argument, NULL, 'n' },
		{ "foreign", no_argument, NULL, 'F' },
		{ "reconnect", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'p':
			o->port = number(optarg, 65535, "port");
			break;
		case 's':
			o->card.state_path = optarg;
			break;
		case 'c':
			o->ctl = optarg;
			break;
		case 'd':
			o->ctl_fd = number(optarg, 1023, "descriptor");
			break;
		case 'l':
			o->latency = number(optarg, 600000, "time");
			break;
		case 'S':
			o->card.short_only = true;
			break;
		case 'f':
			if (!vhsm_parse_firmware(&o->card, optarg))
				errx(2, "%s: want a firmware version such as "
				    "3.5, or pico", optarg);
			break;
		case 'n':
			o->card.serial = optarg;
			break;
		case 'F':
			o->card.foreign = true;
			break;
		case 'r':
			o->reconnect = true;
			break;
		default:
			fputs(usage_text, stderr);
			exit(2);
		}
	if (optind != argc || (o->port == 0 && o->ctl == NULL &&
	    o->ctl_fd == 0)) {
		fputs(usage_text, stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct options o = { .port = 0 };
	struct server *s = calloc(1, sizeof(*s));
	struct err e;
	int r;

	parse_options(&o, argc, argv);
	if (s == NULL)
		err(1, "start");
	s->port = (unsigned)o.port;
	s->reconnect = o.reconnect;
	s->listener = o.ctl_fd != 0 ? (int)o.ctl_fd : -1;
	s->faults.delay_ins[0x68] = (unsigned)o.latency;
	s->opt = o.card;
	if ((r = serve_start(s, o.ctl, &e)) == 0)
		r = serve_run(s, &e);
	serve_stop(s);
	if (r != 0)
		warnx("%s", e.msg);
	free(s);
	return r != 0;
}

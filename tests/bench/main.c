/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench: what the agent promises about speed, measured beside OpenSSH's
 * ssh-agent with OpenSC on the same virtual token.  Started by run.sh,
 * under with-vhsm.  Exit status: 0, 1 when a promise is missed, 2 when it
 * could not be measured.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define LATENCY_MS	10
#define BUSY_MS		300
#define MS_MAX		2000
#define FILES		1200		/* 500 clients of two agents */

static const unsigned int cold_keys[] = { 1, 5, 20 };

#ifdef __OPTIMIZE__
static const bool optimized = true;
#else
static const bool optimized = false;
#endif

static const char usage_text[] =
    "usage: bench --agent FILE [--module FILE] [--against TEXT]\n"
    "             [--latency MS] [--busy MS] [--json]\n";

static unsigned int
milliseconds(const char *s)
{
	unsigned long v;
	char *end;

	v = strtoul(s, &end, 10);
	if (end == s || *end != '\0' || *s == '-' || v > MS_MAX)
		errx(2, "%s: want milliseconds, at most %d", s, MS_MAX);
	return (unsigned int)v;
}

static void
parse_options(struct bench *b, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "agent", required_argument, NULL, 'a' },
		{ "module", required_argument, NULL, 'm' },
		{ "against", required_argument, NULL, 'A' },
		{ "latency", required_argument, NULL, 'l' },
		{ "busy", required_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'a')
			b->agent = optarg;
		else if (c == 'm')
			b->module = optarg;
		else if (c == 'A')
			b->against = optarg;
		else if (c == 'l')
			b->latency = milliseconds(optarg);
		else if (c == 'b')
			b->busy = milliseconds(optarg);
		else if (c == 'j')
			b->json = true;
		else
			optind = argc + 1;
	}
	if (optind != argc || b->agent == NULL) {
		fputs(usage_text, stderr);
		exit(2);
	}
}

/* Numbers of a build with sanitizers would be numbers of the sanitizers. */
static int
check_build(const char *path, struct err *e)
{
	static const char mark[] = "__asan_init";
	bool sanitized;
	struct stat st;
	void *p;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 ||
	    fstat(fd, &st) == -1)
		return err_sys(e, "%s", path);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return err_sys(e, "%s", path);
	sanitized = memmem(p, (size_t)st.st_size, mark, strlen(mark)) != NULL;
	munmap(p, (size_t)st.st_size);
	if (!sanitized)
		return 0;
	return err_set(e, ERR_USAGE, 0, "%s is built with sanitizers: "
	    "configure another build without --enable-sanitize", path);
}

static int
raise_limit(struct err *e)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == -1)
		return err_sys(e, "limit of open files");
	if (l.rlim_cur >= FILES)
		return 0;
	l.rlim_cur = FILES;
	if (setrlimit(RLIMIT_NOFILE, &l) == -1)
		return err_sys(e, "%d open files", FILES);
	return 0;
}

/*
 * ssh-agent runs on after its parent's death (it is setgid, which clears
 * PR_SET_PDEATHSIG), so whoever ends us ends our process group.
 */
static void
on_end(int signum)
{
	kill(0, signum);
}

static int
catch_end(struct err *e)
{
	struct sigaction sa = { .sa_handler = on_end,
	    .sa_flags = SA_RESETHAND };

	if (setpgid(0, 0) == -1 || sigaction(SIGTERM, &sa, NULL) == -1 ||
	    sigaction(SIGINT, &sa, NULL) == -1 ||
	    sigaction(SIGHUP, &sa, NULL) == -1)
		return err_sys(e, "signals");
	return 0;
}

int
bench_grow(struct bench *b, unsigned int n, struct err *e)
{
	struct hsm_answer a;
	int r = 0;

	while (r == 0 && b->keys < n) {
		b->keys++;
		if (b->keys == 1)
			r = hsm_tell(b->hsm, &a, e, "generate p256 %s",
			    BENCH_EC);
		else if (b->keys == 2)
			r = hsm_tell(b->hsm, &a, e, "generate rsa2048 %s",
			    BENCH_RSA);
		else
			r = hsm_tell(b->hsm, &a, e, "generate p256 k%u",
			    b->keys);
	}
	return r;
}

int
bench_start_all(struct bench *b, struct err *e)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < b->n_agents; k++)
		r = agent_start(&b->agents[k], e);
	return r;
}

void
bench_stop_all(struct bench *b)
{
	for (size_t k = 0; k < b->n_agents; k++)
		agent_stop(&b->agents[k]);
}

static int
prepare(struct bench *b, struct err *e)
{
	const char *dir = getenv("VHSM_DIR"), *pin = getenv("VHSM_PIN");
	struct agent *a;
	int r;

	if (dir == NULL || pin == NULL)
		return err_set(e, ERR_USAGE, 0, "run this under with-vhsm");
	if ((r = check_build(b->agent, e)) != 0 ||
	    (r = raise_limit(e)) != 0 || (r = catch_end(e)) != 0 ||
	    (r = agent_prepare(dir, pin, e)) != 0)
		return r;
	b->n_agents = b->module != NULL ? AGENT_KINDS : AGENT_THEIRS;
	for (size_t k = 0; k < b->n_agents; k++) {
		a = &b->agents[k];
		a->kind = (enum agent_kind)k;
		a->program = k == AGENT_OURS ? b->agent : "ssh-agent";
		a->module = b->module;
		snprintf(a->dir, sizeof(a->dir), "%s", dir);
		snprintf(a->socket, sizeof(a->socket), "%.80s/bench-%zu",
		    dir, k);
	}
	return hsm_open(&b->hsm, e);
}

static int
run(struct bench *b, struct err *e)
{
	int r;

	if ((r = prepare(b, e)) != 0)
		return r;
	for (size_t i = 0; i < sizeof(cold_keys) / sizeof(*cold_keys); i++)
		if ((r = bench_cold(b, cold_keys[i], e)) != 0)
			return r;
	if ((r = bench_sign(b, e)) == 0 && (r = bench_busy(b, e)) == 0)
		r = bench_idle(b, e);
	return r;
}

static void
print(const struct bench *b)
{
	char load[32] = "unknown", cpus[16], latency[16], busy[16];
	double avg;

	if (getloadavg(&avg, 1) == 1)
		snprintf(load, sizeof(load), "%.2f", avg);
	snprintf(cpus, sizeof(cpus), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	snprintf(latency, sizeof(latency), "%u", b->latency);
	snprintf(busy, sizeof(busy), "%u", b->busy);
	if (b->json) {
		report_json(&b->report, (struct report_about[]){
		    { "agent", "hsm-ssh-agent " PACKAGE_VERSION },
		    { "against", b->against }, { "cpus", cpus },
		    { "load", load }, { "latency_ms", latency },
		    { "busy_ms", busy }, { NULL, NULL } }, stdout);
		return;
	}
	printf("hsm-ssh-agent " PACKAGE_VERSION " beside %s, on a virtual "
	    "HSM; %s CPUs, load %s\n\n", b->against, cpus, load);
	report_table(&b->report, stdout);
}

int
main(int argc, char **argv)
{
	struct bench b = { .latency = LATENCY_MS, .busy = BUSY_MS,
	    .against = "OpenSSH's ssh-agent with OpenSC" };
	struct err e;
	size_t missed;
	int r;

	parse_options(&b, argc, argv);
	if (!optimized)
		warnx("built without optimisation: the times say little");
	r = run(&b, &e);
	bench_stop_all(&b);
	hsm_close(b.hsm);
	if (r != 0)
		errx(2, "%s", e.msg);
	print(&b);
	if ((missed = report_missed(&b.report)) > 0)
		warnx("%zu promise%s missed", missed, missed == 1 ? "" : "s");
	return missed > 0;
}

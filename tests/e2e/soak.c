/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * soak AGENT-PID SECONDS SEED: random faults on two tokens, and random
 * clients, for that long.  Every now and then all is let be: then both
 * tokens have to sign, with no try lost, and the agent's memory and
 * descriptors are looked at.  Runs under with-vhsm --tokens 2.
 *
 * Exit status: 0, or 1 when anything was lost or grew.
 */
#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/faults.h"

#define TOKENS		2
#define KEYS		4		/* two on each */
#define CLIENTS		8
#define ROUND_MS	15000		/* between two looks */
#define PAUSE_MS	250		/* between two faults, at most */
#define LAST_MS		200		/* of a fault, at most */
#define ANSWER_MS	30000
#define CALM_MS		20000		/* until all is well again */
#define SETTLE_MS	2000		/* until a descriptor is given back */
#define LOOKS_MAX	4096

struct look {
	long	 rss_kib, files;
};

struct soak {
	struct scene	 scene[TOKENS];
	struct crowd	*crowd, *one;
	struct crowd_key key[KEYS];
	unsigned int	 seed;
	pid_t		 agent;
	struct look	 look[LOOKS_MAX];
	size_t		 looks;
	unsigned long	 faults, requests, lists, signatures, refused, given_up,
			 lost, wrong, pins, tries, allowed;
	unsigned int	 not_well;
	long		 slowest_ms, calm_ms;
};

static unsigned int
dice(struct soak *k, unsigned int sides)
{
	return (unsigned int)rand_r(&k->seed) % sides;
}

static long
count_files(pid_t pid)
{
	char path[64];
	long n = -2;		/* "." and ".." */
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	if ((d = opendir(path)) == NULL)
		return -1;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Not more than `before`; what is just being opened or closed is waited for. */
static long
settled_files(pid_t pid, long before)
{
	const long until = crowd_now_ms() + SETTLE_MS;
	long n;

	while ((n = count_files(pid)) > before && crowd_now_ms() < until)
		poll(NULL, 0, 20);
	return n;
}

static long
resident(pid_t pid)
{
	char path[64], line[128];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void
add_tally(struct soak *k)
{
	const struct crowd_tally *t = &k->crowd->tally;

	k->requests += t->sent;
	k->lists += t->lists;
	k->signatures += t->signatures;
	k->refused += t->refused;
	k->given_up += t->given_up;
	k->lost += t->lost;
	k->wrong += t->wrong;
	if (t->slowest_ms > k->slowest_ms)
		k->slowest_ms = t->slowest_ms;
	crowd_forget(k->crowd);
}

/* A client asks for something, asks for much, or goes away. */
static void
act(struct soak *k)
{
	size_t who = dice(k, CLIENTS);

	if (k->crowd->m[who].n_pending == CROWD_PENDING)
		return;
	switch (dice(k, 8)) {
	case 0:
		crowd_leave(k->crowd, who);
		break;
	case 1: case 2:
		crowd_list(k->crowd, who);
		break;
	default:
		crowd_sign(k->crowd, who, &k->key[dice(k, KEYS)]);
		break;
	}
}

static void
live(struct soak *k, long ms)
{
	long until = crowd_now_ms() + ms;

	do {
		if (dice(k, 3) == 0)
			act(k);
		crowd_let_one(k->crowd, 1 + dice(k, 10));
	} while (crowd_now_ms() < until);
}

static void
cause_trouble(struct soak *k)
{
	const struct fault_kind *f = &fault_kinds[dice(k,
	    (unsigned int)fault_kinds_n)];
	struct scene *s = &k->scene[dice(k, TOKENS)];

	k->faults++;
	k->allowed += 2 * f->tries;	/* a prompt may just be answered */
	if (f->plan != NULL) {
		vctl_tell(&s->hsm, "fail %u %s", 1 + dice(k, 6), f->plan);
		return;
	}
	f->begin(s);
	live(k, dice(k, LAST_MS));
	f->end(s);
}

static bool
all_sign(struct soak *k, const struct crowd_key **which)
{
	for (size_t i = 0; i < KEYS; i++) {
		*which = &k->key[i];
		if (!crowd_sign_once(k->one, *which, CALM_MS))
			return false;
	}
	return true;
}

/* Both tokens are in, and sign. */
static bool
is_well(struct soak *k)
{
	const struct crowd_key *which;
	long begin = crowd_now_ms(), took;
	bool well;

	for (size_t i = 0; i < TOKENS; i++) {
		vctl_tell(&k->scene[i].hsm, "forget");
		vctl_tell(&k->scene[i].hsm, "delay 0");
	}
	while (!(well = all_sign(k, &which))) {
		if (crowd_now_ms() - begin > CALM_MS ||
		    kill(k->agent, 0) == -1)
			break;
		poll(NULL, 0, 50);
	}
	took = crowd_now_ms() - begin;
	if (took > k->calm_ms)
		k->calm_ms = took;
	if (!well) {
		printf("# key %s %s, for %ld ms; the agent says\n",
		    which->comment, k->one->tally.refused > 0 ?
		    "is refused" : "is not answered", took);
		scene_show_log();
	}
	return well;
}

static void
look(struct soak *k)
{
	struct look *l = &k->look[k->looks];
	unsigned long lost;

	for (size_t i = 0; i < TOKENS; i++) {
		k->pins += vctl_number(&k->scene[i].hsm, "pins", &lost);
		k->tries += lost;
		vctl_tell(&k->scene[i].hsm, "reset-count");
		if (vctl_number(&k->scene[i].hsm, "tries", NULL) != 3 ||
		    vctl_number(&k->scene[i].hsm, "card 1 pins", NULL) != 0)
			k->not_well++;
	}
	l->rss_kib = resident(k->agent);
	l->files = settled_files(k->agent, k->looks > 0 ?
	    k->look[k->looks - 1].files : LONG_MAX);
	printf("# look %zu: %ld KiB resident, %ld descriptors; %lu faults, "
	    "%lu signatures, %lu refused, %lu PINs sent\n", k->looks,
	    l->rss_kib, l->files, k->faults, k->signatures, k->refused,
	    k->pins);
	fflush(stdout);
	if (k->looks < LOOKS_MAX - 1)
		k->looks++;
}

static bool
go_round(struct soak *k, long until)
{
	long end = crowd_now_ms() + ROUND_MS;
	bool well;

	if (!crowd_gather(k->crowd, CLIENTS))
		return false;
	while (crowd_now_ms() < end && crowd_now_ms() < until) {
		live(k, dice(k, PAUSE_MS));
		cause_trouble(k);
	}
	crowd_wait(k->crowd, ANSWER_MS);
	add_tally(k);
	crowd_dismiss(k->crowd);
	well = is_well(k);
	k->not_well += !well;
	look(k);
	return well;
}

static int
verdict(const char *what, bool ok)
{
	printf("%sok - %s\n", ok ? "" : "not ", what);
	return !ok;
}

/* The first looks are at an agent that meets things for the first time. */
static int
judge_growth(const struct soak *k)
{
	const char *slack = getenv("SOAK_SLACK_KIB");
	const struct look *a = &k->look[k->looks / 4],
	    *z = &k->look[k->looks - 1];
	long room = slack != NULL ? strtol(slack, NULL, 10) : 1024;

	printf("# resident %ld then %ld KiB (%ld more allowed), descriptors "
	    "%ld then %ld\n", a->rss_kib, z->rss_kib, room, a->files,
	    z->files);
	return verdict("memory is flat", k->looks > 1 &&
	    z->rss_kib > 0 && z->rss_kib <= a->rss_kib + room) +
	    verdict("descriptors are flat", k->looks > 1 &&
	    z->files > 0 && z->files <= a->files);
}

static int
judge(const struct soak *k)
{
	printf("# %lu faults, %lu requests: %lu lists, %lu signatures, %lu "
	    "refused, %lu given up by their clients\n# slowest answer %ld ms; "
	    "all well again after %ld ms at most\n# %lu PINs sent, %lu tries "
	    "lost, %lu at most by a changed PIN\n", k->faults, k->requests,
	    k->lists, k->signatures, k->refused, k->given_up, k->slowest_ms,
	    k->calm_ms, k->pins, k->tries, k->allowed);
	return (verdict("the agent lives", kill(k->agent, 0) == 0) +
	    verdict("no answer was lost", k->lost == 0) +
	    verdict("no signature was wrong", k->wrong == 0) +
	    verdict("no PIN try was lost", k->tries <= k->allowed) +
	    verdict("all was well whenever it was let be", k->not_well == 0) +
	    judge_growth(k)) > 0;
}

static void
set_up(struct soak *k, char **argv)
{
	static const char *const names[KEYS] = { "rsa", "ec", "rsa-1",
	    "ec-1" };

	k->agent = (pid_t)strtol(argv[1], NULL, 10);
	k->seed = (unsigned int)strtoul(argv[3], NULL, 10);
	if ((k->crowd = calloc(1, sizeof(*k->crowd))) == NULL ||
	    (k->one = calloc(1, sizeof(*k->one))) == NULL)
		err(2, NULL);
	for (unsigned int i = 0; i < TOKENS; i++) {
		scene_open(&k->scene[i], i, k->agent);
		k->scene[i].crowd = k->crowd;
		scene_add_card(&k->scene[i]);
	}
	for (size_t i = 0; i < KEYS; i++)
		if (!crowd_find(names[i], &k->key[i]))
			errx(2, "no key \"%s\" is listed", names[i]);
}

int
main(int argc, char **argv)
{
	struct soak *k;
	long until;
	int r;

	if (argc != 4)
		errx(2, "usage: soak AGENT-PID SECONDS SEED");
	if ((k = calloc(1, sizeof(*k))) == NULL)
		err(2, NULL);
	set_up(k, argv);
	until = crowd_now_ms() + strtol(argv[2], NULL, 10) * 1000;
	while (crowd_now_ms() < until && go_round(k, until))
		;
	r = judge(k);
	for (size_t i = 0; i < TOKENS; i++)
		scene_close(&k->scene[i]);
	free(k->crowd);
	free(k->one);
	free(k);
	return r;
}

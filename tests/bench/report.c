/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "tests/bench/report.h"

struct cell { char s[24]; };

void
report_add(struct report *r, const struct report_row *row)
{
	if (r->n < REPORT_ROWS)
		r->row[r->n++] = *row;
}

/* A value that is not there, or is infinite, keeps no promise. */
static bool
is_kept(const struct report_row *row)
{
	return row->judge == JUDGE_NONE || row->ours <= row->limit;
}

size_t
report_missed(const struct report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->row[i].judge == JUDGE_AT_MOST && !is_kept(&r->row[i]);
	return n;
}

static struct cell
number(const struct report_row *row, double v)
{
	bool ms = strcmp(row->unit, "ms") == 0;
	struct cell c = { "-" };
	int digits = 1;

	if (ms && v < 10)
		digits = 3;
	else if (!ms && v == floor(v))
		digits = 0;
	if (isinf(v))
		snprintf(c.s, sizeof(c.s), "fails");
	else if (!isnan(v))
		snprintf(c.s, sizeof(c.s), "%.*f%s", digits, v,
		    ms ? " ms" : strcmp(row->unit, "MiB") == 0 ? " MiB" : "");
	return c;
}

static struct cell
ratio(const struct report_row *row)
{
	struct cell c = { "-" };
	double v = row->theirs / row->ours;

	if (isfinite(v) && v >= 0.05)
		snprintf(c.s, sizeof(c.s), "%.*fx", v < 100 ? 1 : 0, v);
	return c;
}

static struct cell
limit(const struct report_row *row)
{
	struct cell c = { "" };

	if (row->judge != JUDGE_NONE)
		snprintf(c.s, sizeof(c.s), "%g", row->limit);
	return c;
}

static const char *
verdict(const struct report_row *row)
{
	switch (row->judge) {
	case JUDGE_NONE:
		return "";
	case JUDGE_LATER:
		return is_kept(row) ? "ok" : "not yet";
	case JUDGE_AT_MOST:
		break;
	}
	return is_kept(row) ? "ok" : "MISSED";
}

static void
print_row(const struct report_row *row, FILE *out)
{
	char line[160];
	size_t n;

	snprintf(line, sizeof(line), "  %-42s %10s %11s %7s %6s %s",
	    row->name, number(row, row->ours).s,
	    number(row, row->theirs).s, ratio(row).s, limit(row).s,
	    verdict(row));
	for (n = strlen(line); n > 0 && line[n - 1] == ' '; n--)
		line[n - 1] = '\0';
	fprintf(out, "%s\n", line);
}

void
report_table(const struct report *r, FILE *out)
{
	const char *group = "";

	fprintf(out, "%-44s %10s %11s %7s %6s\n", "", "", "OpenSSH",
	    "theirs", "at");
	fprintf(out, "%-44s %10s %11s %7s %6s\n", "", "ours", "+ OpenSC",
	    "/ ours", "most");
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(group, r->row[i].group) != 0)
			fprintf(out, "\n%s\n", r->row[i].group);
		group = r->row[i].group;
		print_row(&r->row[i], out);
	}
}

/* JSON has no NAN and no infinity: null, and "failed" says which. */
static json_t *
json_number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *
json_row(const struct report_row *row)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}",
	    "id", row->id, "group", row->group, "name", row->name,
	    "unit", row->unit, "ours", json_number(row->ours),
	    "openssh_opensc", json_number(row->theirs));

	if (o == NULL)
		return NULL;
	if (isinf(row->ours))
		json_object_set_new(o, "ours_failed", json_true());
	if (isinf(row->theirs))
		json_object_set_new(o, "openssh_opensc_failed", json_true());
	if (row->judge == JUDGE_NONE)
		return o;
	json_object_set_new(o, "at_most", json_real(row->limit));
	json_object_set_new(o, "kept", json_boolean(is_kept(row)));
	json_object_set_new(o, "judged",
	    json_boolean(row->judge == JUDGE_AT_MOST));
	return o;
}

bool
report_json(const struct report *r, const struct report_about *about,
    FILE *out)
{
	json_t *o = json_object(), *rows = json_array();
	bool ok;

	for (; about->name != NULL; about++)
		json_object_set_new(o, about->name, json_string(about->text));
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(rows, json_row(&r->row[i]));
	json_object_set_new(o, "rows", rows);
	json_object_set_new(o, "missed",
	    json_integer((json_int_t)report_missed(r)));
	ok = json_dumpf(o, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0;
	fputc('\n', out);
	json_decref(o);
	return ok;
}

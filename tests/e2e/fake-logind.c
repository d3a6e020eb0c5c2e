/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fake-logind [--impostor]: what systemd-logind and a screen saver are to
 * their clients, on the bus at DBUS_SYSTEM_BUS_ADDRESS.  Says "ready", and
 * then does what it reads, a line at a time, answering "ok" or "error":
 *
 *	sleep | wake		PrepareForSleep, before and after
 *	lock N			signal Lock of session N
 *	hint N 0|1		property LockedHint of session N
 *	name NAME		owns that name too, as a screen saver does
 *	saver NAME 0|1		signal ActiveChanged of that interface
 *	to NAME			signals go to that connection only ("": all)
 *	claim NAME		NameOwnerChanged, as if it were the bus
 *
 * "ok" means that the bus has passed it on.
 * Session 1 is its own user's, session 2 somebody else's.  It prints
 * "inhibit SENDER WHAT MODE" when sleep is to be held up, "released" when it
 * no longer is, and "asked N" when somebody asks whose session N is.  An
 * impostor has nobody's name.
 */
#include <systemd/sd-bus.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAEMON		"org.freedesktop.DBus"
#define DAEMON_PATH	"/org/freedesktop/DBus"
#define LOGIND		"org.freedesktop.login1"
#define LOGIND_PATH	"/org/freedesktop/login1"
#define PROPERTIES	"org.freedesktop.DBus.Properties"

struct session {
	int	 number;
	char	 path[64];
	uint32_t uid;
	int	 locked;
};

struct fake {
	sd_bus	*bus;
	int	 held;			/* our end of the inhibitor; -1 */
	char	 to[256];
	struct session sessions[2];
};

static int
on_inhibit(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *what, *who, *why, *mode;
	struct fake *f = arg;
	int p[2], r;

	(void)error;
	if ((r = sd_bus_message_read(m, "ssss", &what, &who, &why, &mode)) < 0)
		return r;
	if (f->held != -1 || pipe2(p, O_CLOEXEC) == -1)
		return -EBUSY;
	printf("inhibit %s %s %s\n", sd_bus_message_get_sender(m), what, mode);
	f->held = p[0];
	r = sd_bus_reply_method_return(m, "h", p[1]);
	close(p[1]);
	return r;
}

static int
get_user(sd_bus *bus, const char *path, const char *interface,
    const char *property, sd_bus_message *reply, void *arg,
    sd_bus_error *error)
{
	const struct session *s = arg;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	printf("asked %d\n", s->number);
	return sd_bus_message_append(reply, "(uo)", s->uid,
	    LOGIND_PATH "/user/self");
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Inhibit", "ssss", "h", on_inhibit,
	    SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

static const sd_bus_vtable session[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("User", "(uo)", get_user, 0,
	    SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("LockedHint", "b", NULL,
	    offsetof(struct session, locked),
	    SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END
};

static int
start(struct fake *f, bool impostor)
{
	struct session *s;
	int r;

	if ((r = sd_bus_open_system(&f->bus)) < 0)
		return r;
	if (impostor)
		return 0;
	r = sd_bus_add_object_vtable(f->bus, NULL, LOGIND_PATH,
	    LOGIND ".Manager", manager, f);
	for (int i = 0; i < 2 && r >= 0; i++) {
		s = &f->sessions[i];
		s->number = i + 1;
		s->uid = getuid() + (uint32_t)i;
		snprintf(s->path, sizeof(s->path),
		    LOGIND_PATH "/session/_3%d", i + 1);
		r = sd_bus_add_object_vtable(f->bus, NULL, s->path,
		    LOGIND ".Session", session, s);
	}
	return r < 0 ? r : sd_bus_request_name(f->bus, LOGIND, 0);
}

/* Frees the message; `r` is what came of filling it. */
static int
send_signal(struct fake *f, sd_bus_message *m, int r)
{
	if (r >= 0)
		r = sd_bus_send_to(f->bus, m,
		    f->to[0] != '\0' ? f->to : NULL, NULL);
	sd_bus_message_unref(m);
	return r;
}

/* A signal, with a boolean if `value` is not -1. */
static int
emit(struct fake *f, const char *path, const char *interface,
    const char *member, int value)
{
	sd_bus_message *m;
	int r;

	r = sd_bus_message_new_signal(f->bus, &m, path, interface, member);
	if (r < 0)
		return r;
	if (value != -1)
		r = sd_bus_message_append(m, "b", value);
	return send_signal(f, m, r);
}

static int
emit_hint(struct fake *f, int number, int locked)
{
	char path[64];
	sd_bus_message *m;
	int r;

	snprintf(path, sizeof(path), LOGIND_PATH "/session/_3%d", number);
	r = sd_bus_message_new_signal(f->bus, &m, path, PROPERTIES,
	    "PropertiesChanged");
	if (r < 0)
		return r;
	r = sd_bus_message_append(m, "sa{sv}as", LOGIND ".Session", 2,
	    "IdleHint", "b", 1, "LockedHint", "b", locked, 0);
	return send_signal(f, m, r);
}

static int
claim(struct fake *f, const char *name)
{
	const char *self;
	sd_bus_message *m;
	int r;

	if ((r = sd_bus_get_unique_name(f->bus, &self)) < 0 ||
	    (r = sd_bus_message_new_signal(f->bus, &m, DAEMON_PATH, DAEMON,
	    "NameOwnerChanged")) < 0)
		return r;
	r = sd_bus_message_append(m, "sss", name, "", self);
	return send_signal(f, m, r);
}

static int
obey(struct fake *f, const char *line)
{
	char text[256], path[64];
	int n, on;

	if (strcmp(line, "sleep") == 0 || strcmp(line, "wake") == 0)
		return emit(f, LOGIND_PATH, LOGIND ".Manager",
		    "PrepareForSleep", line[0] == 's');
	if (sscanf(line, "lock %d", &n) == 1) {
		snprintf(path, sizeof(path), LOGIND_PATH "/session/_3%d", n);
		return emit(f, path, LOGIND ".Session", "Lock", -1);
	}
	if (sscanf(line, "hint %d %d", &n, &on) == 2)
		return emit_hint(f, n, on);
	if (sscanf(line, "name %255s", text) == 1)
		return sd_bus_request_name(f->bus, text, 0);
	if (sscanf(line, "saver %255s %d", text, &on) == 2)
		return emit(f, "/ScreenSaver", text, "ActiveChanged", on);
	if (sscanf(line, "claim %255s", text) == 1)
		return claim(f, text);
	if (strncmp(line, "to", 2) == 0) {
		f->to[0] = '\0';
		(void)sscanf(line, "to %255s", f->to);
		return 0;
	}
	return -EINVAL;
}

static bool
read_command(struct fake *f)
{
	char line[512];
	int r;

	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	r = obey(f, line);
	if (r >= 0)	/* the bus takes one after the other */
		r = sd_bus_call_method(f->bus, DAEMON, DAEMON_PATH, DAEMON,
		    "GetId", NULL, NULL, NULL);
	printf("%s\n", r < 0 ? strerror(-r) : "ok");
	return true;
}

static int
serve(struct fake *f)
{
	struct pollfd p[3];
	int r;

	for (;;) {
		while ((r = sd_bus_process(f->bus, NULL)) > 0)
			;
		if (r < 0)
			return r;
		p[0] = (struct pollfd){ sd_bus_get_fd(f->bus), POLLIN, 0 };
		p[1] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
		p[2] = (struct pollfd){ f->held, 0, 0 };
		if (poll(p, 3, -1) == -1)
			return -errno;
		if (p[2].revents != 0) {
			close(f->held);
			f->held = -1;
			puts("released");
		}
		if (p[1].revents != 0 && !read_command(f))
			return 0;
	}
}

int
main(int argc, char **argv)
{
	struct fake f = { .held = -1 };
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);	/* poll(2) must see it all */
	r = start(&f, argc > 1 && strcmp(argv[1], "--impostor") == 0);
	if (r >= 0) {
		puts("ready");
		r = serve(&f);
	}
	if (r < 0)
		fprintf(stderr, "fake-logind: %s\n", strerror(-r));
	sd_bus_flush_close_unref(f.bus);
	return r < 0 ? 1 : 0;
}

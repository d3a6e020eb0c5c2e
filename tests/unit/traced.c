/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/traced.h"

#define CANNOT	111		/* exit status: nobody may trace here */

static void
wait_for(struct traced *t)
{
	pid_t got;

	while ((got = waitpid(t->pid, &t->status, 0)) == -1 && errno == EINTR)
		continue;
	assert_int_equal(got, t->pid);
}

bool
traced_start(struct traced *t, int (*fn)(void *arg), void *arg)
{
	*t = (struct traced){ .pid = fork() };
	assert_true(t->pid != -1);
	if (t->pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(CANNOT);
		raise(SIGSTOP);
		_exit(fn(arg));
	}
	wait_for(t);
	if (WIFEXITED(t->status) && WEXITSTATUS(t->status) == CANNOT)
		return false;
	assert_true(WIFSTOPPED(t->status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, t->pid, NULL,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	return true;
}

static void
look(struct traced *t)
{
	struct __ptrace_syscall_info i = { 0 };

	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(i),
	    &i) > 0);
	t->entering = i.op == PTRACE_SYSCALL_INFO_ENTRY;
	if (t->entering) {
		t->nr = i.entry.nr;
		memcpy(t->arg, i.entry.args, sizeof(t->arg));
	}
}

bool
traced_step(struct traced *t)
{
	int sig = 0;

	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, t->pid, NULL, sig),
		    0);
		wait_for(t);
		if (!WIFSTOPPED(t->status))
			return false;
		sig = WSTOPSIG(t->status);
		if (sig == (SIGTRAP | 0x80))
			break;
	}
	look(t);
	return true;
}

void
traced_kill(struct traced *t)
{
	assert_int_equal(kill(t->pid, SIGKILL), 0);
	do
		wait_for(t);
	while (WIFSTOPPED(t->status));
}

#if defined(__x86_64__)
static void
set_call(struct traced *t)
{
	struct user_regs_struct r;

	assert_int_equal(ptrace(PTRACE_GETREGS, t->pid, NULL, &r), 0);
	r.orig_rax = (unsigned long long)-1;
	assert_int_equal(ptrace(PTRACE_SETREGS, t->pid, NULL, &r), 0);
}

static void
set_result(struct traced *t, long result)
{
	struct user_regs_struct r;

	assert_int_equal(ptrace(PTRACE_GETREGS, t->pid, NULL, &r), 0);
	r.rax = (unsigned long long)result;
	assert_int_equal(ptrace(PTRACE_SETREGS, t->pid, NULL, &r), 0);
}
#elif defined(__aarch64__)
static void
set_call(struct traced *t)
{
	int nr = -1;
	struct iovec v = { &nr, sizeof(nr) };

	assert_int_equal(ptrace(PTRACE_SETREGSET, t->pid,
	    NT_ARM_SYSTEM_CALL, &v), 0);
}

static void
set_result(struct traced *t, long result)
{
	struct user_regs_struct r;
	struct iovec v = { &r, sizeof(r) };

	assert_int_equal(ptrace(PTRACE_GETREGSET, t->pid, NT_PRSTATUS, &v),
	    0);
	r.regs[0] = (unsigned long long)result;
	assert_int_equal(ptrace(PTRACE_SETREGSET, t->pid, NT_PRSTATUS, &v),
	    0);
}
#else
static void
set_call(struct traced *t)
{
	(void)t;
	fail();
}

static void
set_result(struct traced *t, long result)
{
	(void)t;
	(void)result;
}
#endif

void
traced_fail(struct traced *t, int error)
{
	assert_true(t->entering);
	set_call(t);
	if (traced_step(t))
		set_result(t, -error);
}

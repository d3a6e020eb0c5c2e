/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libssh-login HOST PORT USER COMMAND [KEY CERTIFICATE]: log in by the agent,
 * or by these files, as a program with libssh would, run COMMAND there and
 * copy what it prints.
 */
#include <err.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <stdlib.h>

static void
run(ssh_session s, const char *command)
{
	ssh_channel c = ssh_channel_new(s);
	char buf[4096];
	int n;

	if (c == NULL || ssh_channel_open_session(c) != SSH_OK ||
	    ssh_channel_request_exec(c, command) != SSH_OK)
		errx(1, "channel: %s", ssh_get_error(s));
	while ((n = ssh_channel_read(c, buf, sizeof(buf), 0)) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	ssh_channel_free(c);
}

static int
by_files(ssh_session s, const char *key_file, const char *certificate_file)
{
	ssh_key key = NULL, certificate = NULL;
	int r;

	if (ssh_pki_import_privkey_file(key_file, NULL, NULL, NULL, &key) !=
	    SSH_OK)
		errx(1, "%s: no key for libssh", key_file);
	if (ssh_pki_import_cert_file(certificate_file, &certificate) !=
	    SSH_OK ||
	    ssh_pki_copy_cert_to_privkey(certificate, key) != SSH_OK)
		errx(1, "%s: no certificate for libssh", certificate_file);
	r = ssh_userauth_publickey(s, NULL, key);
	ssh_key_free(certificate);
	ssh_key_free(key);
	return r;
}

int
main(int argc, char **argv)
{
	ssh_session s = ssh_new();
	int port;

	if ((argc != 5 && argc != 7) || s == NULL)
		errx(2, "usage: libssh-login HOST PORT USER COMMAND "
		    "[KEY CERTIFICATE]");
	port = (int)strtol(argv[2], NULL, 10);
	/* Who the host is does not matter here: only what the agent does. */
	if (ssh_options_set(s, SSH_OPTIONS_HOST, argv[1]) != SSH_OK ||
	    ssh_options_set(s, SSH_OPTIONS_PORT, &port) != SSH_OK ||
	    ssh_options_set(s, SSH_OPTIONS_USER, argv[3]) != SSH_OK ||
	    ssh_connect(s) != SSH_OK)
		errx(1, "connect: %s", ssh_get_error(s));
	if (ssh_userauth_none(s, NULL) == SSH_AUTH_ERROR ||
	    (argc == 7 ? by_files(s, argv[5], argv[6]) :
	    ssh_userauth_agent(s, NULL)) != SSH_AUTH_SUCCESS)
		errx(1, "login: %s", ssh_get_error(s));
	run(s, argv[4]);
	ssh_disconnect(s);
	ssh_free(s);
	return 0;
}

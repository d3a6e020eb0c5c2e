/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keyutil/doctor.h"

void
doctor_system(struct doctor *d)
{
	const bool reached = d->cards->rc == 0 && !d->cards->late;

	switch (d->host.kind) {
	case HOST_PLAIN:
		doctor_say(d, DOCTOR_PASS, "Linux%s", d->host.systemd ?
		    ", with systemd" : "");
		break;
	case HOST_CONTAINER:
		doctor_say(d, DOCTOR_PASS, "a container%s", d->host.systemd ?
		    ", with systemd" : "");
		break;
	case HOST_WSL1:
		doctor_say(d, DOCTOR_FAIL, "WSL 1 has no USB");
		doctor_fix(d, "wsl.exe --set-version $WSL_DISTRO_NAME 2");
		break;
	case HOST_WSL2:
		if (d->host.systemd || reached) {
			doctor_say(d, DOCTOR_PASS, "WSL 2%s",
			    d->host.systemd ? ", with systemd" : "");
			break;
		}
		doctor_say(d, DOCTOR_WARN,
		    "WSL 2 without systemd, so nothing starts pcscd");
		doctor_fix(d, "printf '[boot]\\nsystemd=true\\n' | sudo tee "
		    "-a /etc/wsl.conf && wsl.exe --shutdown");
		break;
	}
}

/* How a token comes to where Linux sees it. */
static void
fix_plug_in(struct doctor *d)
{
	switch (d->host.kind) {
	case HOST_WSL2:
		doctor_fix(d, "usbipd.exe attach --wsl --hardware-id "
		    "20a0:4230 (once before, in Windows as administrator: "
		    "usbipd bind --hardware-id 20a0:4230)");
		break;
	case HOST_CONTAINER:
		doctor_fix(d, "plug the token in where pcscd runs");
		break;
	case HOST_PLAIN:
	case HOST_WSL1:
		doctor_fix(d, "plug the token in");
		break;
	}
}

static void
no_list(struct doctor *d)
{
	if (doctor_has_token(d) || d->host.kind != HOST_WSL2) {
		doctor_say(d, DOCTOR_SKIP, "this system shows no USB");
		return;
	}
	doctor_say(d, DOCTOR_FAIL, "the kernel of WSL has no USB");
	doctor_fix(d, "wsl.exe --update");
}

void
doctor_usb(struct doctor *d)
{
	size_t ours = 0;

	for (size_t i = 0; i < d->n_usb; i++) {
		const struct host_usb *u = &d->usb[i];

		if (u->ours)
			doctor_say(d, DOCTOR_PASS,
			    "%s (%04x:%04x) is plugged in", u->name,
			    u->vendor, u->product);
		ours += u->ours;
	}
	for (size_t i = 0; i < d->n_usb && !doctor_has_token(d); i++) {
		const struct host_usb *u = &d->usb[i];

		if (u->ours)
			continue;
		doctor_say(d, DOCTOR_WARN, "%s (%04x:%04x) is no HSM: it "
		    "works with GnuPG or FIDO, and not here", u->name,
		    u->vendor, u->product);
		doctor_fix(d, "plug in a Nitrokey HSM");
	}
	if (ours > 0)
		return;
	if (!d->usb_listed) {
		no_list(d);
	} else if (doctor_has_token(d)) {
		doctor_say(d, DOCTOR_SKIP,
		    "the token is not a USB device of this system");
	} else {
		doctor_say(d, d->cards->readers.n > 0 ? DOCTOR_WARN :
		    DOCTOR_FAIL, "no token is seen on USB");
		fix_plug_in(d);
	}
}

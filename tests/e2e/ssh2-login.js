// SPDX-License-Identifier: GPL-3.0-or-later
// ssh2-login.js PORT USER [CYGWIN-SOCKET]: node's ssh2 logs in to loopback, by
// the agent of SSH_AUTH_SOCK or that behind the file, and says "in" there.
const { Client, CygwinAgent } =
	require(process.env.E2E_NODE + '/node_modules/ssh2');
const [port, username, file] = process.argv.slice(2);
const c = new Client();
c.on('ready', () => c.exec('echo in', (err, stream) => {
	if (err)
		throw err;
	stream.on('close', () => c.end()).pipe(process.stdout);
})).on('error', (err) => {
	console.error(err.message);
	process.exit(1);
}).connect({
	host: '127.0.0.1', port, username,
	agent: file ? new CygwinAgent(file) : process.env.SSH_AUTH_SOCK,
});

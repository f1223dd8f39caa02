#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// node.mjs PORT PKI VERSION: stdin to the server, what it sends to stdout, until both have ended.
import fs from 'node:fs';
import tls from 'node:tls';

const [port, pki, version] = process.argv.slice(2);
const read = (name) => fs.readFileSync(`${pki}/${name}`);

const socket = tls.connect({
	host: '127.0.0.1',
	port: Number(port),
	servername: 'localhost',
	ca: read('ca.pem'),
	cert: read('client-a.pem'),
	key: read('client-a.key'),
	minVersion: `TLSv${version}`,
	maxVersion: `TLSv${version}`,
}, () => {
	process.stdin.pipe(socket);
	socket.pipe(process.stdout);
});

socket.on('error', (error) => {
	console.error(error);
	process.exit(1);
});
// The server may be the first to end; then nobody needs our input any more.
socket.on('close', () => process.stdin.destroy());

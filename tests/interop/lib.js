// lib.js - what the tests in JavaScript share: where things are, npm's modules,
// a browser, and waiting with a deadline.
'use strict';
const { spawnSync } = require('child_process');
const http = require('http');
const path = require('path');

const ROOT = path.join(__dirname, '../..');
const BIN = path.resolve(process.env.BIN || path.join(ROOT, 'bin'));
const OBJ = path.resolve(process.env.OBJ || path.join(ROOT, 'obj/release'));
const MODULES = process.env.PENSTOCK_NPM ||
	path.join(ROOT, 'obj/npm/node_modules');

// A module of npm's ("ws"): ours in obj/npm, of the version that is right, or
// one that is installed.
function npm(name) {
	if (path.resolve(MODULES) === path.join(ROOT, 'obj/npm/node_modules'))
		spawnSync(path.join(ROOT, 'scripts/clients'), { stdio: 'ignore' });
	for (const at of [path.join(MODULES, name), name])
		try { return require(at); } catch (e) { }
	throw new Error('npm has no ' + name + ' for us');
}

// A real one, which talks to nobody but us. CHROMIUM names another.
const browser = () => npm('playwright-core').chromium.launch({
	executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
		'--disable-background-networking', '--disable-component-update',
		'--disable-sync'],
});

// { deadline(promise, what), until(test, what) } that wait so long.
function waiting(ms) {
	function deadline(promise, what) {
		let timer;
		const late = new Promise((_, no) => {
			timer = setTimeout(() => no(new Error(what + ': too late')), ms);
		});
		return Promise.race([promise, late]).finally(() => clearTimeout(timer));
	}
	const until = (test, what) => deadline(new Promise((yes) => {
		const look = () => test() ? yes() : setTimeout(look, 5);
		look();
	}), what);

	return { deadline, until };
}

// penstock.js as netd serves it there.
const client = (port) => new Promise((yes, no) => http.get(
	{ port, host: '127.0.0.1', path: '/penstock.js' }, (res) => {
		let text = '';
		if (res.statusCode !== 200)
			no(new Error('/penstock.js: ' + res.statusCode));
		if (!/^text\/javascript/.test(res.headers['content-type']))
			no(new Error('/penstock.js is ' + res.headers['content-type']));
		res.on('data', (b) => { text += b; });
		res.on('end', () => yes(text));
	}).on('error', no));

// A game that was started detached, with all that it started.
function killAll(game) {
	try { process.kill(-game.pid, 'SIGKILL'); } catch (e) { }
}

module.exports = { ROOT, BIN, OBJ, npm, browser, waiting, client, killAll };

#!/usr/bin/env node
// Events of penstock.js over a line that loses, delays and is cut again and
// again: each is taken once, heard once and told done once, and the page ends
// with the game's own state. npm's ws stands for a browser's.
'use strict';
const { spawn } = require('child_process');
const assert = require('assert');
const path = require('path');
const vm = require('vm');
const { BIN, OBJ, npm, waiting, client, killAll } = require('./lib.js');

const WAIT_MS = 60000, EVENTS = 200, CUTS = 4;

const { deadline, until } = waiting(WAIT_MS);
let game, said = '';

function start(query) {
	game = spawn(path.join(OBJ, 'games/tally'),
		['--listen', 'ws://127.0.0.1:0/' + query],
		{ stdio: ['ignore', 'pipe', 'pipe'], detached: true,
			env: Object.assign({}, process.env,
				{ PENSTOCK_NETD: path.join(BIN, 'netd') }) });
	return deadline(new Promise((yes) => {
		const hear = (bytes) => {
			const m = (said += bytes).match(/ws:\/\/127\.0\.0\.1:(\d+)/);
			if (m)
				yes(Number(m[1]));
		};
		game.stdout.on('data', hear);
		game.stderr.on('data', hear);
	}), 'tally listens');
}

async function stop() {
	const ended = new Promise((yes) => game.on('exit', yes));
	game.kill('SIGTERM');
	await deadline(ended, 'tally ends');
	killAll(game);
	said = '';
}

// A gone line is tried again at once, as a person's tap on "retry" would.
async function counts(n, query) {
	const port = await start('?resume=30s&delay=20ms&jitter=10ms&reorder=5%' +
		'&cut=60%&' + query);
	const seen = { open: 0, back: 0, news: new Array(EVENTS).fill(0) };
	if (!globalThis.Penstock)
		vm.runInThisContext(await deadline(client(port), '/penstock.js'));
	const line = new globalThis.Penstock('ws://127.0.0.1:' + port + '/', {
		onopen: () => seen.open++,
		onback: () => seen.back++,
		onaway: () => setTimeout(() => line.retry(), 20),
	});
	line.handle('NEWS', ([i]) => { seen.news[i]++; });
	await until(() => line.state === 'open', 'open');
	const acks = [];
	let taken = 0;
	for (let i = 0; i < EVENTS; i++) {
		acks.push(line.event('COUNT', [i]).then(() => taken++));
		if (i === EVENTS / 2)
			acks.push(line.event('SEND', [EVENTS]));
		// Spread, so that cuts fall between them.
		if (i % 10 === 9)
			await new Promise((yes) => setTimeout(yes, 100));
	}
	await deadline(Promise.all(acks), 'all acknowledged');
	const mine = (s, where) => Object.values(Object.values(s[where])[0] || {});
	await line.waitUntil((s) => mine(s, 'done').length === EVENTS &&
		mine(s, 'up').length === EVENTS, WAIT_MS);
	await until(() => seen.back >= CUTS, 'lines are cut');
	const whole = await line.request('WHOLE', [], {}, WAIT_MS);
	const once = new Array(EVENTS).fill(1);
	assert.strictEqual(taken, EVENTS);
	assert.deepStrictEqual(seen.news, once);
	assert.deepStrictEqual(mine(line.shared, 'up'), once);
	assert.deepStrictEqual(mine(line.shared, 'done'), once);
	assert.deepStrictEqual(line.shared, whole);
	assert.strictEqual(seen.open, 1);
	line.close();
	await stop();
	console.log('ok ' + n + ' - ' + EVENTS + ' events each way, once each, over ' +
		(seen.back + 1) + ' lines with ' + query);
}

async function main() {
	globalThis.WebSocket = npm('ws');
	console.log('1..2');
	await counts(1, 'loss=5%&seed=5');
	await counts(2, 'loss=20%&seed=20');
}

main().then(() => process.exit(0), (e) => {
	console.log('not ok - ' + (e.stack || e));
	console.log(said);
	killAll(game);
	process.exit(1);
});

#!/usr/bin/env node
// penstock.js as netd serves it, over a cable that is cut again and again:
// every message comes back once, in order. npm's ws stands for a browser's.
'use strict';
const { spawn, spawnSync } = require('child_process');
const http = require('http');
const net = require('net');
const path = require('path');
const vm = require('vm');

const ROOT = path.join(__dirname, '../..');
const MODULES = process.env.PENSTOCK_NPM ||
      path.join(ROOT, 'obj/npm/node_modules');
const BIN = path.resolve(process.env.BIN || path.join(ROOT, 'bin'));
const WAIT_MS = 30000, MESSAGES = 2000, CUTS = 12;

function loadWs() {
	for (let tries = 0; ; tries++) {
		for (const at of ['ws', path.join(MODULES, 'ws')])
			try { return require(at); } catch (e) { }
		if (tries)
			throw new Error('npm has no ws for us');
		spawnSync(path.join(ROOT, 'scripts/clients'), { stdio: 'ignore' });
	}
}

function must(yes, what) {
	if (!yes)
		throw new Error(what);
}

function deadline(promise, what) {
	let timer;
	const late = new Promise((_, no) => {
		timer = setTimeout(() => no(new Error(what + ': too late')), WAIT_MS);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const until = (test, what) => deadline(new Promise((yes) => {
	const look = () => test() ? yes() : setTimeout(look, 5);
	look();
}), what);

// ---- a game, and a cable to it -------------------------------------------------

let game, said;

function start(query, name = 'echo') {
	said = '';
	game = spawn(path.join(BIN, name),
		['--listen', 'ws://127.0.0.1:0/' + query],
		{ stdio: ['ignore', 'pipe', 'pipe'], detached: true });
	return deadline(new Promise((yes, no) => {
		const hear = (bytes) => {
			const m = (said += bytes).match(
				/url=ws:\/\/127\.0\.0\.1:(\d+)/);
			if (m)
				yes(Number(m[1]));
		};
		game.stdout.on('data', hear);
		game.stderr.on('data', hear);
		game.on('error', no);
		game.on('exit', () => no(new Error(name + ' ended: ' + said)));
	}), name + ' listens');
}

async function stop() {
	const ended = new Promise((yes) => game.on('exit', yes));
	game.kill('SIGTERM');
	try {
		await deadline(ended, 'echo ends');
	} finally {
		try { process.kill(-game.pid, 'SIGKILL'); } catch (e) { }
	}
}

const cable = {
	lines: new Set(),
	lay(port) {
		this.server = net.createServer((from) => {
			const on = net.connect(port, '127.0.0.1');
			this.lines.add(from).add(on);
			for (const [one, other] of [[from, on], [on, from]]) {
				one.on('error', () => { });
				one.on('close', () => {
					this.lines.delete(one);
					other.destroy();
				});
				one.pipe(other);
			}
		});
		return new Promise((yes) => this.server.listen(0, '127.0.0.1',
			() => yes(this.server.address().port)));
	},
	cut() {
		for (const one of this.lines)
			one.resetAndDestroy();
	},
};

function fetchClient(port) {
	return deadline(new Promise((yes, no) => http.get(
		{ port, host: '127.0.0.1', path: '/penstock.js' }, (res) => {
			let text = '';
			must(res.statusCode === 200, '/penstock.js: ' + res.statusCode);
			must(/^text\/javascript/.test(res.headers['content-type']),
				'/penstock.js is ' + res.headers['content-type']);
			res.on('data', (b) => { text += b; });
			res.on('end', () => yes(text));
		}).on('error', no)), '/penstock.js');
}

// ---- what must hold ------------------------------------------------------------

const seen = { open: 0, away: 0, back: 0, close: [] };

function page(i) {
	const text = i + ':' + 'é'.repeat(i % 50);
	return i % 3 ? text : new TextEncoder().encode(text);
}

async function ledger(url) {
	const heard = [];
	let sent = 0, cuts = 0;
	const line = new globalThis.Penstock(url, {
		onopen: () => seen.open++,
		onaway: () => seen.away++,
		onback: () => seen.back++,
		onclose: (why, final) => seen.close.push([why, final]),
		onmessage: (data) => heard.push(data),
	});
	must(line.state === 'connecting', 'state ' + line.state);
	must(line.send('early') === false, 'sent before it was open');
	await until(() => line.state === 'open', 'open');
	while (sent < MESSAGES || cuts < CUTS) {
		const most = Math.floor(MESSAGES / CUTS) + 1;
		for (let i = 0; i < most && sent < MESSAGES; i++)
			must(line.send(page(sent++)), 'send ' + line.state);
		if (cuts < CUTS) {
			// At different places in what goes to and fro.
			await new Promise((yes) => setTimeout(yes, cuts % 4));
			cable.cut();
			cuts++;
			await until(() => line.state === 'away', 'away');
			// Some are said while nobody is there.
			for (let i = 0; i < 5 && sent < MESSAGES; i++)
				must(line.send(page(sent++)), 'send away');
			line.retry();
			await until(() => line.state === 'open', 'back');
		}
	}
	await until(() => heard.length >= MESSAGES, 'all is heard');
	heard.forEach((data, i) => {
		const text = typeof data === 'string' ? data :
			new TextDecoder().decode(data);
		const right = page(i);
		must((typeof data === 'string') === (typeof right === 'string'),
			'message ' + i + ' changed its kind');
		must(text === (typeof right === 'string' ? right :
			new TextDecoder().decode(right)), 'message ' + i + ' is ' + text);
	});
	must(heard.length === MESSAGES, heard.length + ' came back');
	must(seen.open === 1 && seen.back === CUTS && seen.away >= CUTS &&
		seen.close.length === 0, 'seen ' + JSON.stringify(seen));
	return line;
}

/* What notes.c declares are functions; a cut line changes nothing. */
async function typed() {
	const port = await start('?resume=20s', 'notes');
	vm.runInThisContext(await fetchClient(port));
	const at = 'ws://127.0.0.1:' + await cable.lay(port) + '/';
	const boards = [], notes = [], wrong = [], rest = [];
	const line = new globalThis.Penstock(at,
		{ onmessage: (data) => rest.push(data) });
	line.on('board', (b) => boards.push(b)).on('note', (n) => notes.push(n));
	line.on('error', (e) => wrong.push(e));
	must(globalThis.Penstock.schema.game === 'notes', 'no schema');
	await until(() => boards.length === 1, 'the board');
	must(boards[0].notes.length === 0, 'a note is there already');
	for (let i = 0; i < 100; i++) {
		must(line.note({ who: 'Ann', text: 'n\u00f6 "' + i + '"' }), 'not said');
		if (i % 25 === 24) {
			cable.cut();
			await until(() => line.state === 'away', 'away');
			line.retry();
			await until(() => line.state === 'open', 'back');
		}
	}
	await until(() => notes.length === 100, 'all notes');
	notes.forEach((n, i) => must(n.who === 'Ann' &&
		n.text === 'n\u00f6 "' + i + '"', 'note ' + i + ' is ' + n.text));
	line.note({ who: 'x'.repeat(25), text: '' });
	line.call('note', { who: 'x' });
	await until(() => wrong.length === 2, 'errors');
	must(JSON.stringify(wrong) === '[{"message":"note","field":"who",' +
		'"rule":"longer than 24 bytes"},{"message":"note",' +
		'"field":"text","rule":"missing"}]', JSON.stringify(wrong));
	must(boards.length === 1 && rest.length === 0, 'heard more than was said');
	line.close();
	/* npm's ws as a client of its own, which speaks msgpack. */
	const ws = new WebSocket('ws://127.0.0.1:' + port + '/',
		['penstock.msgpack']);
	const first = await deadline(new Promise((yes) =>
		ws.on('message', (data, binary) => yes([data, binary]))), 'msgpack');
	must(ws.protocol === 'penstock.msgpack', 'protocol ' + ws.protocol);
	must(first[1] && first[0].subarray(0, 8).equals(
		Buffer.from('92a5626f61726481', 'hex')), 'not a board of msgpack');
	ws.terminate();
	cable.server.close();
	await stop();
	console.log('ok 5 - what the game declares are functions of the page');
}

async function main() {
	globalThis.WebSocket = loadWs();
	console.log('1..5');
	let port = await start('?resume=20s');
	vm.runInThisContext(await fetchClient(port));
	console.log('ok 1 - netd serves penstock.js without any www=');
	const at = 'ws://127.0.0.1:' + await cable.lay(port) + '/';
	const line = await ledger(at);
	console.log('ok 2 - ' + MESSAGES + ' messages over ' + (CUTS + 1) +
		' lines, none lost or doubled');
	line.close();
	await until(() => /why=left/.test(said), 'the goodbye');
	must(line.state === 'closed' && !line.send('late'), 'not closed');
	await stop();
	console.log('ok 3 - close() is a goodbye');

	// A listener that keeps nobody's place: a new connection instead.
	port = await start('');
	const why = [];
	let opens = 0;
	cable.server.close();
	const plain = new globalThis.Penstock(
		'ws://127.0.0.1:' + await cable.lay(port) + '/', {
			onopen: () => opens++,
			onclose: (text, final) => why.push(final),
		});
	await until(() => opens === 1, 'plain open');
	cable.cut();
	await until(() => opens === 2, 'plain open again');
	must(why.length === 1 && why[0] === false, 'closed ' + why);
	plain.close();
	cable.server.close();
	await stop();
	console.log('ok 4 - without resume= a lost line is a new connection');
	await typed();
}

main().then(() => process.exit(0), (e) => {
	console.log('not ok - ' + e.stack);
	console.log(said);
	try { process.kill(-game.pid, 'SIGKILL'); } catch (x) { }
	process.exit(1);
});

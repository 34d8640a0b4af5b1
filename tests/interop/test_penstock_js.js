#!/usr/bin/env node
// penstock.js as netd serves it, over a cable that is cut again and again:
// every message comes back once, in order. npm's ws stands for a browser's.
'use strict';
const { spawn } = require('child_process');
const net = require('net');
const path = require('path');
const vm = require('vm');
const { BIN, OBJ, npm, waiting, client, killAll } = require('./lib.js');

const WAIT_MS = 30000, MESSAGES = 2000, CUTS = 12;

function must(yes, what) {
	if (!yes)
		throw new Error(what);
}

const { deadline, until } = waiting(WAIT_MS);

// ---- a game, and a cable to it -------------------------------------------------

let game, said;

function start(query, name = 'echo') {
	said = '';
	game = spawn(path.resolve(BIN, name),
		['--listen', 'ws://127.0.0.1:0/' + query],
		{ stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: Object.assign({}, process.env,
			{ PENSTOCK_NETD: path.join(BIN, 'netd') }) });
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
		killAll(game);
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
	vm.runInThisContext(await deadline(client(port), '/penstock.js'));
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
		must(line.note({ who: 'Ann', text: 'n\u00f6 "' + i + '"',
			colour: i % 2 ? 'pink' : undefined, tags: ['t' + i] }),
			'not said');
		if (i % 25 === 24) {
			cable.cut();
			await until(() => line.state === 'away', 'away');
			line.retry();
			await until(() => line.state === 'open', 'back');
		}
	}
	await until(() => notes.length === 100, 'all notes');
	notes.forEach((n, i) => must(n.who === 'Ann' &&
		n.text === 'n\u00f6 "' + i + '"' && n.tags[0] === 't' + i &&
		n.colour === (i % 2 ? 'pink' : undefined), 'note ' + i + ' is ' + n.text));
	const thrown = (act) => {
		try { act(); } catch (e) { return e; }
		throw new Error('nothing was thrown');
	};
	let e = thrown(() => line.note({ who: 'x'.repeat(25), text: '', tags: [] }));
	must(e.of === 'note' && e.field === 'who' &&
		e.message === 'note: who: longer than 24 bytes', e.stack);
	e = thrown(() => line.call('nobody', {}));
	must(e.message === 'nobody: no such message', e.stack);
	/* And netd says the same to whoever goes round that. */
	line.send(JSON.stringify(['note', { who: 'x'.repeat(25), text: '', tags: [] }]));
	line.send('["note",{"who":"x"}]');
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

/* Each rule is the same here and in netd: what this file throws, netd answers,
 * and what it lets through comes back the same. */
async function held() {
	const port = await start('?wrong_max=100',
		path.join(OBJ, 'games/kinds'));
	vm.runInThisContext(await deadline(client(port), '/penstock.js'));
	const heard = [], wrong = [];
	const line = new globalThis.Penstock('ws://127.0.0.1:' + port + '/');
	for (const name of ['every', 'loose'])
		line.on(name, (fields) => heard.push(fields));
	line.on('error', (e) => wrong.push(e));
	await until(() => line.state === 'open', 'open');
	const loose = { scores: [], names: [], moods: [], mood: 'calm' };
	const every = { yes: true, i8: -128, i16: 0, i32: 0, i64: -(2n ** 63n),
		u8: 255, u16: 1, u32: 4294967295, u64: 2n ** 64n - 1n, f32: 0.5,
		f64: -1e300, text: 'h\u00f6', bytes: new Uint8Array([0, 255]),
		cells: new Uint8Array([1, 2, 3, 9]), curve: [0.5, -1],
		where: { x: 1, y: -100 },
		players: [{ name: 'ann', at: { x: 0, y: 0 }, path: [] }] };
	const good = [
		['loose', {}], ['loose', { bid: null, motto: undefined }],
		['loose', { bid: 9, motto: '', seal: new Uint8Array(4),
			at: { x: 1, y: -2 }, scores: new Int32Array([1, 999]),
			names: ['', 'ann'], moods: ['angry', 'calm'] }],
		['every', {}],
	];
	const bad = [
		['loose', { mood: 'sad' }], ['loose', { mood: 1 }],
		['loose', { mood: null }], ['loose', { mood: undefined }],
		['loose', { scores: [1, 1000] }], ['loose', { scores: [1.5] }],
		['loose', { scores: [1, 2, 3, 4, 5] }], ['loose', { scores: 1 }],
		['loose', { names: ['123456789'] }], ['loose', { names: [null] }],
		['loose', { moods: ['calm', 'x'] }], ['loose', { bid: 0 }],
		['loose', { motto: '\u00f6\u00f6\u00f6\u00f6\u00f6' }],
		['loose', { motto: 5 }], ['loose', { seal: 'AAA' }],
		['loose', { seal: 'AAAAAAA=' }], ['loose', { seal: '=AAA' }],
		['loose', { at: { x: 1 } }], ['loose', { at: [] }],
		['loose', { at: { x: 1, y: 2, z: 3 } }], ['loose', { no: 1 }],
		['every', { yes: 1 }], ['every', { i8: 128 }],
		['every', { i64: '9223372036854775808' }],
		['every', { u64: -1n }], ['every', { u64: '' }],
		['every', { u8: '5' }], ['every', { f32: 2e6 }],
		['every', { f64: '1' }], ['every', { cells: [1, 2, 3] }],
		['every', { cells: [1, 2, 3, 10] }],
		['every', { where: { x: 1, y: 101 } }],
		['every', { players: [{ name: 'ann' }] }],
		['every', { players: [{ name: 'a', at: { x: 0, y: 0 },
			path: [{ x: 0, y: 0 }, { x: 0 }] }] }],
	];
	const whole = ([name, fields]) => Object.assign({},
		name === 'loose' ? loose : every, fields);
	for (const what of good)
		must(line[what[0]](whole(what)), 'not said');
	await until(() => heard.length === good.length, 'what fits');
	must(!('bid' in heard[0]) && !('motto' in heard[1]), 'what is not set');
	must(JSON.stringify(heard[2]) === '{"scores":[1,999],"names":["","ann"],' +
		'"moods":["angry","calm"],"mood":"calm","bid":9,"motto":"",' +
		'"seal":"AAAAAA==","at":{"x":1,"y":-2}}', JSON.stringify(heard[2]));
	must(heard[3].u64 === '18446744073709551615' && heard[3].bytes === 'AP8=',
		JSON.stringify(heard[3]));
	const json = (key, v) => typeof v === 'bigint' ? String(v) :
		v instanceof Uint8Array && v.length === 4 ? Array.from(v) :
		v instanceof Uint8Array ? Buffer.from(v).toString('base64') : v;
	for (const what of bad) {
		const fields = whole(what);
		let thrown;
		try { line[what[0]](fields); } catch (e) { thrown = e; }
		must(thrown, 'not thrown: ' + JSON.stringify(what, json));
		wrong.length = 0;
		line.send(JSON.stringify([what[0], fields], json));
		await until(() => wrong.length === 1, 'netd says ' +
			JSON.stringify(what, json));
		must(wrong[0].message === thrown.of && wrong[0].field ===
			thrown.field && wrong[0].rule === thrown.rule,
			JSON.stringify(wrong[0]) + ' is not ' + thrown.message);
	}
	/* What JSON cannot carry is refused here alone. */
	for (const f64 of [NaN, Infinity, undefined, Symbol('x')]) {
		let thrown;
		try { line.every({ ...every, f64 }); } catch (e) { thrown = e; }
		must(thrown && thrown.field === 'f64', String(f64));
	}
	must(heard.length === good.length, 'what does not fit was heard');
	line.close();
	await stop();
	console.log('ok 6 - a page throws what netd would refuse, in its words');
}

async function main() {
	globalThis.WebSocket = npm('ws');
	console.log('1..6');
	let port = await start('?resume=20s');
	vm.runInThisContext(await deadline(client(port), '/penstock.js'));
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
	await held();
}

main().then(() => process.exit(0), (e) => {
	console.log('not ok - ' + e.stack);
	console.log(said);
	killAll(game);
	process.exit(1);
});

#!/usr/bin/env node
// npm's ws, a WebSocket we did not write, against our echo.
// Where it is not installed it is put into obj/npm first.
'use strict';
const { spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const crypto = require('crypto');
const { BIN, npm, waiting, killAll } = require('./lib.js');

const WAIT_MS = 10000;

let WebSocket = null;
try { WebSocket = npm('ws'); } catch (e) { }

// ---- the world ---------------------------------------------------------------

let folder, game, said, url;

const { deadline } = waiting(WAIT_MS);

function start(query) {
	said = '';
	game = spawn(path.join(BIN, 'echo'),
		['--listen', `ws://127.0.0.1:0/${query}`],
		{ stdio: ['ignore', 'pipe', 'pipe'], detached: true });
	game.ended = new Promise((yes) => game.on('exit',
		(code, signal) => yes(code === null ? signal : code)));
	return deadline(new Promise((yes, no) => {
		const hear = (bytes) => {
			said += bytes;
			const m = said.match(/url=ws:\/\/127\.0\.0\.1:(\d+)/);
			if (m)
				yes(url = `ws://127.0.0.1:${m[1]}/`);
		};
		game.stdout.on('data', hear);
		game.stderr.on('data', hear);
		game.on('exit', () => no(new Error('echo ended')));
		game.on('error', no);
	}), 'echo listens');
}

async function stop() {
	if (!game)
		return;
	if (game.exitCode === null && game.signalCode === null)
		game.kill('SIGTERM');
	try {
		await deadline(game.ended, 'echo ends');
	} finally {
		// Its launcher, netd and game are one process group.
		killAll(game);
		game = null;
	}
}

// A socket with what came in a queue: await s.next(), await s.over.
function open(at = url, protocols = [], options = {}) {
	const s = new WebSocket(at, protocols,
		Object.assign({ perMessageDeflate: false }, options));
	const come = [], wanted = [];
	s.on('message', (data, binary) => {
		const m = binary ? data : data.toString();
		wanted.length ? wanted.shift()(m) : come.push(m);
	});
	s.next = () => deadline(come.length ? Promise.resolve(come.shift()) :
		new Promise((yes) => wanted.push(yes)), 'a message');
	s.over = new Promise((yes) => s.on('close',
		(code, text) => yes({ code, text: text.toString() })));
	s.ended = () => deadline(s.over, 'the close');
	s.on('error', (e) => { s.trouble = e; });
	return deadline(new Promise((yes, no) => {
		s.on('open', () => yes(s));
		s.on('error', no);
	}), 'the handshake');
}

// Bytes of our own on a connection that has shaken hands.
async function raw(...frames) {
	const s = await open();
	s._socket.write(Buffer.concat(frames));
	return s.ended();
}

// A frame, masked unless told otherwise.
function frame(first, payload, masked = true) {
	const body = Buffer.from(payload);
	const mask = masked ? crypto.randomBytes(4) : Buffer.alloc(0);
	const head = Buffer.from([first, (masked ? 0x80 : 0) | body.length]);
	if (masked)
		for (let i = 0; i < body.length; i++)
			body[i] ^= mask[i & 3];
	return Buffer.concat([head, mask, body]);
}

function equal(got, want) {
	const a = JSON.stringify(got), b = JSON.stringify(want);
	if (a !== b)
		throw new Error(`got ${a}, not ${b}`);
}

// Everything that comes back on a plain connection until it ends.
function talk(text, until) {
	return deadline(new Promise((yes, no) => {
		const s = net.connect(new URL(url).port, '127.0.0.1');
		let got = '';
		s.on('connect', () => s.write(text));
		s.on('data', (b) => {
			got += b.toString('latin1');
			if (until && got.includes(until)) {
				s.destroy();
				yes(got);
			}
		});
		s.on('end', () => { s.destroy(); yes(got); });
		s.on('error', no);
	}), 'an answer');
}

// ---- the cases ---------------------------------------------------------------

const cases = {
	async echoes_text_and_bytes() {
		const s = await open();
		for (const text of ['hello', '', 'äöü € 🐍', 'x'.repeat(60000)]) {
			s.send(text);
			equal(await s.next(), text);
		}
		const bytes = crypto.randomBytes(60000);
		s.send(bytes);
		equal((await s.next()).equals(bytes), true);
		s.close(1000, 'bye');
		equal(await s.ended(), { code: 1000, text: '' });
	},
	async joins_fragments_with_pings_between() {
		const s = await open();
		let pongs = 0;
		s.on('pong', () => pongs++);
		s.send('one ', { fin: false });
		s.ping('a');
		s.send('two ', { fin: false });
		s.ping('b');
		s.send('three');
		equal(await s.next(), 'one two three');
		equal(pongs, 2);
		s.terminate();
	},
	async answers_a_ping_before_what_follows_it() {
		const s = await open(), order = [];
		s.on('pong', (data) => order.push(`pong ${data}`));
		s.on('message', (data) => order.push(`${data}`));
		s.ping('first');
		s.send('second');
		await s.next();
		equal(order, ['pong first', 'second']);
		s.terminate();
	},
	async takes_ten_thousand_messages_in_order() {
		const s = await open();
		for (let i = 0; i < 10000; i++)
			s.send(`${i}`);
		for (let i = 0; i < 10000; i++)
			equal(await s.next(), `${i}`);
		s.terminate();
	},
	async gives_close_codes_back() {
		for (const code of [1000, 1001, 1003, 1011, 3000, 4999]) {
			const end = await raw(frame(0x88,
				Buffer.from([code >> 8, code & 255])));
			equal(end.code, code);
		}
		// Without a code: ws says 1005 for an empty close frame.
		equal((await raw(frame(0x88, ''))).code, 1005);
	},
	async refuses_broken_frames_with_1002() {
		const rows = [
			frame(0x81, 'not masked', false),
			frame(0xc1, 'a reserved bit'),
			frame(0x83, 'an unknown opcode'),
			frame(0x09, 'a ping in pieces'),
			frame(0x80, 'a continuation of nothing'),
			frame(0x88, Buffer.from([3, 237])), // 1005
			frame(0x88, 'x'),
			Buffer.from([0x81, 0xfe, 0, 1, 0, 0, 0, 0, 65]),
		];
		for (const row of rows)
			equal((await raw(row)).code, 1002);
	},
	async refuses_text_that_is_not_utf8_with_1007() {
		for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80],
			[0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]])
			equal((await raw(frame(0x81, Buffer.from(bad)))).code,
				1007);
		equal((await raw(frame(0x01, Buffer.from([0xe2])),
			frame(0x80, Buffer.from([0x28])))).code, 1007);
	},
	async refuses_long_messages_with_1009() {
		const s = await open();
		s.send('x'.repeat(65537));
		equal((await s.ended()).code, 1009);
		const t = await open();
		for (let i = 0; i < 66; i++)
			t.send('x'.repeat(1000), { fin: false });
		equal((await t.ended()).code, 1009);
	},
	async declines_compression() {
		const s = await open(url, [], { perMessageDeflate: true });
		equal(s.extensions, '');
		s.send('x'.repeat(5000));
		equal(await s.next(), 'x'.repeat(5000));
		s.terminate();
	},
	async chooses_a_subprotocol_only_if_it_was_offered() {
		await stop();
		await start('?subprotocol=game');
		const s = await open(url, ['chat', 'game']);
		equal(s.protocol, 'game');
		s.terminate();
		const t = await open(url);
		equal(t.protocol, '');
		t.terminate();
	},
	async lets_in_pages_of_one_origin() {
		await stop();
		await start('?origin=http://good.example');
		const s = await open(url, [], { origin: 'http://good.example' });
		s.terminate();
		const no = await open(url, [], { origin: 'http://evil.example' })
			.then(() => 'let in', (e) => e.message);
		equal(no, 'Unexpected server response: 403');
	},
	async holds_its_path_and_serves_files_beside_it() {
		fs.writeFileSync(path.join(folder, 'index.html'), 'a page');
		fs.writeFileSync(path.join(folder, 'big'),
			Buffer.alloc(20 << 20, 'penstock'));
		await stop();
		await start(`play?www=${folder}`);
		const s = await open(url + 'play');
		s.send('x');
		equal(await s.next(), 'x');
		s.terminate();
		const http = url.replace('ws:', 'http:');
		const page = await fetch(http);
		equal(await page.text(), 'a page');
		const again = await fetch(http, { headers:
			{ 'If-None-Match': page.headers.get('etag') } });
		equal(again.status, 304);
		const big = Buffer.from(await (await fetch(http + 'big'))
			.arrayBuffer());
		equal(big.equals(Buffer.alloc(20 << 20, 'penstock')), true);
		const bad = await fetch(http + 'play');
		equal(bad.status, 426);
		const metrics = await (await fetch(http + 'metrics')).text();
		equal(/^penstock_accepted_total \d+$/m.test(metrics), true);
	},
	async answers_pipelined_requests_in_order() {
		const got = await talk(
			'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n' +
			'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
		const status = got.match(/^HTTP\/1\.1 \d+/gm);
		equal(status, ['HTTP/1.1 200', 'HTTP/1.1 426']);
	},
	async serves_one_who_shuts_its_side_after_asking() {
		fs.writeFileSync(path.join(folder, 'big'),
			Buffer.alloc(8 << 20, 'x'));
		await stop();
		await start(`?www=${folder}`);
		const n = await deadline(new Promise((yes, no) => {
			const s = net.connect({ port: new URL(url).port,
				host: '127.0.0.1', allowHalfOpen: true });
			let all = 0;
			s.on('data', (b) => { all += b.length; });
			s.on('end', () => { s.destroy(); yes(all); });
			s.on('error', no);
			s.end('GET /big HTTP/1.1\r\nHost: a\r\n' +
				'Connection: close\r\n\r\n');
		}), 'the file');
		equal(n > 8 << 20, true);
	},
	async a_client_of_ours_talks_to_a_server_of_theirs() {
		const server = new WebSocket.Server(
			{ port: 0, host: '127.0.0.1' });
		let closed, got;
		await new Promise((yes) => server.on('listening', yes));
		server.on('connection', (s, request) => {
			got = request.url;
			s.on('message', (data, binary) => {
				s.ping();
				s.send(`you said ${data}`, { fin: false });
				s.send(binary ? ' in bytes' : ' in words');
			});
			s.on('close', (code) => { closed = code; });
		});
		try {
			const at = `ws://127.0.0.1:${server.address().port}/x`;
			const p = spawn(path.join(BIN, 'fetch'),
				[at, 'hällo'],
				{ stdio: ['ignore', 'pipe', 'ignore'] });
			let out = '';
			p.stdout.on('data', (b) => { out += b; });
			const code = await deadline(new Promise((yes) =>
				p.on('close', yes)), 'fetch ends');
			equal(out.trim(), 'you said hällo in words');
			equal(code, 0);
			equal(got, '/x');
			await deadline((async () => {
				while (closed === undefined)
					await new Promise((yes) =>
						setTimeout(yes, 5));
			})(), 'the goodbye');
			equal(closed, 1000);
		} finally {
			for (const s of server.clients)
				s.terminate();
			server.close();
		}
	},
	async closes_with_1001_when_it_stops() {
		const s = await open();
		s.send('x');
		await s.next();
		game.kill('SIGTERM');
		equal((await s.ended()).code, 1001);
		equal(await deadline(game.ended, 'the end'), 0);
	},
};

async function main() {
	const names = Object.keys(cases);
	let failed = 0;

	console.log(`1..${names.length}`);
	for (const [i, name] of names.entries()) {
		const id = `${i + 1} - ${name}`;

		if (!WebSocket) {
			console.log(`ok ${id} # SKIP npm cannot install ws`);
			continue;
		}
		folder = fs.mkdtempSync(path.join(os.tmpdir(), 'penstock-'));
		try {
			await start('');
			await cases[name]();
			await stop();
			console.log(`ok ${id}`);
		} catch (e) {
			failed++;
			console.log(`not ok ${id}\n# ${e.stack}\n# echo said:`);
			console.log(said.replace(/^/gm, '#   '));
			await stop().catch(() => { });
		} finally {
			fs.rmSync(folder, { recursive: true });
		}
	}
	process.exit(failed ? 1 : 0);
}

main();

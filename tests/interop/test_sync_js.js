#!/usr/bin/env node
// The game sync, section by section, through penstock.js as netd serves it:
// values come back as they were, states agree, and only the first player may
// end the server. npm's ws stands for a browser's.
'use strict';
const { spawn } = require('child_process');
const assert = require('assert');
const path = require('path');
const vm = require('vm');
const { BIN, npm, waiting, client, killAll } = require('./lib.js');

const WAIT_MS = 20000;

const { deadline } = waiting(WAIT_MS);
let game, said = '';
const ended = { status: null };

function start() {
	game = spawn(path.join(BIN, 'sync'), ['--listen', 'ws://127.0.0.1:0/?resume=20s'],
		{ stdio: ['ignore', 'pipe', 'pipe'], detached: true });
	ended.promise = new Promise((yes) => game.on('exit', (status) => {
		ended.status = status;
		yes(status);
	}));
	return deadline(new Promise((yes) => {
		const hear = (bytes) => {
			const m = (said += bytes).match(/ws:\/\/127\.0\.0\.1:(\d+)/);
			if (m)
				yes(Number(m[1]));
		};
		game.stdout.on('data', hear);
		game.stderr.on('data', hear);
	}), 'sync listens');
}

function player(url) {
	const heard = [];
	let line;
	return deadline(new Promise((yes) => {
		line = new globalThis.Penstock(url, {
			onopen: () => yes(line),
			onclose: (why, final) => { line.over = [why, final]; },
			onevent: (...what) => heard.push(what),
		});
		line.heard = heard;
	}), 'open');
}

const until = (line, cond, what) => line.waitUntil(cond, WAIT_MS)
	.catch((e) => { throw new Error(what + ': ' + e.message); });

function next(line) {
	return deadline(new Promise((yes) => {
		const look = () => line.heard.length ? yes(line.heard.shift()) :
			setTimeout(look, 2);
		look();
	}), 'an event');
}

async function main() {
	const sockets = [];
	globalThis.WebSocket = class extends npm('ws') {
		constructor(...args) { super(...args); sockets.push(this); }
	};
	console.log('1..8');
	const port = await start(), url = 'ws://127.0.0.1:' + port + '/';
	vm.runInThisContext(await deadline(client(port), '/penstock.js'));

	const host = await player(url), other = await player(url);
	await until(other, (s) => s.hello === 'world' && s.game_status === 1,
		'the first state');
	const from = other.shared.tick;
	await until(other, (s) => s.tick > from + 5, 'ticks');
	assert.deepStrictEqual(other.shared.players, {});
	console.log('ok 1 - a player who comes has the whole state, and it goes on');

	const odd = [1, 'two', [3.5], null, true, -(2 ** 40), 0.1,
		new Uint8Array([0, 255, 7]), { a: { b: [] } }, 'h\u00e9\u0000'];
	await other.event('ECHO', odd);
	const [name, args, kwargs] = await next(other);
	assert.strictEqual(name, 'ECHOED');
	assert.deepStrictEqual(args, odd);
	assert.deepStrictEqual(kwargs, {});
	assert.strictEqual(host.heard.length, 0);
	console.log('ok 2 - ECHO comes back to its sender alone, unchanged');

	await other.event('SHOUT', [{ x: [1] }]);
	for (const line of [host, other])
		assert.deepStrictEqual(await next(line),
			['HEARD', [{ x: [1] }], {}]);
	assert.strictEqual(host.heard.length + other.heard.length, 0);
	console.log('ok 3 - SHOUT is heard by everybody once');

	await other.event('JOIN', [7, 'ann']);
	await host.event('JOIN', ['bob', 'b']);
	await other.event('MOVE', [], { player_id: 7, new_position: [12.5, -3] });
	for (const line of [host, other])
		await until(line, (s) => s.players.bob &&
			s.players[7] && s.players[7].position[0] === 12.5, 'moved');
	assert.deepStrictEqual(host.shared.players, {
		7: { name: 'ann', position: [12.5, -3] },
		bob: { name: 'b', position: [0, 0] } });
	await other.event('LEAVE', [7]);
	await until(host, (s) => !(7 in s.players), 'left');
	console.log('ok 4 - players join, move and leave');

	await other.event('SET', ['deep', { a: { x: 1, y: 2 }, b: 3 }]);
	await other.event('SET', ['deep', { a: { y: 5 }, c: 'd' }]);
	await until(host, (s) => s.deep && s.deep.c === 'd', 'merged');
	assert.deepStrictEqual(host.shared.deep,
		{ a: { x: 1, y: 5 }, b: 3, c: 'd' });
	await other.event('DEL', ['deep']);
	await until(host, (s) => !('deep' in s), 'deleted');
	await other.event('SET', ['__proto__', { polluted: 1 }]);
	await until(host, (s) => Object.hasOwn(s, '__proto__'), 'a strange key');
	assert.strictEqual({}.polluted, undefined);
	console.log('ok 5 - SET merges deeply, DEL deletes, on every side');

	await other.event('NOBODY_KNOWS', [1, 2, 3]);
	await other.event('JOIN', []);
	await other.event('$shutdown');
	const now = other.shared.tick;
	await until(other, (s) => s.tick > now + 5, 'it goes on');
	await assert.rejects(other.request('ECHO', [1], {}, 50), /no answer/);
	assert.deepStrictEqual(await next(other), ['ECHOED', [1], {}]);
	await assert.rejects(other.waitUntil(() => false, 30),
		/not so within 30 ms/);
	await assert.rejects(other.waitUntil((s) => s.no.such, 30), TypeError);
	const late = await player(url);
	await until(late, (s) => s.tick > now, 'who comes late');
	await until(late, (s) => 'bob' in s.players, 'has it all');
	console.log('ok 6 - what nobody knows, and a stranger\'s shutdown, change nothing');

	// A line that is cut in the middle: what was asked meanwhile is done once.
	const before = other.shared.tick;
	await other.event('SET', ['n', 0]);
	sockets[1].terminate();
	await deadline(new Promise((yes) => {
		const look = () => other.state === 'away' ? yes() :
			setTimeout(look, 2);
		look();
	}), 'away');
	const done = other.event('SHOUT', ['from away']);
	other.retry();
	await deadline(done, 'the event');
	await until(other, (s) => s.tick > before + 5, 'the state goes on');
	assert.deepStrictEqual(await next(host), ['HEARD', ['from away'], {}]);
	assert.deepStrictEqual(await next(other), ['HEARD', ['from away'], {}]);
	await host.event('ECHO', ['last']);
	assert.deepStrictEqual(await next(host), ['ECHOED', ['last'], {}]);
	console.log('ok 7 - a line that is cut loses and doubles nothing');

	await host.event('$shutdown').catch(() => { });
	assert.strictEqual(await deadline(ended.promise, 'the end'), 0);
	console.log('ok 8 - the first player ends the server');
	for (const line of [host, other, late])
		line.close();
}

main().catch((e) => {
	console.log('not ok - ' + (e.stack || e));
	console.log(said);
	process.exitCode = 1;
}).finally(() => {
	killAll(game);
	setTimeout(() => process.exit(), 100).unref();
});

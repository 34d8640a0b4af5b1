#!/usr/bin/env node
// chase as people play it: two pages in a real browser and a program see one
// state; an arrow moves a player for all of them.
'use strict';
const { spawn } = require('child_process');
const path = require('path');
const { ROOT, BIN, browser: launch, killAll } = require('./lib.js');

const WAIT_MS = 30000;

let game, said = '';

function start() {
	game = spawn(path.join(BIN, 'chase'), ['--listen',
		'ws://127.0.0.1:0/?www=' +
		path.join(ROOT, 'gamecore/examples/chase/www')],
		{ stdio: ['ignore', 'pipe', 'pipe'], detached: true });
	return new Promise((yes, no) => {
		const late = setTimeout(() => no(new Error('no listener')), WAIT_MS);
		const hear = (bytes) => {
			const m = (said += bytes).match(/url=ws:\/\/127\.0\.0\.1:(\d+)/);
			if (m) {
				clearTimeout(late);
				yes(Number(m[1]));
			}
		};
		game.stdout.on('data', hear);
		game.stderr.on('data', hear);
	});
}

async function join(browser, port, name, wrong) {
	const page = await browser.newPage();
	page.setDefaultTimeout(WAIT_MS);
	page.on('pageerror', (e) => wrong.push(String(e)));
	await page.goto('http://127.0.0.1:' + port + '/');
	await page.fill('#name', name);
	await page.click('button');
	await page.waitForFunction(() => document.forms[0].hidden);
	return page;
}

async function main() {
	const wrong = [];
	const port = await start();
	const browser = await launch();
	console.log('1..3');
	const ann = await join(browser, port, 'ann', wrong);
	const bob = await join(browser, port, 'bob', wrong);
	await bob.waitForFunction(() => line.shared.chaser_id &&
		Object.values(line.shared.players).length === 2);
	console.log('ok 1 - two pages join, and one chases');

	await ann.keyboard.down('ArrowDown');
	await bob.waitForFunction(() =>
		Object.values(line.shared.players).some(
			(p) => p.name === 'ann' && p.position[1] > 30));
	await ann.keyboard.up('ArrowDown');
	console.log('ok 2 - an arrow moves a player on both pages');

	await ann.close();
	await bob.waitForFunction(() =>
		Object.values(line.shared.players).length === 1 &&
		line.shared.chaser_id === me);
	console.log('ok 3 - who leaves is gone, and the other chases');
	await browser.close();
	if (wrong.length)
		throw new Error(wrong.join('\n'));
}

main().catch((e) => {
	console.log('not ok - ' + (e.stack || e) + '\n' + said);
	process.exitCode = 1;
}).finally(() => {
	killAll(game);
	setTimeout(() => process.exit(), 200).unref();
});

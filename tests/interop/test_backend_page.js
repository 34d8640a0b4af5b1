#!/usr/bin/env node
// backend in a real browser: two pages show one state as it changes, events are
// acknowledged, and a pause is seen by both.
'use strict';
const { spawn } = require('child_process');
const path = require('path');
const { ROOT, BIN, browser: launch, killAll } = require('./lib.js');

const WAIT_MS = 30000;

let game, said = '';

function start() {
	game = spawn(path.join(BIN, 'backend'), ['--listen',
		'ws://127.0.0.1:0/?www=' +
		path.join(ROOT, 'gamecore/examples/backend/www')],
		{ stdio: ['ignore', 'pipe', 'pipe'], detached: true });
	return new Promise((yes, no) => {
		const late = setTimeout(() => no(new Error('no listener')), WAIT_MS);
		const hear = (bytes) => {
			const m = (said += bytes).match(/at http:\/\/127\.0\.0\.1:(\d+)/);
			if (m) {
				clearTimeout(late);
				yes(Number(m[1]));
			}
		};
		game.stdout.on('data', hear);
		game.stderr.on('data', hear);
	});
}

async function open(browser, port, wrong) {
	const page = await browser.newPage({ viewport: { width: 1000, height: 760 } });
	page.setDefaultTimeout(WAIT_MS);
	page.on('pageerror', (e) => wrong.push(String(e)));
	await page.goto('http://127.0.0.1:' + port + '/');
	await page.waitForFunction(() => line.shared.tick > 0);
	return page;
}

async function main() {
	const wrong = [];
	const port = await start();
	const browser = await launch();
	console.log('1..4');
	if (!said.includes('backend: at http://127.0.0.1:' + port + '/'))
		throw new Error('it does not say where it is');
	const ann = await open(browser, port, wrong);
	const bob = await open(browser, port, wrong);
	const both = (see, what) => Promise.all([ann, bob].map(
		(page) => page.waitForFunction(see, what)));
	await ann.fill('#name', 'ann');
	await ann.click('#hello button');
	await both(() => /ann/.test($("names").textContent) &&
		/"ann"/.test($("state").textContent));
	await ann.waitForFunction(() =>
		/^HELLO was taken after /.test($("ack").textContent));
	console.log('ok 1 - a name is in the state of both pages, and acknowledged');

	await bob.click('[data-event=CLICK]');
	await bob.click('[data-event=CLICK]');
	await both(() => /clicks: 2/.test($("state").textContent));
	if (process.env.SHOT)
		await ann.screenshot({ path: process.env.SHOT });
	console.log('ok 2 - what a handler returns is seen by both');

	await bob.click('[data-event=PAUSE]');
	await both(() => $("status").textContent === 'paused');
	const tick = await ann.evaluate(() => line.shared.tick);
	await bob.click('[data-event=CLICK]');
	await both(() => line.shared.clicks === 3);
	if (await ann.evaluate(() => line.shared.tick) !== tick)
		throw new Error('time went on');
	await ann.click('[data-event=RESUME]');
	await both((t) => line.shared.tick > t &&
		$("status").textContent === 'time goes on', tick);
	console.log('ok 3 - time stands still while it is paused, and goes on');

	await ann.close();
	await bob.waitForFunction(() => $("names").textContent === '');
	console.log('ok 4 - who leaves takes the name along');
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

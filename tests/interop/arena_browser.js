#!/usr/bin/env node
/*
 * arena_browser.js - the arena as a person on a slow line plays it.
 *
 *	arena_browser.js ADDRESS DIR GAME_PID
 *
 * The game's URL has a delay. A page joins and must move before the server
 * knows of it, be corrected by next to nothing, hit bots that it shoots at
 * where it sees them, be told of what is near alone, and play on when the game
 * is killed. Screenshots go to DIR. TAP; ends with 0 if all was kept.
 */
"use strict";

const fs = require("fs");
const path = require("path");
const { browser: launch } = require("./lib.js");

const [address, dir, game] = process.argv.slice(2);
const PROMISES = 7, WAIT = 60000, RANGE = 4500;
let kept = 0;

const promise = (text) => console.log("ok " + ++kept + " - " + text);

function must(true_, text)
{
	if (!true_)
		throw new Error(text);
}

/*
 * Before the page's own scripts. What the server says can be held back, as on a
 * line that is silent for a moment: then the page is alone, however slow the
 * machine is.
 */
function holdable()
{
	const Plain = window.WebSocket, held = [];
	let holds = false;

	window.WebSocket = class extends Plain {
		set onmessage(f) {
			super.onmessage = (ev) => {
				if (holds)
					held.push(() => f(ev));
				else
					f(ev);
			};
		}
	};
	window.hold = (on) => {
		for (holds = on; !holds && held.length; )
			held.shift()();
	};
}

/*
 * The page never sends more than the server keeps (INPUTS_MAX in world.h): only
 * a machine that is held up makes it try to, and then inputs are lost. And every
 * correction is seen.
 */
function careful()
{
	const me = window.arena.me;
	let stepped = me.stepped, error = 0;

	window.worst = 0;
	window.room = 8;
	Object.defineProperty(me, "stepped", {
		get: () => me.pending.length < window.room ? stepped : Infinity,
		set: (at) => { stepped = at < Infinity ? at : stepped + 33; },
	});
	Object.defineProperty(me, "error", {
		get: () => error,
		set: (is) => {
			error = is;
			/* Who comes back somewhere else was not wrong. */
			if (me.alive && is <= 650)
				window.worst = Math.max(window.worst, is);
		},
	});
}

/* How far ahead we are of what the server has said, after three steps that it
 * was not heard of. */
async function ahead(page)
{
	await page.evaluate(() => { window.room = 0; });
	await page.waitForFunction(() => {
		if (window.arena.me.pending.length || !window.arena.me.alive)
			return false;
		window.hold(true);
		window.room = 8;
		return true;
	}, null, { timeout: WAIT });
	await page.waitForFunction(() => window.arena.me.pending.length > 2, null,
		{ timeout: WAIT });
	return page.evaluate(() => {
		const a = window.arena, tank = a.line.shared.tanks[a.me.key];
		const far = Math.hypot(a.me.at.x - tank.x, a.me.at.y - tank.y);
		window.hold(false);
		return far;
	});
}

/* Until the server has taken so many more steps. */
const drive = (page, steps) => page.evaluate((steps) => {
	const a = window.arena, until = a.me.number + steps;
	return new Promise((done) => requestAnimationFrame(function look() {
		const tank = a.line.shared.tanks[a.me.key];
		if (tank && tank.q >= until)
			done();
		else
			requestAnimationFrame(look);
	}));
}, steps);

/* Aim at the nearest that is drawn, as a person does, until one is hit. */
function hunt(page, wait)
{
	return page.evaluate(async ([wait, range]) => {
		const a = window.arena, end = performance.now() + wait;
		const field = document.getElementById("field");
		const hand = (kind, x, y) => field.dispatchEvent(
			new PointerEvent(kind, { clientX: x, clientY: y,
				pointerId: 1, pointerType: "mouse" }));
		let mine = 0;
		/* They are drawn for a moment only, perhaps less than a frame. */
		const push = a.shots.push;
		a.shots.push = function (s) {
			mine += s.own && s.hit;
			return push.call(this, s);
		};
		field.setPointerCapture = () => { };
		hand("pointerdown", 0, 0);
		while (performance.now() < end && mine < 3) {
			const eye = a.whereIAm(performance.now()), t = a.seen();
			let best = null, far = range;
			for (const [key, tank] of Object.entries(a.line.shared.tanks)) {
				const at = key !== a.me.key && tank.h > 0 &&
					!tank.f && a.placeOf(key, t);
				const d = at ? Math.hypot(at.x - eye.x, at.y - eye.y) : far;
				if (d < far) {
					far = d;
					best = at;
				}
			}
			if (best)
				hand("pointermove", innerWidth / 2 + (best.x - eye.x) / 10,
					innerHeight / 2 + (best.y - eye.y) / 10);
			await new Promise((done) => requestAnimationFrame(done));
		}
		hand("pointerup", 0, 0);
		return mine;
	}, [wait, RANGE]);
}

async function near(page)
{
	const far = await page.evaluate(() => {
		const a = window.arena, me = a.line.shared.tanks[a.me.key];
		return { tanks: Object.keys(a.line.shared.tanks).length,
			far: Math.max(...Object.values(a.line.shared.tanks).map(
				(t) => Math.hypot(t.x - me.x, t.y - me.y))) };
	});
	must(far.tanks > 1 && far.tanks < 150, far.tanks + " tanks are known");
	must(far.far < 6500, "one is known " + far.far + " away");
	promise("only what is near is known: " + far.tanks + " of 201 tanks");
}

async function cheap(page)
{
	const line = await page.context().newCDPSession(page);
	let bytes = 0;
	line.on("Network.webSocketFrameReceived",
		(e) => { bytes += e.response.payloadData.length; });
	await line.send("Network.enable");
	const from = await page.evaluate(() => window.arena.line.shared.tick);
	await page.waitForFunction((from) =>
		window.arena.line.shared.tick >= from + 90, from, { timeout: WAIT });
	const one = await page.evaluate(
		() => JSON.stringify(window.arena.line.shared).length);
	const known = await page.evaluate(
		() => Object.keys(window.arena.line.shared.tanks).length);
	const whole = one / known * 201 * 90;
	must(bytes > 0 && bytes < whole / 4, bytes + " bytes of " + whole);
	promise("90 ticks are " + Math.round(bytes / 1024) + " KiB, all of the state " +
		"each time would be " + Math.round(whole / 1024) + " KiB");
}

async function run(browser)
{
	const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
	const faults = [];

	page.on("pageerror", (e) => faults.push(e.message));
	await page.addInitScript(holdable);
	await page.goto(address);
	await page.evaluate(careful);
	await page.fill("#who", "Ann");
	await page.click("button[type=submit]");
	await page.waitForFunction(() => window.arena.me.alive, null, { timeout: WAIT });
	promise("a page joins");
	await page.keyboard.down("d");
	let far = await ahead(page);
	await drive(page, 45);
	await page.keyboard.up("d");
	await page.keyboard.down("a");
	far = Math.max(far, await ahead(page));
	await drive(page, 45);
	await page.keyboard.up("a");
	must(far > 130, "never ahead of the server: " + far);
	promise("one's own tank moves at once, up to " + Math.round(far) +
		" units ahead of what the server has said");
	const worst = await page.evaluate(() => {
		window.room = Infinity;
		return window.worst;
	});
	must(worst < 300, "corrected by " + worst);
	promise("and is corrected by " + worst.toFixed(1) + " units at most");
	await near(page);
	await cheap(page);
	const hits = await hunt(page, WAIT);
	await page.screenshot({ path: path.join(dir, "arena.png") });
	must(hits >= 3, "nothing was hit");
	promise("what one shoots at where one sees it is hit");
	const tick = await page.evaluate(() => window.arena.line.shared.tick);
	process.kill(Number(game), "SIGKILL");
	await page.waitForFunction((tick) => window.arena.line.shared.tick > tick + 30 &&
		window.arena.line.shared.tanks[window.arena.me.key], tick, { timeout: WAIT });
	must(faults.length === 0, "errors on the page: " + faults.join("; "));
	promise("the game is killed and the page plays on");
}

async function main()
{
	fs.mkdirSync(dir, { recursive: true });
	console.log("1.." + PROMISES);
	const browser = await launch();
	try {
		await run(browser);
		return 0;
	} catch (e) {
		console.log("not ok " + (kept + 1) + " - " + e.message.split("\n").join(" | "));
		return 1;
	} finally {
		await browser.close();
	}
}

main().then((status) => { process.exitCode = status; });

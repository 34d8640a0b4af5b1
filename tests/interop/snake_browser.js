#!/usr/bin/env node
/*
 * snake_browser.js - Snake as people play it: two pages in a real browser.
 *
 *	NODE_PATH=.../node_modules snake_browser.js http://localhost:8080/ DIR
 *
 * Both join, one is steered with the keyboard until it eats a digit, and the
 * other page must see that score, the death, the top score and the chat. Then
 * a line is cut and must come back, and a phone must play with its pad.
 * Screenshots go to DIR. Prints a line of TAP for each promise; ends with 0 if
 * all were kept, 1 at the first that was not. CHROMIUM names another browser.
 */
"use strict";

const fs = require("fs");
const net = require("net");
const path = require("path");
const { chromium } = require("playwright-core");

const [direct, dir] = process.argv.slice(2);
const DEADLINE_MS = 90000, PROMISES = 9;
const DX = [-1, 0, 1, 0], DY = [0, -1, 0, 1];
const KEYS = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"];

let kept = 0;
let address; /* direct, by way of our cable */

/* A cable between the browser and the game that can be cut. */
const cable = {
	lines: new Set(), pulled: false,

	lay() {
		const to = new URL(direct), port = to.port, host = to.hostname;
		const server = net.createServer((from) => {
			if (this.pulled) {
				from.resetAndDestroy();
				return;
			}
			const on = net.connect(port, host);
			this.lines.add(from).add(on);
			for (const [one, other] of [[from, on], [on, from]]) {
				one.on("error", () => { });
				one.on("close", () => {
					this.lines.delete(one);
					other.destroy();
				});
				one.pipe(other);
			}
		});
		return new Promise((done) => server.listen(0, "127.0.0.1", () => {
			to.hostname = "127.0.0.1";
			to.port = server.address().port;
			address = to.href;
			done(server);
		}));
	},

	cut() {
		for (const one of this.lines)
			one.resetAndDestroy();
	},
};

function promise(text)
{
	console.log("ok " + ++kept + " - " + text);
}

function must(true_, text)
{
	if (!true_)
		throw new Error(text);
}

/* What a page knows of the field, once it is past that frame. */
function look(page, frame)
{
	return page.evaluate(async (past) => {
		const s = window.snake.state;
		const end = performance.now() + 5000;

		while (s.frames <= past && s.playing && performance.now() < end)
			await new Promise((done) => requestAnimationFrame(done));
		const mine = s.players.get(s.me);
		let head = -1, way = -1;
		for (const [at, c] of s.cells)
			if (mine && c.slot === mine.slot && "LURD".includes(c.look)) {
				head = at;
				way = "LURD".indexOf(c.look);
			}
		return { frame: s.frames, playing: s.playing, score: s.score,
			width: s.width, height: s.height, wrap: s.wrap, head, way,
			cells: [...s.cells].map(([at, c]) => [at, c.look]) };
	}, frame);
}

/*
 * Which way to go: to the nearest digit if hungry, else where there is most
 * room. Digits count as walls for one that is not hungry.
 */
function choose(f, hungry)
{
	const looks = new Map(f.cells);
	const ahead = (at, way) => {
		let x = at % f.width + DX[way], y = Math.floor(at / f.width) + DY[way];
		if (f.wrap) {
			x = (x + f.width) % f.width;
			y = (y + f.height) % f.height;
		}
		return x < 0 || y < 0 || x >= f.width || y >= f.height ? -1 :
			x + y * f.width;
	};
	const digit = (at) => looks.has(at) && looks.get(at) >= "1" && looks.get(at) <= "9";
	const open = (at) => at >= 0 && (!looks.has(at) || (hungry && digit(at)));
	let best = f.way, worth = -1;

	for (const turn of [0, 1, 3]) {
		const way = (f.way + turn) % 4, first = ahead(f.head, way);
		if (!open(first))
			continue;
		const steps = new Map([[first, 1]]);
		const queue = [first];
		let found = 0;
		for (let i = 0; i < queue.length && queue.length < 400; i++) {
			const at = queue[i];
			if (digit(at) && !found)
				found = steps.get(at);
			for (let w = 0; w < 4; w++) {
				const to = ahead(at, w);
				if (!open(to) || steps.has(to))
					continue;
				steps.set(to, steps.get(at) + 1);
				queue.push(to);
			}
		}
		const value = queue.length < 60 ? queue.length :
			1000 + (hungry && found ? 500 - found : 0);
		if (value > worth) {
			worth = value;
			best = way;
		}
	}
	return best;
}

/* Steer until enough(field) or the snake is dead; returns the last field. */
async function steer(page, hungry, enough)
{
	let f = await look(page, -1);

	while (f.playing && !enough(f)) {
		if (f.head >= 0) {
			const way = choose(f, hungry);
			if (way !== f.way)
				await page.keyboard.press(KEYS[way]);
		}
		f = await look(page, f.frame);
	}
	return f;
}

const state = (page, field) => page.evaluate((f) => window.snake.state[f], field);
const until = (page, what, arg) =>
	page.waitForFunction(what, arg, { timeout: 20000, polling: 50 });

async function join(page, name)
{
	await page.goto(address);
	await page.fill("#name", name);
	await page.keyboard.press("Enter");
	await until(page, () => window.snake.state.playing);
}

async function again(page)
{
	await page.locator("#again").click();
	await until(page, () => window.snake.state.playing);
}

/* The other page must see the score, in its state and in its list. */
async function sees(other, id, score)
{
	await until(other, ([i, n]) => {
		const p = window.snake.state.players.get(i);
		return p && p.score >= n && [...document.querySelectorAll("#players li")]
			.some((li) => li.textContent.includes("Ann") &&
				Number(li.querySelector(".points").textContent) >= n);
	}, [id, score]);
}

async function eat(a, b)
{
	const end = Date.now() + DEADLINE_MS;
	let done = false;

	/* The other one only stays alive meanwhile, or joins again. */
	const company = (async () => {
		while (!done) {
			await steer(b, false, () => done);
			if (!done)
				await again(b);
		}
	})();
	try {
		for (;;) {
			const f = await steer(a, true, (g) => g.score > 0);
			if (f.playing && f.score > 0) {
				await sees(b, await state(a, "me"), f.score);
				await a.screenshot({ path: path.join(dir, "snake-play.png") });
				await b.screenshot({ path: path.join(dir, "snake-other.png") });
				return f.score;
			}
			must(Date.now() < end, "no digit was eaten in " + DEADLINE_MS / 1000 + " s");
			await again(a);
		}
	} finally {
		done = true;
		await company;
	}
}

async function die(a, b)
{
	const score = await state(a, "score");

	/* Nobody steers: the edge, a stone or a corpse ends it. */
	await a.waitForSelector("#over:not([hidden])", { timeout: 30000 });
	const shown = Number(await a.textContent("#over-score"));
	must(shown >= score && shown > 0, "game over shows " + shown + ", not " + score);
	await a.screenshot({ path: path.join(dir, "snake-over.png") });
	promise("game over is shown with its score");
	await until(b, (n) => window.snake.state.top
		.some((t) => t.name.startsWith("Ann") && t.score === n && t.at > 1e9), shown);
	promise("the other page has the top score with its date");
}

async function talk(a, b)
{
	const text = "<img src=x onerror=alert(1)> hi";

	await b.fill("#said", text);
	await b.keyboard.press("Enter");
	await until(a, (t) => window.snake.state.chat.some((line) => line.endsWith(t)), text);
	must(await a.locator("#log img").count() === 0, "chat became HTML");
	promise("chat arrives, as text");
	await b.keyboard.press("Escape");
}

/* Cut both lines: the same players come back, and hear no new beginning. */
async function cut_lines(a, b)
{
	for (const page of [a, b])
		if (!await state(page, "playing"))
			await again(page);
	await b.evaluate(() => {
		window.missed = [];
		for (const name of ["hello", "field"])
			window.snake.net.line.on(name, () => window.missed.push(name));
	});
	for (let i = 0; i < 5; i++) {
		const before = [await state(a, "me"), await state(b, "me")];
		const frames = await state(b, "frames");

		cable.cut();
		for (const page of [a, b])
			await until(page, () => window.snake.state.link !== "open");
		if (i === 0)
			await b.screenshot({ path: path.join(dir, "snake-lost.png") });
		for (const page of [a, b])
			await until(page, () => window.snake.state.link === "open");
		await until(b, (n) => window.snake.state.frames > n + 3, frames);
		must(await state(a, "me") === before[0] && before[0] > 0 &&
			await state(b, "me") === before[1] && before[1] > 0,
			"another player came back");
		must(await b.locator("#lost").isHidden(), "still says that the line is lost");
		for (const page of [a, b])
			if (!await state(page, "playing"))
				await again(page);
	}
	const anew = await b.evaluate(() => window.missed);
	must(anew.length === 0, "the game began anew: " + anew);
	await b.screenshot({ path: path.join(dir, "snake-back.png") });
	promise("both lines are cut five times, and Snake goes on");
}

/* A goodbye instead of a cut: the connection is over, the name is not. */
async function lose_line(b)
{
	cable.pulled = true;
	await b.evaluate(() => window.socket.close());
	await b.waitForSelector("#lost:not([hidden])", { timeout: 5000 });
	must(await state(b, "link") === "waiting", "not waiting");
	cable.pulled = false;
	await b.click("#lost-now");
	await until(b, () => window.snake.state.link === "open" && window.snake.state.me > 0);
	must(await b.locator("#lost").isHidden(), "still says that the line is lost");
	promise("a lost connection is said, and a new one has the name");
}

async function phone(browser)
{
	const context = await browser.newContext({ hasTouch: true, isMobile: true,
		viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
	const page = await context.newPage();

	await page.goto(address);
	await page.fill("#name", "Phone");
	await page.tap("#welcome .main");
	await until(page, () => window.snake.state.playing);
	for (let turned = false; !turned;) {
		const f = await look(page, await state(page, "frames"));
		const way = (f.way + 1) % 4;
		if (f.playing && f.head >= 0)
			await page.tap('#pad [data-way="' + way + '"]');
		/* It may die before it turns: then another snake tries. */
		await until(page, (w) => {
			const s = window.snake.state, mine = s.players.get(s.me);
			window.turned = [...s.cells.values()].some((c) => mine &&
				c.slot === mine.slot && c.look === "LURD"[w]);
			return window.turned || !s.playing;
		}, way);
		turned = await page.evaluate(() => window.turned);
		if (!turned && !await state(page, "playing"))
			await again(page);
	}
	const wide = await page.evaluate(() => document.documentElement.scrollWidth);
	must(wide <= 390, "the page is " + wide + " pixels wide on a phone of 390");
	await page.screenshot({ path: path.join(dir, "snake-phone.png") });
	promise("a phone plays with the pad, and the page fits");
	await context.close();
}

async function run(browser)
{
	const faults = [];
	const pages = [];

	for (let i = 0; i < 2; i++) {
		const context = await browser.newContext({ viewport: { width: 1366, height: 768 } });
		/* The line itself, which the page keeps to itself. */
		await context.addInitScript(() => {
			window.WebSocket = class extends WebSocket {
				constructor(...how) {
					super(...how);
					window.socket = this;
				}
			};
		});
		pages.push(await context.newPage());
		pages[i].on("pageerror", (e) => faults.push(e.message));
	}
	const [a, b] = pages;
	await a.goto(address);
	await a.waitForSelector("#welcome:not([hidden])");
	await a.screenshot({ path: path.join(dir, "snake-welcome.png") });
	await join(a, "Ann <b>of the long name");
	must((await state(a, "name")).length <= 15, "the name was not cut");
	await join(b, "Bob");
	promise("two pages join");
	promise("a digit was eaten, and the other page saw the score: " + await eat(a, b));
	await die(a, b);
	await talk(a, b);
	await cut_lines(a, b);
	await lose_line(b);
	await phone(browser);
	must(faults.length === 0, "errors on the page: " + faults.join("; "));
	promise("no errors on the pages");
}

async function main()
{
	if (!direct || !dir) {
		console.error("usage: snake_browser.js ADDRESS DIR");
		return 2;
	}
	fs.mkdirSync(dir, { recursive: true });
	console.log("1.." + PROMISES);
	const server = await cable.lay();
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update",
			"--disable-sync"],
	});
	try {
		await run(browser);
		return 0;
	} catch (e) {
		console.log("not ok " + (kept + 1) + " - " + e.message.split("\n").join(" | "));
		return 1;
	} finally {
		await browser.close();
		cable.cut();
		server.close();
	}
}

main().then((status) => { process.exitCode = status; });

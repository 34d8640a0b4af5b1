#!/usr/bin/env node
/*
 * mud_browser.js - the MUD's page in a real browser, told what to do by lines.
 *
 *	mud_browser.js http://localhost:8082/ DIR
 *
 * Each line of standard input is a word and what belongs to it; each is
 * answered by a line, "ok" or "no" and why:
 *
 *	type TEXT     into the field, and Enter
 *	key NAME      one key there
 *	sees TEXT     wait until the screen shows it
 *	is TEXT       wait until this expression of the page is true
 *	click CSS     press there
 *	size W H      another window
 *	reload        the page, as F5 does
 *	shot NAME     DIR/NAME.png
 */
"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");
const { browser: launch } = require("./lib.js");

const [address, dir] = process.argv.slice(2);
const DEADLINE_MS = 20000;

const words = {
	async type(page, text) {
		await page.fill("#input", text);
		await page.press("#input", "Enter");
	},
	key: (page, name) => page.press("#input", name),
	sees: (page, text) => page.waitForFunction(
		(t) => document.getElementById("screen").textContent.includes(t),
		text, { timeout: DEADLINE_MS }),
	/* What is not there yet is not so yet. */
	is: (page, text) => page.waitForFunction(
		`(() => { try { return ${text}; } catch (e) { return false; } })()`,
		undefined, { timeout: DEADLINE_MS }),
	click: (page, css) => page.click(css, { timeout: DEADLINE_MS }),
	async size(page, text) {
		const [width, height] = text.split(" ").map(Number);

		await page.setViewportSize({ width, height });
	},
	reload: (page) => page.reload(),
	shot: (page, name) => page.screenshot(
		{ path: path.join(dir, name + ".png") }),
};

async function main()
{
	fs.mkdirSync(dir, { recursive: true });
	const browser = await launch();
	const page = await browser.newPage(
		{ viewport: { width: 1200, height: 760 } });
	const problems = [];

	page.on("pageerror", (error) => problems.push(String(error)));
	await page.goto(address);
	console.log("ok");
	for await (const line of readline.createInterface(
		{ input: process.stdin })) {
		const [word] = line.split(" ", 1);

		try {
			await words[word](page, line.slice(word.length + 1));
			if (problems.length)
				throw new Error(problems.join("; "));
			console.log("ok");
		} catch (error) {
			console.log("no " + String(error).split("\n")[0] + " | " +
				(await page.textContent("#screen")).slice(-300)
					.replace(/\n/g, " "));
		}
	}
	await browser.close();
}

main().catch((error) => {
	console.log("no " + String(error).replace(/\n/g, " "));
	process.exit(1);
});

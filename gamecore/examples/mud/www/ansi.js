/*
 * ansi.js - a terminal's text as DOM, for a page that scrolls.
 *
 *	const screen = new Ansi(element);
 *	screen.write("\x1b[31mred\x1b[0m\r\n");    text as it comes, cut anywhere
 *
 * It knows what a line-wise game says: colours and letters of SGR (16, 256,
 * 24 bits), line ends, a return to the line's beginning, erase. All else is
 * swallowed, never shown. Text is only ever put in as text.
 */
"use strict";

class Ansi {
	static LINES_MAX = 2000;
	static REST_MAX = 256; /* of a sequence whose end never comes */

	constructor(element) {
		this.element = element;
		this.rest = "";
		this.look = {};
		this.newLine();
	}

	newLine() {
		this.row = document.createElement("div");
		this.element.append(this.row);
		while (this.element.childElementCount > Ansi.LINES_MAX)
			this.element.firstElementChild.remove();
	}

	write(text) {
		text = this.rest + text;
		this.rest = "";
		/* CSI, OSC, another escape, a control, or plain text */
		const piece =
			/\x1b\[([0-9;:]*)([ -/]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^[\]]|([\x00-\x1f\x7f])|([^\x00-\x1f\x7f]+)/y;
		while (piece.lastIndex < text.length) {
			const at = piece.lastIndex, m = piece.exec(text);
			if (m === null) {
				this.unfinished(text.slice(at));
				return;
			}
			if (m[5] !== undefined)
				this.put(m[5]);
			else if (m[4] !== undefined)
				this.control(m[4]);
			else if (m[3] === "m")
				this.sgr(m[1]);
			else if (m[3] === "K")
				this.erase();
		}
	}

	/* An escape whose end is still to come. */
	unfinished(text) {
		if (text.length <= Ansi.REST_MAX)
			this.rest = text;
		else
			this.write(text.slice(1));
	}

	control(c) {
		if (c === "\n") {
			this.returned = false;
			this.newLine();
		} else if (c === "\r") {
			this.returned = true;
		} else if (c === "\t") {
			this.put("    ");
		}
	}

	/* What comes behind a lone return stands in place of the line. */
	erase() {
		this.row.textContent = "";
		this.returned = false;
	}

	put(text) {
		if (this.returned)
			this.erase();
		const last = this.row.lastChild;
		const css = this.css();
		if (last && last.dataset.css === css) {
			last.textContent += text;
			return;
		}
		const span = document.createElement("span");
		span.dataset.css = css;
		if (css)
			span.style.cssText = css;
		span.textContent = text;
		this.row.append(span);
	}

	/* What the player typed, so that it stays behind the prompt. */
	echo(text) {
		const span = document.createElement("span");
		span.className = "typed";
		span.textContent = text;
		this.row.append(span);
		this.newLine();
	}

	css() {
		const l = this.look, out = [];
		let fore = l.fore, back = l.back;
		if (l.reverse)
			[fore, back] = [back || "var(--ground)",
				fore || "var(--text)"];
		if (fore)
			out.push("color:" + fore);
		if (back)
			out.push("background:" + back);
		if (l.bold)
			out.push("font-weight:700");
		if (l.dim)
			out.push("opacity:.6");
		if (l.italic)
			out.push("font-style:italic");
		const lines = [l.underline && "underline",
			l.strike && "line-through"].filter(Boolean);
		if (lines.length)
			out.push("text-decoration:" + lines.join(" "));
		return out.join(";");
	}

	static colour(n) {
		if (n < 16)
			return "var(--c" + n + ")";
		if (n >= 232) {
			const grey = 8 + 10 * (n - 232);
			return `rgb(${grey},${grey},${grey})`;
		}
		const step = (v) => v ? 55 + 40 * v : 0;
		n -= 16;
		return `rgb(${step(Math.floor(n / 36))},` +
			`${step(Math.floor(n / 6) % 6)},${step(n % 6)})`;
	}

	/* The colour behind 38 or 48, and how many numbers it took. */
	static wide(p, i) {
		const byte = (n) => Math.min(255, Math.max(0, n || 0));
		if (p[i + 1] === 5)
			return [Ansi.colour(byte(p[i + 2])), 2];
		if (p[i + 1] === 2)
			return [`rgb(${byte(p[i + 2])},${byte(p[i + 3])},` +
				`${byte(p[i + 4])})`, 4];
		return [undefined, p.length];
	}

	sgr(words) {
		const p = words.split(/[;:]/).map(Number), l = this.look;
		const on = { 1: "bold", 2: "dim", 3: "italic", 4: "underline",
			7: "reverse", 9: "strike" };
		const off = { 23: "italic", 24: "underline", 27: "reverse",
			29: "strike" };
		for (let i = 0; i < p.length; i++) {
			const n = p[i];
			if (n === 0) {
				for (const key of Object.keys(l))
					delete l[key];
			} else if (on[n]) {
				l[on[n]] = true;
			} else if (off[n]) {
				delete l[off[n]];
			} else if (n === 22) {
				delete l.bold;
				delete l.dim;
			} else if (n === 38 || n === 48) {
				const [colour, took] = Ansi.wide(p, i);
				l[n === 38 ? "fore" : "back"] = colour;
				i += took;
			} else if (n === 39 || n === 49) {
				delete l[n === 39 ? "fore" : "back"];
			} else if (n >= 30 && n <= 37) {
				l.fore = Ansi.colour(n - 30);
			} else if (n >= 40 && n <= 47) {
				l.back = Ansi.colour(n - 40);
			} else if (n >= 90 && n <= 97) {
				l.fore = Ansi.colour(n - 82);
			} else if (n >= 100 && n <= 107) {
				l.back = Ansi.colour(n - 92);
			}
		}
	}
}

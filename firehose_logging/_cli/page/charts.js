"use strict";
// Drawing: numbers in, SVG or canvas out. Nothing here knows where the numbers come from.
const SVG = "http://www.w3.org/2000/svg";

function node(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function number(value, digits = 0) {
  if (value == null || Number.isNaN(value)) return "";
  return value.toLocaleString("en", { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

function milliseconds(value) {
  if (value == null) return "";
  if (value < 10) return number(value, 2) + " ms";
  return value < 10000 ? number(value, 1) + " ms" : number(value / 1000, 1) + " s";
}

function dollars(value) {
  if (value == null) return "";
  return "$" + (value === 0 || value >= 1 ? value.toFixed(2) : value.toPrecision(3));
}

function clock(ms, fine) {
  const text = new Date(ms).toISOString();
  if (fine === "whole") return text.slice(0, 10) + " " + text.slice(11, 23);
  return fine ? text.slice(11, 23) : text.slice(0, 10) + " " + text.slice(11, 19);
}

function quantile(sorted, q) {
  if (!sorted.length) return null;
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

// A histogram over logarithmic bins: what latencies look like.
function histogram(holder, values, what) {
  const sorted = Float64Array.from(values).sort();
  holder.replaceChildren();
  if (!sorted.length) {
    holder.append(node("p", { class: "muted" }, "None in what is shown."));
    return;
  }
  const low = Math.log10(Math.max(sorted[0], 0.1));
  const high = Math.max(Math.log10(Math.max(sorted[sorted.length - 1], 0.1)), low + 0.3);
  const count = 28, bins = new Array(count).fill(0);
  for (const value of sorted) {
    const at = (Math.log10(Math.max(value, 0.1)) - low) / (high - low);
    bins[Math.min(count - 1, Math.max(0, Math.floor(at * count)))]++;
  }
  const marks = [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]].map(([name, q]) => [name, quantile(sorted, q)]);
  const words = marks.map(([name, value]) => `${name} ${milliseconds(value)}`).join(", ");
  const counted = `${number(sorted.length)} value${sorted.length === 1 ? "" : "s"}`;
  const top = Math.max(...bins), width = Math.max(260, holder.clientWidth - 18), height = 200, base = height - 22;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${what}: ${counted}, ${words}, longest ${milliseconds(sorted[sorted.length - 1])}` });
  bins.forEach((size, index) => {
    if (!size) return;
    const tall = Math.max(2, (size / top) * (base - 48));
    const from = 10 ** (low + (index / count) * (high - low)), to = 10 ** (low + ((index + 1) / count) * (high - low));
    svg.append(shape("rect", { x: 4 + (index * (width - 8)) / count, y: base - tall,
      width: (width - 8) / count - 1.5, height: tall, fill: "var(--info)" },
      shape("title", {}, `${milliseconds(from)} to ${milliseconds(to)}: ${number(size)}`)));
  });
  marks.forEach(([name, value], index) => {
    const x = 4 + ((Math.log10(Math.max(value, 0.1)) - low) / (high - low)) * (width - 8);
    svg.append(shape("line", { x1: x, x2: x, y1: 14 + index * 12, y2: base, stroke: "var(--text)", "stroke-dasharray": "3 3" }));
    const right = x > width - 120;
    svg.append(shape("text", { x: x + (right ? -4 : 4), y: 16 + index * 12, "text-anchor": right ? "end" : "start" }, `${name} ${milliseconds(value)}`));
  });
  svg.append(shape("text", { x: 4, y: height - 6 }, milliseconds(10 ** low)));
  svg.append(shape("text", { x: width - 4, y: height - 6, "text-anchor": "end" }, milliseconds(10 ** high)));
  holder.append(svg, node("p", { class: "muted" }, `${counted}: ${words}.`));
}

// Stacked bars over time; bins[level][index].
function stacked(holder, bins, levels, from, to) {
  const width = Math.max(260, holder.clientWidth - 18), height = 200, base = height - 22, count = bins[0].length;
  const totals = Array.from({ length: count }, (_, index) => bins.reduce((sum, bin) => sum + bin[index], 0));
  const top = Math.max(1, ...totals), all = totals.reduce((a, b) => a + b, 0);
  const words = levels.map((level, index) => `${number(bins[index].reduce((a, b) => a + b, 0))} ${level}`).filter((text) => !text.startsWith("0 "));
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Lines by level over time: ${number(all)} lines, ${words.join(", ")}` });
  for (let index = 0; index < count; index++) {
    let y = base;
    for (let level = 0; level < levels.length; level++) {
      const size = bins[level][index];
      if (!size) continue;
      const tall = Math.max(1, (size / top) * (base - 16));
      y -= tall;
      const at = clock(from + (index / count) * (to - from));
      svg.append(shape("rect", { x: 4 + (index * (width - 8)) / count, y, width: Math.max(1, (width - 8) / count - 1), height: tall,
        fill: `var(--${levels[level].toLowerCase()}, var(--muted))` }, shape("title", {}, `${at}: ${number(size)} ${levels[level]}`)));
    }
  }
  svg.append(shape("text", { x: 4, y: 11 }, `${number(top)} lines`));
  svg.append(shape("text", { x: 4, y: height - 6 }, clock(from)));
  svg.append(shape("text", { x: width - 4, y: height - 6, "text-anchor": "end" }, clock(to)));
  holder.replaceChildren(svg, node("p", { class: "muted" }, `${number(all)} lines: ${words.join(", ") || "none"}.`));
}

// A table in words; columns: [title, value of a row, "n" for numbers or "t" for long text].
function table(caption, columns, rows) {
  const head = node("tr", {}, ...columns.map(([title, , kind]) => node("th", { scope: "col", class: kind === "n" && "n" }, title)));
  const body = rows.map((row) => node("tr", {}, ...columns.map(([, value, kind]) => node("td", { class: kind }, value(row) ?? ""))));
  return node("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    node("table", {}, node("caption", {}, caption), node("thead", {}, head), node("tbody", {}, ...body)));
}

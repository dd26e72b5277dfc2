// Draws what /status says, once a second. Texts go in as text, never as markup.
const PERIOD_MS = 1000;
const COLOURS = 10;
const SVG = "http://www.w3.org/2000/svg";
const INNER = 66, OUTER = 96, MOVED = 112, CENTRE = 120;

let told = null;
let toldAt = 0;

function element(tag, { text, cls, ...rest } = {}, ...children) {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(rest)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const percent = (part, digits = 1) => `${(part * 100).toFixed(digits)}\u00a0%`;
const count = (n) => n.toLocaleString("en");

function ago(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

// A gateway keeps its colour for as long as the page is open, whoever comes and goes.
const colours = new Map();
function colour(pool, name) {
  const taken = colours.get(pool) ?? new Map();
  colours.set(pool, taken);
  if (!taken.has(name)) taken.set(name, `var(--c${taken.size % COLOURS})`);
  return taken.get(name);
}

function slicePath(index, slices, outer) {
  const at = (place, radius) => {
    const angle = (place / slices) * 2 * Math.PI - Math.PI / 2;
    return `${(CENTRE + radius * Math.cos(angle)).toFixed(2)} ${(CENTRE + radius * Math.sin(angle)).toFixed(2)}`;
  };
  return `M${at(index, INNER)} L${at(index, outer)} L${at(index + 1, outer)} L${at(index + 1, INNER)}Z`;
}

// One path a gateway, so that 360 slices cost no more elements than there are gateways.
function drawRing(pool) {
  const { names, now, before } = pool.ring;
  const ring = drawn("svg", { viewBox: "0 0 240 240", class: "ring", role: "img" });
  const paths = names.map(() => []);
  now.forEach((owner, index) => {
    if (owner < 0) return;
    const hasMoved = before[index] >= 0 && before[index] !== owner;
    paths[owner].push(slicePath(index, now.length, hasMoved ? MOVED : OUTER));
  });
  names.forEach((name, place) => {
    const path = drawn("path", { d: paths[place].join(""), class: "slice" });
    path.dataset.gateway = name;
    path.style.fill = colour(pool.name, name);
    ring.append(path);
  });
  const serving = pool.gateways.filter((gateway) => gateway.share > 0).length;
  const words = [["count", 122, String(serving)], ["", 138, serving === 1 ? "gateway serves" : "gateways serve"]];
  for (const [cls, y, text] of words) {
    const word = drawn("text", { x: CENTRE, y, class: cls });
    word.textContent = text;
    ring.append(word);
  }
  ring.setAttribute("aria-label", `The ring of ${pool.name}: ${pool.gateways.map((g) => `${g.name} ${percent(g.share)}`).join(", ")}`);
  return ring;
}

function bar(part, own, left, right) {
  const made = element("div", { cls: "bar" }, element("i"));
  made.style.setProperty("--part", `${Math.min(100, part * 100)}%`);
  made.style.setProperty("--own", own);
  return [element("div", { cls: "value" }, element("span", { text: left }), element("span", { text: right })), made];
}

function stateCell(gateway) {
  const notes = [`for ${ago(gateway.since_s)}`];
  if (gateway.held_s > 0) notes.push(`flapping, held out ${ago(gateway.held_s)} more`);
  if (!gateway.is_listed) notes.push("not listed");
  const cell = element("td", { cls: "state" }, element("span", { text: gateway.state, cls: gateway.state.replace(" ", "-") }));
  if (gateway.is_full) cell.append(element("span", { text: ", full", cls: "full" }));
  cell.append(element("small", { text: notes.join(", ") }));
  return cell;
}

function row(pool, gateway, ring) {
  const own = colour(pool.name, gateway.name);
  const dot = element("span", { cls: "dot" });
  dot.style.setProperty("--own", own);
  const weight = gateway.weight === 1 ? "" : `, weight ${gateway.weight}`;
  const made = element("tr", { tabindex: "0", "data-key": `${pool.name}/${gateway.name}` },
    element("td", { cls: "who" }, dot, gateway.name, element("small", { text: gateway.address + weight })),
    stateCell(gateway),
    element("td", { cls: "share" }, ...bar(gateway.share, own, percent(gateway.share), "of the buckets")),
    element("td", { cls: "load" }, ...bar(gateway.bound ? gateway.connections / gateway.bound : 0, own,
      `${count(gateway.connections)} connection${gateway.connections === 1 ? "" : "s"}`, gateway.bound ? `full at ${count(gateway.bound)}` : "")));
  const pick = (isPicked) => {
    ring.classList.toggle("picked", isPicked && gateway.share > 0);
    for (const slice of ring.querySelectorAll(".slice")) slice.classList.toggle("pick", slice.dataset.gateway === gateway.name);
  };
  made.addEventListener("mouseenter", () => pick(true));
  made.addEventListener("mouseleave", () => pick(false));
  made.addEventListener("focus", () => pick(true));
  made.addEventListener("blur", () => pick(false));
  return made;
}

function changeLine(change) {
  const many = (names, verb) => (names.length ? [`${names.length > 3 ? `${names.length} gateways` : names.join(" and ")} ${verb}`] : []);
  const who = [...many(change.joined, "came"), ...many(change.left, "went")];
  const line = element("li", { text: `${ago(change.ago_s)} ago: ${who.join(", ") || "weights changed"}; ` });
  line.append(element("b", { text: `${percent(change.moved, 2)} of the buckets moved` }), ` (the least is ${percent(change.least, 2)})`);
  return line;
}

function card(pool) {
  const ring = drawRing(pool);
  const most = Math.max(...pool.gateways.map((gateway) => gateway.share), 1e-9);
  const heads = ["gateway", "state", "share of the buckets", "load"].map((text) => element("th", { text, scope: "col" }));
  const rows = pool.gateways.map((gateway) => row(pool, gateway, ring));
  const busiest = most * pool.gateways.filter((gateway) => gateway.share > 0).length;
  const facts = element("p", { text: `busiest to mean ${busiest.toFixed(3)}, table ` }, element("span", { text: pool.signature, cls: "signature" }));
  const head = element("div", { cls: "head" }, element("h2", { text: pool.name }), facts);
  if (pool.is_frozen) head.append(element("span", { text: "most of the pool is lost: the table stays as it was", cls: "down" }));
  const changes = element("ul", { cls: "changes" }, ...pool.changes.slice(0, 4).map(changeLine));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  return element("section", { "aria-label": pool.name }, head, element("div", {}, ring), element("div", {}, table), changes);
}

function show(status) {
  const members = status.are_members_known ? "" : ", which can't be read now: pools stay as they are";
  document.title = `${status.name}: Ringpost router`;
  document.getElementById("name").textContent = status.name;
  document.getElementById("facts").textContent =
    `${status.version}, ${status.plane}, up ${ago(status.up_s)}, ${count(status.shape.buckets)} buckets; members from ${status.membership}${members}`;
  const focused = document.activeElement?.dataset?.key;
  const hovered = document.querySelector("tr:hover")?.dataset.key;
  document.getElementById("pools").replaceChildren(...status.pools.map(card));
  const find = (key) => key && document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  find(hovered)?.dispatchEvent(new Event("mouseenter"));
  find(focused)?.focus({ preventScroll: true });
}

function complain() {
  const trouble = document.getElementById("trouble");
  const seconds = (performance.now() - toldAt) / 1000;
  trouble.hidden = told !== null && seconds < 3;
  if (!trouble.hidden) trouble.textContent = told ? `The router has not answered for ${ago(seconds)}; this is what it said last.` : "The router does not answer.";
}

async function refresh() {
  try {
    const answer = await fetch("status", { signal: AbortSignal.timeout(2 * PERIOD_MS) });
    told = await answer.json();
    toldAt = performance.now();
    show(told);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
  } finally {
    complain();
    setTimeout(refresh, PERIOD_MS);
  }
}

refresh();

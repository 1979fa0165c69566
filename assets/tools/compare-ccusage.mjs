// Prints where the sums of Tokenmeter and ccusage differ.
//   node compare-ccusage.mjs CCUSAGE WORK HOME|CASE.txtar ...
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as zlib from "node:zlib";

const [ccusage, work, ...places] = process.argv.slice(2);
const classes = ["inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens"];

// unpack writes a case's files into a new home.
function unpack(file) {
  const home = join(work, "cases", basename(file));
  const parts = readFileSync(file, "utf8").split(/^-- (.+) --\n/m);
  const found = { home, why: "", env: {} };
  for (let i = 1; i < parts.length; i += 2) {
    const [name, text] = [parts[i], parts[i + 1]];
    if (name === "why") found.why = text.trim().replace(/\s+/g, " ");
    else if (name === "env") {
      for (const line of text.trim().split("\n")) {
        const at = line.indexOf("=");
        found.env[line.slice(0, at)] = line.slice(at + 1).replaceAll("$HOME", home);
      }
    } else if (name !== "want.json") {
      mkdirSync(dirname(join(home, name)), { recursive: true });
      writeFileSync(join(home, name), name.endsWith(".zst") ? zlib.zstdCompressSync(bytes(text)) : bytes(text));
    }
  }
  return found;
}

// bytes turns the marks of a case into what a text file cannot hold.
function bytes(text) {
  const kinds = { NUL: "\0", BOM: "\uFEFF", CR: "\r" };
  const pieces = text.replace(/⟦CUT⟧\n?/g, "").split(/⟦(\w+)(?: (\d+))?⟧/);
  const out = [];
  for (let i = 0; i < pieces.length; i += 3) {
    if (i > 0) {
      const [kind, times] = [pieces[i - 2], Number(pieces[i - 1] ?? 1)];
      for (let n = 0; n < times; n++) out.push(kind === "FF" ? Buffer.from([0xff]) : Buffer.from(kinds[kind] ?? ""));
    }
    out.push(Buffer.from(pieces[i]));
  }
  return Buffer.concat(out);
}

function ask(home, env, program, ...args) {
  const environment = { PATH: process.env.PATH, HOME: home, TZ: "UTC", ...env };
  return JSON.parse(execFileSync(program, args, { env: environment, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] }));
}

// differences lists, for one home, what each side counted where they are not equal.
function differences({ home, env }) {
  const sums = new Map();
  const add = (side, agent, model, counts) => {
    const key = `${agent} ${model || "unknown"}`;
    const entry = sums.get(key) ?? { ours: {}, theirs: {} };
    for (const c of classes) entry[side][c] = (entry[side][c] ?? 0) + counts[c];
    sums.set(key, entry);
  };
  const data = mkdtempSync(join(work, "data-"));
  const ours = ask(home, env, "build/tokenmeter", "--data-dir", data, "history", "--by", "agent,model", "--timezone", "UTC", "--json");
  for (const row of ours.rows) add("ours", row.agent, row.model, row);
  let theirs;
  try {
    theirs = ask(home, env, ccusage, "daily", "--json", "--offline", "--by-agent");
  } catch (error) {
    return { models: 0, list: [`ccusage fails with exit code ${error.status}`] };
  }
  for (const day of theirs.daily ?? []) {
    for (const agent of day.agents ?? []) {
      for (const model of agent.modelBreakdowns) add("theirs", agent.agent, model.modelName, model);
    }
  }
  const list = [];
  for (const [key, entry] of [...sums].sort()) {
    const apart = classes.filter((c) => (entry.ours[c] ?? 0) !== (entry.theirs[c] ?? 0));
    if (apart.length > 0) list.push(`${key}: ` + apart.map((c) => `${c} ${entry.ours[c] ?? 0}, ccusage ${entry.theirs[c] ?? 0}`).join("; "));
  }
  return { models: sums.size, list };
}

let equal = 0;
let different = 0;
for (const place of places) {
  const isCase = place.endsWith(".txtar");
  let about;
  try {
    about = isCase ? unpack(place) : { home: place, env: {}, why: "" };
  } catch (error) {
    console.log(`skipped  ${basename(place)}: ${error.message}`);
    continue;
  }
  const { models, list } = differences(about);
  if (list.length === 0) {
    equal++;
    if (!isCase) console.log(`equal    ${place}: ${models} models`);
    continue;
  }
  different++;
  console.log(`differs  ${basename(place)}`);
  for (const line of list) console.log(`         ${line}`);
  if (about.why) console.log(`         why: ${about.why}`);
}
console.log(`${places.length} compared: ${equal} equal, ${different} differ`);

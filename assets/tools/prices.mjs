// prices.mjs PACKAGE VERSION DAY TABLE
// Writes the base of the price table: the models of known vendors that are billed by the token,
// below the rows that are kept by hand. Same package and same rows, same bytes.
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, version, day, file] = process.argv.slice(2)
const { findProvider } = await import(pathToFileURL(path.join(folder, 'dist/index.js')))

// Vendors by the package's id. Resellers, and lists that were converted from another currency,
// are left out: they would put a second price on the same name.
const vendors = {
  anthropic: 'anthropic', openai: 'openai', google: 'google', 'x-ai': 'xai', deepseek: 'deepseek', moonshotai: 'moonshot',
  zai: 'zai', minimax: 'minimax', mistral: 'mistral', cursor: 'cursor', cohere: 'cohere', perplexity: 'perplexity', aws: 'amazon',
}
const ours = {
  aws: id => id.startsWith('amazon.nova'), // the rest of Bedrock is other vendors' models
  google: id => id.startsWith('gemini-'), // Claude on Vertex costs what Anthropic asks
}
const otherUse = /^(ada|babbage|curie|davinci|text-.*|command|command-light)$|embed|tts|transcribe|realtime|image|audio|moderation|whisper|live|ocr|voice|omni|sonic|search|computer-use|ft[:-]|:free|vision/
const units = new Set(['input_mtok', 'output_mtok', 'cache_read_mtok', 'cache_write_mtok', 'cache_write_1h_mtok',
  'web_searches_kcount', 'storage_searches_kcount', 'input_audio_mtok', 'cache_audio_read_mtok'])

// The package says of some prices that they are a reseller's, or that nobody knows.
const doubtful = /Imported from OpenRouter|Seen on OpenRouter|trust/i
// Older generations that the package puts under a name whose price is that of a newer one.
const otherPrice = new Set(['deepseek-r1-0528', 'deepseek-chat-v3-0324', 'mistral-medium-3'])

// key is the form in which two spellings are equal; internal/price/names.go has the same.
function key(name) {
  const k = name.toLowerCase().replace(/(?<=\d)\.(?=\d)/g, '-').replace(/-latest$/, '')
  const swapped = k.match(/^claude-(\d[\d-]*?)-([^\d-][^-]*)(-.*)?$/)
  return swapped ? `claude-${swapped[2]}-${swapped[1]}${swapped[3] ?? ''}` : k
}
const undated = name => name.replace(/-(\d{4}-\d{2}-\d{2}|20\d{6})$/, '')

// Digits only: a price like 1e-7 is not one that a vendor asks.
function decimal(number) {
  const text = String(number)
  if (!/^\d+(\.\d{1,6})?$/.test(text)) throw new Error(`${text} has more than six digits`)
  return text
}
const base = price => typeof price === 'object' ? price.base : price
const classes = { input: 'input_mtok', output: 'output_mtok', cache_read: 'cache_read_mtok', cache_write_5m: 'cache_write_mtok', cache_write_1h: 'cache_write_1h_mtok' }

function rates(prices, of) {
  const out = {}
  for (const [name, unit] of Object.entries(classes)) if (prices[unit] !== undefined) out[name] = decimal(of(prices[unit]))
  for (const price of Object.values(out)) if (Number(price) === 0) throw new Error('a price is zero')
  if (!out.input || !out.output) throw new Error('input or output has no price')
  if (Number(out.cache_read ?? 0) > Number(out.input) || Number(out.input) > Number(out.output)) throw new Error('prices fall from reads over input to output')
  return out
}

function row(vendor, model, prices) {
  for (const unit of Object.keys(prices)) if (!units.has(unit)) throw new Error(`it is billed by ${unit}`)
  const starts = new Set(Object.values(prices).flatMap(p => typeof p === 'object' ? p.tiers.map(t => t.start) : []))
  const tiers = [...starts].sort((a, b) => a - b).map(start => ({
    above: start,
    ...rates(prices, p => typeof p === 'object' ? (p.tiers.filter(t => t.start <= start).at(-1)?.price ?? p.base) : p),
  }))
  return { vendor, model, ...rates(prices, base), ...(tiers.length ? { tiers } : {}) }
}

const dayBefore = text => new Date(Date.parse(text) - 86400000).toISOString().slice(0, 10)

function rows(vendor, model) {
  const list = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }]
  const out = list.map(({ constraint, prices }) => {
    if (constraint && constraint.type !== 'start_date') throw new Error('its price depends on the time of day')
    const next = row(vendor, model.id, prices)
    return constraint ? { vendor: next.vendor, model: next.model, valid_from: constraint.start_date, ...next } : next
  })
  for (let i = 0; i + 1 < out.length; i++) {
    const { vendor, model, valid_from, ...rest } = out[i]
    out[i] = { vendor, model, ...(valid_from ? { valid_from } : {}), valid_to: dayBefore(out[i + 1].valid_from), ...rest }
  }
  return out.map(r => ({ ...r, source: 'G', checked_on: day }))
}

const names = match => !match ? [] : match.equals ? [match.equals] : (match.or ?? []).flatMap(names)

const table = JSON.parse(fs.readFileSync(file, 'utf8'))
const before = table.base
const kept = new Map()
for (const r of table.rows) kept.set(key(r.model), r.model)
for (const [name, model] of Object.entries(table.aliases)) kept.set(key(name), model)
for (const name of table.session_models) kept.set(key(name), name)

const next = { package: before.package, version, date: day, rows: [], aliases: {} }
const taken = new Map()
const skipped = []
const candidates = []
for (const [id, vendor] of Object.entries(vendors)) {
  const provider = findProvider({ providerId: id })
  if (!provider) throw new Error(`the package has no provider ${id} any more`)
  for (const model of provider.models) if (ours[id]?.(model.id) ?? true) candidates.push({ vendor, model })
}
for (const { vendor, model } of candidates) {
  if (kept.has(key(model.id)) || taken.has(key(model.id)) || otherUse.test(model.id.toLowerCase())) continue
  // A row under another name of a kept model gives that model its names, and no price.
  if (names(model.match).some(n => kept.has(key(n)))) continue
  try {
    if (doubtful.test(model.price_comments ?? '')) throw new Error('its price is not the vendor\'s')
    next.rows.push(...rows(vendor, model))
    taken.set(key(model.id), model.id)
  } catch (e) {
    skipped.push(`${vendor} ${model.id}: ${e.message}`)
  }
}
for (const { model } of candidates) {
  const all = [model.id, ...names(model.match)]
  const own = kept.get(key(model.id)) ?? taken.get(key(model.id))
  const targets = new Set(own ? [own] : all.map(n => kept.get(key(n))).filter(Boolean))
  if (targets.size !== 1 || otherUse.test(model.id.toLowerCase())) continue
  const [target] = targets
  for (const n of all) {
    const k = key(n)
    if (otherPrice.has(n) || otherUse.test(n) || n !== n.trim() || /[\s/[\]]/.test(n) || kept.has(k) || taken.has(k) || kept.has(key(undated(n))) || taken.has(key(undated(n)))) continue
    next.aliases[n.toLowerCase()] ??= target
  }
}
const seen = new Set()
for (const n of Object.keys(next.aliases).sort()) { // one spelling of each is enough
  if (seen.has(key(n))) delete next.aliases[n]
  seen.add(key(n))
}

// Where the package now says something else than a row that is kept by hand.
const differing = []
for (const { vendor, model } of candidates) {
  const own = table.rows.filter(r => r.vendor === vendor && key(r.model) === key(model.id)).at(-1)
  if (!own) continue
  const list = Array.isArray(model.prices) ? model.prices.filter(p => p.constraint?.type !== 'time_of_date') : [{ prices: model.prices }]
  const theirs = list.at(-1).prices
  for (const [name, unit] of Object.entries(classes)) {
    const price = theirs[unit] === undefined ? undefined : String(base(theirs[unit]))
    if (price !== undefined && price !== own[name]) differing.push(`differs  ${vendor} ${own.model}: ${name} is ${own[name]} here, ${price} there`)
  }
}

const order = (a, b) => a < b ? -1 : a > b ? 1 : 0
next.rows.sort((a, b) => order(a.vendor, b.vendor) || order(a.model, b.model) || order(a.valid_from ?? '', b.valid_from ?? ''))
next.aliases = Object.fromEntries(Object.entries(next.aliases).sort(([a], [b]) => order(a, b)))

// What changed.
const name = r => `${r.vendor} ${r.model}${r.valid_from ? ' from ' + r.valid_from : ''}`
const price = ({ vendor, model, valid_from, source, checked_on, ...rest }) => JSON.stringify(rest)
const old = new Map(before.rows.map(r => [name(r), price(r)]))
const now = new Map(next.rows.map(r => [name(r), price(r)]))
const lines = []
for (const [n, p] of now) if (!old.has(n)) lines.push(`added    ${n}: ${p}`)
for (const [n, p] of old) if (!now.has(n)) lines.push(`removed  ${n}: ${p}`)
for (const [n, p] of now) if (old.has(n) && old.get(n) !== p) lines.push(`changed  ${n}: ${old.get(n)} -> ${p}`)
for (const [n, m] of Object.entries(next.aliases)) if (before.aliases[n] !== m) lines.push(`alias    ${n} = ${m}`)
for (const [n, m] of Object.entries(before.aliases)) if (!(n in next.aliases)) lines.push(`no alias ${n} = ${m}`)
lines.push(...differing)
for (const s of skipped) lines.push(`skipped  ${s}`)
console.log(lines.join('\n'))
console.log(`${next.package} ${version} of ${day}: ${next.rows.length} rows, ${Object.keys(next.aliases).length} aliases`)

// One row a line, so that a change is a line of the diff.
const one = value => JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ').replace(/([{[]) /g, '$1').replace(/ ([}\]])/g, '$1')
const listed = list => list.length ? `[\n${list.map(r => '  ' + one(r)).join(',\n')}\n ]` : '[]'
const keyed = object => Object.keys(object).length ? `{\n${Object.entries(object).map(([k, v]) => `  ${JSON.stringify(k)}: ${one(v)}`).join(',\n')}\n }` : '{}'
const members = Object.entries({ ...table, base: next }).map(([k, v]) => {
  let text = Array.isArray(v) && typeof v[0] === 'object' ? listed(v) : typeof v === 'object' && !Array.isArray(v) ? keyed(v) : one(v)
  if (k === 'base') text = `{\n  "package": ${one(v.package)},\n  "version": ${one(v.version)},\n  "date": ${one(v.date)},\n  "rows": ${listed(v.rows).replace(/\n/g, '\n ')},\n  "aliases": ${keyed(v.aliases).replace(/\n/g, '\n ')}\n }`
  return ` ${JSON.stringify(k)}: ${text}`
})
fs.writeFileSync(file, `{\n${members.join(',\n')}\n}\n`)

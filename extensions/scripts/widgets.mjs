// Bundles every src/widgets/NAME.ts and NAME.css into portal/ui/widgets/static/NAME.{js,css},
// and puts beside them what a widget fetches when it needs it, and the licences of all.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, '../portal/ui/widgets/static');
const fresh = join(root, 'lib/static');

const sources = join(root, 'src/widgets');
const names = (await readdir(sources)).filter(name => /^[a-z]+\.(ts|css)$/.test(name)).sort();

await rm(fresh, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  bundle: true,
  charset: 'utf8',
  entryPoints: names.map(name => `src/widgets/${name}`),
  format: 'esm',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  minify: true,
  outdir: fresh,
  target: 'es2022'
});

// Coasts and borders for maps that are looked at closely; the countries' names are not drawn.
const world = JSON.parse(await readFile(join(root, 'node_modules/world-atlas/countries-50m.json'), 'utf8'));
for (const { geometries } of Object.values(world.objects)) {
  geometries.forEach(country => delete country.properties);
}
await writeFile(join(fresh, 'countries-50m.json'), JSON.stringify(world));

// The licences of what is bundled travel with it.
const bundled = Object.keys(metafile.inputs).flatMap(path => path.match(/^node_modules\/(@[^/]+\/[^/]+|[^/]+)/)?.[1] ?? []);
const licences = [...new Set([...bundled, 'world-atlas'])].sort().map(async name => {
  const folder = join(root, 'node_modules', name);
  const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find(name => /^licen[cs]e/i.test(name));
  return `${name} ${version} (${license})\n\n${file ? await readFile(join(folder, file), 'utf8') : ''}`;
});
await writeFile(join(fresh, 'licences.txt'), (await Promise.all(licences)).join(`\n${'-'.repeat(80)}\n`));

// Only whole files are ever seen, and none that no longer has a source.
await mkdir(target, { recursive: true });
const built = await readdir(fresh);
for (const name of built) {
  await rename(join(fresh, name), join(target, name));
}
for (const name of await readdir(target)) {
  if (!built.includes(name)) {
    await rm(join(target, name), { recursive: true });
  }
}

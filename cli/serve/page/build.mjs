// node build.mjs [--modules NODE_MODULES] [--out FOLDER] [--embed FILE.cpp]: the page's files, bundled, and as a C++ source.
//
//   src/ ──esbuild──> index.html, assets/page-HASH.js, assets/page-HASH.css, assets/licenses.txt ──gzip──> FILE.cpp
//
// Names with a hash of what is in them, so that a browser may keep them for ever and never shows an old one.
import {createRequire} from 'node:module';
import {mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {createHash} from 'node:crypto';
import {gzipSync, constants} from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const option = name => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const modules = resolve(option('modules') ?? join(here, 'node_modules'));
const out = resolve(option('out') ?? join(here, 'dist'));
const require = createRequire(join(modules, 'of.js'));
const esbuild = (await import(pathToFileURL(require.resolve('esbuild')).href)).default;

const built = await esbuild.build({
  entryPoints: {page: join(here, 'src/main.tsx')},
  outdir: join(out, 'assets'),
  write: false,
  bundle: true,
  minify: true,
  metafile: true,
  charset: 'utf8',
  format: 'iife',
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  nodePaths: [modules],
  legalComments: 'none',
  logLevel: 'warning',
});

// What is in the bundle, with the licence that each part was given to us under.
const parts = new Set();
for (const input of Object.keys(built.metafile.inputs)) {
  const inside = input.lastIndexOf('node_modules/');
  if (inside < 0) continue;
  const words = input.slice(inside + 'node_modules/'.length).split('/');
  parts.add(words[0].startsWith('@') ? words.slice(0, 2).join('/') : words[0]);
}
const permitted = /^(MIT|ISC|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|0BSD)$/;
let licenses = 'The page of `tasks serve` is part of tasks (Apache-2.0). It contains:\n';
for (const part of [...parts].sort()) {
  const {version, license} = JSON.parse(readFileSync(join(modules, part, 'package.json'), 'utf8'));
  if (!permitted.test(license)) throw new Error(`${part}: licence ${license} is not known to permit redistribution`);
  const file = readdirSync(join(modules, part)).find(name => /^licen[cs]e/i.test(name));
  if (!file) throw new Error(`${part}: no licence text`);
  licenses += `\n${'='.repeat(72)}\n${part} ${version} (${license})\n\n${readFileSync(join(modules, part, file), 'utf8').trim()}\n`;
}

const hash = bytes => createHash('sha256').update(bytes).digest('hex').slice(0, 12);
const bundled = ending => Buffer.from(built.outputFiles.find(file => file.path.endsWith(ending)).contents);
const [js, css] = [bundled('.js'), bundled('.css')];
const names = {js: `/assets/page-${hash(js)}.js`, css: `/assets/page-${hash(css)}.css`};
const html = readFileSync(join(here, 'src/index.html'), 'utf8')
  .replaceAll('@JS@', names.js)
  .replaceAll('@CSS@', names.css);
const files = [
  {path: '/', file: 'index.html', type: 'text/html; charset=utf-8', bytes: Buffer.from(html)},
  {path: names.js, file: names.js.slice(1), type: 'text/javascript; charset=utf-8', bytes: js},
  {path: names.css, file: names.css.slice(1), type: 'text/css; charset=utf-8', bytes: css},
  {
    path: '/assets/licenses.txt',
    file: 'assets/licenses.txt',
    type: 'text/plain; charset=utf-8',
    bytes: Buffer.from(licenses),
  },
];
for (const each of files) each.gzip = gzipSync(each.bytes, {level: constants.Z_BEST_COMPRESSION});

rmSync(out, {recursive: true, force: true});
mkdirSync(join(out, 'assets'), {recursive: true});
for (const each of files) writeFileSync(join(out, each.file), each.bytes);

if (option('embed')) {
  let source =
    '// Made by cli/serve/page/build.mjs.\n#include "serve/page_files.hpp"\n\nnamespace tasks::cli {\nnamespace {\n\n';
  files.forEach(({gzip}, i) => {
    source += `constexpr unsigned char bytes_${i}[] = {${[...gzip].join(',')}};\n`;
  });
  source +=
    '\nstd::string_view text_of(std::span<const unsigned char> bytes) {\n' +
    '  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};\n}\n\n}  // namespace\n\n' +
    'std::span<const page_file> page_files() {\n  static const page_file files[] = {\n';
  files.forEach(({path, type}, i) => {
    source += `      {"${path}", "${type}", text_of(bytes_${i})},\n`;
  });
  source += '  };\n  return files;\n}\n\n}  // namespace tasks::cli\n';
  writeFileSync(option('embed'), source);
}
for (const {path, bytes, gzip} of files)
  console.log(`${String(bytes.length).padStart(8)} ${String(gzip.length).padStart(8)} gzip  ${path}`);

// A browser, and pages of it that note whatever they must not do: ask another host, break the content security policy, throw.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import {once} from 'node:events';
import {spawn} from 'node:child_process';
import {connect} from 'node:net';
import {createInterface} from 'node:readline';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
/** Where the dependencies of tests are: `npm ci` in cli/serve/page. */
export const require = createRequire(process.env.TASKS_PAGE_MODULES ?? join(root, 'cli/serve/page/package.json'));

export async function launch() {
  const puppeteer = require('puppeteer-core');
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

/** A page at `base`/`hash`; `page.done()` closes it and holds it to what no page may do. */
export async function open(
  browser,
  base,
  hash = '#/',
  {width = 1280, height = 800, scheme = 'light', before, mayFail = false} = {},
) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const requests = [],
    wrong = [];
  page.setDefaultTimeout(60_000);
  page.on('request', request => requests.push(request.url()));
  page.on('pageerror', error => wrong.push(`threw: ${error.message}`));
  page.on('console', message => {
    const text = message.text();
    // A request that fails is told on the console, which is what some tests ask for.
    if (['error', 'warn'].includes(message.type()) && !(mayFail && /Failed to load resource/.test(text)))
      wrong.push(`console: ${text}`);
  });
  await page.evaluateOnNewDocument(() => {
    window.violations = [];
    addEventListener('securitypolicyviolation', event =>
      window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  await page.setViewport({width, height, isMobile: width < 500, hasTouch: width < 500});
  await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
  if (before) await before(page);
  await page.goto(`${base}/${hash}`, {waitUntil: 'domcontentloaded'});
  page.text = selector => page.$eval(selector, element => element.textContent);
  page.texts = selector => page.$$eval(selector, all => all.map(element => element.textContent));
  page.has = (selector, part) =>
    page.waitForFunction(
      (s, p) => [...document.querySelectorAll(s)].some(element => element.textContent.includes(p)),
      {},
      selector,
      part,
    );
  page.lacks = selector => page.waitForFunction(s => !document.querySelector(s), {}, selector);
  page.hash = () => page.evaluate(() => location.hash);
  page.done = async () => {
    const violations = await page.evaluate(() => window.violations);
    await context.close();
    assert.deepEqual(violations, [], 'the content security policy was broken');
    assert.deepEqual(wrong, []);
    const host = new URL(base).host;
    assert.deepEqual(
      requests.filter(url => !/^(data|blob):/.test(url) && new URL(url).host !== host),
      [],
      'another host was asked',
    );
  };
  return page;
}

/** The lab with leaks of its own, and some clients; `stop()` ends it. */
export async function startLab(clients = 4) {
  const path = process.env.TASKS_LAB ?? join(root, 'build/gcc/tests/programs/lab');
  const lab = spawn(path, ['--leak', 'grow', '--leak', 'cycle', '--leak', 'send'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let port = 0;
  for await (const line of createInterface({input: lab.stdout})) {
    if (line.startsWith('port ')) port = Number(line.slice(5));
    if (line === 'ready') break;
  }
  const sockets = [];
  /** One more client, whose session waits for its next line. */
  const join = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('hello\n');
    await once(socket, 'data');
    sockets.push(socket);
  };
  for (let i = 0; i < clients; ++i) await join();
  return {
    pid: lab.pid,
    join,
    stop: async () => {
      sockets.forEach(socket => socket.destroy());
      const ended = once(lab, 'exit');
      lab.stdin.end();
      await ended;
    },
  };
}

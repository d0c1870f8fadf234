// node mock_server.mjs [--port N] [--tasks EXECUTABLE] [--page DIST] [--canned] [--no-real] [--token TOKEN]: what `tasks serve` answers, by running the
// executable for each look, so that the page can be worked at without the server. Prints `http://127.0.0.1:PORT`; ends when its input closes.
//
// --canned adds processes that are not there (canned.mjs); --no-real leaves out those that are. POST /mock/MODE?path= is for tests:
// `hang-up` closes every connection and refuses new ones, `answer` ends that, `end` has the canned crowd end, `turn` its smallest groups be the largest, `empty` nothing be there.
import {execFile} from 'node:child_process';
import {createServer} from 'node:http';
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {once} from 'node:events';
import * as canned from './canned.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');
export const securityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export async function startMock({
  port = 0,
  tasks = process.env.TASKS_EXECUTABLE ?? join(root, 'build/gcc/cli/tasks'),
  page = process.env.TASKS_PAGE_DIST ?? join(root, 'cli/serve/page/dist'),
  withCanned = false,
  withReal = true,
  token = '',
} = {}) {
  const run = args =>
    new Promise((done, failed) => {
      execFile(tasks, args, {maxBuffer: 1 << 30, encoding: 'utf8'}, (error, out, told) => {
        if (out.startsWith('{')) return done(out); // leaks has exit code 3
        const [, subject = '', fact = String(error)] = /^tasks: ([^:]*): (.*)$/m.exec(told) ?? [];
        failed(Object.assign(new Error(fact), {subject, fact}));
      });
    });
  const state = {silent: false, ended: false, empty: false};
  const cache = new Map();
  // One look a second at most, for however many ask.
  const look = args => {
    const key = args.join('\u0000');
    const had = cache.get(key);
    if (had && Date.now() - had.at < 1000) return had;
    const made = {at: Date.now(), text: run(args)};
    made.text.catch(() => cache.delete(key));
    cache.set(key, made);
    return made;
  };

  const list = async () => {
    const own = withReal && !state.empty ? JSON.parse(await look(['list', '--json']).text).processes : [];
    const others =
      withCanned && !state.empty ? canned.processes().filter(each => !(state.ended && each.pid === canned.crowd)) : [];
    return {schemaVersion: 2, processes: [...own, ...others]};
  };
  const live = async pid => {
    const vitals = JSON.parse(await look(['vitals', '-p', pid, '--details', '--json']).text);
    const stack = JSON.parse(await look(['stack', '-p', pid, '--group', '--no-native', '--json']).text);
    const groups = new Map();
    for (const each of stack.groups) {
      const outer = each.frames.at(-1);
      const what = each.wait ? each.wait.kind.toLowerCase().replaceAll('_', ' ') : each.state.toLowerCase();
      const made = {
        what,
        function: outer?.function ?? '',
        place: outer?.file ? `${outer.file.split('/').at(-1)}:${outer.line}` : '',
        state: each.state.toLowerCase(),
        kind: what.replaceAll(' ', '-'),
        count: each.count,
        oldestSeconds: each.oldestSeconds,
        resumed: 0,
      };
      const key = `${what}${made.function}${made.place}`;
      const had = groups.get(key);
      if (had) {
        had.count += each.count;
        had.oldestSeconds = Math.max(had.oldestSeconds, each.oldestSeconds);
      } else groups.set(key, made);
    }
    const {
      tasks: count,
      running,
      blocked,
      ready,
      osThreads,
      workers,
      cpus,
      rssBytes,
      cpuSeconds,
      uptimeSeconds,
      endedTasks,
      failedTasks,
      cancelledTasks,
    } = vitals;
    const name = (await list()).processes.find(each => each.pid === Number(pid))?.name ?? '';
    return {
      schemaVersion: 1,
      pid: Number(pid),
      name,
      atMs: Date.now(),
      tasks: count,
      running,
      blocked,
      ready,
      osThreads,
      workers,
      cpus,
      rssBytes,
      cpuSeconds,
      uptimeSeconds,
      endedTasks,
      failedTasks,
      cancelledTasks,
      groups: [...groups.values()],
      otherGroups: 0,
      otherTasks: 0,
      note: '',
    };
  };

  const past = new Map();
  const note = async () => {
    if (!withReal || state.silent) return;
    for (const {pid, name, tasks: count, blocked, osThreads} of JSON.parse(await look(['list', '--json']).text)
      .processes) {
      if (count === null) continue;
      if (!past.has(pid)) past.set(pid, {pid, name, ended: false, points: []});
      const vitals = await look(['vitals', '-p', String(pid), '--details', '--json']).text.then(JSON.parse, () => ({}));
      past.get(pid).points.push({
        atMs: Date.now(),
        tasks: count,
        running: vitals.running,
        blocked,
        ready: vitals.ready,
        osThreads,
        rssBytes: vitals.rssBytes,
        cpuSeconds: vitals.cpuSeconds,
        endedTasks: vitals.endedTasks,
        failedTasks: vitals.failedTasks,
      });
    }
  };
  const noting = setInterval(() => void note().catch(() => {}), 10_000);
  noting.unref();

  const fail = (response, status, code, subject, fact, nextStep = '') => {
    response.writeHead(status, {'Content-Type': 'application/json'});
    response.end(JSON.stringify({error: {code, subject, fact, nextStep}}));
  };
  const json = (response, text, old = 0) => {
    response.writeHead(200, {'Content-Type': 'application/json', Age: old.toFixed(3)});
    response.end(text);
  };
  const stream = (request, response, every, event) => {
    response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
    let timer;
    const next = async () => {
      try {
        const [name, data] = await event();
        response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
        if (name === 'ended') return response.end();
      } catch (error) {
        response.write(
          `event: ended\ndata: ${JSON.stringify({error: {code: 'no-such-process', subject: error.subject, fact: error.fact ?? String(error), nextStep: ''}})}\n\n`,
        );
        return response.end();
      }
      if (!response.destroyed) timer = setTimeout(next, every);
    };
    request.on('close', () => clearTimeout(timer));
    response.on('close', () => clearTimeout(timer));
    void next();
  };

  async function answer(request, response) {
    const url = new URL(request.url, 'http://localhost');
    if (request.method === 'POST' && url.pathname.startsWith('/mock/')) {
      const mode = url.pathname.slice(6);
      if (mode === 'hang-up') {
        state.silent = true;
        response.end(() => server.closeAllConnections());
        return;
      }
      if (mode === 'answer') Object.assign(state, {silent: false, ended: false, empty: false, turned: false});
      if (mode === 'end') state.ended = true;
      if (mode === 'empty') state.empty = true;
      if (mode === 'turn') state.turned = true;
      return response.end();
    }
    if (state.silent) return request.socket.destroy();
    if (url.pathname === '/' || url.pathname.startsWith('/assets/')) {
      const file = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
      if (!/^[\w./-]+$/.test(file) || file.includes('..'))
        return fail(response, 404, 'not-found', file, 'no such file');
      try {
        const bytes = readFileSync(join(page, file));
        response.writeHead(200, {
          'Content-Type': {
            html: 'text/html; charset=utf-8',
            js: 'text/javascript',
            css: 'text/css',
            txt: 'text/plain; charset=utf-8',
          }[file.split('.').at(-1)],
          'Content-Security-Policy': securityPolicy,
          'X-Content-Type-Options': 'nosniff',
          'Referrer-Policy': 'no-referrer',
        });
        return response.end(bytes);
      } catch {
        return fail(response, 404, 'not-found', file, 'no such file', 'npm run build');
      }
    }
    if (token && request.headers.authorization !== `Bearer ${token}`)
      return fail(response, 401, 'token', '', 'a token is asked for');
    if (url.pathname === '/api/v1/processes') return json(response, JSON.stringify(await list()));
    if (url.pathname === '/api/v1/history')
      return json(
        response,
        JSON.stringify({
          schemaVersion: 1,
          intervalSeconds: 10,
          processes: state.empty ? [] : [...past.values(), ...(withCanned ? canned.history(Date.now()) : [])],
        }),
      );
    if (url.pathname === '/api/v1/events')
      return stream(request, response, 2000, async () => ['processes', await list()]);
    const [, pid, name] = /^\/api\/v1\/processes\/(\d+)\/([a-z]+)$/.exec(url.pathname) ?? [];
    if (!pid) return fail(response, 404, 'not-found', url.pathname, 'there is nothing here');
    if (Number(pid) === canned.quiet)
      return fail(
        response,
        502,
        'denied',
        `pid ${pid}`,
        'permission denied',
        'tasks serve has to run as root, or as its user',
      );
    const isCanned = withCanned && [canned.crowd, canned.hostile].includes(Number(pid));
    const gone = {code: 'no-such-process', subject: `pid ${pid}`, fact: 'no such process', nextStep: ''};
    if (isCanned && state.ended && name !== 'events') return fail(response, 404, gone.code, gone.subject, gone.fact);
    if (name === 'events') {
      return stream(request, response, 1000, async () =>
        isCanned
          ? state.ended
            ? ['ended', {error: gone}]
            : ['live', canned.events(Number(pid), Date.now(), state.turned)]
          : ['live', await live(pid)],
      );
    }
    if (isCanned && name !== 'recording') {
      response.writeHead(200, {'Content-Type': 'application/json', Age: '0.400'});
      for (const piece of canned.view(Number(pid), name, url.searchParams))
        if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      return response.end();
    }
    if (name === 'recording') {
      const folder = mkdtempSync(join(tmpdir(), 'mock-'));
      try {
        await new Promise((done, failed) =>
          execFile(tasks, ['record', '-p', pid, '-o', join(folder, 'x.tasks'), '--for', '1', '--every', '10'], error =>
            error ? failed(Object.assign(error, {subject: `pid ${pid}`, fact: 'not recorded'})) : done(),
          ),
        );
        response.writeHead(200, {
          'Content-Type': 'application/octet-stream',
          'Content-Disposition': `attachment; filename="mock-${pid}.tasks"`,
        });
        return response.end(readFileSync(join(folder, readdirSync(folder)[0])));
      } finally {
        rmSync(folder, {recursive: true});
      }
    }
    const args = [name, '-p', pid];
    for (const [key, value] of url.searchParams) {
      if (name === 'why' && key === 'task') args.push(value);
      else args.push(`--${key}`, ...(value === '' ? [] : [value]));
    }
    const {at, text} = look([...args, '--json']);
    return json(response, await text, (Date.now() - at) / 1000);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(error => {
      if (!response.headersSent)
        fail(
          response,
          /no such/.test(error.fact ?? '') ? 404 : 400,
          'failed',
          error.subject ?? '',
          error.fact ?? String(error),
        );
      else response.destroy();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  await note().catch(() => {});
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      clearInterval(noting);
      server.closeAllConnections();
      return new Promise(done => server.close(done));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = name => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? undefined : process.argv[at + 1];
  };
  const mock = await startMock({
    port: Number(option('port') ?? 0),
    tasks: option('tasks'),
    page: option('page'),
    withCanned: process.argv.includes('--canned'),
    withReal: !process.argv.includes('--no-real'),
    token: option('token') ?? '',
  });
  console.log(mock.url);
  process.stdin.on('end', () => process.exit(0)).resume();
}

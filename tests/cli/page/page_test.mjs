// The page in headless Chromium, against real processes and against answers that no process gives. node --test
//
// TASKS_PAGE_URL: a server that runs already, and shows the user's processes; else the mock runs TASKS_EXECUTABLE. TASKS_LAB: the lab.
// TASKS_PAGE_DIST: the bundled page, for the mock (default cli/serve/page/dist). CHROMIUM: its path.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {promisify} from 'node:util';
import {launch, open, require, startLab} from './browser.mjs';
import {crowd, hostile, quiet} from './canned.mjs';
import {startMock} from './mock_server.mjs';

let browser, lab, real, canned, url;
before(async () => {
  [browser, lab] = await Promise.all([launch(), startLab()]);
  real = process.env.TASKS_PAGE_URL ? null : await startMock();
  url = process.env.TASKS_PAGE_URL ?? real.url;
  canned = await startMock({withCanned: true, withReal: false});
});
after(async () => {
  await browser?.close();
  await Promise.all([real?.stop(), canned?.stop(), lab?.stop()]);
});

const ask = async (view, options = '') => (await fetch(`${url}/api/v1/processes/${lab.pid}/${view}${options}`)).json();
const number = text => Number(text.replaceAll(',', ''));
const shownRow = row => [...row.querySelectorAll('.cell')].map(cell => cell.textContent);
const views = ['groups', 'flame', 'tree', 'channels', 'waits', 'leaks', 'threads', 'memory', 'operations'];
/** Until the view has what it is about. */
const ready = {
  groups: '.row',
  flame: '.box',
  tree: '.node',
  channels: '.card',
  waits: '.vertex',
  leaks: '.card',
  threads: '.row',
  memory: 'table',
  operations: '.tools, .look',
  task: '.task',
};

describe('of a real process', () => {
  test('the list has it, with the number of its tasks', async () => {
    const page = await open(browser, url);
    await page.has('.row', String(lab.pid));
    const row = await page.evaluate(
      (pid, f) => eval(`(${f})`)([...document.querySelectorAll('.row')].find(each => each.textContent.includes(pid))),
      String(lab.pid),
      shownRow.toString(),
    );
    const its = (await (await fetch(`${url}/api/v1/processes`)).json()).processes.find(each => each.pid === lab.pid);
    assert.match(row[1], /^lab --leak grow --leak cycle --leak send/);
    assert.equal(number(row[2]), its.tasks);
    assert.equal(number(row[4]), its.blocked);
    assert.equal(number(row[5]), its.osThreads);
    await page.done();
  });

  test('groups are those of its stacks, and have all of its tasks', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/groups`);
    await page.waitForSelector('.row');
    const rows = await page.evaluate(
      f => [...document.querySelectorAll('.row')].map(eval(`(${f})`)),
      shownRow.toString(),
    );
    const {groups} = await ask('stack', '?group');
    const expected = new Map();
    for (const group of groups) {
      const what = group.wait.kind.toLowerCase().replace(/_/g, ' '),
        outer = group.frames.at(-1).function;
      expected.set(`${what} ${outer}`, (expected.get(`${what} ${outer}`) ?? 0) + group.count);
    }
    assert.deepEqual(
      new Map(rows.map(row => [`${row[3]} ${row[4]}`, number(row[0])]).sort()),
      new Map([...expected].sort()),
    );
    const counts = rows.map(row => number(row[0]));
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => b - a),
      'the largest first',
    );
    await page.done();
  });

  test('a chosen group shows its stacks and who spawned it, is in the address, and the way back closes it', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/groups`);
    await page.waitForSelector('.row');
    await page.evaluate(() =>
      [...document.querySelectorAll('.row')].find(row => row.textContent.includes('lab::worker')).click(),
    );
    await page.has('.detail .spawned', 'lab::leak_receive()');
    assert.match(await page.text('.detail .frames'), /lab::next_job\(pool&\) lab\.cpp:\d+lab::worker/);
    const hash = await page.hash();
    assert.match(hash, /group=\w+/);
    const other = await open(browser, url, hash);
    await other.has('.detail .spawned', 'lab::leak_receive()');
    await other.done();
    await page.goBack();
    await page.lacks('.detail');
    assert.equal(await page.hash(), `#/p/${lab.pid}/groups`);
    await page.done();
  });

  test('the flame graph is as wide as its tasks; a click zooms, the way back returns', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/flame`);
    await page.waitForSelector('.box');
    const {groups, total} = await ask('stack', '?group');
    assert.match(await page.text('.told'), new RegExp(`all tasks.*${total} tasks`));
    const workers = groups
      .filter(group => group.frames.at(-1).function.startsWith('lab::worker'))
      .reduce((sum, group) => sum + group.count, 0);
    const box = await page.$eval('.box[aria-label^="lab::worker("]', element => ({
      label: element.getAttribute('aria-label'),
      part: element.getBoundingClientRect().width / element.parentElement.getBoundingClientRect().width,
    }));
    assert.match(box.label, new RegExp(`, ${workers} tasks `));
    assert.ok(Math.abs(box.part - workers / total) < 0.01, `${box.part} is not ${workers} of ${total}`);
    await page.click('.box[aria-label^="lab::worker("]');
    await page.waitForFunction(() => {
      const one = document.querySelector('.box[aria-label^="lab::worker("]');
      return one && one.getBoundingClientRect().width > 0.99 * one.parentElement.getBoundingClientRect().width;
    });
    assert.match(await page.hash(), /zoom=/);
    await page.goBack();
    await page.waitForFunction(() => document.querySelector('.box[aria-label^="lab::session("]'));
    await page.click('.switch button:last-child');
    await page.has('.quiet', 'Width is the sum of how long each task has waited');
    await page.waitForSelector('.box');
    await page.done();
  });

  test('the tree has each task below the one that spawned it', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/tree`);
    await page.waitForSelector('.node');
    const {tasks} = await ask('stack');
    const nodes = await page.$$eval('.node', all =>
      all.map(node => ({
        level: Number(node.getAttribute('aria-level')),
        id: Number(node.querySelector('a')?.textContent),
        crowd: Number(node.querySelector('b.num')?.textContent.replace(' ×', '') ?? 0),
      })),
    );
    assert.equal(
      nodes.reduce((sum, node) => sum + (node.crowd || 1), 0),
      tasks.length,
    );
    const parent = new Map(tasks.map(task => [task.id, task.parentId]));
    const above = [];
    for (const node of nodes) {
      above.length = node.level - 1;
      if (node.id)
        assert.equal(
          above.at(-1) ?? 0,
          parent.has(parent.get(node.id)) ? parent.get(node.id) : 0,
          `of task ${node.id}`,
        );
      above.push(node.id);
    }
    assert.ok(
      nodes.some(node => node.level === 3),
      'a session awaits two tasks',
    );
    await page.done();
  });

  test('channels are drawn with their boxes and those who wait', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/channels`);
    await page.waitForSelector('.card');
    const cards = await page.$$eval('.card', all =>
      all.map(card => ({
        address: card.querySelector('h2').textContent,
        slots: card.querySelectorAll('.slot:not(.none)').length,
        full: card.querySelectorAll('.slot.full').length,
        send: card.querySelectorAll('.marks.send i').length,
        receive: card.querySelectorAll('.marks.receive i').length,
        wrong: card.classList.contains('wrong'),
      })),
    );
    const {channels} = await ask('channels');
    assert.ok(channels.length >= 3);
    for (const channel of channels) {
      const card = cards.find(each => each.address === channel.address);
      assert.ok(card, channel.address);
      assert.deepEqual([card.slots, card.send, card.receive], [channel.capacity, channel.senders, channel.receivers]);
      assert.equal(card.wrong, channel.references === 'NOTHING_ALIVE');
      assert.equal(card.full > 0, channel.state === 'FULL');
    }
    await page.done();
  });

  test('leaks stand with their verdict, evidence and tasks', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/leaks`);
    await page.waitForSelector('.leak');
    const {proven} = await ask('leaks');
    assert.ok(proven > 0);
    const counts = await page.$$eval('.leak', all =>
      all
        .filter(leak => leak.querySelector('.verdict').textContent === 'proven')
        .map(leak => Number(leak.querySelector('h2 .num').textContent)),
    );
    assert.ok(counts.length >= 3 && counts.every(count => count > 0));
    assert.match(await page.text('.sum'), /\d+ proven/);
    const said = (await page.texts('.leak')).join('\n');
    assert.match(said, /nothing alive points to/);
    assert.match(said, /15 → 16 → 15|16 → 15 → 16|they wait for each other: \d+ → \d+ → \d+/);
    await page.done();
  });

  test('the wait graph draws the cycle in red, and says what it is made of', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/waits`);
    await page.waitForSelector('.edge.bad');
    assert.ok((await page.texts('p')).some(text => text.includes('1 cycle of tasks that wait for each other, in red')));
    const {leaks} = await ask('leaks');
    const steps = leaks.find(leak => leak.cycle.length).cycle;
    const titles = await page.$$eval('.vertex.task.bad .title', all => all.map(each => each.textContent));
    for (const step of steps) assert.ok(titles.includes(`task ${step.taskId}`), `${step.taskId} in ${titles}`);
    const red = await page.$eval('.edge.bad path', path => getComputedStyle(path).stroke);
    assert.notEqual(red, await page.$eval('.vertex .title', text => getComputedStyle(text).fill));
    await page.type('[name=add]', '1');
    await page.keyboard.press('Enter');
    await page.has('p', 'for tasks that were added (1)');
    await page.has('.vertex.task .title', 'task 1');
    assert.match(await page.hash(), /tasks=1/);
    await page.done();
  });

  test('a task of a cycle never wakes, and what points to what it waits on is named', async () => {
    const {leaks} = await ask('leaks');
    const [one] = leaks.find(leak => leak.cycle.length).cycle.map(step => step.taskId);
    const why = await ask('why', `?task=${one}`);
    assert.ok(why.wakers.length > 0);
    const page = await open(browser, url, `#/p/${lab.pid}/task?task=${one}`);
    await page.has('.task', 'never wakes');
    await page.has('.task', 'lab::pass_on(std::shared_ptr<reply>, std::shared_ptr<reply>)');
    const said = await page.text('.wakers');
    for (const waker of why.wakers) assert.ok(said.includes(waker.task ? `task ${waker.task.id}` : waker.holder), said);
    if (why.cycle.length) await page.has('.task', 'They wait for each other');
    await page.done();
  });

  test('threads, memory and operations stand as the server has them', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/threads`);
    await page.waitForSelector('.row');
    const {threads} = await ask('threads');
    assert.deepEqual(
      (await page.$$eval('.row', rows => rows.map(row => Number(row.querySelector('.cell').textContent)))).sort(),
      threads.map(thread => thread.tid).sort(),
    );
    await page.click('.row');
    await page.has('.detail .frames', '_wait');
    await page.evaluate(pid => {
      location.hash = `#/p/${pid}/memory`;
    }, lab.pid);
    await page.has('td', 'lab::next_job(pool&)');
    await page.evaluate(pid => {
      location.hash = `#/p/${pid}/operations`;
    }, lab.pid);
    await page.has('p', 'outstanding work');
    await page.done();
  });

  test('what the bar shows follows the process', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/groups`);
    await page.has('.crumbs', `lab ${lab.pid}`);
    const facts = async () =>
      Object.fromEntries(
        await page.$$eval('.facts div', all =>
          all.map(each => [each.querySelector('dt').textContent, each.querySelector('dd').textContent]),
        ),
      );
    assert.equal(number((await facts()).tasks), (await ask('vitals')).tasks);
    const uptime = await page.text('.crumbs time');
    await page.waitForFunction(before => document.querySelector('.crumbs time').textContent !== before, {}, uptime);
    await page.done();
  });

  test('what begins in it is seen without asking', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/groups`);
    await page.waitForSelector('.row');
    const sessions = () =>
      page.$$eval('.row', rows => {
        const row = rows.find(each => each.textContent.includes('lab::session('));
        return Number(row.querySelector('.cell').textContent);
      });
    const before = await sessions();
    await lab.join();
    await page.waitForFunction(
      n => {
        const row = [...document.querySelectorAll('.row')].find(each => each.textContent.includes('lab::session('));
        return Number(row?.querySelector('.cell').textContent) === n;
      },
      {},
      before + 1,
    );
    await page.done();
  });

  test('save gives a recording', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/groups`, {
      before: page =>
        page.evaluateOnNewDocument(() => {
          const create = URL.createObjectURL;
          URL.createObjectURL = blob => {
            blob
              .slice(0, 8)
              .text()
              .then(text => {
                window.saved = text;
              });
            return create.call(URL, blob);
          };
          HTMLAnchorElement.prototype.click = function () {
            window.savedAs = this.download;
          };
        }),
    });
    await page.waitForSelector('[data-key=s]');
    await page.click('[data-key=s]');
    await page.waitForFunction(() => window.saved && window.savedAs);
    assert.equal(await page.evaluate(() => window.saved), 'tasksrec');
    assert.match(await page.evaluate(() => window.savedAs), new RegExp(`${lab.pid}.*\\.tasks$`));
    await page.done();
  });
});

describe('of a recording that is brought', {skip: !process.env.TASKS_PAGE_URL && 'the mock takes none'}, () => {
  let folder, file;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tasks-page-'));
    file = join(folder, 'lab.tasks');
    const record = ['record', '-p', String(lab.pid), '-o', file, '--for', '0', '--with', 'threads,leaks'];
    for (let i = 0; i < 2; ++i) await promisify(execFile)(process.env.TASKS_EXECUTABLE, record);
  });
  after(() => rm(folder, {recursive: true}));

  /** As a hand would do it. */
  const drop = (page, bytes, name) =>
    page.evaluate(
      (text, named) => {
        const carried = new DataTransfer();
        carried.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], named));
        const row = document.querySelector('main');
        for (const type of ['dragover', 'drop'])
          row.dispatchEvent(new DragEvent(type, {dataTransfer: carried, bubbles: true, cancelable: true}));
      },
      bytes.toString('base64'),
      name,
    );

  test('a file that is dropped shows its processes, and each view of them; the address is all that it takes', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/groups`);
    await page.waitForSelector('.row');
    await drop(page, await readFile(file), 'lab.tasks');
    await page.has('.banner', 'A recording');
    await page.has('.told', '2 snapshots, from ');
    assert.match(await page.hash(), /^#\/r\/[0-9a-f]{32}\/$/);
    await page.has('.row', String(lab.pid));
    await page.evaluate(() => document.querySelector('.row a').click());
    await page.has('.moment', 'snapshot 2 of 2');
    await page.has('.row', 'lab::worker');
    assert.match(await page.text('.crumbs'), new RegExp(`lab ${lab.pid}`));
    const {stdout} = await promisify(execFile)(process.env.TASKS_EXECUTABLE, ['vitals', '--json', '--from', file]);
    assert.match(await page.text('.facts'), new RegExp(`^tasks${JSON.parse(stdout).tasks}running`));
    const prefix = (await page.hash()).replace(/\/groups$/, '');
    for (const view of ['flame', 'tree', 'channels', 'leaks', 'waits', 'threads']) {
      const other = await open(browser, url, `${prefix}/${view}`);
      await other.waitForSelector(ready[view]);
      assert.equal(await other.$('[data-key=r], [data-key=s]'), null, 'there is nothing to look at again, nor to save');
      await other.done();
    }
    await page.keyboard.press('<');
    await page.has('.moment', 'snapshot 1 of 2');
    assert.match(await page.hash(), /^#\/r\/[0-9a-f]{32}@1\//);
    await page.has('.row', 'lab::worker');
    await page.evaluate(() => document.querySelector('.banner a').click());
    await page.has('.row', `lab --leak`);
    assert.equal(await page.hash(), '#/');
    await page.done();
  });

  test('with the keyboard alone: o opens a file', async () => {
    const page = await open(browser, url);
    await page.waitForSelector('.row');
    // Some browsers without a window never tell of a chooser: that it is asked for has to do.
    await page.evaluate(() => {
      const input = document.querySelector('input[type=file]');
      window.asked = new Promise(tell => input.addEventListener('click', event => tell(event.preventDefault()), {once: true}));
    });
    await page.keyboard.press('o');
    await page.evaluate(() => window.asked);
    await (await page.$('input[type=file]')).uploadFile(file);
    await page.has('.banner', 'A recording');
    await page.waitForSelector('.row');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.has('.moment', 'snapshot 2 of 2');
    await page.done();
  });

  test('what is none is told in a line, and the page stays where it was', async () => {
    const whole = await readFile(file);
    const page = await open(browser, url, '#/', {mayFail: true});
    await page.waitForSelector('.row');
    for (const [name, bytes, why] of [
      ['notes.txt', Buffer.from('buy milk\n'), /^notes\.txt: no recording of tasks/],
      ['empty', Buffer.alloc(0), /^empty: no recording of tasks/],
      [`${'x'.repeat(300)}\u202e.tasks`, whole.subarray(0, 40), /^x+.*: there is no snapshot in it/],
    ]) {
      await drop(page, bytes, name);
      await page.waitForFunction(
        part => document.querySelector('.banner.wrong')?.textContent.includes(part),
        {},
        name.slice(0, 9),
      );
      assert.match(await page.text('.banner.wrong b'), why);
      assert.equal(await page.hash(), '#/');
      await page.evaluate(() => document.querySelector('.banner.wrong button').click());
      await page.lacks('.banner.wrong');
    }
    const gone = await open(browser, url, `#/r/${'0'.repeat(32)}/`, {mayFail: true});
    await gone.has('.trouble', 'it is not here, or not any more');
    await gone.done();
    await page.done();
  });

  test('one that was cut shows what is whole, and says so', async () => {
    const whole = await readFile(file);
    const page = await open(browser, url);
    await page.waitForSelector('.row');
    await drop(page, whole.subarray(0, whole.length - 10), 'cut.tasks');
    await page.has('.told', 'cut off');
    await page.done();
  });
});

describe('whatever a process is called', () => {
  for (const view of ['', ...views, 'task']) {
    test(`names are text ${view ? `in ${view}` : 'in the list'}`, async () => {
      const page = await open(browser, canned.url, view ? `#/p/${hostile}/${view}?task=1` : '#/');
      await page.waitForSelector(view ? ready[view] : '.row');
      await page.has('#page', '<script>window.hacked');
      const {hacked, elements, text, title} = await page.evaluate(() => ({
        hacked: window.hacked,
        elements: document.querySelectorAll('#page script, #page img').length,
        text:
          document.body.textContent +
          [...document.querySelectorAll('[title],[aria-label]')]
            .map(each => each.title + each.getAttribute('aria-label'))
            .join(''),
        title: document.title,
      }));
      assert.equal(hacked, undefined);
      assert.equal(elements, 0);
      assert.doesNotMatch(text + title, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      assert.match(text, /‹U\+202E›/);
      await page.done();
    });
  }
});

describe('of 100,000 tasks in 1,000 groups', () => {
  test('the shell is painted before any answer has come', async () => {
    const held = [];
    const page = await open(browser, canned.url, `#/p/${crowd}/groups`, {
      before: async page => {
        await page.setRequestInterception(true);
        page.on('request', request => {
          if (request.url().includes('/api/')) held.push(request);
          else void request.continue();
        });
      },
    });
    await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
    await page.waitForSelector('.bar .brand');
    assert.ok(held.length > 0 || (await page.waitForSelector('.quiet')));
    assert.equal(await page.$('.row'), null);
    await page.waitForFunction(() => true);
    while (held.length) void held.pop().continue();
    page.on('request', () => {
      while (held.length) void held.pop().continue();
    });
    await page.waitForSelector('.row');
    await page.done();
  });

  for (const view of views) {
    test(`no more than some hundred rows are in the document of ${view}`, async () => {
      const page = await open(browser, canned.url, `#/p/${crowd}/${view}`);
      await page.waitForSelector(ready[view]);
      if (view === 'tree') await page.has('.look', '100,000 tasks');
      const most = await page.evaluate(() =>
        Math.max(...['.row', '.node', '.card', 'tr', '.vertex'].map(each => document.querySelectorAll(each).length)),
      );
      assert.ok(most <= 300, `${most} rows`);
      assert.ok((await page.evaluate(() => document.querySelectorAll('*').length)) < 4000);
      await page.done();
    });
  }

  test('groups can be scrolled to the last, and those that are not listed are counted', async () => {
    const page = await open(browser, canned.url, `#/p/${crowd}/groups`);
    await page.waitForSelector('.row');
    assert.match(
      (await page.texts('.tools .quiet')).join(),
      /500 groups, 87,575 tasks; 500 smaller groups of 12,425 tasks are not listed here/,
    );
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForSelector('.row[aria-rowindex="501"]');
    assert.ok((await page.$$('.row')).length <= 300);
    await page.done();
  });

  test('rows keep their places while the mouse is over them, and say so', async () => {
    const page = await open(browser, canned.url, `#/p/${crowd}/groups`);
    await page.waitForSelector('.row');
    const first = () => page.$eval('.row', row => row.children[4].textContent);
    const before = await first();
    try {
      await page.hover('.row:nth-of-type(4)');
      await fetch(`${canned.url}/mock/turn`, {method: 'POST'});
      await page.waitForSelector('.kept');
      assert.equal(await first(), before);
      await page.mouse.move(5, 5);
      await page.waitForFunction(name => document.querySelector('.row').children[4].textContent !== name, {}, before);
      assert.equal(await page.$('.kept'), null);
    } finally {
      await fetch(`${canned.url}/mock/answer`, {method: 'POST'});
    }
    await page.done();
  });

  test('the tree opens, is filtered and scrolled with all of its tasks', async () => {
    const page = await open(browser, canned.url, `#/p/${crowd}/tree`);
    await page.has('.look', '100,000 tasks');
    await page.evaluate(() =>
      [...document.querySelectorAll('button')].find(button => button.textContent === 'open all').click(),
    );
    await page.waitForFunction(
      () => Number(/([\d,]+) lines/.exec(document.querySelector('.look').textContent)?.[1].replaceAll(',', '')) > 1000,
    );
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForFunction(() => document.querySelectorAll('.node').length > 10 && scrollY > 10000);
    assert.ok((await page.$$('.node')).length <= 300);
    await page.type('#filter', '99999');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.node a')].some(link => link.textContent === '99999'),
    );
    assert.equal((await page.$$('.node')).length, 2, 'it, and who spawned it');
    await page.done();
  });
});

describe('with the keyboard alone', () => {
  test('? tells the keys, / filters, arrows choose, Enter opens, Esc returns', async () => {
    const page = await open(browser, canned.url);
    await page.waitForSelector('.row');
    await page.keyboard.press('?');
    await page.waitForSelector('[role=dialog]');
    await page.keyboard.press('Escape');
    await page.lacks('[role=dialog]');
    await page.keyboard.press('/');
    await page.keyboard.type('crowd');
    await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
    assert.equal(await page.hash(), '#/?filter=crowd');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.waitForSelector('.row[aria-selected=true]');
    await page.keyboard.press('Enter');
    await page.waitForFunction(pid => location.hash === `#/p/${pid}/groups`, {}, crowd);
    await page.waitForSelector('.row');
    for (const [key, view] of [
      ['2', 'flame'],
      ['5', 'waits'],
      ['1', 'groups'],
    ]) {
      await page.keyboard.press(key);
      await page.waitForFunction(part => location.hash.endsWith(part), {}, `/${view}`);
    }
    await page.waitForSelector('.row');
    await page.keyboard.press('j');
    await page.waitForSelector('.detail');
    await page.keyboard.press('Escape');
    await page.lacks('.detail');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => location.hash === '#/');
    await page.done();
  });

  test('branches of the tree open and close', async () => {
    const page = await open(browser, url, `#/p/${lab.pid}/tree`);
    await page.waitForSelector('.node');
    const lines = () => page.$$eval('.node', all => all.length);
    const before = await lines();
    while (
      (await page.evaluate(() =>
        document.querySelector('.node[aria-selected=true]')?.getAttribute('aria-expanded'),
      )) !== 'true'
    ) {
      const at = await page.hash();
      await page.keyboard.press('ArrowDown');
      await page.waitForFunction(
        old => location.hash !== old && document.querySelector('.node[aria-selected=true]'),
        {},
        at,
      );
    }
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction(n => document.querySelectorAll('.node').length < n, {}, before);
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(n => document.querySelectorAll('.node').length === n, {}, before);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.hash.includes('/task?task='));
    await page.done();
  });

  test('whoever is focused is seen to be', async () => {
    const page = await open(browser, canned.url, `#/p/${crowd}/groups`);
    await page.waitForSelector('.row');
    for (let i = 0; i < 25; ++i) {
      await page.keyboard.press('Tab');
      const {tag, width} = await page.evaluate(() => {
        const at = document.activeElement;
        return {tag: at.tagName, width: getComputedStyle(at).outlineWidth};
      });
      if (tag !== 'BODY') assert.notEqual(width, '0px', tag);
    }
    await page.done();
  });
});

describe('the address', () => {
  test('has filter and order, and the way back goes through views', async () => {
    const page = await open(browser, canned.url, `#/p/${crowd}/groups?filter=kind%3Atimer+older%3A10m&sort=oldest`);
    await page.waitForSelector('.row');
    const rows = await page.$$eval('.row', all =>
      all.map(row => [row.children[3].textContent, row.children[1].textContent]),
    );
    assert.ok(rows.every(([what]) => what === 'timer'));
    assert.match(rows[0][1], /^2h/);
    assert.equal(await page.$eval('[aria-sort]', heading => heading.textContent.trim()), 'oldest ▾');
    await page.evaluate(() =>
      [...document.querySelectorAll('.tabs a')].find(link => link.textContent === 'threads').click(),
    );
    await page.waitForSelector('[aria-label=threads] .row');
    await page.goBack();
    await page.waitForSelector('[aria-label=groups] .row');
    assert.match(await page.hash(), /filter=kind%3Atimer/);
    await page.done();
  });

  test('that nobody has written leads to the list', async () => {
    const page = await open(browser, canned.url, '#/p/../<script>/x?%%%');
    await page.waitForSelector('.row');
    await page.done();
  });
});

describe('when something is wrong', () => {
  const tell = mode => fetch(`${canned.url}/mock/${mode}`, {method: 'POST'});

  test('a server that has gone is told, asked again, and what was seen stays', async () => {
    const page = await open(browser, canned.url, '#/', {mayFail: true});
    await page.waitForSelector('.row');
    const rows = (await page.$$('.row')).length;
    try {
      await tell('hang-up');
      await page.has('[role=alert]', 'tasks serve does not answer');
      await page.has('[role=alert]', 'Asked again');
      assert.equal((await page.$$('.row')).length, rows);
    } finally {
      await tell('answer');
    }
    await page.evaluate(() =>
      [...document.querySelectorAll('button')].find(button => button.textContent === 'ask now').click(),
    );
    await page.lacks('[role=alert]');
    await page.done();
  });

  test('a process that has ended is told, and what was seen of it stays', async () => {
    const page = await open(browser, canned.url, `#/p/${crowd}/groups`, {mayFail: true});
    await page.waitForSelector('.row');
    try {
      await tell('end');
      await page.has('.banner', 'no such process');
      await page.has('.banner', 'the last that was seen');
      assert.ok((await page.$$('.row')).length > 10);
    } finally {
      await tell('answer');
    }
    await page.done();
  });

  test('what is wrong with a process stands above each view, and leads to the task', async () => {
    const page = await open(browser, canned.url, `#/p/${crowd}/threads`);
    await page.has('.findings [role=alert]', '1,402 tasks are due');
    await page.click('.findings a');
    await page.waitForFunction(pid => location.hash === `#/p/${pid}/task?task=8`, {}, crowd);
    await page.done();
  });

  test('processes that have ended stand below, those that were brief when they are asked for', async () => {
    const page = await open(browser, canned.url);
    await page.has('.row.gone', 'gone');
    await page.has('.row.gone', 'ended, last seen');
    assert.ok(!(await page.text('.table')).includes('brief'));
    await page.evaluate(() =>
      [...document.querySelectorAll('button')].find(each => each.textContent === 'and 1 more that have ended').click(),
    );
    await page.has('.row.gone', 'brief');
    assert.equal(await page.hash(), '#/?ended=all');
    await page.done();
  });

  test('who may not look is told what to do', async () => {
    const page = await open(browser, canned.url, `#/p/${quiet}/leaks`, {mayFail: true});
    await page.has('[role=alert]', `pid ${quiet}: permission denied`);
    await page.has('[role=alert]', 'tasks serve has to run as root');
    await page.done();
  });

  test('a process that never was is named', async () => {
    const page = await open(browser, canned.url, '#/p/4000009/flame', {mayFail: true});
    await page.waitForSelector('[role=alert]');
    assert.match((await page.texts('[role=alert]')).join(), /pid 4000009|tasks/);
    await page.done();
  });

  test('an empty list says what to do', async () => {
    try {
      await tell('empty');
      const page = await open(browser, canned.url);
      await page.has('.empty', 'No process whose tasks can be looked at');
      assert.match(await page.text('.empty'), /tasks::asio is linked.*--no-hook/s);
      await page.done();
    } finally {
      await tell('answer');
    }
  });

  test('a token is asked for, kept for the tab, and taken out of the address', async () => {
    const guarded = await startMock({withCanned: true, withReal: false, token: 'a b/c'});
    try {
      const page = await open(browser, guarded.url, '#/', {mayFail: true});
      await page.waitForSelector('[type=password]');
      await page.type('[type=password]', 'wrong');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('[type=password]')?.value === '');
      await page.type('[type=password]', 'a b/c');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.row');
      await page.keyboard.press('?');
      await page.has('.help', 'Authorization: Bearer');
      assert.equal(await page.$('.help [href="/metrics"]'), null, 'a link would not send it');
      await page.done();
      const linked = await open(browser, guarded.url, `#token=${encodeURIComponent('a b/c')}&/p/${crowd}/tree`);
      await linked.has('.look', '100,000 tasks');
      assert.equal(await linked.hash(), `#/p/${crowd}/tree`);
      assert.equal(await linked.evaluate(() => sessionStorage.getItem('token')), 'a b/c');
      await linked.done();
    } finally {
      await guarded.stop();
    }
  });
});

describe('on whatever it is looked at', () => {
  for (const view of ['', ...views, 'task']) {
    test(`a phone is as wide as ${view || 'the list'}`, async () => {
      for (const pid of view === 'tree' ? [hostile] : view ? [crowd, hostile] : [crowd]) {
        const page = await open(browser, canned.url, view ? `#/p/${pid}/${view}?task=1` : '#/', {
          width: 375,
          height: 812,
        });
        await page.waitForSelector(
          view === 'task' && pid === crowd
            ? '.tabs'
            : view === 'operations' && pid === crowd
              ? '.look'
              : view
                ? ready[view]
                : '.row',
        );
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 375);
        await page.done();
      }
    });
  }

  test("dark and light are the system's, until they are switched", async () => {
    const ground = page => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await open(browser, canned.url);
    const dark = await open(browser, canned.url, '#/', {scheme: 'dark'});
    await Promise.all([light, dark].map(page => page.waitForSelector('.row')));
    const [was, other] = [await ground(light), await ground(dark)];
    assert.notEqual(was, other);
    await light.keyboard.press('D');
    await light.waitForFunction(
      color => getComputedStyle(document.documentElement).backgroundColor === color,
      {},
      other,
    );
    await light.reload();
    await light.waitForSelector('.row');
    assert.equal(await ground(light), other);
    await light.done();
    await dark.done();
  });

  for (const scheme of ['light', 'dark']) {
    for (const view of ['', ...views, 'task']) {
      test(`a reader that speaks finds its way in ${view || 'the list'}, ${scheme}`, async () => {
        const page = await open(browser, url, view ? `#/p/${lab.pid}/${view}?task=1` : '#/', {scheme});
        await page.waitForSelector(view ? ready[view] : '.row');
        await page.evaluate(require('axe-core').source);
        const {violations} = await page.evaluate(() =>
          axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}),
        );
        assert.deepEqual(
          violations.map(
            each =>
              `${each.id}: ${each.nodes
                .slice(0, 3)
                .map(node => `${node.html.slice(0, 160)} ${node.any.map(any => any.message).join()}`)
                .join(' | ')}`,
          ),
          [],
        );
        await page.done();
      });
    }
  }
});

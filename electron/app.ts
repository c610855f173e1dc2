import { app, type BrowserWindow, clipboard, dialog, nativeTheme, shell } from 'electron';
import { isShardloomError, verifyCommandLine, type Problem } from '../src-core/app-door.ts';
import type { EventChannel, Events, OpenedCheckpoint, Settings, StartState } from './channels.ts';
import { ChosenFolders } from './chosen-folders.ts';
import { Checkpoints } from './checkpoints.ts';
import { Consolidating } from './consolidating.ts';
import { reportFaults, reviveCrashedPage } from './crashes.ts';
import { Diagnosing } from './diagnosing.ts';
import { Diffing } from './diffing.ts';
import { Inspector } from './engine/inspector.ts';
import { answerRequests, tell, type Handlers } from './ipc.ts';
import { Jobs, type JobsListener } from './jobs.ts';
import { log } from './log.ts';
import { privateBytes } from './memory.ts';
import { setMenu } from './menu.ts';
import { problemOf } from './problems.ts';
import { ReplicaResults } from './replica-results.ts';
import { Merging } from './merging.ts';
import { Sharding } from './sharding.ts';
import { StateFile } from './stored-state.ts';
import { foldersOf, UnfinishedJobs } from './unfinished-jobs.ts';
import { createWindow } from './window.ts';

/** How often the page hears how much memory the app takes, in milliseconds. */
const MEMORY_MS = 2_000;

/** The app behind its window: what is open, what runs, what is remembered, and the answers to the page's requests. */
export class App {
  readonly window: BrowserWindow;
  readonly #state = new StateFile(app.getPath('userData'));
  readonly #inspector = new Inspector();
  readonly #checkpoints = new Checkpoints(this.#inspector, this.#state);
  readonly #replicas = new ReplicaResults(app.getPath('userData'));
  readonly #jobs: Jobs;
  readonly #folders: ChosenFolders;
  readonly #consolidating: Consolidating;
  readonly #sharding: Sharding;
  readonly #merging: Merging;
  readonly #diffing: Diffing;
  readonly #diagnosing: Diagnosing;
  #opened: OpenedCheckpoint | null = null;
  #opening: string | null = null;
  #failure: StartState['failure'] = null;
  #trouble: Problem | null = null;
  #isEnding = false;
  #mayQuit = false;

  constructor(pages: string) {
    nativeTheme.themeSource = this.#state.state.settings.theme;
    this.window = createWindow(this.#state);
    this.#jobs = this.#makeJobs();
    this.#folders = new ChosenFolders(this.window);
    this.#consolidating = new Consolidating(this.#checkpoints, this.#folders, this.#inspector, this.#jobs);
    this.#sharding = new Sharding(this.#folders, this.#inspector, this.#jobs);
    this.#merging = new Merging(this.#folders, this.#inspector, this.#jobs);
    this.#diffing = new Diffing(this.window, this.#folders, this.#inspector, this.#jobs);
    this.#diagnosing = new Diagnosing(this.window, this.#inspector, this.#jobs, {
      folder: () => this.#opened?.folder ?? this.#failure?.folder ?? null,
      recents: () => this.#checkpoints.recents.map(({ folder }) => folder),
    });
    // They were chosen when the jobs that the last start left were made.
    for (const job of this.#jobs.list) for (const folder of foldersOf(job)) this.#folders.suggest(folder);
    for (const { folder } of this.#checkpoints.recents) this.#folders.suggest(folder);
    answerRequests(this.#handlers(), pages);
    this.#updateMenu();
    app.setAboutPanelOptions({ applicationName: 'Shardloom', applicationVersion: app.getVersion() });
    const memory = setInterval(() => {
      const bytes = privateBytes(app.getAppMetrics());
      if (bytes !== null) this.#tell('memory', bytes);
    }, MEMORY_MS);
    memory.unref();
    reportFaults((problem) => this.#setTrouble(problem));
    reviveCrashedPage(this.window, (problem) => this.#setTrouble(problem));
    // Both ways to the end wait until everything is put away: closing the only window is quitting.
    const end = (event: { preventDefault: () => void }): void => {
      if (this.#mayQuit) return;
      event.preventDefault();
      if (!this.#isEnding && this.#mayClose()) void this.#quit();
    };
    this.window.on('close', end);
    app.on('before-quit', end);
  }

  #makeJobs(): Jobs {
    const listener: JobsListener = {
      changed: (jobs) => {
        this.#tell('jobs:changed', jobs);
        const running = jobs.find(({ state }) => state === 'running')?.progress;
        const share = running ? running.bytesDone / Math.max(1, running.bytesTotal) : -1;
        if (!this.window.isDestroyed()) this.window.setProgressBar(share);
      },
      finished: (job) => {
        if (job.kind === 'verify-replicas') this.#replicas.save(job.fingerprint, job.check);
      },
    };
    return new Jobs(app.getVersion(), listener, new UnfinishedJobs(app.getPath('userData')));
  }

  #setTrouble(trouble: Problem | null): void {
    this.#trouble = trouble;
    this.#tell('trouble', trouble);
  }

  focus(): void {
    if (this.window.isDestroyed()) return;
    if (this.window.isMinimized()) this.window.restore();
    this.window.focus();
  }

  /** Opens a folder that the command line, the menu or the system named, and tells the page. */
  async openFromOutside(folder: string): Promise<void> {
    try {
      this.#tell('checkpoint:opened', await this.#open(folder, () => this.#checkpoints.open(folder)));
    } catch (error) {
      this.#failure = { folder, problem: problemOf(error) };
      this.#tell('checkpoint:failed', this.#failure);
    }
  }

  async #open(folder: string, open: () => Promise<OpenedCheckpoint>): Promise<OpenedCheckpoint> {
    this.#opening = folder;
    this.#failure = null;
    this.#tell('checkpoint:opening', folder);
    try {
      const opened = await open();
      // Not before: another may have been opened meanwhile, which would stay open for good.
      const before = this.#opened;
      this.#opened = opened;
      const { openSeconds: seconds, summary } = opened;
      log.info('opened', { folder: summary.folder, seconds, health: summary.health });
      this.#folders.suggest(opened.folder);
      if (before && before.checkpoint !== opened.checkpoint) await this.#checkpoints.close(before.checkpoint);
      if (!opened.isSample) app.addRecentDocument(opened.folder);
      this.#tell('recents:changed', this.#checkpoints.recents);
      this.#updateMenu();
      return opened;
    } catch (error) {
      log.info('not opened', { folder, problem: isShardloomError(error) ? error.tag : 'internal' });
      throw error;
    } finally {
      this.#opening = null;
    }
  }

  #handlers(): Handlers {
    const checkpoints = this.#checkpoints;
    const jobs = this.#jobs;
    return {
      'app:start': () => this.#startState(),
      'app:change-settings': (changes) => this.#changeSettings(changes),
      'app:copy-text': (text) => {
        void clipboard.writeText(text);
      },
      'app:dismiss-trouble': () => {
        this.#setTrouble(null);
      },
      'diagnostics:outline': (about) => this.#diagnosing.outline(about),
      'diagnostics:export': (request) => this.#diagnosing.export(request),
      'diagnostics:reveal': () => {
        this.#diagnosing.reveal();
      },
      'checkpoint:choose': () => this.#choose(),
      'checkpoint:open-dropped': (folder) => this.#open(folder, () => checkpoints.open(folder)),
      'checkpoint:open-recent': (folder) => {
        checkpoints.checkRecent(folder);
        return this.#open(folder, () => checkpoints.open(folder));
      },
      'checkpoint:forget-recent': (folder) => {
        checkpoints.forget(folder);
        this.#updateMenu();
        return checkpoints.recents;
      },
      'checkpoint:open-sample': () => this.#open('Sample checkpoint', () => checkpoints.openSample()),
      'checkpoint:reopen': (id) => this.#open(checkpoints.get(id).folder, () => checkpoints.reopen(id)),
      'checkpoint:close': async (id) => {
        if (this.#opened?.checkpoint === id) this.#opened = null;
        await checkpoints.close(id);
      },
      'checkpoint:parameters': ({ checkpoint: id, ...page }) => this.#inspector.ask('parameters', { id, ...page }),
      'checkpoint:parameter': ({ checkpoint: id, ...which }) => this.#inspector.ask('parameter', { id, ...which }),
      'checkpoint:layout': ({ checkpoint: id, ...which }) => this.#inspector.ask('layout', { id, ...which }),
      'checkpoint:lineage': ({ checkpoint: id, ...which }) => this.#inspector.ask('lineage', { id, ...which }),
      'checkpoint:rank': ({ checkpoint: id, ...which }) => this.#inspector.ask('rank', { id, ...which }),
      'tensor:values': ({ checkpoint: id, ...which }) => this.#inspector.ask('values', { id, ...which }),
      'tensor:heatmap': ({ checkpoint: id, ...which }) => this.#inspector.ask('heatmap', { id, ...which }),
      'tensor:statistics': ({ checkpoint: id, ...which }) => this.#inspector.ask('statistics', { id, ...which }),
      'tensor:descendants': ({ checkpoint: id, ...which }) => this.#inspector.ask('descendants', { id, ...which }),
      'checkpoint:reveal': ({ checkpoint, file }) => {
        shell.showItemInFolder(checkpoints.revealable(checkpoint, file));
      },
      'consolidation:choose-output': (id) => this.#consolidating.chooseOutput(id),
      'consolidation:preview': (request) => this.#consolidating.preview(request),
      'consolidation:start': (request) => this.#consolidating.start(request),
      'sharding:from-checkpoint': (id) => this.#sharding.fromCheckpoint(checkpoints.get(id)),
      'sharding:choose-source': () => this.#sharding.chooseSource(),
      'sharding:preview': (request) => this.#sharding.preview(request),
      'sharding:start': (request) => this.#sharding.start(request),
      'adapter:detail': ({ checkpoint: id, part }) => this.#inspector.ask('adapter', { id, part }),
      'adapter:norms': ({ checkpoint: id, part }) => this.#inspector.ask('norms', { id, part }),
      'merge:suggest': (id) => this.#merging.suggest(checkpoints.get(id)),
      'merge:preview': (request) => this.#merging.preview(checkpoints.get(request.checkpoint), request),
      'merge:start': (request) => this.#merging.start(checkpoints.get(request.checkpoint), request),
      'diff:start': (sides) => this.#diffing.start(sides),
      'diff:rows': ({ job, offset, limit }) => this.#diffing.rows(job, offset, limit),
      'diff:placement': (which) => this.#diffing.placement(which),
      'diff:heatmap': (request) => this.#diffing.heatmap(request),
      'diff:report': (job) => this.#diffing.report(job),
      'folder:choose': (purpose) => this.#folders.chooseFor(purpose),
      'replicas:start': (id) => {
        const { name, folder } = checkpoints.get(id);
        const command = verifyCommandLine(folder, process.platform);
        return jobs.add({ name, folder, work: { kind: 'verify-replicas' }, command });
      },
      'replicas:result': async (id) => this.#replicas.load(await this.#inspector.ask('fingerprint', id)),
      'job:list': () => jobs.list,
      'job:cancel': (id) => {
        jobs.cancel(id);
      },
      'job:dismiss': async (id) => {
        const { state, work } = jobs.get(id);
        jobs.dismiss(id);
        if (state !== 'interrupted' || !('out' in work)) return;
        try {
          await this.#inspector.ask('removeLeft', work.out);
        } catch (error) {
          // The folder is gone, or another run writes into it by now: then it is no longer this job's.
          log.error('not removed', error, { folder: work.out });
        }
      },
      'job:retry': (id) => jobs.retry(id),
      'job:reveal': (id) => {
        shell.showItemInFolder(jobs.outputOf(id));
      },
      'job:digests': ({ job, offset, limit }) => jobs.digests(job, offset, limit),
    };
  }

  #startState(): StartState {
    const { platform } = process;
    return {
      version: app.getVersion(),
      platform: platform === 'linux' || platform === 'darwin' || platform === 'win32' ? platform : 'other',
      settings: this.#state.state.settings,
      recents: this.#checkpoints.recents,
      jobs: this.#jobs.list,
      opened: this.#opened,
      failure: this.#failure,
      opening: this.#opening,
      trouble: this.#trouble,
    };
  }

  #changeSettings(changes: Partial<Settings>): Settings {
    const settings = { ...this.#state.state.settings, ...changes };
    this.#state.change({ settings });
    nativeTheme.themeSource = settings.theme;
    this.#tell('settings:changed', settings);
    this.#updateMenu();
    return settings;
  }

  async #choose(): Promise<OpenedCheckpoint | null> {
    const { filePaths } = await dialog.showOpenDialog(this.window, {
      title: 'Open a checkpoint',
      buttonLabel: 'Open',
      properties: ['openDirectory'],
    });
    const [folder] = filePaths;
    return folder === undefined ? null : this.#open(folder, () => this.#checkpoints.open(folder));
  }

  #updateMenu(): void {
    setMenu(this.#checkpoints.recents, this.#state.state.settings, {
      command: (command) => {
        this.#tell('command', command);
      },
      openRecent: (folder) => void this.openFromOutside(folder),
      theme: (theme) => void this.#changeSettings({ theme }),
    });
  }

  /** Asks before a running job is stopped. */
  #mayClose(): boolean {
    if (!this.#jobs.isBusy) return true;
    const chosen = dialog.showMessageBoxSync(this.window, {
      type: 'question',
      message: 'A job is still running.',
      detail:
        'If you quit now it stops, and you can resume it at the next start. What is written already and has the right digest is kept.',
      buttons: ['Keep Running', 'Stop and Quit'],
      defaultId: 0,
      cancelId: 0,
    });
    return chosen === 1;
  }

  async #quit(): Promise<void> {
    this.#isEnding = true;
    try {
      await this.#jobs.close();
      await this.#inspector.close();
      this.#checkpoints.removeSamples();
      log.info('quit');
    } finally {
      this.#mayQuit = true;
      app.quit();
    }
  }

  #tell<Channel extends EventChannel>(channel: Channel, ...args: Parameters<Events[Channel]>): void {
    if (!this.window.isDestroyed()) tell(this.window.webContents, channel, ...args);
  }
}

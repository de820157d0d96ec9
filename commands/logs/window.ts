/** How long a line is held while others may come that are older. */
const HOLD_MILLISECONDS = 300;

/** How often it is looked whether lines have been held that long. */
const LOOK_MILLISECONDS = 50;

/** So many lines are held at most; then whoever brings more has to wait. */
const MOST_LINES = 10_000;

interface Held<Item> {
  time: string;
  item: Item;
  /** When it came, in milliseconds of a clock of this process's. */
  arrival: number;
}

/** Brings what comes from several logs at once into the order of its time, as far as a short wait can. */
export class OrderWindow<Item> {
  /** By their time; those of one time as they came. */
  private held: Held<Item>[] = [];
  private timer: NodeJS.Timeout | undefined;
  private waiting: (() => void)[] = [];
  private releasing: Promise<void> = Promise.resolve();

  /** @param release gets what was held long enough, in its order, and the next ones only once it is through. */
  constructor(private readonly release: (items: Item[]) => Promise<void>) {}

  /** The time of the latest line that is held; undefined where none is. */
  get latest(): string | undefined {
    return this.held.at(-1)?.time;
  }

  add(time: string, item: Item): void {
    let at = this.held.length;
    while (at > 0 && (this.held[at - 1] as Held<Item>).time > time) at -= 1;
    this.held.splice(at, 0, { time, item, arrival: performance.now() });
    this.timer ??= setTimeout(() => this.look(), LOOK_MILLISECONDS);
  }

  /** Waits until there is room for more. */
  async room(): Promise<void> {
    while (this.held.length >= MOST_LINES) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Hands over all that is held. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    await this.hand(this.held.length);
  }

  private look(): void {
    const due = performance.now() - HOLD_MILLISECONDS;
    // With one that was held long enough go all that are older, so that none is held longer than that.
    const count = this.held.findLastIndex(({ arrival }) => arrival <= due) + 1;
    void this.hand(count).then(() => {
      this.timer = this.held.length === 0 ? undefined : setTimeout(() => this.look(), LOOK_MILLISECONDS);
    });
  }

  private hand(count: number): Promise<void> {
    if (count > 0) {
      const items = this.held.splice(0, count).map(({ item }) => item);
      this.releasing = this.releasing.then(() => this.release(items));
    }
    return this.releasing.then(() => {
      for (const resolve of this.waiting.splice(0)) resolve();
    });
  }
}
